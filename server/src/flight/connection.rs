//! A client's connection, with the session that lasts as long as it does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use squadron_cluster::serve::Lingering;
use tokio::sync::mpsc;
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
    /// What that is called in this node.
    pub name: Arc<ConnectionName>,
}

/// The inner name of a connection's session: no client is told of it or can bring it.
#[derive(Debug)]
pub struct ConnectionName {
    name: String,
    used: AtomicBool,
    ended: mpsc::Sender<String>,
}

impl ConnectionName {
    fn new(ended: mpsc::Sender<String>) -> Self {
        let name = format!("connection {}", Uuid::new_v4().simple());
        Self { name, used: AtomicBool::new(false), ended }
    }

    /// The name, for what is about to begin in the session.
    pub fn used(&self) -> &str {
        self.used.store(true, Ordering::Relaxed);
        &self.name
    }
}

impl Drop for ConnectionName {
    /// With the last that knows of it the connection is over. Where too many end at a time, their results
    /// stay until they expire.
    fn drop(&mut self) {
        if self.used.load(Ordering::Relaxed) {
            let _ = self.ended.try_send(std::mem::take(&mut self.name));
        }
    }
}

/// A connection with a session of its own; `ended` is told when that is over.
pub fn connection(
    stream: Lingering,
    session: Arc<Session>,
    ended: mpsc::Sender<String>,
) -> Connection {
    let name = Arc::new(ConnectionName::new(ended));
    Coalesce::new(stream.with_info(ConnectionInfo { session, name }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_connection_is_told_if_anything_began_in_it() {
        let (ended, mut told) = mpsc::channel(1);
        drop(ConnectionName::new(ended.clone()));
        assert!(told.try_recv().is_err());
        let name = ConnectionName::new(ended);
        let used = name.used().to_owned();
        drop(name);
        assert_eq!(told.try_recv().unwrap(), used);
    }
}
