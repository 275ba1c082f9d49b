//! An object store in this process: as much of S3 as nodes ask for, which goes wrong when and as it is told to.
//!
//! ```text
//!   node ── PUT, If-None-Match: * ──► Wrong::Waits ──► objects ──► Wrong::DoneAndFails ──► 500, or nothing at all
//! ```

mod s3;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::common::runtime::{JoinSet, SpawnedTask};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::Result;
use crate::wait::SOON;
use s3::Objects;

const NAME: &str = "lake";

/// What goes wrong with a request that writes an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// It is not done, and its answer says that the store has failed.
    Fails,
    /// It is not done, and its answer says that it is not allowed.
    Refuses,
    /// It is done, and its answer says that the store has failed.
    DoneAndFails,
    /// It is done, and its connection ends without an answer.
    DoneAndDrops,
    /// It is done once it may go on ([`Bucket::go_on`]).
    Waits,
    /// It is done, and answered once it may go on.
    DoneAndWaits,
}

/// Of which objects, how often.
struct Trouble {
    part: String,
    times: usize,
    wrong: Wrong,
}

#[derive(Default)]
struct Inner {
    objects: Objects,
    troubles: parking_lot::Mutex<Vec<Trouble>>,
    /// How many requests went wrong.
    met: watch::Sender<usize>,
    /// How often requests that wait were let go on.
    gone_on: watch::Sender<usize>,
    down: watch::Sender<bool>,
}

/// A store with one bucket. Gone on drop, with what was in it.
pub struct Bucket {
    inner: Arc<Inner>,
    address: SocketAddr,
    _serving: SpawnedTask<()>,
}

impl Bucket {
    /// An empty one.
    ///
    /// # Errors
    /// Where there is no port for it.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, inner) = (listener.local_addr()?, Arc::<Inner>::default());
        let serving = SpawnedTask::spawn(serve(listener, Arc::clone(&inner)));
        Ok(Self { inner, address, _serving: serving })
    }

    /// A place in it, as `--warehouse` has it.
    pub fn location(&self) -> String {
        format!("s3://{NAME}/warehouse")
    }

    /// With which variables a node finds it.
    pub fn variables(&self) -> Vec<(String, String)> {
        let endpoint = format!("http://{}", self.address);
        [
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", "squadron"),
            ("AWS_SECRET_ACCESS_KEY", "squadron"),
            ("NO_PROXY", "127.0.0.1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    /// The next requests that write an object with `part` in its key go wrong, so many `times`.
    pub fn next(&self, part: &str, times: usize, wrong: Wrong) {
        self.inner.troubles.lock().push(Trouble { part: part.to_owned(), times, wrong });
    }

    /// Waits until this many requests have gone wrong, those that wait among them.
    ///
    /// # Panics
    /// When they do not come.
    pub async fn met(&self, times: usize) {
        let mut met = self.inner.met.subscribe();
        let met = tokio::time::timeout(SOON, met.wait_for(|met| *met >= times)).await;
        met.expect("a request to go wrong").expect("the store is there");
    }

    /// What waits goes on.
    pub fn go_on(&self) {
        self.inner.gone_on.send_modify(|times| *times += 1);
    }

    /// From now on every request fails, or none does.
    pub fn down(&self, down: bool) {
        self.inner.down.send_replace(down);
    }

    /// The keys with these words in them.
    pub fn keys(&self, part: &str) -> Vec<String> {
        self.inner.objects.keys(part)
    }
}

async fn serve(listener: TcpListener, inner: Arc<Inner>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let inner = Arc::clone(&inner);
        connections.spawn(async move {
            let answer = service_fn(|request| answer(Arc::clone(&inner), request));
            // One that ends in the middle is none of the store's business, or was meant to.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

/// What goes wrong with this request, if anything does.
fn trouble(inner: &Inner, writes: bool, key: &str) -> Option<Wrong> {
    if *inner.down.borrow() {
        return Some(Wrong::Fails);
    }
    let mut troubles = inner.troubles.lock();
    let of_it = |it: &&mut Trouble| writes && it.times > 0 && key.contains(&it.part);
    let trouble = troubles.iter_mut().find(of_it)?;
    trouble.times -= 1;
    Some(trouble.wrong)
}

async fn go_on(inner: &Inner, mut gone_on: watch::Receiver<usize>) {
    inner.met.send_modify(|met| *met += 1);
    let _ = gone_on.changed().await;
}

async fn answer(
    inner: Arc<Inner>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Dropped> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Dropped)?.to_bytes();
    let wrong = trouble(&inner, parts.method == http::Method::PUT, parts.uri.path());
    let gone_on = inner.gone_on.subscribe();
    match wrong {
        None => return Ok(inner.objects.answer(&parts, body)),
        Some(Wrong::Waits) => {
            go_on(&inner, gone_on).await;
            return Ok(inner.objects.answer(&parts, body));
        }
        Some(Wrong::DoneAndWaits) => {
            let answer = inner.objects.answer(&parts, body);
            go_on(&inner, gone_on).await;
            return Ok(answer);
        }
        Some(Wrong::DoneAndFails | Wrong::DoneAndDrops) => {
            inner.objects.answer(&parts, body);
        }
        Some(Wrong::Fails | Wrong::Refuses) => {}
    }
    inner.met.send_modify(|met| *met += 1);
    match wrong {
        Some(Wrong::DoneAndDrops) => Err(Dropped),
        Some(Wrong::Refuses) => Ok(s3::status(http::StatusCode::FORBIDDEN)),
        _ => Ok(s3::status(http::StatusCode::INTERNAL_SERVER_ERROR)),
    }
}

/// A connection that ends without an answer.
#[derive(Debug)]
struct Dropped;

impl std::fmt::Display for Dropped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection ends here")
    }
}

impl std::error::Error for Dropped {}
