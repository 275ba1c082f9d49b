//! A socket whose last bytes arrive although it is closed.
//!
//! A server that has written everything closes the socket; the client, still reading, goes on to
//! send (window updates, pings), and a kernel answers bytes for a closed socket with a reset, which
//! takes from the client what it had received and not yet read: the end of a result is lost in a
//! node that stops. So the sending side is closed alone first, and what the client still says is
//! read and thrown away until it closes as well: the lingering close of the HTTP servers (RFC 9112,
//! section 9.6).

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Sleep, sleep};
use tonic::transport::server::{Connected, TcpConnectInfo};

/// How long a client that says nothing any more is waited for. It gets its bytes all the same, unless
/// it speaks after that.
const SILENCE: Duration = Duration::from_secs(5);

/// An accepted socket.
#[derive(Debug)]
pub struct Lingering {
    stream: TcpStream,
    info: TcpConnectInfo,
    /// Since the sending side is closed: until when silence is borne.
    closing: Option<Pin<Box<Sleep>>>,
    silence: Duration,
    _place: Option<OwnedSemaphorePermit>,
}

impl Lingering {
    /// `place` is given back when the socket is dropped.
    pub(super) fn new(stream: TcpStream, place: Option<OwnedSemaphorePermit>) -> Self {
        let info = stream.connect_info();
        Self { stream, info, closing: None, silence: SILENCE, _place: place }
    }

    /// Reads and forgets until the client has closed or fallen silent.
    fn poll_closed(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Self { stream, closing, silence, .. } = self;
        let limit = closing.get_or_insert_with(|| Box::pin(sleep(*silence)));
        loop {
            let mut bytes = [MaybeUninit::uninit(); 4096];
            let mut bytes = ReadBuf::uninit(&mut bytes);
            match Pin::new(&mut *stream).poll_read(context, &mut bytes) {
                Poll::Ready(Ok(())) if !bytes.filled().is_empty() => {
                    *limit = Box::pin(sleep(*silence))
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return limit.as_mut().poll(context),
            }
        }
    }
}

impl Connected for Lingering {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.info.clone()
    }
}

impl AsyncRead for Lingering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.closing.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        }
        self.poll_closed(context).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const BYTES: usize = 64 * 1024;

    /// The two ends of a connection.
    async fn connection(silence: Duration) -> (Lingering, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        (Lingering { silence, ..Lingering::new(stream, None) }, client)
    }

    /// A bare socket resets the connection here: it is closed with bytes that nobody has read.
    #[tokio::test]
    async fn a_client_that_goes_on_talking_reads_to_the_end() {
        let (mut server, mut client) = connection(Duration::from_secs(3600)).await;
        client.write_all(b"unread").await.unwrap();
        let closing = async move {
            server.write_all(&[7; BYTES]).await.unwrap();
            server.shutdown().await.unwrap();
        };
        let reading = async move {
            let mut rest = vec![client.read_u8().await.unwrap()];
            client.write_all(b"more").await.unwrap();
            client.read_to_end(&mut rest).await.unwrap();
            rest
        };
        let ((), read) = tokio::join!(closing, reading);
        assert_eq!(read.len(), BYTES);
    }

    #[tokio::test]
    async fn a_client_that_never_closes_is_not_waited_for_for_ever() {
        let (mut server, _client) = connection(Duration::from_millis(1)).await;
        tokio::time::timeout(Duration::from_secs(10), server.shutdown()).await.unwrap().unwrap();
    }
}
