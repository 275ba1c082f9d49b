//! Sessions: settings that outlive one request.
//!
//! Clients name their session in three ways, and some in none (clients.md, section 3, point 3): by
//! cookie (JDBC, ODBC), by the token a handshake gave them (ADBC, dbapi, Rust with a user), or only
//! by the connection they keep (ADBC without a user). The first that applies is used, so `SET` works
//! from every client.
//!
//! Names cost nothing to ask for, so there are no more than some: those that nobody changed go first,
//! since their clients lose nothing. Of a changed one that had to go the name is remembered: a query
//! with it is refused rather than run with other settings than were asked for.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use datafusion::prelude::SessionConfig;
use parking_lot::Mutex;
use uuid::Uuid;

/// A named session that nobody used for so long is forgotten.
const IDLE: Duration = Duration::from_secs(3600);

/// A changed one that was used within this time makes no place for another.
const IN_USE: Duration = Duration::from_secs(30 * 60);

/// A changed one that nobody came back to within this time is not waited for: its client keeps no cookies.
const FIRST_USE: Duration = Duration::from_secs(60);

/// The idle ones are looked for so often while there is place.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Named sessions of one node at most.
const MOST: usize = 10_000;

/// Names of changed sessions that are remembered after they had to go.
const MOST_FORGOTTEN: usize = 100_000;

/// Letters of a session's name before its node.
const ID: usize = 32;

/// There is no place for another session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this node has {MOST} sessions with settings of their own already: close some of them")]
pub struct Full;

/// One client's settings.
#[derive(Debug)]
pub struct Session {
    /// The principal it belongs to: nobody else is in it, whatever name they bring.
    owner: Arc<str>,
    /// Copies share what was not changed.
    settings: Mutex<SessionConfig>,
    changed: AtomicBool,
    /// Whether anybody brought its name.
    named: AtomicBool,
    used: Mutex<Instant>,
    /// The connections that it has calls of, and when the last one came.
    users: Mutex<HashMap<Arc<str>, Instant>>,
}

/// Connections that a session remembers.
const MOST_USERS: usize = 64;

impl Session {
    /// A session of this principal with these settings.
    pub fn new(owner: &Arc<str>, settings: SessionConfig) -> Self {
        Self {
            owner: Arc::clone(owner),
            settings: Mutex::new(settings),
            changed: AtomicBool::new(false),
            named: AtomicBool::new(false),
            used: Mutex::new(Instant::now()),
            users: Mutex::default(),
        }
    }

    /// A call of this connection needs the settings.
    pub fn used_by(&self, connection: &Arc<str>) {
        let mut users = self.users.lock();
        users.insert(Arc::clone(connection), Instant::now());
        if users.len() > MOST_USERS
            && let Some(oldest) = users.iter().min_by_key(|(_, at)| **at)
        {
            let oldest = Arc::clone(oldest.0);
            users.remove(&oldest);
        }
    }

    /// Whether others are in it when this connection leaves.
    pub fn is_left_to_others(&self, connection: &str) -> bool {
        let mut users = self.users.lock();
        users.remove(connection);
        users.retain(|_, at| at.elapsed() < IN_USE);
        !users.is_empty()
    }

    /// Whether it is this principal's.
    pub fn is_of(&self, principal: &str) -> bool {
        &*self.owner == principal
    }

    /// A copy of the settings.
    pub fn settings(&self) -> SessionConfig {
        *self.used.lock() = Instant::now();
        self.settings.lock().clone()
    }

    /// Changes the settings.
    pub fn set_settings(&self, settings: SessionConfig) {
        *self.settings.lock() = settings;
        self.changed.store(true, Ordering::Relaxed);
    }

    fn is_changed(&self) -> bool {
        self.changed.load(Ordering::Relaxed)
    }

    fn idle_since(&self) -> Instant {
        *self.used.lock()
    }

    fn idle(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.idle_since())
    }

    /// For how long it must have been idle to make place for another.
    fn stays_for(&self) -> Duration {
        match (self.is_changed(), self.named.load(Ordering::Relaxed)) {
            (false, _) => Duration::ZERO,
            (true, false) => FIRST_USE,
            (true, true) => IN_USE,
        }
    }
}

/// The named sessions of a node.
#[derive(Debug)]
pub struct Sessions {
    node: String,
    defaults: SessionConfig,
    named: Mutex<Named>,
}

/// The node that a session's name says it lives on; nothing of what is no such name.
pub fn home(name: &str) -> Option<&str> {
    let (id, node) = name.split_once('.')?;
    let is_id = id.len() == ID && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then_some(node)
}

impl Sessions {
    /// No sessions of the node of this id yet; each will start with `defaults`.
    pub fn new(node: &str, defaults: SessionConfig) -> Self {
        Self { node: node.to_owned(), defaults, named: Mutex::default() }
    }

