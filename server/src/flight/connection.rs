//! A client's connection, with the session that lasts as long as it does.

use std::sync::Arc;

use squadron_cluster::serve::Lingering;
use uuid::Uuid;

use super::coalesce::Coalesce;
use crate::session::Session;

/// An accepted socket.
pub type Connection = Coalesce<Lingering<ConnectionInfo>>;

/// What each request of a connection knows of it.
#[derive(Debug, Clone)]
pub struct ConnectionInfo {
    /// The connection's own session.
    pub session: Arc<Session>,
    /// What that is called in this node: no client is told of it or can bring it.
    pub name: Arc<str>,
}

/// A connection with a session of its own.
pub fn connection(stream: Lingering, session: Arc<Session>) -> Connection {
    let name = format!("connection {}", Uuid::new_v4().simple()).into();
    Coalesce::new(stream.with_info(ConnectionInfo { session, name }))
}
