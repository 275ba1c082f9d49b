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

/// What a client says first in HTTP/2: the preface, and the head of a SETTINGS frame (RFC 9113, section
/// 3.4). One that does not is none, and would keep its place for ever.
const GREETING: usize = 24 + 9;

/// How long a client has for it.
const GREETING_WITHIN: Duration = Duration::from_secs(10);

/// An accepted socket, with what its requests know of their connection.
#[derive(Debug)]
pub struct Lingering<I = TcpConnectInfo> {
    stream: TcpStream,
    info: I,
    /// Since the sending side is closed: until when silence is borne.
    closing: Option<Pin<Box<Sleep>>>,
    silence: Duration,
    greeting: Option<Greeting>,
    _place: Option<OwnedSemaphorePermit>,
}

/// A client that has not greeted yet.
#[derive(Debug)]
struct Greeting {
    /// Bytes that came of it.
    come: usize,
    limit: Pin<Box<Sleep>>,
}

impl Greeting {
    fn within(time: Duration) -> Self {
        Self { come: 0, limit: Box::pin(sleep(time)) }
    }
}

impl Lingering {
    /// `place` is given back when the socket is dropped.
    pub(super) fn new(stream: TcpStream, place: Option<OwnedSemaphorePermit>) -> Self {
        let info = stream.connect_info();
        let greeting = Some(Greeting::within(GREETING_WITHIN));
        Self { stream, info, closing: None, silence: SILENCE, greeting, _place: place }
    }

    /// The same socket, whose requests find `info` in their extensions in place of its addresses.
    pub fn with_info<I>(self, info: I) -> Lingering<I> {
        let Self { stream, closing, silence, greeting, _place, .. } = self;
        Lingering { stream, info, closing, silence, greeting, _place }
    }
}

impl<I> Lingering<I> {
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

impl<I: Clone + Send + Sync + 'static> Connected for Lingering<I> {
    type ConnectInfo = I;

    fn connect_info(&self) -> I {
        self.info.clone()
    }
}

impl<I: Unpin> AsyncRead for Lingering<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
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

impl<I: Unpin> AsyncWrite for Lingering<I> {
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

    /// A client that has next to no time to greet.
    async fn hurried() -> (Lingering, TcpStream) {
        let (server, client) = connection(SILENCE).await;
        (Lingering { greeting: Some(Greeting::within(Duration::from_millis(1))), ..server }, client)
    }

    #[tokio::test]
    async fn a_client_that_does_not_greet_is_gone() {
        let (mut server, mut client) = hurried().await;
        client.write_all(&[7; GREETING - 1]).await.unwrap();
        let error = server.read_exact(&mut [0; GREETING]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_client_that_has_greeted_may_be_silent() {
        let (mut server, mut client) = hurried().await;
        client.write_all(&[7; GREETING]).await.unwrap();
        // Both are there before anybody looks at the time.
        server.stream.readable().await.unwrap();
        server.read_exact(&mut [0; GREETING]).await.unwrap();
        assert!(server.greeting.is_none());
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
