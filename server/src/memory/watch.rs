//! A process that is too large has its results go to disk, whether anybody asks for memory or not.
//!
//! The last resort against one that is about to be killed: its largest query is ended.
//! Who asks for memory is refused some while the process is too large. What an operator takes without
//! asking stops for nothing but the end of its query: the query with the most is the one that helps the
//! most, and the others go on.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use datafusion::common::runtime::SpawnedTask;
use parking_lot::Mutex;
use squadron_planner::session::Engine;
use tokio::time::timeout;
use uuid::Uuid;

use super::{Guard, untold};
use crate::allocator;
use crate::cpu::CpuRuntime;
use crate::results::ResultStore;

/// At the speed of memory some ten megabytes come in between.
const EVERY: Duration = Duration::from_millis(20);

/// Results that have gone to disk are no more in the process when each thread has given back its part.
const UNTIL_SEEN: Duration = Duration::from_millis(100);

/// For so long a query that would be ended waits for results to go to disk instead.
const FOR_RESULTS: Duration = Duration::from_millis(200);

/// After a query was ended none other is for so long: what it had must come free first.
const UNTIL_FREE: Duration = Duration::from_millis(500);

/// And for so long at most while something of it is there: a function that makes a large batch does
/// not stop in the middle.
const UNTIL_GONE: Duration = Duration::from_secs(5);

/// For so long a query that came when the process was too large already is not taken for the reason.
const INNOCENT: Duration = Duration::from_secs(1);

/// The query that was last ended for its memory, in any node of the process.
static LAST: Mutex<Option<(Uuid, Instant)>> = Mutex::new(None);

/// Has results go to disk while the process is larger than it may be, and ends the engine's largest query when it is
/// far larger, until the task is dropped or the engine is gone. Wakes the threads of `cpu` when they are to give back
/// what they keep.
pub fn watching(
    guard: Arc<Guard>,
    engine: &Arc<Engine>,
    store: &Arc<ResultStore>,
    cpu: Arc<CpuRuntime>,
) -> SpawnedTask<()> {
    let results = Results::new(guard, Arc::clone(store));
    SpawnedTask::spawn(watch(results, Arc::downgrade(engine), cpu))
}

async fn watch(mut results: Results, engine: Weak<Engine>, cpu: Arc<CpuRuntime>) {
    let mut ticks = tokio::time::interval(EVERY);
    let (mut since, mut asked) = (None, allocator::asked());
    loop {
        ticks.tick().await;
        let Some(engine) = engine.upgrade() else { return };
        let far_over = results.give_way().await;
        if allocator::asked() != asked {
            asked = allocator::asked();
            cpu.wake();
        }
        match far_over {
            Some(resident) => {
                end_one(&engine, resident, *since.get_or_insert_with(Instant::now));
            }
            None => since = None,
        }
    }
}

/// Results that go to disk because the process is too large.
struct Results {
    guard: Arc<Guard>,
    store: Arc<ResultStore>,
    /// What writes them now, and when something did so last.
    writing: Option<SpawnedTask<()>>,
    wrote: Option<Instant>,
    /// Since when the process is far too large.
    far: Option<Instant>,
}

impl Results {
    fn new(guard: Arc<Guard>, store: Arc<ResultStore>) -> Self {
        Self { guard, store, writing: None, wrote: None, far: None }
    }

    /// Has some megabytes written if the process is too large; gives its bytes where it is far too large and that does
    /// not help.
    async fn give_way(&mut self) -> Option<u64> {
        let far_over = self.guard.far_over();
        let far = far_over.map(|_| self.far.unwrap_or_else(Instant::now));
        self.far = far;
        if self.writing.is_none() && self.is_time() && self.guard.is_over() {
            let (guard, store) = (Arc::clone(&self.guard), Arc::clone(&self.store));
            self.writing = Some(SpawnedTask::spawn_blocking(move || write(&guard, &store)));
        }
        let waits = far.is_some_and(|far| self.writing.is_some() && far.elapsed() < FOR_RESULTS);
        let patience = if waits { FOR_RESULTS } else { Duration::ZERO };
        if let Some(writing) = &mut self.writing
            && timeout(patience, writing).await.is_ok()
        {
            (self.writing, self.wrote) = (None, Some(Instant::now()));
        }
        far_over.filter(|_| !waits)
    }

    /// What was written last must have left the process first, unless that is far too large.
    fn is_time(&self) -> bool {
        let seen = self.wrote.is_none_or(|wrote| wrote.elapsed() >= UNTIL_SEEN);
        (seen || self.far.is_some()) && self.store.can_give_way()
    }
}

/// Some megabytes.
fn write(guard: &Guard, store: &ResultStore) {
    let mut wrote = false;
    store.give_way(|| std::mem::replace(&mut wrote, true) || !guard.is_over());
    guard.look_again();
}

/// `since`: when the process was seen to be too large first. Who came later is not why, at first.
fn end_one(engine: &Engine, resident: u64, since: Instant) {
    let mut last = LAST.lock();
    if last.is_some_and(|(query, ended)| is_waited_for(engine, query, ended)) {
        return;
    }
    let began = if since.elapsed() < INNOCENT { since } else { Instant::now() };
    let told = engine.runtime().memory_pool.reserved();
    if let Some(query) = engine.end_largest(began, untold(resident, told)) {
        *last = Some((query, Instant::now()));
        tracing::warn!(%query, resident, "too much memory in use: the largest query is ended");
    }
}

fn is_waited_for(engine: &Engine, query: Uuid, ended: Instant) -> bool {
    let since = ended.elapsed();
    since < UNTIL_FREE || (since < UNTIL_GONE && engine.has(query))
}

#[cfg(test)]
mod tests;
