//! A query runs: open, run, verify, commit; or fail everywhere.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::error::DataFusionError;
use datafusion::physical_plan::execute_stream;
use futures::future::{join_all, try_join_all};
use futures::{FutureExt, TryStreamExt};
use squadron_cluster::Member;
use squadron_planner::deliver::Receipt;
use squadron_planner::plan::QueryPlan;
use squadron_planner::{PlannerError, Result};

use super::Queries;
use super::admission::Place;
use super::again::Source;
use super::manifest::{Manifest, manifest};
use super::record::{QueryState, Record};
use super::registry::stopped;
use crate::flight::status;
use crate::results::{PartSummary, ResultError};

/// How often a commit is tried again on a peer that cannot be reached for a moment. A peer that
/// misses it asks the coordinator by itself later.
const COMMIT_TRIES: usize = 3;

impl Queries {
    /// Opens the result here, so that a ticket can be redeemed at once, and starts the task.
    pub(super) fn run(
        self: &Arc<Self>,
        plan: QueryPlan,
        record: Arc<Record>,
        terms: Terms,
    ) -> Result<()> {
        self.register(Arc::clone(&record)).map_err(PlannerError::from)?;
        let running = Running { queries: Arc::clone(self), record: Arc::clone(&record) };
        if record.peers.iter().any(|peer| peer.node_id == self.me.node_id) {
            self.store.open(record.opening.clone()).map_err(PlannerError::from)?;
        }
        self.limit_time(&record, terms.within, terms.since);
        record.own(self.cpu.spawn(running.run_to_end(plan, terms)));
        Ok(())
    }

    async fn complete(&self, plan: QueryPlan, record: &Record, terms: Terms) {
        let Terms { place, source, .. } = terms;
        let executing = self.execute(plan, record, place, &source);
        let outcome = AssertUnwindSafe(executing).catch_unwind().await;
        let outcome = outcome.unwrap_or_else(|_| {
            Err(ResultError::Corrupt("the query's task panicked: see the node's log".into()))
        });
        let Err(error) = outcome else { return };
        let error = self.named(record, self.with_lost_nodes(record, error).await);
        if record.set_state(QueryState::Failed(error.clone())) {
            self.tell_failure(record, error).await;
        }
    }

    /// Runs it, and again where it lost a node and nothing has left for its client.
    async fn execute(
        &self,
        mut plan: QueryPlan,
        record: &Record,
        place: Place,
        source: &Source,
    ) -> Result<(), ResultError> {
        // Readers find the result open while its query waits for a slot.
        let mut opened = unless_lost(record, self.open_elsewhere(record)).await;
        let _slot = place.slot().await?;
        record.begin();
        loop {
            let run = match opened {
                Ok(()) => unless_lost(record, self.run_once(plan, record)).await,
                Err(error) => Err(error),
            };
            match run {
                Ok(()) => break,
                Err(error) => plan = self.again(record, source, error).await?,
            }
            opened = Ok(());
        }
        self.commit(record).await;
        Ok(())
    }

    async fn run_once(&self, plan: QueryPlan, record: &Record) -> Result<(), ResultError> {
        let shape = plan.shape;
        let receipts =
            receipts(plan, record).await.map_err(|error| status::query_failure(&error))?;
        let peers = record.peers_left().into_iter().map(|peer| peer.node_id.as_str()).collect();
        let manifest = manifest(&receipts, shape, record.attempt(), &peers)?;
        self.verify(record, &manifest).await
    }

    async fn open_elsewhere(&self, record: &Record) -> Result<(), ResultError> {
        let others = record.peers_left().into_iter().filter(|peer| peer.node_id != self.me.node_id);
        let opening = record.opening_now();
        try_join_all(others.map(|peer| self.peers.open(peer, &opening))).await?;
        Ok(())
    }

    async fn verify(&self, record: &Record, manifest: &Manifest) -> Result<(), ResultError> {
        let checks = record.peers_left().into_iter().map(|peer| {
            let parts = manifest.get(&peer.node_id).map(Vec::as_slice).unwrap_or_default();
            self.verify_on(peer, record, parts)
        });
        try_join_all(checks).await?;
        Ok(())
    }

