//! The queries that this node coordinates, and what they are made with.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use squadron_cluster::Member;
use squadron_cluster::Members;
use squadron_planner::plan::Planner;
use tokio::runtime::Handle;
use tokio::sync::watch;
use uuid::Uuid;

use super::absence::Absences;
use super::admission::Admission;
use super::cancel::cancelled;
use super::one_catalog::Agreed;
use super::pending::Relays;
use super::planning::Plannings;
use super::prepared::Statements;
use super::record::{QueryState, Record};
use crate::cpu::CpuRuntime;
use crate::flight::messages::StatusProto;
use crate::flight::peers::Peers;
use crate::flight::status;
use crate::flight::ticket::Signer;
use crate::results::{Interest, ResultError, ResultStore};

/// How long things may take and be kept.
#[derive(Debug, Clone)]
pub struct QueryLimits {
    /// How long a result is kept after its query completed.
    pub keep: Duration,
    /// How long a query runs on after its last reader has gone.
    pub reader_grace: Duration,
    /// Longest that a query waits and runs; zero: for ever.
    pub timeout: Duration,
    /// Bytes of memory that the node may take.
    pub memory: usize,
}

/// Runs and serves queries for one node.
pub struct Queries {
    pub(super) me: Member,
    pub(super) planner: Planner,
    pub(super) cpu: Arc<CpuRuntime>,
    /// The runtime that serves sockets, for what must not wait for queries.
    pub(super) serving: Handle,
    pub(super) members: watch::Receiver<Arc<Members>>,
    pub(super) store: Arc<ResultStore>,
    pub(super) peers: Arc<Peers>,
    pub(super) signer: Signer,
    pub(super) limits: QueryLimits,
    pub(super) admission: Arc<Admission>,
    /// Since when nodes that queries and results need are missing.
    pub(super) absences: Absences,
    /// Readers for whom other nodes' shares pass through here.
    pub(super) relays: Relays,
    /// Since when this process holds anything.
    since: (SystemTime, Instant),
    /// What is planned for clients who poll.
    pub(super) plannings: Plannings,
    /// Who keeps the catalog that this node does.
    pub(super) agreed: Agreed,
    /// What is prepared here.
    pub(super) statements: Statements,
    /// No new query is taken.
    pub(super) closing: AtomicBool,
    records: Mutex<Records>,
}

/// Queries that are over are remembered for peers that missed how they ended, and no more of them
/// than this: a busy node ends thousands a second.
pub(super) const MOST_FINISHED: usize = 10_000;

#[derive(Debug, Default)]
struct Records {
    all: HashMap<Uuid, Arc<Record>>,
    /// The node stops: no query starts any more.
    closed: bool,
}

impl fmt::Debug for Queries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queries").field("node", &self.me.node_id).finish_non_exhaustive()
    }
}

/// What [`Queries`] is made of.
pub struct QueryParts {
    /// This node.
    pub me: Member,
    /// Plans statements.
    pub planner: Planner,
    /// Runs plans.
    pub cpu: Arc<CpuRuntime>,
    /// The live members.
    pub members: watch::Receiver<Arc<Members>>,
    /// Holds results.
    pub store: Arc<ResultStore>,
    /// Reaches peers.
    pub peers: Arc<Peers>,
    /// Signs tickets.
    pub signer: Signer,
    /// How long things may take.
    pub limits: QueryLimits,
    /// Which queries may run.
    pub admission: Arc<Admission>,
}

impl Queries {
    /// This node's id.
    pub fn node_id(&self) -> &str {
        &self.me.node_id
    }

    /// Nothing runs yet.
    ///
    /// # Panics
    /// Outside of the runtime that serves sockets.
    pub fn new(parts: QueryParts) -> Self {
        let QueryParts { me, planner, cpu, members, store, peers, signer, limits, admission } =
            parts;
        let statements = Statements::new(limits.memory);
        Self {
            me,
            planner,
            cpu,
            serving: Handle::current(),
            members,
            store,
            peers,
            signer,
            limits,
            admission,
            absences: Absences::default(),
            relays: Relays::default(),
            since: (SystemTime::now(), Instant::now()),
            plannings: Plannings::default(),
            agreed: Agreed::default(),
            statements,
            closing: AtomicBool::new(false),
            records: Mutex::default(),
        }
    }

    /// This node.
    pub fn me(&self) -> &Member {
        &self.me
    }

    /// The results held here.
    pub fn store(&self) -> &Arc<ResultStore> {
        &self.store
    }

    /// The other nodes.
    pub fn peers(&self) -> &Arc<Peers> {
        &self.peers
    }

    /// The planner.
    pub fn planner(&self) -> &Planner {
        &self.planner
    }

    /// The statements with parameters that were prepared here.
    pub fn statements(&self) -> &Statements {
        &self.statements
    }

    /// Signs and checks tickets and handles.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The members now.
    pub fn members(&self) -> Arc<Members> {
        Arc::clone(&self.members.borrow())
    }

    /// What is to be said of a query of which nothing is held here. One from before this process was lost with
    /// the one before it, which is another thing than a result that has expired: it can run again.
    pub fn unknown(&self, query: Uuid) -> ResultError {
        let taken = query.get_timestamp().map(|timestamp| timestamp.to_unix());
        let taken = taken.map(|(seconds, nanos)| Duration::new(seconds, nanos));
        let since = self.since.0.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        // Ids are exact to the millisecond.
        match taken.is_some_and(|taken| taken.as_millis() < since.as_millis()) {
            true => self.started_anew(query),
            false => ResultError::gone(query),
        }
    }

