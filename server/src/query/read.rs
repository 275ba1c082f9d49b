//! A ticket is redeemed: where is the share it names?

use std::sync::Arc;
use std::time::Duration;

use squadron_cluster::Member;
use tokio::time::timeout;

use super::Queries;
use super::hopeless::AWAY;
use crate::flight::messages::StatusRequestProto;
use crate::flight::status;
use crate::flight::ticket::ResultTicket;
use crate::results::{Opening, QueryResult, ResultError};

/// Where a share is.
pub enum Located {
    /// In this node's store.
    Here(Arc<QueryResult>),
    /// At a peer.
    At(Member),
    /// Lost with its peer; another share of the same result is here.
    Lost(Arc<QueryResult>),
}

impl Queries {
    /// Finds the share of a ticket that `principal` may redeem.
    ///
    /// # Errors
    /// `NotFound` when it expired, `Unavailable` when its peer or its coordinator is gone,
    /// `Forbidden` for another principal's.
    pub async fn locate(
        &self,
        share: &ResultTicket,
        principal: &str,
    ) -> Result<Located, ResultError> {
        if share.peer == self.me.node_id {
            return Ok(Located::Here(self.here(share, principal).await?));
        }
        if let Some(peer) = self.members().get(&share.peer) {
            return Ok(Located::At((**peer).clone()));
        }
        let instead = self.instead(share, principal);
        instead.ok_or_else(|| lost(&share.peer, "holds this share of the result"))
    }

    /// Who knows what has become of a share whose peer cannot be reached: whoever holds another one of the
    /// same result, this node before others. Without a share here its coordinator knows who does.
    pub fn instead(&self, share: &ResultTicket, principal: &str) -> Option<Located> {
        if let Some(result) = self.lost(share, principal) {
            return Some(Located::Lost(result));
        }
        let members = self.members();
        if share.coordinator != self.me.node_id {
            return members.get(&share.coordinator).map(|node| Located::At((**node).clone()));
        }
        let record = self.record(share.query).filter(|record| record.opening.owner == principal)?;
        let mut others = record.peers_left().into_iter().filter(|peer| peer.node_id != share.peer);
        let holder = others.find_map(|peer| members.get(&peer.node_id));
        holder.map(|peer| Located::At((**peer).clone()))
    }

    /// Another share of the result whose peer cannot be reached, if this node holds one.
    fn lost(&self, share: &ResultTicket, principal: &str) -> Option<Arc<QueryResult>> {
        self.store.get(share.query).and_then(|result| owned(result, principal).ok())
    }

    /// Ends when a node has been out of the cluster for as long as fails the queries that need it.
    pub async fn stays_away(&self, node: &str) -> ResultError {
        let mut members = self.members.clone();
        loop {
            let absent = members.wait_for(|members| members.get(node).is_none()).await.is_ok();
            let back = members.wait_for(|members| members.get(node).is_some());
            // Without membership, as when this node stops, nothing is known of others.
            if !absent || timeout(AWAY, back).await.is_err() {
                return lost(node, "holds this share of the result");
            }
        }
    }

    /// A share that this node must hold.
    ///
    /// # Errors
    /// As [`Queries::locate`].
    pub async fn here(
        &self,
        share: &ResultTicket,
        principal: &str,
    ) -> Result<Arc<QueryResult>, ResultError> {
        let result = match self.store.get(share.query) {
            Some(result) => result,
            None => self.opened_late(share).await?,
        };
        owned(result, principal)
    }

    /// A reader can be faster than the coordinator's opening: then the coordinator is asked.
    async fn opened_late(&self, share: &ResultTicket) -> Result<Arc<QueryResult>, ResultError> {
        if share.coordinator == self.me.node_id {
            return Err(self.unknown(share.query));
        }
        let coordinator = self.members().get(&share.coordinator).cloned();
        let coordinator = coordinator
            .ok_or_else(|| lost(&share.coordinator, &format!("ran query {}", share.query)))?;
        let answer =
            self.peers.status(&coordinator, StatusRequestProto::about(share.query)).await?;
        if let Some(result) = self.store.get(share.query) {
            return Ok(result);
        }
        match (answer.failed, answer.open) {
            (Some(failed), _) => {
                Err(ResultError::Query { code: failed.code, message: failed.message })
            }
            (None, Some(open)) => {
                let opening = open.opening().map_err(|error| status::to_result_error(&error))?;
                let age = Duration::from_millis(answer.age_ms);
                self.open_late(opening, answer.committed, age)
            }
            (None, None) => Err(ResultError::gone(share.query)),
        }
    }

    /// What a node had before it was started anew it has lost, and does not begin as if there were more to
    /// come. Complete already, it is a share that this node had and has let go of, unless it was lost itself
    /// before.
    fn open_late(
        &self,
        opening: Opening,
        committed: bool,
        age: Duration,
    ) -> Result<Arc<QueryResult>, ResultError> {
        let unknown = self.unknown_of_age(opening.query, age);
        if !committed {
            return match unknown {
                ResultError::NotFound(_) => self.store.open(opening),
                started_anew => Err(started_anew),
            };
        }
        if !opening.lost.contains(&self.me.node_id) {
            return Err(unknown);
        }
        let result = self.store.open(opening)?;
        let Opening { attempt, lost, .. } = result.opening();
        result.complete_without(*attempt, lost)?;
        Ok(result)
    }
}

fn owned(result: Arc<QueryResult>, principal: &str) -> Result<Arc<QueryResult>, ResultError> {
    match result.opening().owner == principal {
        true => Ok(result),
        false => Err(ResultError::Forbidden("this result belongs to another user".into())),
    }
}

pub(super) fn lost(node: &str, role: &str) -> ResultError {
    ResultError::Unavailable(format!("node {node}, which {role}, is gone: run the query again"))
}
