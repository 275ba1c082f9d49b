//! The results that a store holds, by query, and what each costs beside its frames.
//!
//! A result of one row takes a few kilobytes that no frame accounts for. Thousands of small queries
//! a second, each kept for minutes, would fill a node with them; so their sum is bounded. When it is
//! reached, results that somebody has read whole, and failures, go before their time, oldest first.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Instant;

use uuid::Uuid;

use super::{Opening, QueryResult, ResultError};

/// What a result takes beside its frames and its schema: its maps, its lock, its place here.
const FIXED: usize = 4096;

/// The results of one store.
#[derive(Debug)]
pub(super) struct Shelf {
    results: HashMap<Uuid, Arc<QueryResult>>,
    taken: usize,
    limit: usize,
}

/// Results that were taken off the shelf, to be let go of where no lock is held: unlinking a large
/// file takes its time.
#[must_use]
pub(super) struct TakenOff(Vec<Arc<QueryResult>>);

impl Shelf {
    pub(super) fn new(limit: usize) -> Self {
        Self { results: HashMap::new(), taken: 0, limit }
    }

    pub(super) fn get(&self, query: Uuid) -> Option<Arc<QueryResult>> {
        self.results.get(&query).cloned()
    }

    pub(super) fn all(&self) -> Vec<Arc<QueryResult>> {
        self.results.values().cloned().collect()
    }

    /// Gives the result that was opened with these terms, or puts a new one there.
    ///
    /// # Errors
    /// `Corrupt` when it is open with other terms, `Exhausted` when there is no place.
    pub(super) fn open(
        &mut self,
        opening: Opening,
        make: impl FnOnce(Opening) -> QueryResult,
    ) -> Result<Arc<QueryResult>, ResultError> {
        let cost = cost(&opening);
        match self.results.entry(opening.query) {
            Entry::Occupied(entry) if *entry.get().opening() == opening => {
                Ok(Arc::clone(entry.get()))
            }
            Entry::Occupied(_) => Err(ResultError::Corrupt(format!(
                "query {} was opened twice on different terms",
                opening.query
            ))),
            Entry::Vacant(_) if self.taken + cost > self.limit => Err(self.full()),
            Entry::Vacant(entry) => {
                self.taken += cost;
                Ok(Arc::clone(entry.insert(Arc::new(make(opening)))))
            }
        }
    }

    fn full(&self) -> ResultError {
        ResultError::Exhausted(format!(
            "this node holds {} results that are running or were not read yet: read them, or let them expire (--result-keep)",
            self.results.len()
        ))
    }

    /// Makes place for `opening` if there is none, and then for many more, so that not every query
    /// has to look.
    pub(super) fn make_place(&mut self, opening: &Opening) -> TakenOff {
        let mut off = Vec::new();
        if self.taken + cost(opening) > self.limit {
            let target = self.limit / 4 * 3;
            for query in self.disposable() {
                if self.taken + cost(opening) <= target {
                    break;
                }
                off.extend(self.take(query));
            }
        }
        TakenOff(off)
    }

    /// What nobody would miss, what was used longest ago first.
    fn disposable(&self) -> Vec<Uuid> {
        let all = self.results.iter();
        let idle = all.filter_map(|(query, result)| Some((result.disposable()?, *query)));
        let mut idle: Vec<_> = idle.collect();
        idle.sort_unstable();
        idle.into_iter().map(|(_, query)| query).collect()
    }

    pub(super) fn remove(&mut self, query: Uuid) -> TakenOff {
        TakenOff(self.take(query).into_iter().collect())
    }

    pub(super) fn remove_expired(&mut self, now: Instant) -> TakenOff {
        let all = self.results.iter();
        let over = all.filter(|(_, result)| result.is_expired(now)).map(|(query, _)| *query);
        let over: Vec<_> = over.collect();
        TakenOff(over.into_iter().filter_map(|query| self.take(query)).collect())
    }

    fn take(&mut self, query: Uuid) -> Option<Arc<QueryResult>> {
        let result = self.results.remove(&query)?;
        self.taken -= cost(result.opening());
        Some(result)
    }
}

fn cost(opening: &Opening) -> usize {
    FIXED + opening.schema.len() + opening.owner.len() + opening.coordinator.len()
}

impl TakenOff {
    /// How many.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Lets go of them, also where a stalled reader still holds one.
    pub(super) fn let_go(self) {
        for result in self.0 {
            result.let_go();
        }
    }
}