    /// The id of the other node that a session lives on.
    pub fn elsewhere<'n>(&self, name: &'n str) -> Option<&'n str> {
        home(name).filter(|node| *node != self.node)
    }

    /// What each session starts with.
    pub fn defaults(&self) -> &SessionConfig {
        &self.defaults
    }

    /// A session without a name: a principal's own on a connection.
    pub fn unnamed(&self, owner: &Arc<str>) -> Arc<Session> {
        Arc::new(Session::new(owner, self.defaults.clone()))
    }

    /// A new named session of this principal; the name cannot be guessed, and says which node it lives on.
    ///
    /// # Errors
    /// [`Full`] when all places are taken by sessions that were changed and are in use.
    pub fn create(&self, owner: &Arc<str>) -> Result<(String, Arc<Session>), Full> {
        let name = format!("{}.{}", Uuid::new_v4().simple(), self.node);
        let session = self.unnamed(owner);
        let mut named = self.named.lock();
        named.make_room(Instant::now())?;
        named.open.insert(name.clone(), Arc::clone(&session));
        Ok((name, session))
    }

    /// The session of a name, if it is known here.
    pub fn get(&self, name: &str) -> Option<Arc<Session>> {
        let session = self.named.lock().open.get(name).cloned();
        session.inspect(|session| session.named.store(true, Ordering::Relaxed))
    }

    /// The session of a name that was one of this node's: it was closed, or is of before the node was started anew. It
    /// starts from the defaults, and is found under this name from now on. `None` for other names, and where there is no place.
    pub fn anew(&self, name: &str, owner: &Arc<str>) -> Option<Arc<Session>> {
        if home(name)? != self.node || self.is_forgotten(name) {
            return None;
        }
        let mut named = self.named.lock();
        named.make_room(Instant::now()).ok()?;
        let session = named.open.entry(name.to_owned()).or_insert_with(|| self.unnamed(owner));
        Some(Arc::clone(session)).filter(|session| session.is_of(owner))
    }

    /// Whether a name is that of a session of this node which had to go with its settings.
    pub fn is_forgotten(&self, name: &str) -> bool {
        self.named.lock().forgotten.contains(name)
    }

    /// A session of this name had to go, with its settings.
    #[cfg(test)]
    pub(crate) fn forget(&self, name: &str) {
        let mut named = self.named.lock();
        named.open.remove(name);
        named.forgotten.note(name);
    }

    /// Ends a session; whether there was one.
    pub fn close(&self, name: &str) -> bool {
        self.named.lock().open.remove(name).is_some()
    }
}

#[derive(Debug, Default)]
struct Named {
    open: HashMap<String, Arc<Session>>,
    forgotten: Forgotten,
    swept: Option<Instant>,
}

impl Named {
    /// # Errors
    /// [`Full`] when there is none to be had.
    fn make_room(&mut self, now: Instant) -> Result<(), Full> {
        let soon = |swept| now.saturating_duration_since(swept) < SWEEP_EVERY;
        if self.open.len() < MOST && self.swept.is_some_and(soon) {
            return Ok(());
        }
        self.swept = Some(now);
        let Self { open, forgotten, .. } = self;
        open.retain(|name, session| {
            let stays = session.idle(now) < IDLE;
            if !stays && session.is_changed() {
                forgotten.note(name);
            }
            stays
        });
        if open.len() < MOST {
            return Ok(());
        }
        let may_go = open.iter().filter(|(_, it)| it.idle(now) >= it.stays_for());
        // The unchanged first, of each kind the longest idle.
        let first = may_go.min_by_key(|(_, it)| (it.stays_for(), it.idle_since()));
        let (name, changed) =
            first.map(|(name, it)| (name.clone(), it.is_changed())).ok_or(Full)?;
        open.remove(&name);
        if changed {
            forgotten.note(&name);
        }
        Ok(())
    }
}

/// Names, the last of many.
#[derive(Debug, Default)]
struct Forgotten {
    names: HashSet<String>,
    order: VecDeque<String>,
}

impl Forgotten {
    fn note(&mut self, name: &str) {
        if self.names.insert(name.to_owned()) {
            self.order.push_back(name.to_owned());
        }
        if self.order.len() > MOST_FORGOTTEN
            && let Some(oldest) = self.order.pop_front()
        {
            self.names.remove(&oldest);
        }
    }

