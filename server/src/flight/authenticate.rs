//! The layer in front of the client port: no call passes without a principal.
//!
//! It stands before the routing, as that of the internal port does, so that also a service mounted
//! tomorrow is behind it. What a call brought to prove who it is ends here: behind it there is the
//! [`Identity`] alone. A call that another node passes on brings that in headers of its own, which no client's
//! call has behind this layer.
//!
//! A token past a quarter of its time is answered with a new one in the header `authorization`: ADBC and
//! pyarrow's middleware take it from any answer; JDBC and ODBC keep the first one, which stays good while used.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Request, Response};
use squadron_cluster::Members;
use tokio::sync::watch;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use super::connection::ConnectionInfo;
use super::forward::{PRINCIPAL, SESSION};
use super::peers::Peers;
use super::status;
use crate::auth::{Asking, Denied, Entry, Gate, Identity};
use crate::results::ResultError;

/// Finds out who calls, and refuses who may not.
#[derive(Clone)]
pub struct Authenticate {
    gate: Arc<Gate>,
    peers: Arc<Peers>,
    members: watch::Receiver<Arc<Members>>,
}

impl Authenticate {
    /// By this gate, asking these peers about the tokens that they made.
    pub fn new(gate: Arc<Gate>, peers: Arc<Peers>, members: watch::Receiver<Arc<Members>>) -> Self {
        Self { gate, peers, members }
    }

    async fn identify(
        &self,
        headers: &HeaderMap,
        certified: Option<&str>,
    ) -> Result<Identity, Status> {
        let denied = |denied: Denied| status::denied(&denied);
        let identity = match self.gate.enter(headers, certified).await.map_err(denied)? {
            Entry::Known(identity) => identity,
            Entry::Ask(asking) => {
                let idle = self.idle(&asking).await?;
                self.gate.admit(asking, idle).map_err(denied)?
            }
        };
        self.tell(&identity).await;
        Ok(identity)
    }

    /// For how long a token was not used, by the node that made it.
    async fn idle(&self, asking: &Asking) -> Result<Option<u64>, Status> {
        let members = Arc::clone(&self.members.borrow());
        let Some(home) = members.get(&asking.node) else { return Ok(None) };
        let idle = self.peers.token(home, &asking.claims.session, false).await;
        idle.map_err(|error| status::result(&error))
    }

    /// Tells the node that made a token of its use: once in a long time, so it is waited for.
    async fn tell(&self, identity: &Identity) {
        let (Some(node), Some(session)) = (&identity.tell, &identity.session) else { return };
        let members = Arc::clone(&self.members.borrow());
        let Some(home) = members.get(node) else { return };
        if let Err(error) = self.peers.token(home, session, true).await {
            let error: &ResultError = &error;
            tracing::debug!(%error, "the node that made a token was not told of its use");
        }
    }
}

impl<S> Layer<S> for Authenticate {
    type Service = Authenticated<S>;

    fn layer(&self, inner: S) -> Authenticated<S> {
        Authenticated { inner, authenticate: self.clone() }
    }
}

/// A service behind [`Authenticate`].
#[derive(Clone)]
pub struct Authenticated<S> {
    inner: S,
    authenticate: Authenticate,
}

impl<S> Service<Request<Body>> for Authenticated<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        // The one that is ready; the clone may not be.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let authenticate = self.authenticate.clone();
        Box::pin(async move {
            let connection = request.extensions().get::<ConnectionInfo>().cloned();
            let certified = connection.as_ref().and_then(ConnectionInfo::certified);
            let identity = match authenticate.identify(request.headers(), certified).await {
                Ok(identity) => identity,
                Err(refused) => return Ok(refused.into_http()),
            };
            let fresh = identity.fresh.as_ref().map(|token| format!("Bearer {token}"));
            for own in [AUTHORIZATION.as_str(), PRINCIPAL, SESSION] {
                request.headers_mut().remove(own);
            }
            request.extensions_mut().insert(identity);
            let mut response = inner.call(request).await?;
            if let Some(mut fresh) = fresh.and_then(|fresh| HeaderValue::try_from(fresh).ok()) {
                fresh.set_sensitive(true);
                // A Handshake has answered with one already.
                response.headers_mut().entry(AUTHORIZATION).or_insert(fresh);
            }
            Ok(response)
        })
    }
}
