//! What a query has changed: known once, and told to each of its runs.

use std::future::Future;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use crate::{PlannerError, Result};

/// What a query that writes has come to. It is the query's, not that of one of its runs.
#[derive(Debug, Default)]
pub struct Outcome {
    state: Mutex<State>,
    known: watch::Sender<bool>,
}

#[derive(Debug, Default)]
enum State {
    /// Nothing is changed.
    #[default]
    Open,
    /// It is being committed, whoever waits for it.
    Committing,
    /// It is committed, and has changed so many rows.
    Committed(u64),
    /// It is not known whether it is committed.
    Unknown(PlannerError),
}

impl Outcome {
    /// Rows that were changed, if it is committed.
    pub fn committed(&self) -> Option<u64> {
        match *self.state.lock() {
            State::Committed(count) => Some(count),
            _ => None,
        }
    }

    /// Whether it may not be ended any more: it is committed, or may be.
    pub fn is_settled(&self) -> bool {
        !matches!(*self.state.lock(), State::Open)
    }

    /// What an earlier run has come to, once that is known; `None` where nothing was changed.
    ///
    /// # Errors
    /// Where it cannot be known.
    pub(crate) async fn earlier(&self) -> Result<Option<u64>> {
        let mut known = self.known.subscribe();
        loop {
            match &*self.state.lock() {
                State::Open => return Ok(None),
                State::Committed(count) => return Ok(Some(*count)),
                State::Unknown(error) => return Err(error.clone()),
                State::Committing => {}
            }
            if known.changed().await.is_err() {
                return Ok(None);
            }
        }
    }

    /// Commits, in one of `tasks`, which goes on when nobody waits for it any more. `commit` gives the count of rows, or what stood
    /// in its way (then nothing is changed), or an error (then it is not known). Where another run of the query was first,
    /// it is its count that is given, and `commit` is not begun.
    ///
    /// # Errors
    /// That of `commit`, or of the run that was first.
    pub(crate) async fn commit<R: Send + 'static>(
        self: &Arc<Self>,
        tasks: &TaskTracker,
        commit: impl Future<Output = Result<std::result::Result<u64, R>>> + Send + 'static,
    ) -> Result<std::result::Result<u64, R>> {
        while !self.begin() {
            if let Some(count) = self.earlier().await? {
                return Ok(Ok(count));
            }
        }
        let outcome = Arc::clone(self);
        let task = tasks.spawn(async move {
            let told = Told(&outcome);
            let came_to = commit.await;
            told.tell(match &came_to {
                Ok(Ok(count)) => State::Committed(*count),
                Ok(Err(_)) => State::Open,
                Err(error) => State::Unknown(error.clone()),
            });
            came_to
        });
        task.await.map_err(|error| PlannerError::Internal(format!("a commit ended: {error}")))?
    }
}

impl Outcome {
    /// Of several runs one commits.
    fn begin(&self) -> bool {
        let mut state = self.state.lock();
        let is_open = matches!(*state, State::Open);
        if is_open {
            *state = State::Committing;
        }
        is_open
    }
}

/// Tells that it is not known, should nothing else be told.
struct Told<'o>(&'o Outcome);

impl Told<'_> {
    fn tell(self, state: State) {
        *self.0.state.lock() = state;
    }
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        if matches!(*state, State::Committing) {
            let text = "the node was stopped while the statement was committed".to_owned();
            *state = State::Unknown(PlannerError::Internal(text));
        }
        drop(state);
        self.0.known.send_replace(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> Result<std::result::Result<u64, ()>> {
        Ok(Err(()))
    }

    #[tokio::test]
    async fn what_is_committed_is_told_to_later_runs() {
        let outcome = Arc::<Outcome>::default();
        assert_eq!(outcome.earlier().await.unwrap(), None);
        let done = outcome.commit(&TaskTracker::new(), async { Ok(Ok::<_, ()>(3)) }).await.unwrap();
        assert_eq!((done, outcome.earlier().await.unwrap()), (Ok(3), Some(3)));
    }

    #[tokio::test]
    async fn what_was_refused_may_be_tried_again() {
        let outcome = Arc::<Outcome>::default();
        outcome.commit(&TaskTracker::new(), async { refused() }).await.unwrap().unwrap_err();
        assert!(!outcome.is_settled());
        assert_eq!(outcome.earlier().await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_not_known_is_never_tried_again() {
        let outcome = Arc::<Outcome>::default();
        let lost = || PlannerError::Unavailable("the store".into());
        outcome
            .commit(
                &TaskTracker::new(),
                async move { Err::<std::result::Result<_, ()>, _>(lost()) },
            )
            .await
            .unwrap_err();
        assert!(outcome.is_settled());
        outcome.earlier().await.unwrap_err();
    }

    #[tokio::test]
    async fn of_two_runs_at_once_one_commits() {
        let (outcome, tasks) = (Arc::<Outcome>::default(), TaskTracker::new());
        let (go, gone) = tokio::sync::oneshot::channel::<()>();
        let first = outcome.commit(&tasks, async move {
            let _ = gone.await;
            Ok(Ok::<_, ()>(1))
        });
        let mut first = Box::pin(first);
        assert!(futures::poll!(&mut first).is_pending());
        let second = outcome.commit(&tasks, async { Ok(Ok::<_, ()>(2)) });
        let mut second = Box::pin(second);
        assert!(futures::poll!(&mut second).is_pending());
        go.send(()).unwrap();
        assert_eq!((first.await.unwrap(), second.await.unwrap()), (Ok(1), Ok(1)));
    }

    #[tokio::test]
    async fn a_commit_goes_on_when_nobody_waits() {
        let outcome = Arc::<Outcome>::default();
        let (go, gone) = tokio::sync::oneshot::channel::<()>();
        let tasks = TaskTracker::new();
        let commit = outcome.commit(&tasks, async move {
            let _ = gone.await;
            Ok(Ok::<_, ()>(1))
        });
        let mut commit = Box::pin(commit);
        assert!(futures::poll!(&mut commit).is_pending());
        drop(commit);
        go.send(()).unwrap();
        assert_eq!(outcome.earlier().await.unwrap(), Some(1));
    }
}
