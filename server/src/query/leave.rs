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
//! The coordinator's own share asks nobody: it is there when a run is ended, or there is no coordinator.

use std::sync::Arc;

use futures::FutureExt;
use uuid::Uuid;

use super::Queries;
use super::read::lost;
use crate::results::{Leave, QueryResult, ResultError};

impl Queries {
    /// What a reader of a share on this node asks before the first frame of a run; `None` where nobody
    /// need be asked.
    pub fn leave(self: &Arc<Self>, result: &QueryResult) -> Option<Leave> {
        let opening = result.opening();
        if opening.coordinator == self.me.node_id {
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
        let members = self.members();
        let member = members.get(coordinator).ok_or_else(|| lost(coordinator, "ran the query"))?;
        self.peers.leave(member, query, attempt, &self.me.node_id).await
    }

    /// A peer is about to give rows of a run to a client.
    ///
    /// # Errors
    /// `NotFound` for a query that this node does not coordinate; `Unavailable` when that run is over.
    pub fn may_leave(&self, query: Uuid, attempt: u32, peer: &str) -> Result<(), ResultError> {
        let record = self.record(query).ok_or_else(|| ResultError::gone(query))?;
        match record.let_leave(attempt, peer) {
            true => Ok(()),
            false => Err(ResultError::Unavailable(format!("run {attempt} of {query} is over"))),
        }
    }
}
