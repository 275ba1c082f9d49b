//! All results of this node, with the one budget and the one spill folder they share.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use datafusion::execution::memory_pool::MemoryPool;
use parking_lot::Mutex;
use uuid::Uuid;

use super::given_up::GivenUp;
use super::keeper::{Keeper, Readers};
use super::pieces::Held;
use super::shelf::Shelf;
use super::{Budget, Opening, QueryResult, ResultError, SpillDir};

/// What a store is made of.
#[derive(Debug)]
pub struct StoreConfig {
    /// The node's memory pool.
    pub pool: Arc<dyn MemoryPool>,
    /// Most bytes of it that results may take.
    pub memory_limit: usize,
    /// Where frames go past that.
    pub spill: Arc<SpillDir>,
}

/// Bounds of what the memory budget does not see.
#[derive(Debug, Clone, Copy)]
pub struct StoreLimits {
    /// Bytes that results may take beside their frames: about 4 KiB and the schema each.
    pub overhead: usize,
    /// Readers of one result at a time.
    pub readers_each: usize,
    /// Readers of all results at a time.
    pub readers: usize,
}

impl Default for StoreLimits {
    /// Some 15,000 small results (50 a second for 5 minutes that nobody reads; those that were read
    /// make place before), and readers for a few hundred clients.
    fn default() -> Self {
        Self { overhead: 64 << 20, readers_each: 64, readers: 1024 }
    }
}

/// What a store uses now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreUse {
    /// Results held.
    pub results: usize,
    /// Bytes in memory.
    pub memory: usize,
    /// Bytes on disk.
    pub disk: u64,
    /// Bytes in memory for knowing where frames are.
    pub index: usize,
    /// Bytes that were read from disk or from a peer and have not left for their clients.
    pub leaving: usize,
    /// Readers that have not come to their end.
    pub readers: usize,
    /// Parts that were begun and not sealed.
    pub open_parts: usize,
}

/// The results that this node holds and serves.
#[derive(Debug)]
pub struct ResultStore {
    shelf: Arc<Mutex<Shelf>>,
    keeper: Arc<Keeper>,
    given_up: GivenUp,
}

impl ResultStore {
    /// An empty store.
    pub fn new(config: StoreConfig) -> Self {
        Self::with_limits(config, StoreLimits::default())
    }

    /// An empty store with other bounds.
    pub fn with_limits(config: StoreConfig, limits: StoreLimits) -> Self {
        let shelf = Arc::new(Mutex::new(Shelf::new(limits.overhead)));
        let keeper = Arc::new(Keeper {
            budget: Budget::new(&config.pool, config.memory_limit),
            spill: config.spill,
            readers: Readers::new(limits.readers_each, limits.readers),
            shelf: Arc::downgrade(&shelf),
            making_room: tokio::sync::Mutex::new(()),
            evicting: Mutex::new(()),
            failed: Mutex::new(None),
        });
        Self { shelf, keeper, given_up: GivenUp::default() }
    }

    /// Opens a result, or gives the one that is open already.
    ///
    /// # Errors
    /// `Corrupt` when the same query is open with other terms; `Exhausted` when the node holds as
    /// many results as it can; `Unavailable` for a query that was given up here.
    pub fn open(&self, opening: Opening) -> Result<Arc<QueryResult>, ResultError> {
        if self.given_up.contains(opening.query) {
            return Err(ResultError::Unavailable(format!(
                "query {} was given up here, and its readers were told: run the query again",
                opening.query
            )));
        }
        let mut shelf = self.shelf.lock();
        let off = shelf.make_place(&opening);
        let keeper = Arc::clone(&self.keeper);
        let opened = shelf.open(opening, |opening| QueryResult::new(opening, keeper));
        drop(shelf);
        off.let_go();
        opened
    }

    /// The result of a query, if this node holds it.
    pub fn get(&self, query: Uuid) -> Option<Arc<QueryResult>> {
        self.shelf.lock().get(query)
    }

    /// Forgets a result at once; who still reads it gets an error.
    pub fn remove(&self, query: Uuid) {
        let off = self.shelf.lock().remove(query);
        off.let_go();
    }

    /// Ends a result in `why` for good: its query is not opened here any more, though another node may
    /// go on with it.
    pub fn give_up(&self, result: &QueryResult, why: ResultError) {
        self.given_up.add(result.opening().query, Instant::now());
        result.fail(why);
    }

    /// All results.
    pub fn all(&self) -> Vec<Arc<QueryResult>> {
        self.shelf.lock().all()
    }

    /// Forgets the results whose time is over; gives how many.
    pub fn remove_expired(&self, now: Instant) -> usize {
        let off = self.shelf.lock().remove_expired(now);
        let removed = off.len();
        off.let_go();
        removed
    }

    /// The same bytes, which came from a peer for a client: they count until they have left, and so does
    /// what comes `behind` them meanwhile.
    pub fn passing(&self, bytes: Bytes, behind: usize) -> Bytes {
        Bytes::from_owner(Held::with(&self.keeper, bytes, behind))
    }

    /// Writes results to disk, some megabytes after the others and first those that nobody is reading or writing, until
    /// `is_enough`; says whether it is. Blocks. `is_enough` must not ask this store for memory.
    pub fn give_way(&self, is_enough: impl FnMut() -> bool) -> bool {
        self.keeper.give_way(is_enough)
    }

    /// Whether results have memory that they could give way with, or are about to.
    pub fn can_give_way(&self) -> bool {
        self.keeper.can_give_way()
    }

    /// Bytes of the pool that results have and would give to whoever asks for them.
    pub fn spare(&self) -> usize {
        self.keeper.spare()
    }

    /// Bytes of the pool that results and their readers have. As quick however many results there are, unlike
    /// [`usage`](Self::usage): every query asks.
    pub fn taken(&self) -> usize {
        let budget = &self.keeper.budget;
        budget.used() + budget.used_by_index() + budget.used_by_readers()
    }

    /// Leaves nothing on disk, whoever still holds a result: the process is about to end.
    pub fn close(&self) {
        self.keeper.spill.remove();
    }

    /// What it uses now.
    pub fn usage(&self) -> StoreUse {
        let results = self.all();
        StoreUse {
            results: results.len(),
            memory: self.keeper.budget.used(),
            disk: self.keeper.spill.used(),
            index: self.keeper.budget.used_by_index(),
            leaving: self.keeper.budget.used_by_readers(),
            readers: self.keeper.readers.open(),
            open_parts: results.iter().map(|result| result.open_parts()).sum(),
        }
    }
}
