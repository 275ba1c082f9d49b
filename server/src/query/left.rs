//! Clients that go without a word: what they have read is let go of with their connection.
//!
//! A connection may be a proxy's, with several clients on it, and tickets may be read over others. So only
//! what nobody can still be in need of goes: results that are complete, were read to their end and are
//! being read by nobody, each share by itself.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use datafusion::common::runtime::SpawnedTask;
use futures::future::join_all;
use squadron_cluster::Member;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::Queries;

/// Connections that are looked after at a time: one look at the queries there are does for all.
const AT_A_TIME: usize = 1024;

impl Queries {
    /// Lets go of what was read of the results of these sessions, on every node that holds a share.
    pub async fn leave_sessions(&self, sessions: &HashSet<String>) {
        let mut shares: BTreeMap<String, (Member, Vec<Uuid>)> = BTreeMap::new();
        for record in self.complete_records_of(sessions) {
            for peer in record.peers_left() {
                let share = shares.entry(peer.node_id.clone());
                let (_, queries) = share.or_insert_with(|| (peer.clone(), Vec::new()));
                queries.push(record.opening.query);
            }
        }
        join_all(shares.values().map(|(peer, queries)| self.leave_on(peer, queries))).await;
    }

    async fn leave_on(&self, peer: &Member, queries: &[Uuid]) {
        if peer.node_id == self.me.node_id {
            self.release_read(queries);
        } else if let Err(error) = self.peers.release_read(peer, queries).await {
            tracing::debug!(node = peer.node_id, %error, "results that were read stay until they expire");
        }
    }

    /// Lets go of this node's shares of these queries, of those that were read and nobody reads.
    pub fn release_read(&self, queries: &[Uuid]) {
        for query in queries {
            if self.store.get(*query).is_some_and(|result| result.let_go_if_read()) {
                self.store.remove(*query);
            }
        }
    }

    /// Leaves with every connection whose inner name comes from `ended`; the task ends with the last that
    /// could send one, or when it is dropped.
    pub fn leaving_with(self: &Arc<Self>, mut ended: mpsc::Receiver<String>) -> SpawnedTask<()> {
        let queries = Arc::downgrade(self);
        SpawnedTask::spawn(async move {
            let mut names = Vec::new();
            while ended.recv_many(&mut names, AT_A_TIME).await > 0 {
                let Some(queries) = queries.upgrade() else { return };
                queries.leave_sessions(&names.drain(..).collect()).await;
            }
        })
    }
}
