//! Statements with parameters, and the values that were bound to them.
//!
//! A statement without parameters needs no memory: its handle holds its text. Of one that has some, its node
//! keeps what they are and what was bound last, under a handle that stays the same, since drivers go on with the
//! one they were given first. They leak handles, too: what nobody uses is forgotten.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use parking_lot::Mutex;
use squadron_planner::plan::Parameters;
use uuid::Uuid;

/// Connection pools keep statements; they use those that they keep.
pub const IDLE: Duration = Duration::from_secs(3600);

/// Statements of one node at most; those go first that were used longest ago.
const MOST: usize = 10_000;

/// Values for the parameters of a statement, the first of `$1`.
pub type Values = Arc<[ScalarValue]>;

/// Bytes that those of one node take at most, in shares of its memory, and altogether.
const SHARE: usize = 32;
const MOST_BYTES: usize = 256 << 20;

/// What was to be bound is more than a node keeps for all of its statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the values are {bytes} bytes, more than the {most} that this node keeps for prepared statements: bind less, or raise the node's --memory-limit"
)]
pub struct TooLarge {
    bytes: usize,
    most: usize,
}

/// The statements with parameters that were prepared at this node.
#[derive(Debug)]
pub struct Statements {
    most: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    all: HashMap<Uuid, Statement>,
    bytes: usize,
}

#[derive(Debug)]
struct Statement {
    owner: String,
    parameters: Arc<Parameters>,
    values: Option<Values>,
    bytes: usize,
    used: Instant,
}

impl Statements {
    /// None yet, of a node that may take so many bytes of memory.
    pub fn new(memory: usize) -> Self {
        Self { most: (memory / SHARE).min(MOST_BYTES), kept: Mutex::default() }
    }

    /// Keeps one of `owner`; gives its id. Others go for it that were used longest ago.
    pub fn keep(&self, owner: &str, parameters: Parameters) -> Uuid {
        let (id, owner, parameters) = (Uuid::new_v4(), owner.to_owned(), Arc::new(parameters));
        let (bytes, used) = (bytes_of(&owner, &parameters, None), Instant::now());
        let mut kept = self.kept.lock();
        kept.put(id, Statement { owner, parameters, values: None, bytes, used });
        kept.make_room(self.most);
        id
    }

    /// The parameters of one, and what is bound to them; nothing for one that is not known, or another's.
    pub fn get(&self, id: Uuid, owner: &str) -> Option<(Arc<Parameters>, Option<Values>)> {
        let mut kept = self.kept.lock();
        let found = kept.all.get_mut(&id).filter(|found| found.owner == owner)?;
        found.used = Instant::now();
        Some((Arc::clone(&found.parameters), found.values.clone()))
    }

    /// Binds these values, or none any more. Other statements go for them that were used longest ago.
    ///
    /// # Errors
    /// [`TooLarge`] for more than all of them may take.
    pub fn bind(&self, id: Uuid, values: Option<Values>) -> Result<(), TooLarge> {
        let mut kept = self.kept.lock();
        let Some(found) = kept.all.get(&id) else { return Ok(()) };
        let bytes = bytes_of(&found.owner, &found.parameters, values.as_ref());
        if bytes > self.most {
            return Err(TooLarge { bytes, most: self.most });
        }
        if let Some(found) = kept.take(&id) {
            kept.put(id, Statement { values, bytes, used: Instant::now(), ..found });
        }
        kept.make_room(self.most);
        Ok(())
    }

    /// Forgets one.
    pub fn close(&self, id: Uuid, owner: &str) {
        let mut kept = self.kept.lock();
        if kept.all.get(&id).is_some_and(|found| found.owner == owner) {
            kept.take(&id);
        }
    }

    /// Forgets those that nobody has used for long.
    pub(super) fn forget_idle(&self, now: Instant) {
        let stays = |it: &Statement| now.saturating_duration_since(it.used) < IDLE;
        let mut kept = self.kept.lock();
        kept.all.retain(|_, it| stays(it));
        kept.bytes = kept.all.values().map(|it| it.bytes).sum();
    }
}

impl Kept {
    fn put(&mut self, id: Uuid, statement: Statement) {
        self.bytes += statement.bytes;
        self.all.insert(id, statement);
    }

    fn take(&mut self, id: &Uuid) -> Option<Statement> {
        let taken = self.all.remove(id)?;
        self.bytes -= taken.bytes;
        Some(taken)
    }

    fn make_room(&mut self, most: usize) {
        while self.all.len() > MOST || self.bytes > most {
            let Some(oldest) = self.all.iter().min_by_key(|(_, it)| it.used).map(|(id, _)| *id)
            else {
                return;
            };
            self.take(&oldest);
        }
    }
}

fn bytes_of(owner: &str, parameters: &Parameters, values: Option<&Values>) -> usize {
    let types = parameters.count() * size_of::<DataType>();
    let values = values.map_or(0, |values| values.iter().map(ScalarValue::size).sum());
    size_of::<Statement>() + owner.len() + types + values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> (Statements, Uuid) {
        let statements = Statements::new(1 << 20);
        let id = statements.keep("alice", Parameters::none());
        (statements, id)
    }

    #[test]
    fn what_was_bound_last_counts() {
        let (statements, id) = kept();
        for value in [1, 2] {
            statements.bind(id, Some([ScalarValue::Int32(Some(value))].into())).unwrap();
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

    #[test]
    fn what_is_bound_takes_no_more_than_a_share_of_memory() {
        let (statements, first) = kept();
        let text = |bytes| Some([ScalarValue::Utf8(Some("x".repeat(bytes)))].into());
        assert!(statements.bind(first, text(1 << 20)).is_err());
        statements.bind(first, text(20 << 10)).unwrap();
        let second = statements.keep("alice", Parameters::none());
        statements.bind(second, text(20 << 10)).unwrap();
        assert!(statements.get(first, "alice").is_none());
        assert!(statements.get(second, "alice").is_some());
        statements.close(second, "alice");
        assert_eq!(statements.kept.lock().bytes, 0);
    }
}
