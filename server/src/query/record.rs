//! What a coordinator remembers of one query.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use squadron_cluster::Member;
use squadron_planner::commit::Outcome;
use squadron_planner::plan::TaskRoutes;
use tokio::sync::{OnceCell, watch};

use super::admission::Exit;
use super::interest::Interests;
use super::progress::Progress;
use super::start::Started;
use crate::cpu::CpuTask;
use crate::flight::status;
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
    /// Every peer that was given an endpoint, this node among them if it has one.
    pub(super) peers: Vec<Member>,
    run: Mutex<Run>,
    /// Set when a node that the current run needs is gone.
    loss: watch::Sender<Option<ResultError>>,
    /// The name of the session that started it, if it has one.
    pub(super) session: Option<String>,
    /// What it has changed, if it is a statement that changes something.
    pub(super) outcome: Option<Arc<Outcome>>,
    /// Its way out of the queue; none for a query of a test.
    pub(super) exit: Option<Exit>,
    /// Node ids of peers whose shares its client can read through this node only, and has not.
    pub(super) through: Mutex<BTreeSet<String>>,
    /// What the peers say of its readers.
    pub(super) interests: Interests,
    /// How far it is.
    pub(super) progress: Progress,
    /// What its client was answered, and how many parts there will be; not for a query of a test.
    pub(super) answer: OnceLock<(Arc<Started>, usize)>,
    /// When it was taken, and when it began to run.
    taken: Instant,
    began: OnceLock<Instant>,
    /// When a client last asked how far it is.
    polled: Mutex<Option<Instant>>,
    state: Mutex<(QueryState, Instant)>,
    task: Mutex<Task>,
}

/// One run of a query.
#[derive(Debug)]
struct Run {
    attempt: u32,
    /// Node ids of the peers that earlier runs lost.
    lost: BTreeSet<String>,
    /// Which workers run its tasks: filled as it runs.
    routes: Arc<TaskRoutes>,
    /// Node ids of the peers whose rows may have left for a client.
    left: BTreeSet<String>,
    /// Set when all its nodes were seen since there are rows.
    whole: Arc<OnceCell<()>>,
    /// It is over: nothing of it may leave any more.
    over: bool,
}

impl Run {
    fn new(attempt: u32, lost: BTreeSet<String>, routes: Arc<TaskRoutes>) -> Self {
        Self { attempt, lost, routes, left: BTreeSet::new(), whole: Arc::default(), over: false }
    }
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
    /// `routes` will say which workers run its tasks.
    pub(super) fn new(opening: Opening, peers: Vec<Member>, routes: Arc<TaskRoutes>) -> Self {
        let run = Mutex::new(Run::new(opening.attempt, BTreeSet::new(), routes));
        let progress = Progress::new(peers.iter().map(|peer| peer.node_id.clone()).collect());
        Self {
            opening,
            peers,
            run,
            loss: watch::Sender::new(None),
            session: None,
            outcome: None,
            exit: None,
            through: Mutex::default(),
            interests: Interests::default(),
            progress,
            answer: OnceLock::new(),
            taken: Instant::now(),
            began: OnceLock::new(),
            polled: Mutex::default(),
            state: Mutex::new((QueryState::Running, Instant::now())),
            task: Mutex::new(Task::None),
        }
    }

    /// The ids of the nodes that it cannot do without: those of its shares and of its tasks.
    pub(super) fn nodes(&self) -> BTreeSet<String> {
        let routes = Arc::clone(&self.run.lock().routes);
        let tasks = routes.snapshot().into_iter().flat_map(|route| route.nodes);
        tasks.chain(self.peers_left().into_iter().map(|peer| peer.node_id.clone())).collect()
    }

    /// How long ago it was taken.
    pub(super) fn age(&self) -> Duration {
        self.taken.elapsed()
    }

    /// Which run of it is on.
    pub(super) fn attempt(&self) -> u32 {
        self.run.lock().attempt
    }

    /// The peers that were not lost.
    pub(super) fn peers_left(&self) -> Vec<&Member> {
        let run = self.run.lock();
        self.peers.iter().filter(|peer| !run.lost.contains(&peer.node_id)).collect()
    }

    /// With what a peer opens it now.
    pub(super) fn opening_now(&self) -> Opening {
        let run = self.run.lock();
        let lost = run.lost.iter().cloned().collect();
        Opening { attempt: run.attempt, lost, ..self.opening.clone() }
    }