    /// The same of a query that was taken so long ago: clocks of nodes need not agree.
    pub(super) fn unknown_of_age(&self, query: Uuid, age: Duration) -> ResultError {
        match self.since.1.elapsed() < age {
            true => self.started_anew(query),
            false => ResultError::gone(query),
        }
    }

    fn started_anew(&self, query: Uuid) -> ResultError {
        ResultError::Unavailable(format!(
            "node {} was started anew and has nothing of query {query} any more: run the query again",
            self.me.node_id
        ))
    }

    /// What a peer that was brought a ticket of ours should know.
    ///
    /// # Errors
    /// `NotFound` for a query this node does not (or no longer) coordinate.
    pub fn status(&self, query: Uuid) -> Result<StatusProto, ResultError> {
        let record = self.record(query).ok_or_else(|| ResultError::gone(query))?;
        let mut answer = StatusProto {
            open: Some((&record.opening_now()).into()),
            age_ms: record.age().as_millis() as u64,
            ..Default::default()
        };
        match record.state() {
            QueryState::Running => {}
            QueryState::Committed => answer.committed = true,
            QueryState::Failed(error) => answer.failed = Some(status::failure(query, &error)),
        }
        Ok(answer)
    }

    pub(super) fn record(&self, query: Uuid) -> Option<Arc<Record>> {
        self.records.lock().all.get(&query).cloned()
    }

    /// # Errors
    /// `Unavailable` when the node stops; CANCELLED when it was ended while it was planned.
    pub(super) fn register(&self, record: Arc<Record>) -> Result<(), ResultError> {
        let mut records = self.records.lock();
        if records.closed {
            return Err(stopped(&self.me.node_id));
        }
        // Whoever ends its planning looks for its record afterwards.
        if self.plannings.is_over(record.opening.query) {
            return Err(cancelled(record.opening.query));
        }
        records.all.insert(record.opening.query, record);
        Ok(())
    }

    /// What a session has started, and was not forgotten yet.
    pub(super) fn records_of(&self, session: &str) -> Vec<Arc<Record>> {
        let records = self.records.lock();
        let records = records.all.values();
        records.filter(|record| record.session.as_deref() == Some(session)).cloned().collect()
    }

    /// The queries that run now.
    pub(super) fn running_records(&self) -> Vec<Arc<Record>> {
        let records = self.records.lock();
        records.all.values().filter(|record| record.is_running()).cloned().collect()
    }

    /// Complete queries whose clients can read shares through this node only, and have not read them all.
    pub(super) fn records_read_through_here(&self, now: Instant) -> Vec<Arc<Record>> {
        let records = self.records.lock();
        records.all.values().filter(|record| record.is_read_through_here(now)).cloned().collect()
    }

    /// What a peer that holds a share of a query says of its readers, and whether there is anything
    /// for them.
    pub fn hear(&self, query: Uuid, peer: &str, interest: Interest, readable: bool) {
        if let Some(record) = self.record(query) {
            record.interests.report(peer, interest, Instant::now());
            if readable {
                record.progress.readable(peer);
            }
        }
    }

    pub(super) fn forget_old(&self, now: Instant) {
        let mut records = self.records.lock();
        records.all.retain(|_, record| !record.is_over(now));
        records.forget_beyond(MOST_FINISHED);
    }

    /// Ends every query that runs here, and starts none any more: their readers get UNAVAILABLE.
    /// Without this they would run on, since a running query holds on to what it needs.
    pub fn end(&self) {
        let records: Vec<_> = {
            let mut records = self.records.lock();
            records.closed = true;
            records.all.values().cloned().collect()
        };
        for record in records {
            record.end();
        }
        self.plannings.end(&status::result(&stopped(&self.me.node_id)));
    }

    /// Queries that run now.
    pub fn running(&self) -> usize {
        self.running_records().len()
    }
}

impl Records {
    /// Forgets the queries that ended first until no more than `most` that are over are left.
    fn forget_beyond(&mut self, most: usize) {
        let over = self.all.iter().filter_map(|(query, record)| Some((record.ended()?, *query)));
        let mut over: Vec<_> = over.collect();
        if over.len() > most {
            over.sort_unstable();
            for (_, query) in &over[..over.len() - most] {
                self.all.remove(query);
            }
        }
    }
}

/// What becomes of a query whose coordinator stops.
pub(super) fn stopped(node: &str) -> ResultError {
    ResultError::Unavailable(format!(
        "node {node}, which ran the query, stopped: run the query again"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::record::tests::record;

    fn records(count: usize) -> Records {
        let records = (0..count).map(|_| record()).map(|record| (record.opening.query, record));
        Records { all: records.collect(), closed: false }
    }

    #[test]
    fn of_the_queries_that_are_over_the_last_are_remembered() {
        let mut records = records(1);
        let running: Vec<_> = records.all.keys().copied().collect();
        let ended: Vec<_> = (0..5)
            .map(|_| {
                let record = record();
                record.set_state(QueryState::Committed);
                records.all.insert(record.opening.query, Arc::clone(&record));
                record.opening.query
            })
            .collect();
        records.forget_beyond(2);
        let mut left: Vec<_> = records.all.keys().copied().collect();
        let mut expected = [running, ended[3..].to_vec()].concat();
        left.sort_unstable();
        expected.sort_unstable();
        assert_eq!(left, expected);
    }
}
