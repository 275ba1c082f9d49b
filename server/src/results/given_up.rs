//! Queries whose shares this node has given up, remembered for longer than the shares themselves.
//!
//! A coordinator that was away may come back and run its query again, and asks every peer to begin with it.
//! One that has told its readers that the query is over must not: they would miss what comes then.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use uuid::Uuid;

/// No coordinator comes back to a query after that.
const REMEMBERED_FOR: Duration = Duration::from_secs(3600);

/// No more than so many are remembered, the last ones.
const MOST: usize = 65_536;

/// The queries of one store.
#[derive(Debug, Default)]
pub(super) struct GivenUp(Mutex<HashMap<Uuid, Instant>>);

impl GivenUp {
    /// This one is over here.
    pub(super) fn add(&self, query: Uuid, now: Instant) {
        let mut all = self.0.lock();
        if all.len() >= MOST {
            all.retain(|_, since| now.saturating_duration_since(*since) < REMEMBERED_FOR);
        }
        if all.len() >= MOST
            && let Some(oldest) =
                all.iter().min_by_key(|(_, since)| **since).map(|(query, _)| *query)
        {
            all.remove(&oldest);
        }
        all.insert(query, now);
    }

    /// Whether this one is.
    pub(super) fn contains(&self, query: Uuid) -> bool {
        self.0.lock().contains_key(&query)
    }
}