    /// Whether all the nodes of a run were seen, of the one that is on.
    pub(super) fn whole(&self, attempt: u32) -> Option<Arc<OnceCell<()>>> {
        let run = self.run.lock();
        (attempt == run.attempt && !run.over).then(|| Arc::clone(&run.whole))
    }

    /// Whether rows of a run may leave a peer: from now on it cannot be lost, if so.
    pub(super) fn let_leave(&self, attempt: u32, peer: &str) -> bool {
        let mut run = self.run.lock();
        let may = attempt == run.attempt && !run.over;
        if may {
            run.left.insert(peer.to_owned());
        }
        may
    }

    /// The current run is over: nothing leaves any more. Gives the peers whose rows may have left.
    pub(super) fn end_run(&self) -> BTreeSet<String> {
        let mut run = self.run.lock();
        run.over = true;
        run.left.clone()
    }

    /// It begins again without these peers, on those routes.
    pub(super) fn run_again(&self, opening: &Opening, routes: Arc<TaskRoutes>) {
        let lost = opening.lost.iter().cloned().collect();
        let mut run = self.run.lock();
        *run = Run::new(opening.attempt, lost, routes);
        self.loss.send_replace(None);
        drop(run);
        self.interests.again();
        self.progress.again();
    }

    /// A node that a run needs is gone. Whether there is a task, which decides what becomes of the query
    /// once it looks: one that waits for a slot has time, and one that plans the next run has looked already.
    pub(super) fn lose(&self, attempt: u32, why: ResultError) -> bool {
        let run = self.run.lock();
        if run.attempt == attempt {
            self.loss.send_replace(Some(why));
        }
        drop(run);
        matches!(*self.task.lock(), Task::Running(_))
    }

    /// Waits until a node that the current run needs is gone.
    pub(super) async fn loss(&self) -> ResultError {
        let mut loss = self.loss.subscribe();
        let why = loss.wait_for(Option::is_some).await.ok().and_then(|why| (*why).clone());
        match why {
            Some(why) => why,
            // The sender is here.
            None => std::future::pending().await,
        }
    }

    /// The record owns the task that runs its query. One that was ended before it began ends now.
    pub(super) fn own(&self, task: CpuTask<()>) {
        let mut slot = self.task.lock();
        if matches!(*slot, Task::None) {
            *slot = Task::Running(task);
        }
    }

