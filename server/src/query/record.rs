//! What a coordinator remembers of one query.

use std::time::Instant;

use parking_lot::Mutex;
use squadron_cluster::Member;

use crate::cpu::CpuTask;
use crate::results::{Opening, ResultError};

/// How far a query is, as its coordinator knows.
#[derive(Debug, Clone)]
pub enum QueryState {
    /// Its plan runs.
    Running,
    /// Its result is complete on every peer.
    Committed,
    /// It failed.
    Failed(ResultError),
}

/// One query that this node coordinates.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) opening: Opening,
    /// Every peer that has an endpoint, this node among them if it has one.
    pub(super) peers: Vec<Member>,
    state: Mutex<(QueryState, Instant)>,
    task: Mutex<Task>,
}

#[derive(Debug)]
enum Task {
    /// Not started yet.
    None,
    /// Ends when it is dropped.
    Running(#[expect(dead_code, reason = "owned, to be dropped")] CpuTask<()>),
    /// Ended from outside.
    Ended,
}

impl Record {
    pub(super) fn new(opening: Opening, peers: Vec<Member>) -> Self {
        let state = Mutex::new((QueryState::Running, Instant::now()));
        Self { opening, peers, state, task: Mutex::new(Task::None) }
    }

    /// The record owns the task that runs its query. One that was ended before it began ends now.
    pub(super) fn own(&self, task: CpuTask<()>) {
        let mut slot = self.task.lock();
        if matches!(*slot, Task::None) {
            *slot = Task::Running(task);
        }
    }

    /// Ends the task.
    pub(super) fn end(&self) {
        *self.task.lock() = Task::Ended;
    }

    pub(super) fn state(&self) -> QueryState {
        self.state.lock().0.clone()
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self.state.lock().0, QueryState::Running)
    }

    /// When it was over, if it is.
    pub(super) fn ended(&self) -> Option<Instant> {
        let state = self.state.lock();
        (!matches!(state.0, QueryState::Running)).then_some(state.1)
    }

    /// How a query ended does not change any more.
    pub(super) fn set_state(&self, new: QueryState) {
        let mut state = self.state.lock();
        if matches!(state.0, QueryState::Running) {
            *state = (new, Instant::now());
        }
    }

    /// Over for longer than its result is kept.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        let kept = self.opening.keep.saturating_mul(2);
        self.ended().and_then(|ended| ended.checked_add(kept)).is_some_and(|until| now > until)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::cpu::CpuRuntime;
    use bytes::Bytes;
    use std::sync::Arc;
    use std::time::Duration;
    use uuid::Uuid;

    pub(crate) fn record() -> Arc<Record> {
        let opening = Opening {
            query: Uuid::now_v7(),
            attempt: 0,
            owner: "alice".into(),
            coordinator: "a".into(),
            schema: Bytes::new(),
            keep: Duration::from_secs(1),
        };
        Arc::new(Record::new(opening, Vec::new()))
    }

    /// A task that never ends by itself, and a receiver that learns when it is gone.
    fn endless(cpu: &CpuRuntime) -> (CpuTask<()>, tokio::sync::oneshot::Receiver<()>) {
        let (held, gone) = tokio::sync::oneshot::channel();
        let task = cpu.spawn(async move {
            let _held = held;
            futures::future::pending().await
        });
        (task, gone)
    }

    #[tokio::test]
    async fn a_record_that_ends_ends_its_task() {
        let cpu = CpuRuntime::new(1).unwrap();
        let (task, gone) = endless(&cpu);
        let record = record();
        record.own(task);
        record.end();
        gone.await.unwrap_err();
    }

    #[tokio::test]
    async fn a_task_that_comes_after_the_end_ends_too() {
        let cpu = CpuRuntime::new(1).unwrap();
        let record = record();
        record.end();
        let (task, gone) = endless(&cpu);
        record.own(task);
        gone.await.unwrap_err();
    }

    #[test]
    fn the_first_outcome_stays() {
        let record = record();
        record.set_state(QueryState::Committed);
        record.set_state(QueryState::Failed(ResultError::Corrupt(String::new())));
        assert!(matches!(record.state(), QueryState::Committed));
    }

    #[test]
    fn a_query_is_remembered_longer_than_its_result() {
        let record = record();
        let now = Instant::now();
        assert!(!record.is_over(now + Duration::from_secs(3600)), "it runs");
        record.set_state(QueryState::Committed);
        assert!(!record.is_over(now + Duration::from_secs(1)));
        assert!(record.is_over(now + Duration::from_secs(4)));
    }
}
