//! What the results of a node share: memory, disk, places for readers, and a look at each other for
//! making room.
//!
//! Memory that results have is the operators' when these ask for more than there is: then results go to disk, those
//! first that nobody is reading or writing. What writes them is one thread at a time, which holds nothing that a
//! reader or a writer of a result waits for but for moments.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::log::Log;
use super::result::blocking;
use super::shelf::Shelf;
use super::{Budget, QueryResult, ResultError, SpillDir};

/// Room is made in steps of this many bytes, so that not every frame has to look for a victim.
const EVICTION_STEP: usize = 32 << 20;

/// A disk that has failed, or is full, is not tried again for so long to make room: operators ask often.
const DISK_REST: Duration = Duration::from_secs(1);

/// What results share.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) budget: Budget,
    pub(super) spill: Arc<SpillDir>,
    pub(super) readers: Readers,
    pub(super) shelf: Weak<Mutex<Shelf>>,
    /// One writer at a time makes room for its frame: the others would each take a thread to wait in.
    pub(super) making_room: tokio::sync::Mutex<()>,
    /// One thread at a time writes results to disk: two would each move what both need.
    pub(super) evicting: Mutex<()>,
    /// When that failed last.
    pub(super) failed: Mutex<Option<Instant>>,
}

impl Keeper {
    /// Takes `bytes` of memory, moving results that nobody reads to disk if need be. `false`: the
    /// frame must go to disk itself.
    pub(super) async fn make_room(self: &Arc<Self>, bytes: usize) -> bool {
        if self.budget.take(bytes) {
            return true;
        }
        if bytes > self.budget.limit() {
            return false;
        }
        let _one = self.making_room.lock().await;
        if self.budget.take(bytes) {
            return true;
        }
        let keeper = Arc::clone(self);
        let moved = blocking(move || {
            let _one = keeper.evicting.lock();
            Ok(keeper.evict_idle(bytes.max(EVICTION_STEP)))
        });
        let moved = moved.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "no room could be made in the result store");
            false
        });
        // Here and not there: a writer that has gone meanwhile would leave what was taken for it.
        moved && self.budget.take(bytes)
    }

    /// Moves something of the one that was used longest ago of those that nobody reads or writes; says whether there
    /// was one.
    fn evict_idle(&self, wanted: usize) -> bool {
        let coldest = self.coldest_first().into_iter().next();
        coldest.is_some_and(|(use_of, result)| !use_of.busy && self.evict(&result, wanted) > 0)
    }

    /// Writes results to disk, some megabytes after the others, until `is_enough`; says whether it is. Blocks, also
    /// while another does it.
    pub(super) fn give_way(&self, mut is_enough: impl FnMut() -> bool) -> bool {
        let _one = self.evicting.lock();
        loop {
            if is_enough() {
                return true;
            }
            if self.evict_any(EVICTION_STEP) == 0 {
                return false;
            }
        }
    }

    /// Whether results have memory that they could give, or are about to.
    pub(super) fn can_give_way(&self) -> bool {
        self.spare() > 0 || self.evicting.is_locked()
    }

    /// Bytes of memory that results would give.
    pub(super) fn spare(&self) -> usize {
        match self.is_disk_resting() {
            true => 0,
            false => self.budget.used(),
        }
    }

    fn is_disk_resting(&self) -> bool {
        self.failed.lock().is_some_and(|failed| failed.elapsed() < DISK_REST)
    }

    /// Moves `wanted` bytes, or what there is; gives how many.
    fn evict_any(&self, wanted: usize) -> usize {
        let mut freed = 0;
        for (_, result) in self.coldest_first() {
            if freed >= wanted || self.is_disk_resting() {
                break;
            }
            freed += self.evict(&result, wanted - freed);
        }
        freed
    }

    fn evict(&self, result: &QueryResult, wanted: usize) -> usize {
        let (freed, done) = result.evict(wanted);
        if let Err(error) = done {
            tracing::warn!(%error, "no room could be made in the result store");
            *self.failed.lock() = Some(Instant::now());
        }
        freed
    }

    /// The results that have frames in memory, those first that nobody reads or writes.
    fn coldest_first(&self) -> Vec<(Use, Arc<QueryResult>)> {
        let Some(shelf) = self.shelf.upgrade() else { return Vec::new() };
        let results = shelf.lock().all().into_iter();
        let mut held: Vec<_> = results.filter_map(|it| Some((it.use_of_memory()?, it))).collect();
        held.sort_unstable_by_key(|(use_of, _)| *use_of);
        held
    }

    /// Gives back what a log took that is let go of.
    pub(super) fn give_back(&self, log: &Log) {
        self.budget.give(log.in_memory());
        self.budget.give_from_index(log.index());
    }
}

/// Who needs the frames of a result that are in memory, in the order in which they go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Use {
    /// It is not complete, or somebody reads it now.
    pub(super) busy: bool,
    /// When somebody read it last.
    pub(super) touched: Instant,
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
