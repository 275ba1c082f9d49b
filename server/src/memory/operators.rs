//! The node's pool as operators see it: results give way to them.
//!
//! Problem: a result is kept for minutes after it was read, in memory that it would do without. The pool knows only that
//! it is taken, and refuses operators, or has them go to disk. Here whoever is refused waits while results are
//! written to disk, some megabytes after the others, and asks again after each step: that is what it does itself when it
//! goes to disk, and a page that is written is the system's to keep. What results have not got either is refused at
//! once, and writes nothing. Results themselves take from the pool below this one, so that none of them waits for another.

use std::fmt;
use std::sync::Arc;

use datafusion::error::Result;
use datafusion::execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};

use super::Guard;
use super::passed_on::passed_on;
use crate::results::ResultStore;

/// A pool that has results go to disk before it refuses.
#[derive(Debug)]
pub struct OperatorPool {
    pool: Arc<dyn MemoryPool>,
    guard: Arc<Guard>,
    store: Arc<ResultStore>,
}

impl OperatorPool {
    /// `pool`, from which the results of `store` are taken too.
    pub fn new(pool: Arc<dyn MemoryPool>, guard: Arc<Guard>, store: Arc<ResultStore>) -> Self {
        Self { pool, guard, store }
    }

    /// Whether there would be so much if results had nothing.
    fn is_there(&self, bytes: usize) -> bool {
        let MemoryLimit::Finite(limit) = self.pool.memory_limit() else { return true };
        let others = self.pool.reserved().saturating_sub(self.store.spare());
        others.saturating_add(bytes) <= limit
    }
}

impl MemoryPool for OperatorPool {
    passed_on!();

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let mut asked = self.pool.try_grow(reservation, additional);
        if asked.is_err() && self.store.can_give_way() && self.is_there(additional) {
            self.store.give_way(|| {
                self.guard.look_again();
                asked = self.pool.try_grow(reservation, additional);
                asked.is_ok()
            });
        }
        asked
    }
}

impl fmt::Display for OperatorPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pool.fmt(f)
    }
}

#[cfg(test)]
mod tests;