    fn contains(&self, name: &str) -> bool {
        self.names.contains(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn me() -> Arc<str> {
        "me".into()
    }

    fn sessions() -> Sessions {
        Sessions::new("a", SessionConfig::new())
    }

    /// A session that was changed, and used last so long ago.
    fn changed(sessions: &Sessions, idle: Duration) -> String {
        let (name, session) = sessions.create(&me()).unwrap();
        sessions.get(&name).unwrap().set_settings(SessionConfig::new().with_batch_size(7));
        *session.used.lock() = Instant::now().checked_sub(idle).unwrap();
        name
    }

    #[test]
    fn settings_stay_with_their_session() {
        let sessions = sessions();
        let (name, session) = sessions.create(&me()).unwrap();
        session.set_settings(SessionConfig::new().with_batch_size(7));
        assert_eq!(sessions.get(&name).unwrap().settings().batch_size(), 7);
        assert_ne!(sessions.create(&me()).unwrap().1.settings().batch_size(), 7);
    }

    #[test]
    fn a_name_says_where_its_session_lives() {
        let sessions = sessions();
        let (name, _) = sessions.create(&me()).unwrap();
        assert_eq!(home(&name), Some("a"));
        assert_eq!(sessions.elsewhere(&name), None);
        let of = |node: &str| name.replace(".a", node);
        assert_eq!(sessions.elsewhere(&of(".node-1.rack_2")), Some("node-1.rack_2"));
        for other in ["None", "header.payload.signature", &name[..32]] {
            assert_eq!(sessions.elsewhere(other), None, "{other}");
        }
    }

    #[test]
    fn sessions_share_the_settings_that_nobody_changed() {
        let sessions = sessions();
        let options = |session: Arc<Session>| Arc::clone(session.settings().options());
        let (one, other) = (options(sessions.unnamed(&me())), options(sessions.unnamed(&me())));
        assert!(Arc::ptr_eq(&one, &other));
    }

    #[test]
    fn a_closed_session_is_gone() {
        let sessions = sessions();
        let (name, _) = sessions.create(&me()).unwrap();
        assert!(sessions.close(&name));
        assert!(sessions.get(&name).is_none());
        assert!(!sessions.close(&name));
    }

    #[test]
    fn a_name_of_this_node_begins_a_session_anew() {
        let sessions = sessions();
        let name = changed(&sessions, Duration::ZERO);
        sessions.close(&name);
        let session = sessions.anew(&name, &me()).unwrap();
        assert_ne!(session.settings().batch_size(), 7);
        session.set_settings(SessionConfig::new().with_batch_size(9));
        assert_eq!(sessions.get(&name).unwrap().settings().batch_size(), 9);
        assert!(sessions.anew(&name, &"another".into()).is_none());
        for other in ["None", &name.replace(".a", ".b")] {
            assert!(sessions.anew(other, &me()).is_none(), "{other}");
        }
        sessions.forget(&name);
        assert!(sessions.anew(&name, &me()).is_none(), "its settings are lost");
    }

    #[test]
    fn a_session_is_left_to_the_connections_that_are_in_it() {
        let (_, session) = sessions().create(&me()).unwrap();
        let [one, other] = ["one", "other"].map(Arc::<str>::from);
        session.used_by(&one);
        session.used_by(&other);
        assert!(session.is_left_to_others(&one));
        assert!(!session.is_left_to_others(&other));
    }

    #[test]
    fn there_is_a_limit_to_sessions() {
        let sessions = sessions();
        let first = sessions.create(&me()).unwrap().0;
        for _ in 0..MOST {
            sessions.create(&me()).unwrap();
        }
        assert!(sessions.get(&first).is_none());
        assert!(!sessions.is_forgotten(&first), "it had no settings to lose");
    }

    #[test]
    fn strangers_do_not_push_out_what_somebody_changed() {
        let sessions = sessions();
        let mine = changed(&sessions, IN_USE * 3 / 2);
        for _ in 0..MOST + 100 {
            sessions.create(&me()).unwrap();
        }
        assert_eq!(sessions.get(&mine).unwrap().settings().batch_size(), 7);
    }

    #[test]
    fn a_changed_session_goes_when_it_is_idle_and_is_remembered() {
        let sessions = sessions();
        let (old, older) = (changed(&sessions, IN_USE), changed(&sessions, IN_USE * 3 / 2));
        for _ in 2..MOST {
            changed(&sessions, Duration::ZERO);
        }
        changed(&sessions, Duration::ZERO);
        assert!(sessions.is_forgotten(&older) && sessions.get(&older).is_none());
        assert!(!sessions.is_forgotten(&old) && sessions.get(&old).is_some());
    }

    #[test]
    fn a_changed_session_that_nobody_came_back_to_goes_first() {
        let sessions = sessions();
        changed(&sessions, IN_USE);
        let (lone, session) = sessions.create(&me()).unwrap();
        session.set_settings(SessionConfig::new());
        *session.used.lock() = Instant::now().checked_sub(FIRST_USE).unwrap();
        for _ in 2..=MOST {
            changed(&sessions, Duration::ZERO);
        }
        assert!(sessions.is_forgotten(&lone));
    }

    #[test]
    fn where_all_are_changed_and_in_use_none_is_added() {
        let sessions = sessions();
        let names: Vec<_> = (0..MOST).map(|_| changed(&sessions, Duration::ZERO)).collect();
        assert_eq!(sessions.create(&me()).unwrap_err(), Full);
        assert!(names.iter().all(|name| sessions.get(name).is_some()));
        sessions.close(&names[0]);
        sessions.create(&me()).unwrap();
    }

    #[test]
    fn what_is_remembered_of_the_forgotten_is_bounded() {
        let mut forgotten = Forgotten::default();
        for number in 0..=MOST_FORGOTTEN {
            forgotten.note(&number.to_string());
        }
        assert!(!forgotten.contains("0") && forgotten.contains("1"));
        assert_eq!(forgotten.names.len(), MOST_FORGOTTEN);
    }
}
