//! Statements that are planned for clients who poll, without a call that lasts as long as planning does.
//!
//! ```text
//!   first poll ─► task here: plan, start ─► its query runs: the record takes over
//!        │              │                └► or all there is to it (a setting), or an error: for the next poll
//!        └─ not in time: a handle with the query's id ─► next polls wait here, until they have a record
//! ```
//!
//! A task ends when it is cancelled, when nobody asks for it any more, and with the first poll if that was
//! given up: nobody else knows of it. What it is planning may go on for a moment, until it looks whether
//! it is to end (`start.rs`): a query that comes of it then is not registered.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::common::runtime::SpawnedTask;
use futures::FutureExt;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::timeout;
use tonic::{Code, Status};
use uuid::Uuid;

use super::Queries;
use super::asked::Caller;
use super::cancel::{Cancelled, cancelled};
use super::registry::MOST_FINISHED;
use crate::flight::messages::PolledProto;
use crate::flight::{poll, status};
use crate::results::ResultError;

/// What a poll is answered before there is a query: `None` when there is one.
pub type Planned = Result<Option<PolledProto>, Status>;

/// The statements that are planned for clients who poll, and those of which no query came, for a while.
#[derive(Debug, Default)]
pub(super) struct Plannings(Mutex<HashMap<Uuid, Entry>>);

#[derive(Debug)]
struct Entry {
    planning: Arc<Planning>,
    /// Until it is over.
    task: Option<SpawnedTask<()>>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Planning {
    owner: String,
    session: Option<String>,
    outcome: watch::Sender<Option<Planned>>,
    /// When it was last asked for, or was over.
    touched: Mutex<Instant>,
}

impl Planning {
    fn new(caller: &Caller) -> Self {
        Self {
            owner: caller.principal.clone(),
            session: caller.session.clone(),
            outcome: watch::Sender::new(None),
            touched: Mutex::new(Instant::now()),
        }
    }

    fn touch(&self) {
        *self.touched.lock() = Instant::now();
    }

    fn is_over(&self) -> bool {
        self.outcome.borrow().is_some()
    }

    fn untouched(&self, now: Instant) -> Duration {
        now.saturating_duration_since(*self.touched.lock())
    }

    async fn outcome(&self) -> Planned {
        let mut outcome = self.outcome.subscribe();
        let known = outcome.wait_for(Option::is_some).await.ok().and_then(|known| (*known).clone());
        match known {
            Some(known) => known,
            // The sender is here.
            None => std::future::pending().await,
        }
    }
}

impl Entry {
    /// It is over, if it was not: nothing works for it any more.
    fn end(&mut self, outcome: Planned) {
        if self.planning.is_over() {
            return;
        }
        self.task = None;
        self.planning.touch();
        self.planning.outcome.send_replace(Some(outcome));
    }

    /// Whether it can be forgotten: what still plans has to find it.
    fn is_left(&self) -> bool {
        self.planning.is_over() && Arc::strong_count(&self.planning) == 1
    }
}

impl Plannings {
    pub(super) fn get(&self, query: Uuid) -> Option<Arc<Planning>> {
        self.0.lock().get(&query).map(|entry| Arc::clone(&entry.planning))
    }

    /// Whether no query may come of it any more.
    pub(super) fn is_over(&self, query: Uuid) -> bool {
        self.0.lock().get(&query).is_some_and(|entry| entry.planning.is_over())
    }

    /// Those that are being planned, with their owners.
    pub(super) fn owners(&self) -> Vec<(Uuid, String)> {
        let all = self.0.lock();
        let planned = all.iter().filter(|(_, entry)| !entry.planning.is_over());
        planned.map(|(query, entry)| (*query, entry.planning.owner.clone())).collect()
    }

    /// Those that a session has started.
    pub(super) fn of_session(&self, session: &str) -> Vec<Uuid> {
        let all = self.0.lock();
        let of_session = |entry: &Entry| entry.planning.session.as_deref() == Some(session);
        all.iter().filter(|(_, entry)| of_session(entry)).map(|(query, _)| *query).collect()
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }

    /// Ends one, if there is one without a query.
    pub(super) fn cancel(&self, query: Uuid) -> Option<Cancelled> {
        let mut all = self.0.lock();
        let entry = all.get_mut(&query)?;
        entry.end(Err(status::result(&cancelled(query))));
        match &*entry.planning.outcome.borrow() {
            Some(Err(why)) if why.code() == Code::Cancelled => Some(Cancelled::Yes),
            _ => Some(Cancelled::TooLate),
        }
    }

