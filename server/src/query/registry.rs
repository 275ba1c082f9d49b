//! The queries that this node coordinates, and what they are made with.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use squadron_cluster::member::Member;
use squadron_cluster::membership::Members;
use squadron_planner::plan::Planner;
use tokio::sync::watch;
use uuid::Uuid;

use crate::cpu::{CpuRuntime, CpuTask};
use crate::flight::messages::StatusProto;
use crate::flight::peers::Peers;
use crate::flight::status;
use crate::flight::ticket::Signer;
use crate::results::{Opening, ResultError, ResultStore};

/// How long things may take and be kept.
#[derive(Debug, Clone)]
pub struct QueryLimits {
    /// How long a result is kept after its query completed.
    pub keep: Duration,
}

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
    task: Mutex<Option<CpuTask<()>>>,
}

impl Record {
    pub(super) fn new(opening: Opening, peers: Vec<Member>) -> Self {
        let state = Mutex::new((QueryState::Running, Instant::now()));
        Self { opening, peers, state, task: Mutex::new(None) }
    }

    /// The record owns the task that runs its query.
    pub(super) fn own(&self, task: CpuTask<()>) {
        *self.task.lock() = Some(task);
    }

    pub(super) fn state(&self) -> QueryState {
        self.state.lock().0.clone()
    }

    pub(super) fn set_state(&self, state: QueryState) {
        *self.state.lock() = (state, Instant::now());
    }

    /// Over for longer than its result is kept.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        let state = self.state.lock();
        !matches!(state.0, QueryState::Running) && now > state.1 + self.opening.keep * 2
    }
}

/// Runs and serves queries for one node.
pub struct Queries {
    pub(super) me: Member,
    pub(super) planner: Planner,
    pub(super) cpu: Arc<CpuRuntime>,
    pub(super) members: watch::Receiver<Arc<Members>>,
    pub(super) store: Arc<ResultStore>,
    pub(super) peers: Arc<Peers>,
    pub(super) signer: Signer,
    pub(super) limits: QueryLimits,
    records: Mutex<HashMap<Uuid, Arc<Record>>>,
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
}

impl Queries {
    /// Nothing runs yet.
    pub fn new(parts: QueryParts) -> Self {
        let QueryParts { me, planner, cpu, members, store, peers, signer, limits } = parts;
        let records = Mutex::default();
        Self { me, planner, cpu, members, store, peers, signer, limits, records }
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
    pub fn peers(&self) -> &Peers {
        &self.peers
    }

    /// The planner.
    pub fn planner(&self) -> &Planner {
        &self.planner
    }

    /// Signs and checks tickets and handles.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The members now.
    pub fn members(&self) -> Arc<Members> {
        Arc::clone(&self.members.borrow())
    }

    /// What a peer that was brought a ticket of ours should know.
    ///
    /// # Errors
    /// `NotFound` for a query this node does not (or no longer) coordinate.
    pub fn status(&self, query: Uuid) -> Result<StatusProto, ResultError> {
        let record = self.record(query).ok_or_else(|| gone(query))?;
        let mut answer = StatusProto { open: Some((&record.opening).into()), ..Default::default() };
        match record.state() {
            QueryState::Running => {}
            QueryState::Committed => answer.committed = true,
            QueryState::Failed(error) => answer.failed = Some(status::failure(query, &error)),
        }
        Ok(answer)
    }

    pub(super) fn record(&self, query: Uuid) -> Option<Arc<Record>> {
        self.records.lock().get(&query).cloned()
    }

    pub(super) fn register(&self, record: Arc<Record>) {
        self.records.lock().insert(record.opening.query, record);
    }

    pub(super) fn forget_old(&self, now: Instant) {
        self.records.lock().retain(|_, record| !record.is_over(now));
    }

    /// Queries that run now.
    pub fn running(&self) -> usize {
        let records = self.records.lock();
        records.values().filter(|record| matches!(record.state(), QueryState::Running)).count()
    }
}

pub(super) fn gone(query: Uuid) -> ResultError {
    ResultError::NotFound(format!(
        "query {query} is unknown here or its result expired: run the query again"
    ))
}
