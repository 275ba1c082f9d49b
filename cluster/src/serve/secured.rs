//! Accepted sockets with TLS on them, or without: one type for both.
//!
//! Handshakes are many at a time and have a limit: a client that is slow, or speaks no TLS, holds up nobody
//! but itself. Each takes the certificates that are in force when it begins.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::{Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::greeted::GREETING_WITHIN;
use super::lingering::Lingering;
use crate::tls::{ServerTls, name_of};

/// An accepted socket, whatever is spoken on it.
#[derive(Debug)]
pub enum Secured {
    /// Plain TCP.
    Plain(Lingering),
    /// TLS over it.
    Tls(Box<TlsStream<Lingering>>),
}

impl Secured {
    /// The name in the certificate that the client has proved to own, if it was asked for one.
    pub fn client_name(&self) -> Option<String> {
        let Self::Tls(stream) = self else { return None };
        let certificates = stream.get_ref().1.peer_certificates()?;
        certificates.first().and_then(|certificate| name_of(certificate))
    }
}

/// These sockets, behind TLS if there are certificates; as many handshakes at a time as there are sockets.
pub fn secure(
    accepted: impl Stream<Item = io::Result<Lingering>> + Send,
    tls: Option<Arc<ServerTls>>,
    most: usize,
) -> impl Stream<Item = io::Result<Secured>> + Send {
    let secured = accepted.map(move |accepted| {
        let tls = tls.clone();
        async move {
            let socket = accepted.ok()?;
            match tls {
                None => Some(Secured::Plain(socket)),
                Some(tls) => handshake(socket, &tls).await,
            }
        }
    });
    secured.buffer_unordered(most).filter_map(|secured| async { secured.map(Ok) })
}

async fn handshake(socket: Lingering, tls: &ServerTls) -> Option<Secured> {
    let acceptor = TlsAcceptor::from(tls.current());
    match timeout(GREETING_WITHIN, acceptor.accept(socket)).await {
        Ok(Ok(stream)) => Some(Secured::Tls(Box::new(stream))),
        Ok(Err(error)) => {
            tracing::debug!(%error, "a client has made no TLS connection");
            None
        }
        Err(_) => {
            tracing::debug!("a client was too slow to make a TLS connection");
            None
        }
    }
}

/// Calls the same of whichever it is.
macro_rules! of {
    ($self:ident, $inner:ident => $call:expr) => {
        match $self.get_mut() {
            Secured::Plain($inner) => $call,
            Secured::Tls($inner) => $call,
        }
    };
}

impl AsyncRead for Secured {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        of!(self, inner => Pin::new(inner).poll_read(context, buffer))
    }
}

impl AsyncWrite for Secured {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        of!(self, inner => Pin::new(inner).poll_write(context, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        of!(self, inner => Pin::new(inner).poll_write_vectored(context, buffers))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(inner) => inner.is_write_vectored(),
            Self::Tls(inner) => inner.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        of!(self, inner => Pin::new(inner).poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        of!(self, inner => Pin::new(inner).poll_shutdown(context))
    }
}
