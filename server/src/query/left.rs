//! Clients whose session is that of their connection, and who close it: what they have read is let go of.
//!
//! The end of a connection alone says nothing: it may have broken, and reading again is what a client does then.
//! A connection may be a proxy's, with several clients on it, and tickets may be read over others. So only
//! what nobody can still be in need of goes: results that are complete, were read to their end and are
//! being read by nobody, each share by itself.

use std::collections::BTreeMap;

use futures::future::join_all;
use squadron_cluster::Member;
use uuid::Uuid;

use super::Queries;
use super::record::QueryState;

impl Queries {
    /// Lets go of what was read of the results of this session, on every node that holds a share.
    pub async fn leave_session(&self, session: &str) {
        let mut shares: BTreeMap<String, (Member, Vec<Uuid>)> = BTreeMap::new();
        let records = self.records_of(session);
        for record in records.iter().filter(|it| matches!(it.state(), QueryState::Committed)) {
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
}
