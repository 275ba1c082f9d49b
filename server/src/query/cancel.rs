//! A client does not want its query any more, or wants its result for longer.
//!
//! Both may be asked of any node: the tickets say which nodes it concerns.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::join_all;
use squadron_cluster::Member;
use tonic::Code;
use uuid::Uuid;

use super::Queries;
use super::read::{Located, lost};
use super::record::Record;
use crate::flight::status;
use crate::flight::ticket::{PollHandle, ResultTicket};
use crate::results::ResultError;

/// What became of the wish to cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// It does not run any more, and its result is gone.
    Yes,
    /// Its shares are let go of, but the node that runs it cannot be told now: it ends the query when it
    /// finds them gone.
    UnderWay,
    /// It had failed before, or what it changes is changed.
    TooLate,
}

impl Queries {
    /// Cancels the query of these shares, of which there is one at least: it ends on every node, and
    /// its result is let go of, also if it is complete.
    ///
    /// # Errors
    /// `NotFound` for a query that nobody knows any more; `Unavailable` when neither its coordinator
    /// nor any node with a share can be reached.
    pub async fn cancel_shares(&self, shares: &[ResultTicket]) -> Result<Cancelled, ResultError> {
        let Some(ResultTicket { query, coordinator, changes, .. }) = shares.first() else {
            return Err(ResultError::NotFound("there is no share to cancel".into()));
        };
        match self.cancel_at(coordinator, *query).await {
            Ok(cancelled) => Ok(cancelled),
            // Its coordinator has forgotten it or is gone: what is left of it is let go of.
            Err(error) => match (self.release_shares(*query, shares).await, &error) {
                (true, ResultError::NotFound(_)) => Ok(Cancelled::Yes),
                (true, _) => Ok(Cancelled::UnderWay),
                (false, _) if *changes => Err(status::of_change(error)),
                (false, _) => Err(error),
            },
        }
    }

    /// Cancels a query of which its client has no share yet.
    ///
    /// # Errors
    /// As [`Queries::cancel_shares`].
    pub async fn cancel_polled(&self, handle: &PollHandle) -> Result<Cancelled, ResultError> {
        let cancelled = self.cancel_at(&handle.coordinator, handle.query).await;
        cancelled.map_err(|error| handle.lost(error))
    }

    async fn cancel_at(&self, coordinator: &str, query: Uuid) -> Result<Cancelled, ResultError> {
        match self.members().get(coordinator) {
            _ if coordinator == self.me.node_id => self.cancel(query).await,
            Some(coordinator) => self.peers.cancel(coordinator, query).await,
            None => Err(lost(coordinator, &format!("ran query {query}"))),
        }
    }

    /// Cancels a query that this node coordinates, or plans for a client who polls.
    ///
    /// # Errors
    /// `NotFound` when it does not, or not any more.
    pub async fn cancel(&self, query: Uuid) -> Result<Cancelled, ResultError> {
        // Who polls for what cannot be ended is told of its end.
        if self.record(query).is_some_and(|record| !record.may_end()) {
            return Ok(Cancelled::TooLate);
        }
        let planning = self.plannings.cancel(query);
        let Some(record) = self.record(query) else {
            return planning.ok_or_else(|| ResultError::gone(query));
        };
        if !record.may_end() {
            return Ok(Cancelled::TooLate);
        }
        match record.give_up(cancelled(query)) {
            None => {
                tracing::info!(%query, "query cancelled");
                self.release_everywhere(&record).await;
                Ok(Cancelled::Yes)
            }
            Some(before) if is_cancelled(&before) => Ok(Cancelled::Yes),
            Some(_) => Ok(Cancelled::TooLate),
        }
    }

    /// A session is closed: what it started here ends, and its results go.
    pub async fn close_session(&self, session: &str) {
        let planned = self.plannings.of_session(session);
        let records = self.records_of(session);
        let queries = planned.into_iter().chain(records.iter().map(|record| record.opening.query));
        join_all(queries.map(|query| self.cancel(query))).await;
    }

    async fn release_everywhere(&self, record: &Arc<Record>) {
        let query = record.opening.query;
        let told = record.peers_left().into_iter().map(|peer| self.release_on(peer, query));
        for error in join_all(told).await.into_iter().filter_map(Result::err) {
            // One that has nothing of it has nothing to release.
            if !matches!(error, ResultError::NotFound(_)) {
                tracing::warn!(%query, %error, "a peer could not be told of the cancelling");
            }
        }
    }

    /// Whether any of them could be told.
    async fn release_shares(&self, query: Uuid, shares: &[ResultTicket]) -> bool {
        let members = self.members();
        let peers = shares.iter().filter_map(|share| members.get(&share.peer));
        let told = join_all(peers.map(|peer| self.release_on(peer, query))).await;
        told.into_iter().any(|told| told.is_ok())
    }

    async fn release_on(&self, peer: &Member, query: Uuid) -> Result<(), ResultError> {
        match peer.node_id == self.me.node_id {
            true => self.release(query, cancelled(query)),
            false => self.peers.release(peer, query, &cancelled(query)).await,
        }
    }

    /// Lets go of this node's share of a query, complete or not: its readers get `why`.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub fn release(&self, query: Uuid, why: ResultError) -> Result<(), ResultError> {
        let result = self.store.get(query).ok_or_else(|| ResultError::gone(query))?;
        result.release(why);
        Ok(())
    }

    /// Keeps a share longer, wherever it is; gives for how long from now. `raw` is its ticket as it
    /// came.
    ///
    /// # Errors
    /// As [`Queries::locate`], and the query's own error when it has failed.
    pub async fn renew(
        &self,
        share: &ResultTicket,
        raw: Bytes,
        principal: &str,
    ) -> Result<Duration, ResultError> {
        match self.locate(share, principal).await? {
            Located::Here(result) => result.renew(Instant::now()).map(|()| result.opening().keep),
            Located::Lost(_) => Err(lost(&share.peer, "held this share of the result")),
            Located::At(peer) => self.peers.renew(&peer, raw).await,
        }
    }
}

/// What readers of a cancelled query get.
pub(super) fn cancelled(query: Uuid) -> ResultError {
    let message = format!("query {query} was cancelled by its client");
    ResultError::Query { code: Code::Cancelled as i32, message }
}

fn is_cancelled(error: &ResultError) -> bool {
    matches!(error, ResultError::Query { code, .. } if *code == Code::Cancelled as i32)
}
