//! Accepted sockets as the cluster wants them, for every port of a node.
//!
//! tonic's `serve_with_incoming` over a bare listener leaves Nagle's algorithm on, which with delayed
//! acknowledgements costs 40 to 90 ms per distributed query; and it gives up a port for good, or spins,
//! on errors that pass; and it closes a socket in a way that can cost the client the last bytes. All
//! three are put right here.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{Stream, StreamExt, stream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

mod greeted;
mod lingering;
mod secured;

pub use greeted::Greeted;
pub use lingering::Lingering;
pub use secured::{Secured, secure};

use crate::records::Records;

/// How long to wait when the process or the machine is out of something (file descriptors, memory):
/// accepting again at once would fail again at once.
const OUT_OF_RESOURCES_PAUSE: Duration = Duration::from_millis(50);

/// It is said so often at most that connections are refused.
const REFUSALS_TOLD_EVERY: Duration = Duration::from_secs(10);

/// The connections that arrive at `listener`, with TCP_NODELAY, and `most` of them at a time: what comes
/// beyond is closed at once. Never ends and never gives an error: what goes wrong is logged and passed
/// over. For `serve_with_incoming_shutdown`; the port is closed when the stream is dropped.
pub fn accept(
    listener: TcpListener,
    most: usize,
) -> impl Stream<Item = io::Result<Lingering>> + Send {
    stream::unfold((listener, Places::new(most)), |(listener, mut places)| async move {
        loop {
            let socket = next(|| listener.accept()).await;
            if let Some(place) = places.enter() {
                return Some((Ok(Lingering::new(socket, Some(place))), (listener, places)));
            }
        }
    })
}

/// The same of other nodes: what they say is in records with checksums.
pub fn accept_nodes(
    listener: TcpListener,
    most: usize,
) -> impl Stream<Item = io::Result<Records<Greeted<Lingering>>>> + Send {
    accept(listener, most).map(|stream| stream.map(|it| Records::accepted(Greeted::new(it))))
}

/// The places of a port's connections.
struct Places {
    free: Arc<Semaphore>,
    most: usize,
    /// Refused since it was told last, and when that was.
    refused: usize,
    told: Option<Instant>,
}

impl Places {
    fn new(most: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(most)), most, refused: 0, told: None }
    }

    /// A place for one more, if there is one.
    fn enter(&mut self) -> Option<OwnedSemaphorePermit> {
        let place = Arc::clone(&self.free).try_acquire_owned().ok();
        if place.is_none() {
            self.refuse();
        }
        place
    }

    fn refuse(&mut self) {
        self.refused += 1;
        if self.told.is_none_or(|told| told.elapsed() >= REFUSALS_TOLD_EVERY) {
            let (refused, most) = (self.refused, self.most);
            tracing::warn!(refused, most, "connections are refused: there are as many as may be");
            (self.refused, self.told) = (0, Some(Instant::now()));
        }
    }
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
    async fn beyond_the_most_connections_are_closed_at_once() {
        use futures::StreamExt;
        use tokio::io::AsyncReadExt;
        let listener = listener().await;
        let address = listener.local_addr().unwrap();
        let mut accepted = Box::pin(accept(listener, 1));
        let connect = || async { TcpStream::connect(address).await.unwrap() };
        let (_first, mut second) = (connect().await, connect().await);
        let place = accepted.next().await.unwrap().unwrap();
        let refused = async {
            // An end or a reset.
            second.read(&mut [0]).await.unwrap_or(0)
        };
        tokio::select! {
            read = refused => assert_eq!(read, 0),
            _ = accepted.next() => panic!("there is no place"),
        }
        drop(place);
        let _third = connect().await;
        accepted.next().await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn the_port_is_closed_with_the_stream() {
        let listener = listener().await;
        let address = listener.local_addr().unwrap();
        drop(accept(listener, 1));
        assert!(TcpStream::connect(address).await.is_err());
    }
}
