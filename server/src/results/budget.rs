//! Memory that results may take: a share of the node's one pool, so that operators and results
//! cannot together take more than the node was given. The last of the pool is left to operators that
//! fail without: frames can go to disk.

use std::sync::Arc;

use datafusion::execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};
use parking_lot::Mutex;

/// Such a part of the pool is left to operators.
const LEFT: usize = 10;

/// A bounded share of a memory pool.
#[derive(Debug)]
pub struct Budget {
    pool: Arc<dyn MemoryPool>,
    reservation: Mutex<MemoryReservation>,
    /// What it takes to know where frames are, also those on disk.
    index: Mutex<MemoryReservation>,
    /// What was read from disk, or from a peer, and has not left for its client.
    readers: Mutex<MemoryReservation>,
    limit: usize,
}

impl Budget {
    /// At most `limit` bytes, taken from `pool` as they are needed.
    pub fn new(pool: &Arc<dyn MemoryPool>, limit: usize) -> Self {
        let reservation = MemoryConsumer::new("results").register(pool);
        let index = MemoryConsumer::new("index of results").register(pool);
        let readers = MemoryConsumer::new("readers of results").register(pool);
        let [reservation, index, readers] = [reservation, index, readers].map(Mutex::new);
        Self { pool: Arc::clone(pool), reservation, index, readers, limit }
    }

    /// Most that can be taken.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Takes `bytes`, or says that they are not to be had.
    pub fn take(&self, bytes: usize) -> bool {
        let reservation = self.reservation.lock();
        reservation.size() + bytes <= self.limit
            && self.has_room(bytes)
            && reservation.try_grow(bytes).is_ok()
    }

    fn has_room(&self, bytes: usize) -> bool {
        match self.pool.memory_limit() {
            MemoryLimit::Finite(all) => self.pool.reserved() + bytes <= all - all / LEFT,
            _ => true,
        }
    }

    /// Gives `bytes` back.
    pub fn give(&self, bytes: usize) {
        self.reservation.lock().shrink(bytes);
    }

    /// An index takes `bytes` more of the pool, whether they are to be had or not: frames and operators
    /// get less.
    pub(super) fn take_for_index(&self, bytes: usize) {
        self.index.lock().grow(bytes);
    }

    /// An index is gone.
    pub(super) fn give_from_index(&self, bytes: usize) {
        self.index.lock().shrink(bytes);
    }

    /// Bytes taken by indexes now.
    pub fn used_by_index(&self) -> usize {
        self.index.lock().size()
    }

    /// A reader takes `bytes` more of the pool, whether they are to be had or not: it holds them already.
    pub(super) fn take_for_reader(&self, bytes: usize) {
        self.readers.lock().grow(bytes);
    }

    /// What a reader held has left.
    pub(super) fn give_from_reader(&self, bytes: usize) {
        self.readers.lock().shrink(bytes);
    }

    /// Bytes that readers hold now.
    pub fn used_by_readers(&self) -> usize {
        self.readers.lock().size()
    }

    /// Bytes taken by frames now.
    pub fn used(&self) -> usize {
        self.reservation.lock().size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::execution::memory_pool::GreedyMemoryPool;

    #[test]
    fn neither_the_share_nor_the_pool_is_exceeded() {
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(100));
        let budget = Budget::new(&pool, 60);
        assert!(budget.take(60));
        assert!(!budget.take(1), "the share is used up");
        budget.give(60);

        let other = MemoryConsumer::new("operator").register(&pool);
        other.try_grow(80).unwrap();
        assert!(!budget.take(11), "the rest of the pool is left to operators");
        assert!(budget.take(10));
        assert_eq!(budget.used(), 10);
    }
}
