//! A client asks again and again how far its query is.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::time::timeout;

use super::Queries;
use super::read::lost;
use super::record::{QueryState, Record};
use super::start::{Endpoint, Started};
use crate::flight::messages::PolledProto;
use crate::flight::ticket::PollHandle;
use crate::results::ResultError;

/// What a poll found.
#[derive(Debug)]
pub struct Polled {
    /// What the client was answered when the query started.
    pub started: Arc<Started>,
    /// Indexes of the endpoints that can be read with profit, in the order in which they came to be
    /// that: those of an earlier poll come first.
    pub endpoints: Vec<usize>,
    /// The share of its parts that are complete, 0 to 1.
    pub progress: f64,
    /// What the next poll has seen.
    pub version: u64,
    /// Nothing more will change.
    pub complete: bool,
    /// Whether it waits for a slot.
    pub queued: bool,
    /// How long it has waited for one, or did.
    pub waited: Duration,
    /// Until when its endpoints can be read at least.
    pub expires: SystemTime,
    /// Which run of it is on; the first is 0.
    pub attempt: u32,
}

impl Polled {
    /// The endpoints themselves.
    pub fn readable(&self) -> impl Iterator<Item = &Endpoint> {
        self.endpoints.iter().filter_map(|index| self.started.endpoints.get(*index))
    }
}

impl Queries {
    /// Waits until more is known of a query of this node than its client has seen, or for as long as `within`.
    ///
    /// # Errors
    /// `NotFound` when this node does not (or no longer) coordinate it, `Unavailable` when that is because it
    /// was started anew, which is told otherwise of what changes something ([`PollHandle::lost`]); the query's own error
    /// when it has failed.
    pub async fn poll(&self, handle: &PollHandle, within: Duration) -> Result<Polled, ResultError> {
        let unknown = || handle.lost(self.unknown(handle.query));
        let record = self.record(handle.query).ok_or_else(unknown)?;
        let since = Instant::now();
        record.poll(since);
        // Whether in time or not, what is known then is the answer.
        let _ = timeout(within, record.progress.after(handle.seen)).await;
        let failure = match record.state() {
            // What is being committed when its query ends is not known yet: it goes on.
            QueryState::Failed(error) => {
                let left = within.saturating_sub(since.elapsed());
                timeout(left, record.failure(error)).await.ok()
            }
            _ => None,
        };
        record.poll(Instant::now());
        match failure {
            Some(error) => Err(error),
            None => polled(&record),
        }
    }
}

impl Queries {
    /// Asks the node that runs the query.
    ///
    /// # Errors
    /// As [`Queries::poll`]; `Unavailable` when it is gone.
    pub async fn poll_elsewhere(
        &self,
        handle: &PollHandle,
        within: Duration,
    ) -> Result<PolledProto, ResultError> {
        let members = self.members();
        match members.get(&handle.coordinator) {
            Some(coordinator) => self.peers.poll(coordinator, handle, within).await,
            None => {
                let lost = lost(&handle.coordinator, &format!("ran query {}", handle.query));
                Err(handle.lost(lost))
            }
        }
    }
}

fn polled(record: &Record) -> Result<Polled, ResultError> {
    let seen = record.progress.now();
    let complete = matches!(record.state(), QueryState::Committed);
    let (started, parts) =
        record.answer.get().ok_or_else(|| ResultError::gone(record.opening.query))?;
    let progress = match complete {
        true => 1.0,
        // All parts are there and the peers compare them: not quite complete.
        false => seen.parts as f64 / (*parts + 1) as f64,
    };
    Ok(Polled {
        started: Arc::clone(started),
        endpoints: seen.endpoints,
        progress,
        version: seen.version,
        complete,
        queued: record.is_queued(),
        waited: record.waited(),
        expires: SystemTime::now() + record.kept_for(Instant::now()),
        attempt: record.attempt(),
    })
}
