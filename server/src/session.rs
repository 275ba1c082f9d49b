//! Sessions: settings that outlive one request.
//!
//! Clients name their session in three ways, and some in none (clients.md, section 3, point 3): by
//! cookie (JDBC, ODBC), by the token a handshake gave them (ADBC, dbapi, Rust with a user), or only
//! by the connection they keep (ADBC without a user). The first that applies is used, so `SET` works
//! from every client.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use datafusion::prelude::SessionConfig;
use parking_lot::Mutex;
use uuid::Uuid;

/// A named session that nobody used for so long is forgotten.
const IDLE: Duration = Duration::from_secs(3600);

/// Named sessions of one node at most: past that the longest idle go first.
const MOST: usize = 10_000;

/// One client's settings.
#[derive(Debug)]
pub struct Session {
    settings: Mutex<SessionConfig>,
    reads_one: AtomicBool,
    used: Mutex<Instant>,
}

impl Session {
    /// A session with these settings.
    pub fn new(settings: SessionConfig) -> Self {
        let used = Mutex::new(Instant::now());
        Self { settings: Mutex::new(settings), reads_one: AtomicBool::new(false), used }
    }

    /// A copy of the settings.
    pub fn settings(&self) -> SessionConfig {
        *self.used.lock() = Instant::now();
        self.settings.lock().clone()
    }

    /// Changes the settings.
    pub fn set_settings(&self, settings: SessionConfig) {
        *self.settings.lock() = settings;
    }

    /// Whether its client has shown that it reads only the first endpoint.
    pub fn reads_one(&self) -> bool {
        self.reads_one.load(Ordering::Relaxed)
    }

    /// Notes that its client reads only the first endpoint.
    pub fn set_reads_one(&self) {
        self.reads_one.store(true, Ordering::Relaxed);
    }

    fn idle_since(&self) -> Instant {
        *self.used.lock()
    }
}

/// The named sessions of a node.
#[derive(Debug)]
pub struct Sessions {
    defaults: SessionConfig,
    named: Mutex<HashMap<String, Arc<Session>>>,
}

impl Sessions {
    /// No sessions yet; each will start with `defaults`.
    pub fn new(defaults: SessionConfig) -> Self {
        Self { defaults, named: Mutex::default() }
    }

    /// A session without a name: a connection's own.
    pub fn unnamed(&self) -> Arc<Session> {
        Arc::new(Session::new(self.defaults.clone()))
    }

    /// A new named session; the name cannot be guessed.
    pub fn create(&self) -> (String, Arc<Session>) {
        let name = Uuid::new_v4().simple().to_string();
        let session = self.unnamed();
        let mut named = self.named.lock();
        make_room(&mut named);
        named.insert(name.clone(), Arc::clone(&session));
        (name, session)
    }

    /// The session of a name, if it is known here.
    pub fn get(&self, name: &str) -> Option<Arc<Session>> {
        self.named.lock().get(name).cloned()
    }

    /// Ends a session; whether there was one.
    pub fn close(&self, name: &str) -> bool {
        self.named.lock().remove(name).is_some()
    }
}

fn make_room(named: &mut HashMap<String, Arc<Session>>) {
    named.retain(|_, session| session.idle_since().elapsed() < IDLE);
    if named.len() < MOST {
        return;
    }
    let oldest = named.iter().min_by_key(|(_, session)| session.idle_since());
    if let Some(name) = oldest.map(|(name, _)| name.clone()) {
        named.remove(&name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_stay_with_their_session() {
        let sessions = Sessions::new(SessionConfig::new());
        let (name, session) = sessions.create();
        session.set_settings(SessionConfig::new().with_batch_size(7));
        assert_eq!(sessions.get(&name).unwrap().settings().batch_size(), 7);
        assert_ne!(sessions.create().1.settings().batch_size(), 7);
    }

    #[test]
    fn a_closed_session_is_gone() {
        let sessions = Sessions::new(SessionConfig::new());
        let (name, _) = sessions.create();
        assert!(sessions.close(&name));
        assert!(sessions.get(&name).is_none());
        assert!(!sessions.close(&name));
    }

    #[test]
    fn there_is_a_limit_to_sessions() {
        let sessions = Sessions::new(SessionConfig::new());
        let first = sessions.create().0;
        for _ in 0..MOST {
            sessions.create();
        }
        assert!(sessions.get(&first).is_none());
    }
}
