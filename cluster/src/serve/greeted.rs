//! A connection whose client has to say something: one that does not would keep its place for ever.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};
use tonic::transport::server::Connected;

/// What a client says first in HTTP/2: the preface, and the head of a SETTINGS frame (RFC 9113, section
/// 3.4).
const GREETING: usize = 24 + 9;

/// How long a client has for it.
pub(super) const GREETING_WITHIN: Duration = Duration::from_secs(10);

/// A stream that ends with `TimedOut` when no greeting comes.
#[derive(Debug)]
pub struct Greeted<S> {
    inner: S,
    greeting: Option<Greeting>,
}

/// A client that has not greeted yet.
#[derive(Debug)]
struct Greeting {
    /// Bytes that came of it.
    come: usize,
    limit: Pin<Box<Sleep>>,
}

impl<S> Greeted<S> {
    /// From now on `inner` has ten seconds.
    pub fn new(inner: S) -> Self {
        Self::within(inner, GREETING_WITHIN)
    }

    fn within(inner: S, time: Duration) -> Self {
        Self { inner, greeting: Some(Greeting { come: 0, limit: Box::pin(sleep(time)) }) }
    }
}

impl<S: Connected> Connected for Greeted<S> {
    type ConnectInfo = S::ConnectInfo;

    fn connect_info(&self) -> S::ConnectInfo {
        self.inner.connect_info()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Greeted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(context, buffer);
        if let Some(greeting) = &mut self.greeting {
            greeting.come += buffer.filled().len() - before;
            if greeting.come >= GREETING {
                self.greeting = None;
            } else if read.is_pending() {
                ready!(greeting.limit.as_mut().poll(context));
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Greeted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    /// A client that has next to no time to greet.
    fn hurried() -> (Greeted<DuplexStream>, DuplexStream) {
        let (server, client) = duplex(1024);
        (Greeted::within(server, Duration::from_millis(1)), client)
    }

    #[tokio::test]
    async fn a_client_that_does_not_greet_is_gone() {
        let (mut server, mut client) = hurried();
        client.write_all(&[7; GREETING - 1]).await.unwrap();
        let error = server.read_exact(&mut [0; GREETING]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_client_that_has_greeted_may_be_silent() {
        let (mut server, mut client) = hurried();
        client.write_all(&[7; GREETING]).await.unwrap();
        server.read_exact(&mut [0; GREETING]).await.unwrap();
        assert!(server.greeting.is_none());
    }
}