    async fn verify_on(
        &self,
        peer: &Member,
        record: &Record,
        parts: &[PartSummary],
    ) -> Result<(), ResultError> {
        let attempt = record.attempt();
        match peer.node_id == self.me.node_id {
            true => self.held(record)?.verify(attempt, parts),
            false => self.peers.verify(peer, record.opening.query, attempt, parts).await,
        }
    }

    /// From here on the query is complete: a peer that cannot be told now will ask. One that was
    /// ended from outside at the last moment stays so.
    async fn commit(&self, record: &Record) {
        if !record.set_state(QueryState::Committed) {
            return;
        }
        let peers = record.peers_left();
        let commits = peers.iter().map(|peer| self.commit_on(peer, record));
        for (peer, committed) in peers.iter().zip(join_all(commits).await) {
            if let Err(error) = committed {
                let (query, peer) = (record.opening.query, &peer.node_id);
                tracing::debug!(%query, %peer, %error, "a peer could not be told of the commit");
            }
        }
    }

    async fn commit_on(&self, peer: &Member, record: &Record) -> Result<(), ResultError> {
        if peer.node_id == self.me.node_id {
            return self.held(record)?.commit(record.attempt());
        }
        let mut committed = Ok(());
        for _ in 0..COMMIT_TRIES {
            committed = self.peers.commit(peer, record.opening.query, record.attempt()).await;
            if committed.is_ok() {
                break;
            }
        }
        committed
    }

    fn held(&self, record: &Record) -> Result<Arc<crate::results::QueryResult>, ResultError> {
        let query = record.opening.query;
        self.store.get(query).ok_or_else(|| ResultError::gone(query))
    }

    /// Every endpoint ends in the same error.
    pub(super) async fn tell_failure(&self, record: &Record, error: ResultError) {
        let query = record.opening.query;
        tracing::info!(%query, %error, "query failed");
        if let Some(result) = self.store.get(query) {
            result.fail(error.clone());
        }
        let others = record.peers_left().into_iter().filter(|peer| peer.node_id != self.me.node_id);
        let told = join_all(others.map(|peer| self.peers.fail(peer, query, &error))).await;
        for error in told.into_iter().filter_map(Result::err) {
            tracing::warn!(%query, %error, "a peer could not be told of the failure");
        }
    }
}

/// A query while it runs. Dropped before its outcome is known (its node stops, its task is ended), it
/// leaves no reader waiting: the local ones get an error at once, peers learn it from their sweeping.
struct Running {
    queries: Arc<Queries>,
    record: Arc<Record>,
}

impl Running {
    async fn run_to_end(self, plan: QueryPlan, terms: Terms) {
        self.queries.complete(plan, &self.record, terms).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let error = stopped(&self.queries.me.node_id);
        if self.record.set_state(QueryState::Failed(error.clone()))
            && let Some(result) = self.queries.store.get(self.record.opening.query)
        {
            result.fail(error);
        }
    }
}

/// On which terms a query runs.
pub(super) struct Terms {
    /// Its place in the queue.
    pub(super) place: Place,
    /// How long it may be planned, wait and run; zero: for ever.
    pub(super) within: Duration,
    /// From when on.
    pub(super) since: Instant,
    /// What to plan if it has to run again.
    pub(super) source: Source,
}

/// Ends with the loss of a node that the query needs.
async fn unless_lost(
    record: &Record,
    work: impl Future<Output = Result<(), ResultError>>,
) -> Result<(), ResultError> {
    tokio::select! {
        // First: a node may have been lost while the query waited.
        biased;
        lost = record.loss() => Err(lost),
        done = work => done,
    }
}

async fn receipts(plan: QueryPlan, record: &Record) -> Result<Vec<Receipt>> {
    let QueryPlan { plan, context, shape, tables, .. } = plan;
    let located = |error: DataFusionError| PlannerError::from(error).in_tables(&tables);
    let mut stream = execute_stream(plan, context).map_err(located)?;
    let mut receipts = Vec::with_capacity(shape.parts());
    while let Some(batch) = stream.try_next().await.map_err(located)? {
        let arrived = Receipt::from_batch(record.opening.query, &batch)?;
        arrived.iter().for_each(|receipt| record.progress.part(&receipt.peer));
        receipts.extend(arrived);
    }
    Ok(receipts)
}
