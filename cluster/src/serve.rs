//! Accepted sockets as the cluster wants them, for every port of a node.
//!
//! tonic's `serve_with_incoming` over a bare listener leaves Nagle's algorithm on, which with delayed
//! acknowledgements costs 40 to 90 ms per distributed query; and it gives up a port for good, or spins,
//! on errors that pass; and it closes a socket in a way that can cost the client the last bytes. All
//! three are put right here.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures::{Stream, stream};
use tokio::net::{TcpListener, TcpStream};

mod lingering;

pub use lingering::Lingering;

/// How long to wait when the process or the machine is out of something (file descriptors, memory):
/// accepting again at once would fail again at once.
const OUT_OF_RESOURCES_PAUSE: Duration = Duration::from_millis(50);

/// The connections that arrive at `listener`, with TCP_NODELAY. Never ends and never gives an error:
/// what goes wrong is logged and passed over. For `serve_with_incoming_shutdown`; the port is closed
/// when the stream is dropped.
pub fn accept(listener: TcpListener) -> impl Stream<Item = io::Result<Lingering>> + Send {
    stream::unfold(listener, |listener| async move {
        let socket = next(|| listener.accept()).await;
        Some((Ok(Lingering::new(socket)), listener))
    })
}

/// Accepts until it succeeds.
async fn next<F>(accept: impl Fn() -> F) -> TcpStream
where
    F: Future<Output = io::Result<(TcpStream, SocketAddr)>>,
{
    loop {
        match accept().await {
            Ok((socket, _)) => {
                if let Err(error) = socket.set_nodelay(true) {
                    // The other side is gone already: reading from it will say so.
                    tracing::debug!("TCP_NODELAY cannot be set on an accepted socket: {error}");
                }
                return socket;
            }
            Err(error) if is_of_one_connection(&error) => {
                tracing::debug!("a connection was gone before it was accepted: {error}");
            }
            Err(error) => {
                tracing::warn!("connections cannot be accepted now: {error}");
                tokio::time::sleep(OUT_OF_RESOURCES_PAUSE).await;
            }
        }
    }
}

/// Whether only the connection that was about to be accepted is broken.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted, TimedOut,
    };
    matches!(
        error.kind(),
        BrokenPipe
            | ConnectionAborted
            | ConnectionRefused
            | ConnectionReset
            | Interrupted
            | TimedOut
    )
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    async fn listener() -> TcpListener {
        TcpListener::bind("127.0.0.1:0").await.unwrap()
    }

    #[tokio::test]
    async fn accepted_sockets_do_not_wait_for_more_to_send() {
        let listener = listener().await;
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        assert!(next(|| listener.accept()).await.nodelay().unwrap());
    }

    #[tokio::test]
    async fn accepting_goes_on_after_every_error() {
        let listener = listener().await;
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        const EMFILE: i32 = 24;
        const ECONNABORTED: i32 = 103;
        let errors = [EMFILE, ECONNABORTED, EMFILE];
        let tried = AtomicUsize::new(0);
        let flaky = async || match errors.get(tried.fetch_add(1, Ordering::Relaxed)) {
            Some(code) => Err(io::Error::from_raw_os_error(*code)),
            None => listener.accept().await,
        };
        next(&flaky).await;
        assert_eq!(tried.into_inner(), errors.len() + 1);
    }

    #[tokio::test]
    async fn the_port_is_closed_with_the_stream() {
        let listener = listener().await;
        let address = listener.local_addr().unwrap();
        drop(accept(listener));
        assert!(TcpStream::connect(address).await.is_err());
    }
}
