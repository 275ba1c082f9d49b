//! Statements with parameters, and the values that were bound to them.
//!
//! A statement without parameters needs no memory: its handle holds its text. Of one that has some, its node
//! keeps what they are and what was bound last, under a handle that stays the same, since drivers go on with the
//! one they were given first. They leak handles, too: what nobody uses is forgotten.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::common::ScalarValue;
use parking_lot::Mutex;
use squadron_planner::plan::Parameters;
use uuid::Uuid;

/// Connection pools keep statements; they use those that they keep.
const IDLE: Duration = Duration::from_secs(3600);

/// Statements of one node at most; those go first that were used longest ago.
const MOST: usize = 10_000;

/// Values for the parameters of a statement, the first of `$1`.
pub type Values = Arc<[ScalarValue]>;

/// The statements with parameters that were prepared at this node.
#[derive(Debug, Default)]
pub struct Statements(Mutex<HashMap<Uuid, Statement>>);

#[derive(Debug)]
struct Statement {
    owner: String,
    parameters: Arc<Parameters>,
    values: Option<Values>,
    used: Instant,
}

impl Statements {
    /// Keeps one of `owner`; gives its id.
    pub fn keep(&self, owner: &str, parameters: Parameters) -> Uuid {
        let (id, owner, parameters) = (Uuid::new_v4(), owner.to_owned(), Arc::new(parameters));
        let mut all = self.0.lock();
        if all.len() >= MOST {
            let oldest = all.iter().min_by_key(|(_, it)| it.used).map(|(id, _)| *id);
            oldest.and_then(|oldest| all.remove(&oldest));
        }
        all.insert(id, Statement { owner, parameters, values: None, used: Instant::now() });
        id
    }

    /// The parameters of one, and what is bound to them; nothing for one that is not known, or another's.
    pub fn get(&self, id: Uuid, owner: &str) -> Option<(Arc<Parameters>, Option<Values>)> {
        let mut all = self.0.lock();
        let found = all.get_mut(&id).filter(|found| found.owner == owner)?;
        found.used = Instant::now();
        Some((Arc::clone(&found.parameters), found.values.clone()))
    }

    /// Binds these values, or none any more.
    pub fn bind(&self, id: Uuid, values: Option<Values>) {
        if let Some(found) = self.0.lock().get_mut(&id) {
            found.values = values;
        }
    }

    /// Forgets one.
    pub fn close(&self, id: Uuid, owner: &str) {
        let mut all = self.0.lock();
        if all.get(&id).is_some_and(|found| found.owner == owner) {
            all.remove(&id);
        }
    }

    /// Forgets those that nobody has used for long.
    pub(super) fn forget_idle(&self, now: Instant) {
        let stays = |it: &Statement| now.saturating_duration_since(it.used) < IDLE;
        self.0.lock().retain(|_, it| stays(it));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> (Statements, Uuid) {
        let statements = Statements::default();
        let id = statements.keep("alice", Parameters::none());
        (statements, id)
    }

    #[test]
    fn what_was_bound_last_counts() {
        let (statements, id) = kept();
        for value in [1, 2] {
            statements.bind(id, Some([ScalarValue::Int32(Some(value))].into()));
        }
        let (_, values) = statements.get(id, "alice").unwrap();
        assert_eq!(*values.unwrap(), [ScalarValue::Int32(Some(2))]);
    }

    #[test]
    fn a_statement_is_for_its_owner() {
        let (statements, id) = kept();
        statements.close(id, "bob");
        assert!(statements.get(id, "bob").is_none());
        assert!(statements.get(id, "alice").is_some());
        statements.close(id, "alice");
        assert!(statements.get(id, "alice").is_none());
    }

    #[test]
    fn what_nobody_uses_is_forgotten() {
        let (statements, id) = kept();
        statements.forget_idle(Instant::now());
        assert!(statements.get(id, "alice").is_some());
        statements.forget_idle(Instant::now() + IDLE);
        assert!(statements.get(id, "alice").is_none());
    }
}