    /// Ends the task, and its waiting for a slot.
    pub(super) fn end(&self) {
        *self.task.lock() = Task::Ended;
        if let Some(exit) = &self.exit {
            exit.leave();
        }
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

    /// Whether it took the new state: how a query ended does not change any more.
    pub(super) fn set_state(&self, new: QueryState) -> bool {
        let mut state = self.state.lock();
        let runs = matches!(state.0, QueryState::Running);
        if runs {
            *state = (new, Instant::now());
            drop(state);
            self.progress.over();
        }
        runs
    }

    /// It has a slot.
    pub(super) fn begin(&self) {
        let _ = self.began.set(Instant::now());
    }

    /// How long it has waited for a slot, or did.
    pub(super) fn waited(&self) -> Duration {
        self.began.get().copied().unwrap_or_else(Instant::now).duration_since(self.taken)
    }

    /// Whether it waits for a slot.
    pub(super) fn is_queued(&self) -> bool {
        self.began.get().is_none() && self.is_running()
    }

    /// Whether it can be ended from outside: it changes nothing from now on, if so. What it changes may be changed.
    pub(super) fn may_end(&self) -> bool {
        !self.is_running() || self.outcome.as_ref().is_none_or(|outcome| outcome.close())
    }

    /// How many rows it has changed, once that is decided; `None` if it has changed nothing.
    ///
    /// # Errors
    /// Where it cannot be known.
    pub(super) async fn decided(&self) -> Result<Option<u64>, ResultError> {
        let Some(outcome) = &self.outcome else { return Ok(None) };
        outcome.decided().await.map_err(|error| status::query_failure(&error))
    }

    /// What is to be said of a query that has failed so, once it is decided whether it has changed anything.
    pub(super) async fn failure(&self, error: ResultError) -> ResultError {
        match self.decided().await {
            Err(unknown) => unknown,
            Ok(None) => error,
            Ok(Some(rows)) => ResultError::Corrupt(format!(
                "the statement was carried out and changed {rows} rows, but its answer was lost ({error}): do not run it again"
            )),
        }
    }

    /// A client asks how far it is, and so waits for it.
    pub(super) fn poll(&self, now: Instant) {
        *self.polled.lock() = Some(now);
    }

    /// How long no client has asked how far it is, if one ever did.
    pub(super) fn unpolled(&self, now: Instant) -> Option<Duration> {
        self.polled.lock().map(|polled| now.saturating_duration_since(polled))
    }

    /// Its owner wants it no more: it ends in `error`, also if it was complete. Gives how it had ended
    /// if that was in an error.
    pub(super) fn give_up(&self, error: ResultError) -> Option<ResultError> {
        let mut state = self.state.lock();
        if let QueryState::Failed(before) = &state.0 {
            return Some(before.clone());
        }
        *state = (QueryState::Failed(error), Instant::now());
        drop(state);
        self.progress.over();
        self.end();
        None
    }

    /// Whether its client still has to read something of it through this node, and can.
    pub(super) fn is_read_through_here(&self, now: Instant) -> bool {
        let complete = matches!(self.state.lock().0, QueryState::Committed);
        let to_read = {
            let lost = &self.run.lock().lost;
            self.through.lock().iter().any(|peer| !lost.contains(peer))
        };
        complete && to_read && !self.kept_for(now).is_zero()
    }

    /// For how long its result can be read at least: its time begins when it is complete.
    pub(super) fn kept_for(&self, now: Instant) -> Duration {
        let over =
            self.ended().map_or(Duration::ZERO, |ended| now.saturating_duration_since(ended));
        self.opening.keep.saturating_sub(over)
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
    use uuid::Uuid;

    pub(crate) fn record() -> Arc<Record> {
        let opening = Opening {
            query: Uuid::now_v7(),
            attempt: 0,
            lost: Vec::new(),
            staged: false,
            owner: "alice".into(),
            coordinator: "a".into(),
            schema: Bytes::new(),
            keep: Duration::from_secs(1),
        };
        Arc::new(Record::new(opening, Vec::new(), Arc::default()))
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
    fn rows_leave_only_while_their_run_is_on() {
        let record = record();
        assert!(record.let_leave(0, "a"));
        assert!(!record.let_leave(1, "b"), "a run that there is not");
        assert_eq!(record.end_run(), BTreeSet::from(["a".to_owned()]));
        assert!(!record.let_leave(0, "b"), "it is over");
        let next = Opening { attempt: 1, ..record.opening.clone() };
        record.run_again(&next, Arc::default());
        assert!(!record.let_leave(0, "b"));
        assert!(record.let_leave(1, "b"));
    }

    #[tokio::test]
    async fn a_loss_is_known_to_whoever_looks_later() {
        let cpu = CpuRuntime::new(1).unwrap();
        let record = record();
        let lost = || ResultError::Unavailable("node b".into());
        assert!(!record.lose(0, lost()), "there is nobody to look");
        let (task, _gone) = endless(&cpu);
        record.own(task);
        assert!(record.lose(0, lost()));
        assert!(record.loss().await.to_string().contains("node b"));
    }

    #[tokio::test]
    async fn what_an_earlier_run_lost_is_no_loss() {
        let record = record();
        let next = Opening { attempt: 1, ..record.opening.clone() };
        record.run_again(&next, Arc::default());
        record.lose(0, ResultError::Unavailable("node b".into()));
        assert!(futures::poll!(std::pin::pin!(record.loss())).is_pending());
    }

    #[test]
    fn the_time_of_a_result_begins_when_it_is_complete() {
        let record = record();
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        assert_eq!(record.kept_for(now + 10 * second), second);
        record.set_state(QueryState::Committed);
        assert!(record.kept_for(Instant::now() + second / 2) <= second / 2);
        assert_eq!(record.kept_for(now + 10 * second), Duration::ZERO);
    }

    #[test]
    fn a_result_whose_way_is_this_node_is_waited_for_until_it_was_read() {
        let record = record();
        record.through.lock().insert("b".into());
        let now = Instant::now();
        assert!(!record.is_read_through_here(now), "it runs: it is waited for as a query");
        record.set_state(QueryState::Committed);
        assert!(record.is_read_through_here(now));
        assert!(!record.is_read_through_here(now + Duration::from_secs(2)), "its time is over");
        record.through.lock().remove("b");
        assert!(!record.is_read_through_here(now));
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
