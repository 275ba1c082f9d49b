//! A query that lost a node runs again on those that remain, if nothing of it has left for its client; one
//! that met a file which was replaced since it was planned, on all of them.
//!
//! Where a peer was let give rows (`leave.rs`) there is no later run. Every peer that remains is asked
//! first to begin one: it drops what the earlier one brought, and refuses where a reader was given
//! a frame all the same, who could be given rows twice. From then on parts,
//! manifests and commits of the earlier run are refused (fencing by attempt), wherever its tasks may
//! still be. The endpoints stay as the client was given them; that of a lost peer has no rows, and is
//! read at its second location.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::prelude::SessionConfig;
use futures::future::try_join_all;
use squadron_cluster::Member;
use squadron_planner::commit::Outcome;
use squadron_planner::plan::{Form, PlanRequest, Planned, QueryPlan};
use tonic::Code;

use super::Queries;
use super::prepared::Values;
use super::record::Record;
use crate::results::{Opening, ResultError};

/// Runs of one query at most. A query that takes a node with it must not take all of them.
const MOST_RUNS: u32 = 3;

/// What a query was planned from.
pub(super) struct Source {
    pub(super) sql: String,
    pub(super) settings: SessionConfig,
    pub(super) frame_bytes: usize,
    pub(super) values: Values,
    /// Rows of them, for an INSERT that is carried out for each.
    pub(super) rows: Option<RecordBatch>,
    /// What was asked for, where that is not the text.
    pub(super) form: Form,
    /// What it has changed, over all of its runs.
    pub(super) outcome: Arc<Outcome>,
    /// What its client was told.
    pub(super) schema: SchemaRef,
}

impl Queries {
    /// The plan of the next run, which every peer that remains has begun.
    ///
    /// # Errors
    /// `error`, why the last run ended, when there is no next one.
    pub(super) async fn again(
        &self,
        record: &Record,
        source: &Source,
        error: ResultError,
    ) -> Result<QueryPlan, ResultError> {
        let query = record.opening.query;
        let changed = is_changed(&error);
        if !(changed || is_loss(&error)) || record.attempt() + 1 >= MOST_RUNS {
            return Err(error);
        }
        // Nobody need be looked for where that has happened.
        let gave = record.end_run();
        if let Some(peer) = gave.first() {
            tracing::info!(%query, %error, %peer, "rows of a query that cannot go on have left");
            return Err(error);
        }
        if self.store.get(query).is_some_and(|here| here.has_given()) {
            tracing::info!(%query, %error, "rows of a query that cannot go on have left from here");
            return Err(error);
        }
        // Where a file was replaced all nodes are there.
        let alive = match changed {
            true => self.reachable().await,
            false => self.reachable_after(record).await,
        };
        let left: Vec<Member> = record.peers_left().into_iter().cloned().collect();
        let left: Vec<Member> =
            left.into_iter().filter(|peer| alive.contains(&peer.node_id)).collect();
        if left.is_empty() {
            return Err(error);
        }
        let opening = next_opening(record, &left);
        if let Err(refused) = self.restart_all(&left, &opening).await {
            tracing::info!(%query, %error, %refused, "a query cannot run again");
            return Err(error);
        }
        match self.plan_again(&opening, source, &left, &alive).await {
            Ok(plan) => {
                let attempt = opening.attempt;
                tracing::warn!(%query, attempt, %error, "a query runs again");
                record.run_again(&opening, Arc::clone(&plan.routes));
                Ok(plan)
            }
            Err(refused) => {
                tracing::warn!(%query, %refused, "a query was not planned again");
                Err(error)
            }
        }
    }

    async fn restart_all(&self, peers: &[Member], opening: &Opening) -> Result<(), ResultError> {
        try_join_all(peers.iter().map(|peer| self.restart_on(peer, opening))).await.map(drop)
    }

    async fn restart_on(&self, peer: &Member, opening: &Opening) -> Result<(), ResultError> {
        if peer.node_id != self.me.node_id {
            return self.peers.restart(peer, opening).await;
        }
        let result = self.store.get(opening.query);
        let result = result.ok_or_else(|| ResultError::gone(opening.query))?;
        result.restart(opening.attempt, &opening.lost)
    }

    async fn plan_again(
        &self,
        opening: &Opening,
        source: &Source,
        peers: &[Member],
        alive: &BTreeSet<String>,
    ) -> Result<QueryPlan, ResultError> {
        let workers = self.workers_of(|node| alive.contains(node));
        let request = PlanRequest {
            query: opening.query,
            attempt: opening.attempt,
            workers,
            peers: peers.iter().map(|peer| peer.node_id.clone()).collect(),
            frame_bytes: source.frame_bytes,
            parameters: Arc::clone(&source.values),
            rows: source.rows.clone(),
            form: source.form.clone(),
            outcome: Arc::clone(&source.outcome),
        };
        let planned = self.planner.plan(&source.sql, &source.settings, &request).await;
        match planned {
            Ok(Planned::Query(plan)) if plan.schema == source.schema => Ok(*plan),
            Ok(_) => Err(ResultError::Corrupt("its columns are others now".into())),
            Err(error) => Err(crate::flight::status::query_failure(&error)),
        }
    }
}

/// The next run, without the peers that do not remain.
fn next_opening(record: &Record, left: &[Member]) -> Opening {
    let lost = record.peers.iter().filter(|peer| !left.iter().any(|l| l.node_id == peer.node_id));
    let lost = lost.map(|peer| peer.node_id.clone()).collect();
    Opening { attempt: record.attempt() + 1, lost, ..record.opening.clone() }
}

/// Whether a run ended for a file that is another than the one it was planned for.
fn is_changed(error: &ResultError) -> bool {
    matches!(error, ResultError::Query { code, .. } if *code == Code::Aborted as i32)
}

/// Whether a run ended for a node that was lost, and not for the query's own fault.
pub(super) fn is_loss(error: &ResultError) -> bool {
    match error {
        ResultError::Unavailable(_) => true,
        ResultError::Query { code, .. } => *code == Code::Unavailable as i32,
        _ => false,
    }
}