    /// The node stops.
    pub(super) fn end(&self, why: &Status) {
        self.0.lock().values_mut().for_each(|entry| entry.end(Err(why.clone())));
    }

    /// The task must find itself here, however soon it is done. Where `most` are planned already, it is not
    /// begun: gives whether it was.
    fn begin(
        &self,
        query: Uuid,
        planning: Planning,
        most: usize,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> bool {
        let mut all = self.0.lock();
        if all.values().filter(|entry| entry.task.is_some()).count() >= most {
            return false;
        }
        let task = Some(SpawnedTask::spawn(work));
        all.insert(query, Entry { planning: Arc::new(planning), task });
        true
    }

    fn finish(&self, query: Uuid, outcome: Planned) {
        let runs = matches!(outcome, Ok(None));
        let mut all = self.0.lock();
        let Some(entry) = all.get_mut(&query) else { return };
        entry.end(outcome);
        if runs {
            all.remove(&query);
        }
    }

    /// Nobody can ask for it.
    fn leave(&self, query: Uuid) {
        let mut all = self.0.lock();
        let Some(entry) = all.get_mut(&query) else { return };
        entry.end(Err(status::result(&cancelled(query))));
        if entry.is_left() {
            all.remove(&query);
        }
    }

    /// Ends what was not asked for within `patience`, and forgets what is over for as long.
    fn sweep(&self, now: Instant, patience: Duration, why: &Status) {
        let mut all = self.0.lock();
        let old = |entry: &Entry| entry.planning.untouched(now) >= patience;
        all.retain(|_, entry| !(entry.is_left() && old(entry)));
        for entry in all.values_mut().filter(|entry| old(entry)) {
            entry.end(Err(why.clone()));
        }
        let over = all.iter().filter(|(_, entry)| entry.is_left());
        let mut over: Vec<_> =
            over.map(|(query, entry)| (*entry.planning.touched.lock(), *query)).collect();
        over.sort_unstable();
        for (_, query) in &over[..over.len().saturating_sub(MOST_FINISHED)] {
            all.remove(query);
        }
    }
}

/// A statement whose first poll was not answered yet: dropped before, it ends.
#[must_use]
#[derive(Debug)]
pub struct Begun {
    queries: Arc<Queries>,
    query: Uuid,
    known: bool,
}

impl Begun {
    /// The id of the query that comes of it.
    pub fn query(&self) -> Uuid {
        self.query
    }

    /// Its client is given what to ask on with.
    pub fn known(mut self) {
        self.known = true;
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if !self.known {
            self.queries.plannings.leave(self.query);
        }
    }
}

impl Queries {
    /// Has `work`, which starts `query` for `caller`, go on without a call.
    ///
    /// # Errors
    /// `Busy` when as many are planned as could run and wait afterwards.
    pub fn begin(
        self: &Arc<Self>,
        query: Uuid,
        caller: &Caller,
        work: impl Future<Output = Planned> + Send + 'static,
    ) -> Result<Begun, ResultError> {
        let queries = Arc::clone(self);
        let work = async move {
            let outcome = AssertUnwindSafe(work).catch_unwind().await;
            let outcome = outcome.unwrap_or_else(|_| {
                Err(status::internal("starting the query panicked: see the node's log"))
            });
            queries.plannings.finish(query, outcome);
        };
        let most = self.admission.most();
        match self.plannings.begin(query, Planning::new(caller), most, work) {
            true => Ok(Begun { queries: Arc::clone(self), query, known: false }),
            false => Err(ResultError::Busy(format!(
                "this node plans {most} statements for clients who poll, as many as may run and wait: try again in a while, or raise --queued-queries"
            ))),
        }
    }

    /// Waits until a statement is planned, for as long as `within`: gives what a poll is answered where there
    /// is no query yet, or none will come of it.
    ///
    /// # Errors
    /// The statement's own, and why its planning was ended.
    pub async fn planned(&self, query: Uuid, within: Duration) -> Planned {
        let Some(planning) = self.plannings.get(query) else { return Ok(None) };
        planning.touch();
        let outcome = timeout(within, planning.outcome()).await;
        planning.touch();
        outcome.unwrap_or_else(|_| Ok(Some(poll::planning(query))))
    }

    /// Ends the planning of what nobody asks for any more.
    pub(super) fn end_unpolled(&self, now: Instant) {
        let patience = self.first_read();
        let message = format!(
            "the query was cancelled: nobody asked how far it is within {} (--result-keep)",
            humantime::format_duration(patience)
        );
        let why = ResultError::Query { code: Code::Cancelled as i32, message };
        self.plannings.sweep(now, patience, &status::result(&why));
    }
}
