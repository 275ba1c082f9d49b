//! What the results of a node share: memory, disk, places for readers, and a look at each other for
//! making room.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::log::Log;
use super::shelf::Shelf;
use super::{Budget, QueryResult, ResultError, SpillDir};

/// Room is made in steps of this many bytes, so that not every frame has to look for a victim.
const EVICTION_STEP: usize = 32 << 20;

/// What results share.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) budget: Budget,
    pub(super) spill: Arc<SpillDir>,
    pub(super) readers: Readers,
    pub(super) shelf: Weak<Mutex<Shelf>>,
    /// One at a time makes room: two would each move what both need.
    pub(super) evicting: tokio::sync::Mutex<()>,
}

impl Keeper {
    /// Takes `bytes` of memory, moving results that nobody reads to disk if need be. `false`: the
    /// frame must go to disk itself.
    pub(super) async fn make_room(&self, bytes: usize) -> bool {
        if self.budget.take(bytes) {
            return true;
        }
        if bytes > self.budget.limit() {
            return false;
        }
        let _one = self.evicting.lock().await;
        if self.budget.take(bytes) {
            return true;
        }
        let Some(victim) = self.coldest() else {
            return false;
        };
        if let Err(error) = victim.evict(bytes.max(EVICTION_STEP)).await {
            tracing::warn!(%error, "no room could be made in the result store");
        }
        self.budget.take(bytes)
    }

    /// Gives back what a log took that is let go of.
    pub(super) fn give_back(&self, log: &Log) {
        self.budget.give(log.in_memory());
        self.budget.give_from_index(log.index());
    }

    fn coldest(&self) -> Option<Arc<QueryResult>> {
        let results = self.shelf.upgrade()?.lock().all();
        let idle = results.into_iter().filter_map(|result| Some((result.idle_since()?, result)));
        idle.min_by_key(|(touched, _)| *touched).map(|(_, result)| result)
    }
}

/// Places for readers. A reader whose client is slow holds what is on its way to it, for which others get
/// less: their number is a bound.
#[derive(Debug)]
pub(super) struct Readers {
    open: Arc<AtomicUsize>,
    /// Of one result.
    each: usize,
    /// Of all results of the node.
    all: usize,
}

impl Readers {
    /// How many there are now.
    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    pub(super) fn new(each: usize, all: usize) -> Self {
        Self { open: Arc::default(), each, all }
    }

    /// A place for one more reader of a result that has `already`.
    ///
    /// # Errors
    /// `Exhausted` when there is none.
    pub(super) fn enter(&self, already: usize) -> Result<ReaderPlace, ResultError> {
        let full = |of: &str, most: usize| {
            ResultError::Exhausted(format!("{of} has {most} readers already: let some of them end"))
        };
        if already >= self.each {
            return Err(full("this result", self.each));
        }
        let enter = |open: usize| (open < self.all).then_some(open + 1);
        let entered = self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, enter);
        entered.map_err(|_| full("this node", self.all))?;
        Ok(ReaderPlace(Arc::clone(&self.open)))
    }
}

/// Given back when it is dropped.
#[derive(Debug)]
pub(super) struct ReaderPlace(Arc<AtomicUsize>);

impl Drop for ReaderPlace {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
