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
    /// Nothing is changed, nor will be: the query was ended.
    Closed,
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

    /// Whether the query can be ended: from now on it commits nothing, if so. One that is committed, or may be, cannot.
    pub fn close(&self) -> bool {
        let mut state = self.state.lock();
        let may_end = matches!(*state, State::Open | State::Closed);
        if may_end {
            *state = State::Closed;
        }
        may_end
    }

    /// What it has come to, once it is not being committed; `None` where nothing is changed.
    ///
    /// # Errors
    /// Where it cannot be known.
    pub async fn decided(&self) -> Result<Option<u64>> {
        let mut known = self.known.subscribe();
        loop {
            match &*self.state.lock() {
                State::Open | State::Closed => return Ok(None),
                State::Committed(count) => return Ok(Some(*count)),
                State::Unknown(error) => return Err(error.clone()),
                State::Committing => {}
            }
            if known.changed().await.is_err() {
                return Ok(None);
            }
        }
    }

    /// What an earlier run has come to, as [`Outcome::decided`].
    ///
    /// # Errors
    /// Where it cannot be known, or the query was ended.
    pub(crate) async fn earlier(&self) -> Result<Option<u64>> {
        let decided = self.decided().await?;
        match *self.state.lock() {
            State::Closed => Err(PlannerError::Cancelled(
                "the statement was ended before it changed anything".into(),
            )),
            _ => Ok(decided),
        }
    }

    /// Commits, in one of `tasks`, which goes on when nobody waits for it any more. `commit` gives the count of rows, or what stood
    /// in its way (then nothing is changed), or an error (then it is not known). Where another run of the query was first,
    /// it is its count that is given, and `commit` is not begun.
    ///
    /// # Errors
    /// That of `commit`, or of the run that was first; where the query was ended.
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
            let told = Told { outcome: &outcome, told: false };
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
struct Told<'o> {
    outcome: &'o Outcome,
    told: bool,
}

impl Told<'_> {
    fn tell(mut self, state: State) {
        *self.outcome.state.lock() = state;
        // Once: another run may be committing by the time that this one goes.
        self.told = true;
    }
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if !self.told {
            let text =
                "it is not known whether the statement was carried out: its commit ended too early"
                    .to_owned();
            *self.outcome.state.lock() = State::Unknown(PlannerError::Internal(text));
        }
        self.outcome.known.send_replace(true);
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
        assert!(!outcome.close());
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

    #[tokio::test]
    async fn what_was_ended_commits_nothing() {
        let outcome = Arc::<Outcome>::default();
        assert!(outcome.close() && outcome.close());
        let commit = outcome.commit(&TaskTracker::new(), async { Ok(Ok::<_, ()>(1)) }).await;
        assert!(matches!(commit, Err(PlannerError::Cancelled(_))), "{commit:?}");
        assert_eq!(outcome.decided().await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_being_committed_cannot_be_ended_and_says_what_it_came_to() {
        let (outcome, tasks) = (Arc::<Outcome>::default(), TaskTracker::new());
        let (go, gone) = tokio::sync::oneshot::channel::<()>();
        let mut commit = Box::pin(outcome.commit(&tasks, async move {
            let _ = gone.await;
            Ok(Ok::<_, ()>(7))
        }));
        assert!(futures::poll!(&mut commit).is_pending());
        assert!(!outcome.close());
        let mut decided = Box::pin(outcome.decided());
        assert!(futures::poll!(&mut decided).is_pending());
        go.send(()).unwrap();
        assert_eq!(decided.await.unwrap(), Some(7));
        assert!(!outcome.close());
    }
}
