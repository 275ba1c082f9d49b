//! A client's connection, with the sessions that last as long as it does.
//!
//! One for each principal that calls on it: a proxy's connection may be several users', and none of them is to
//! run with what another has set.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use datafusion::prelude::SessionConfig;
use parking_lot::Mutex;
use squadron_cluster::serve::{Greeted, Secured};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::transport::server::Connected;
use uuid::Uuid;

use super::coalesce::Coalesce;
use crate::session::{Session, Sessions};

/// An accepted socket, with what its requests know of it.
#[derive(Debug)]
pub struct Connection {
    stream: Coalesce<Greeted<Secured>>,
    info: ConnectionInfo,
}

/// What each request of a connection knows of it.
#[derive(Debug, Clone)]
pub struct ConnectionInfo(Arc<Own>);

#[derive(Debug)]
struct Own {
    /// The name in the certificate that its client has shown.
    certified: Option<String>,
    sessions: Arc<Sessions>,
    /// By principal.
    own: Mutex<HashMap<Arc<str>, OwnSession>>,
}

/// A principal's session on a connection.
#[derive(Debug, Clone)]
pub struct OwnSession {
    /// The session.
    pub session: Arc<Session>,
    /// What it is called in this node: no client is told of it or can bring it.
    pub name: Arc<str>,
    /// The name of the session that its client was given with these settings, until it has brought it: then it
    /// keeps cookies, and this one is whoever's comes without.
    given: Arc<Mutex<Option<String>>>,
}

impl OwnSession {
    /// The client was given the same settings under this name.
    pub fn gave(&self, name: &str) {
        *self.given.lock() = Some(name.to_owned());
    }

    /// A client has brought this name: settings that it made before it had one are no others'.
    pub fn brought(&self, name: &str, defaults: &SessionConfig) {
        let mut given = self.given.lock();
        if given.as_deref() == Some(name) {
            *given = None;
            self.session.set_settings(defaults.clone());
        }
    }
}

impl ConnectionInfo {
    /// Of a connection that nobody has called on yet.
    pub fn new(sessions: Arc<Sessions>, certified: Option<String>) -> Self {
        Self(Arc::new(Own { certified, sessions, own: Mutex::default() }))
    }

    /// The name in the certificate that the client of the connection has shown.
    pub fn certified(&self) -> Option<&str> {
        self.0.certified.as_deref()
    }

    /// The session of a principal on this connection.
    pub fn of(&self, principal: &Arc<str>) -> OwnSession {
        let mut own = self.0.own.lock();
        let new = || OwnSession {
            session: self.0.sessions.unnamed(principal),
            name: format!("connection {}", Uuid::new_v4().simple()).into(),
            given: Arc::default(),
        };
        own.entry(Arc::clone(principal)).or_insert_with(new).clone()
    }
}

/// A connection with sessions of its own.
pub fn connection(stream: Secured, sessions: Arc<Sessions>) -> Connection {
    let info = ConnectionInfo::new(sessions, stream.client_name());
    Connection { stream: Coalesce::new(Greeted::new(stream)), info }
}

impl Connected for Connection {
    type ConnectInfo = ConnectionInfo;

    fn connect_info(&self) -> ConnectionInfo {
        self.info.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
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
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_of_one_connection_have_their_own_sessions() {
        let sessions = Arc::new(Sessions::new("a", SessionConfig::new()));
        let info = ConnectionInfo::new(sessions, None);
        let (alice, bob) = (Arc::from("alice"), Arc::from("bob"));
        info.of(&alice).session.set_settings(SessionConfig::new().with_batch_size(7));
        assert_eq!(info.of(&alice).session.settings().batch_size(), 7);
        assert_eq!(info.of(&alice).name, info.clone().of(&alice).name);
        assert_ne!(info.of(&bob).session.settings().batch_size(), 7);
        assert_ne!(info.of(&bob).name, info.of(&alice).name);
    }

    #[test]
    fn what_a_client_set_before_its_cookie_is_in_its_own_session_once_it_brings_it() {
        let sessions = Arc::new(Sessions::new("a", SessionConfig::new()));
        let own = ConnectionInfo::new(Arc::clone(&sessions), None).of(&Arc::from("alice"));
        own.session.set_settings(SessionConfig::new().with_batch_size(7));
        own.gave("cookie");
        own.brought("another", sessions.defaults());
        assert_eq!(own.session.settings().batch_size(), 7);
        own.brought("cookie", sessions.defaults());
        assert_ne!(own.session.settings().batch_size(), 7);
    }
}
