//! All results of this node, with the one budget and the one spill folder they share.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Weak};
use std::time::Instant;

use datafusion::execution::memory_pool::MemoryPool;
use parking_lot::Mutex;
use uuid::Uuid;

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

/// What a store uses now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreUse {
    /// Results held.
    pub results: usize,
    /// Bytes in memory.
    pub memory: usize,
    /// Bytes on disk.
    pub disk: u64,
}

/// The results that this node holds and serves.
#[derive(Debug)]
pub struct ResultStore {
    results: Arc<Mutex<HashMap<Uuid, Arc<QueryResult>>>>,
    keeper: Arc<Keeper>,
}

/// What results share: the budget, the spill folder, and a look at each other for making room.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) budget: Budget,
    pub(super) spill: Arc<SpillDir>,
    results: Weak<Mutex<HashMap<Uuid, Arc<QueryResult>>>>,
    /// One at a time makes room: two would each move what both need.
    evicting: tokio::sync::Mutex<()>,
}

/// Room is made in steps of this many bytes, so that not every frame has to look for a victim.
const EVICTION_STEP: usize = 32 << 20;

impl ResultStore {
    /// An empty store.
    pub fn new(config: StoreConfig) -> Self {
        let results = Arc::new(Mutex::new(HashMap::new()));
        let keeper = Arc::new(Keeper {
            budget: Budget::new(&config.pool, config.memory_limit),
            spill: config.spill,
            results: Arc::downgrade(&results),
            evicting: tokio::sync::Mutex::new(()),
        });
        Self { results, keeper }
    }

    /// Opens a result, or gives the one that is open already.
    ///
    /// # Errors
    /// `Corrupt` when the same query is open with other terms.
    pub fn open(&self, opening: Opening) -> Result<Arc<QueryResult>, ResultError> {
        match self.results.lock().entry(opening.query) {
            Entry::Occupied(entry) if *entry.get().opening() == opening => {
                Ok(Arc::clone(entry.get()))
            }
            Entry::Occupied(_) => Err(ResultError::Corrupt(format!(
                "query {} was opened twice on different terms",
                opening.query
            ))),
            Entry::Vacant(entry) => {
                let result = Arc::new(QueryResult::new(opening, Arc::clone(&self.keeper)));
                Ok(Arc::clone(entry.insert(result)))
            }
        }
    }

    /// The result of a query, if this node holds it.
    pub fn get(&self, query: Uuid) -> Option<Arc<QueryResult>> {
        self.results.lock().get(&query).cloned()
    }

    /// Forgets a result. Readers that have it keep it until they end.
    pub fn remove(&self, query: Uuid) {
        self.results.lock().remove(&query);
    }

    /// All results.
    pub fn all(&self) -> Vec<Arc<QueryResult>> {
        self.results.lock().values().cloned().collect()
    }

    /// Forgets the results whose time is over; gives how many.
    pub fn remove_expired(&self, now: Instant) -> usize {
        let mut results = self.results.lock();
        let before = results.len();
        results.retain(|_, result| !result.is_expired(now));
        before - results.len()
    }

    /// What it uses now.
    pub fn usage(&self) -> StoreUse {
        StoreUse {
            results: self.results.lock().len(),
            memory: self.keeper.budget.used(),
            disk: self.keeper.spill.used(),
        }
    }
}

impl Keeper {
    /// Takes `bytes` of memory, moving results that nobody reads to disk if need be. `false`: the
    /// frame must go to disk itself.
    pub(super) async fn make_room(&self, bytes: usize) -> bool {
        if self.budget.take(bytes) {
            return true;
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

    fn coldest(&self) -> Option<Arc<QueryResult>> {
        let results = self.results.upgrade()?;
        let results: Vec<_> = results.lock().values().cloned().collect();
        let idle = results.into_iter().filter_map(|result| {
            let (touched, _) = result.idle_bytes()?;
            Some((touched, result))
        });
        idle.min_by_key(|(touched, _)| *touched).map(|(_, result)| result)
    }
}
