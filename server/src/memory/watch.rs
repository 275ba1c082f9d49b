//! The last resort against a process that is about to be killed: its largest query is ended.
//!
//! Who asks for memory is refused some while the process is too large. What an operator takes without
//! asking stops for nothing but the end of its query: the query with the most is the one that helps the
//! most, and the others go on.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use datafusion::common::runtime::SpawnedTask;
use parking_lot::Mutex;
use squadron_planner::session::Engine;
use uuid::Uuid;

use super::{Guard, untold};
use crate::allocator;
use crate::cpu::CpuRuntime;

/// At the speed of memory some ten megabytes come in between.
const EVERY: Duration = Duration::from_millis(20);

/// After a query was ended none other is for so long: what it had must come free first.
const UNTIL_FREE: Duration = Duration::from_millis(500);

/// And for so long at most while something of it is there: a function that makes a large batch does
/// not stop in the middle.
const UNTIL_GONE: Duration = Duration::from_secs(5);

/// For so long a query that came when the process was too large already is not taken for the reason.
const INNOCENT: Duration = Duration::from_secs(1);

/// The query that was last ended for its memory, in any node of the process.
static LAST: Mutex<Option<(Uuid, Instant)>> = Mutex::new(None);

/// Ends the engine's largest query when the process is far larger than it may be, until the task is
/// dropped or the engine is gone. Wakes the threads of `cpu` when they are to give back what they keep.
pub fn watching(guard: Arc<Guard>, engine: &Arc<Engine>, cpu: Arc<CpuRuntime>) -> SpawnedTask<()> {
    SpawnedTask::spawn(watch(guard, Arc::downgrade(engine), cpu))
}

async fn watch(guard: Arc<Guard>, engine: Weak<Engine>, cpu: Arc<CpuRuntime>) {
    let mut ticks = tokio::time::interval(EVERY);
    let (mut since, mut asked) = (None, allocator::asked());
    loop {
        ticks.tick().await;
        let Some(engine) = engine.upgrade() else { return };
        let far_over = guard.far_over();
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
