//! Rows leave a peer for a client only while their run is the one that counts.
//!
//! A query that loses a node runs again if nothing of it has left for its client. Of a peer that is lost
//! nobody can ask whether something has: so it asks before, once for each run, when a reader waits for
//! the first frame and the query is not complete. From then on the query cannot do without it. And what
//! cannot reach the coordinator, though it may reach the client, gives nothing of a run that may have
//! been followed by another.
//!
//! ```text
//!   peer ── "may I give rows of run 0?" ──► coordinator     remembers: cannot lose this peer any more
//!        ◄───────── yes ───────────────────                 or: no, run 0 is over
//! ```
//!
//! The first that asks has the coordinator look for every node that the run needs. A node that has just
//! died is noticed seconds later only: rows that left meanwhile would be the end of a query that could
//! have run again. Until all of them answer, or one is given up, rows wait.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::try_join_all;
use tokio::time::timeout;
use uuid::Uuid;

use super::Queries;
use super::reach::ANSWER_WITHIN;
use super::read::lost;
use super::record::Record;
use crate::results::{Leave, QueryResult, ResultError};

impl Queries {
    /// What a reader of a share on this node asks before the first frame of a run; `None` where nobody
    /// need be asked.
    pub fn leave(self: &Arc<Self>, result: &QueryResult) -> Option<Leave> {
        let opening = result.opening();
        if opening.coordinator == self.me.node_id && self.record(opening.query).is_none() {
            return None;
        }
        let (query, coordinator) = (opening.query, opening.coordinator.clone());
        let queries = Arc::downgrade(self);
        Some(Leave::new(move |attempt| {
            let (queries, coordinator) = (queries.upgrade(), coordinator.clone());
            async move {
                let queries = queries.ok_or_else(|| ResultError::gone(query))?;
                queries.ask_leave(query, attempt, &coordinator).await
            }
            .boxed()
        }))
    }

    async fn ask_leave(
        &self,
        query: Uuid,
        attempt: u32,
        coordinator: &str,
    ) -> Result<(), ResultError> {
        if coordinator == self.me.node_id {
            return self.may_leave(query, attempt, coordinator).await;
        }
        let members = self.members();
        let member = members
            .get(coordinator)
            .ok_or_else(|| lost(coordinator, &format!("ran query {query}")))?;
        self.peers.leave(member, query, attempt, &self.me.node_id).await
    }

    /// A peer is about to give rows of a run to a client.
    ///
    /// # Errors
    /// `NotFound` for a query that this node does not coordinate; `Unavailable` when that run is over, or
    /// while a node that it needs does not answer.
    pub async fn may_leave(
        &self,
        query: Uuid,
        attempt: u32,
        peer: &str,
    ) -> Result<(), ResultError> {
        let record = self.record(query).ok_or_else(|| ResultError::gone(query))?;
        if let Some(whole) = record.whole(attempt) {
            whole.get_or_try_init(|| self.see_all(&record, attempt)).await?;
        }
        match record.let_leave(attempt, peer) {
            true => Ok(()),
            false => Err(ResultError::Unavailable(format!("run {attempt} of {query} is over"))),
        }
    }

    /// Every node that the query needs, but this one, gives a sign of life; also the one that asks, which may
    /// reach this one and not be reached. One that was started anew meanwhile is there and has nothing: the run
    /// has lost it.
    async fn see_all(&self, record: &Record, attempt: u32) -> Result<(), ResultError> {
        let nodes = record.nodes();
        let shares = record.peers_left();
        let shares: Vec<_> = shares.into_iter().map(|peer| peer.node_id.as_str()).collect();
        let others = nodes.iter().filter(|node| **node != self.me.node_id);
        let seen = others.map(|node| async {
            let share = shares.contains(&node.as_str()).then_some(record.opening.query);
            match self.see(node, share).await {
                Err(ResultError::NotFound(_)) => {
                    let anew = lost(node, "held a share of the result");
                    record.lose(attempt, anew.clone());
                    Err(anew)
                }
                seen => seen,
            }
        });
        try_join_all(seen).await.map(drop)
    }

    async fn see(&self, node: &str, share: Option<Uuid>) -> Result<(), ResultError> {
        let lost = || lost(node, "takes part in the query");
        let members = self.members();
        let member = members.get(node).ok_or_else(lost)?;
        let asked = async {
            match share {
                Some(query) => self.peers.holds(member, query).await,
                None => self.peers.sees(member).await.map(drop),
            }
        };
        timeout(ANSWER_WITHIN, asked).await.map_err(|_| lost())?
    }
}
