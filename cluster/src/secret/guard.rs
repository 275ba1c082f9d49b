//! The layer in front of the internal port: no call passes without a token of this cluster.
//!
//! It stands before the routing, so that also a service mounted tomorrow, and a path that does not
//! exist, is behind it: whoever lacks the secret learns nothing about what is there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::future::Either;
use futures::future::{Ready, ready};
use http::{Request, Response};
use tonic::Status;
use tower::{Layer, Service};

use super::token::{CallTokens, HEADER, unproven};
use crate::error::{Error, Result};

/// Refusals are logged at most this often: a log is not for the refused to fill.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// Refuses every request without a valid call token with UNAUTHENTICATED. For
/// `tonic::transport::Server::builder().layer(…)`.
#[derive(Debug, Clone)]
pub struct RequireToken {
    tokens: CallTokens,
    log: Arc<Log>,
}

impl RequireToken {
    /// Lets through what proves the secret of these tokens.
    pub fn new(tokens: CallTokens) -> Self {
        Self { tokens, log: Arc::new(Log::new()) }
    }

    fn check<B>(&self, request: &Request<B>) -> Result<()> {
        let mut values = request.headers().get_all(HEADER).iter();
        match (values.next(), values.next()) {
            (Some(token), None) => self.tokens.check(token.as_bytes()),
            (None, _) => Err(unproven("the call carries no token")),
            (Some(_), Some(_)) => Err(unproven("the call carries several tokens")),
        }
    }
}

impl<S> Layer<S> for RequireToken {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { inner, guard: self.clone() }
    }
}

/// A service behind [`RequireToken`].
#[derive(Debug, Clone)]
pub struct Guarded<S> {
    inner: S,
    guard: RequireToken,
}

impl<S, B, R> Service<Request<B>> for Guarded<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<Response<R>, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        match self.guard.check(&request) {
            Ok(()) => {
                // What it has proved concerns nobody behind this.
                request.headers_mut().remove(HEADER);
                Either::Left(self.inner.call(request))
            }
            Err(error) => {
                self.guard.log.refusal(request.uri().path(), &error);
                let status = Status::unauthenticated(error.to_string());
                Either::Right(ready(Ok(status.into_http())))
            }
        }
    }
}

/// Writes refusals to the log, seldom enough.
#[derive(Debug)]
struct Log {
    start: Instant,
    /// Milliseconds after `start` at which the next line may be written.
    next: AtomicU64,
}

impl Log {
    fn new() -> Self {
        Self { start: Instant::now(), next: AtomicU64::new(0) }
    }

    fn refusal(&self, path: &str, error: &Error) {
        let now = self.start.elapsed();
        let next = self.next.load(Ordering::Relaxed);
        let later = (now + LOG_EVERY).as_millis() as u64;
        let due = now.as_millis() as u64 >= next
            && self
                .next
                .compare_exchange(next, later, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if due {
            tracing::warn!(path = %path, "a call on the internal port is refused: {error}");
        }
    }
}
