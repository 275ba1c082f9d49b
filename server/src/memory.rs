//! What the process really takes of the machine's memory, beside what queries account for.
//!
//! Problem: operators and results account for the buffers that they know of. Decoders, connections, the
//! allocator's slack and operators that do not tell take more, and the system kills a process that takes
//! too much. Here the node's memory pool looks at the process itself: while that is larger than it may be,
//! whoever asks for more than a little is refused, which makes results and operators go to disk until it has shrunk.
//! An operator that never asks is met by [`watch`].

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};
use parking_lot::Mutex;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use crate::allocator;

mod operators;
mod passed_on;
#[cfg(test)]
mod testing;
mod watch;

pub use operators::OperatorPool;
use passed_on::passed_on;
pub use watch::watching;

/// What a process may take beyond its limit, with [`SHARE_BEYOND`] of the limit: its connections, the
/// allocator's slack, and what is on its way without being counted. Half of what the benchmark of memory
/// allows, so that what comes while nobody looks finds room too.
const BEYOND: u64 = 96 << 20;
const SHARE_BEYOND: u64 = 32;

/// So large a part of the limit an operator is given also while the process is too large: a small query is not to fail
/// for the memory of another, which [`watch`] ends.
const LITTLE: usize = 64;

/// The process is looked at no more often than this: at the speed of memory some ten megabytes come in
/// between.
const LOOK: Duration = Duration::from_millis(10);

/// The allocator is asked no more often than this to give back what it keeps: that takes milliseconds.
const COLLECT: Duration = Duration::from_millis(200);

/// A limit is of a whole process, however many nodes it runs: the sum of theirs.
static LIMIT: AtomicU64 = AtomicU64::new(0);

/// Whether the process is its nodes' alone. The memory of a program that only embeds some, a test for
/// instance, says nothing of them.
static ALONE: AtomicBool = AtomicBool::new(false);

/// Says that this process does nothing but run nodes: from now on its memory is looked at.
pub fn process_of_nodes() {
    ALONE.store(true, Ordering::Relaxed);
}

/// Bytes of this process in memory, without the pages of its program, which the system drops when it
/// needs room; 0 where it does not say.
pub fn resident() -> u64 {
    Process::new().resident()
}

/// This process, as the system sees it.
struct Process {
    system: System,
    id: Pid,
}

impl Process {
    fn new() -> Self {
        Self { system: System::new(), id: Pid::from_u32(std::process::id()) }
    }

    fn resident(&mut self) -> u64 {
        anonymous().unwrap_or_else(|| self.with_program())
    }

    /// What systems other than Linux tell.
    fn with_program(&mut self) -> u64 {
        let memory = ProcessRefreshKind::nothing().with_memory().without_tasks();
        let this = ProcessesToUpdate::Some(std::slice::from_ref(&self.id));
        self.system.refresh_processes_specifics(this, false, memory);
        self.system.process(self.id).map_or(0, sysinfo::Process::memory)
    }
}

/// The memory that nothing but this process has, as Linux tells it (`proc_pid_status(5)`); `None`
/// elsewhere. The files that it has mapped, of which its program is one, are not in it.
fn anonymous() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kibibytes: u64 = kibibytes.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

/// One node's part in the limit of its process, given back when it is dropped.
pub struct Guard {
    limit: u64,
    over: AtomicBool,
    look: Mutex<Look>,
}

struct Look {
    process: Process,
    /// When to look again, and when the allocator may be asked again.
    next: Instant,
    collect: Instant,
    seen: u64,
}

impl Look {
    fn new() -> Self {
        let now = Instant::now();
        Self { process: Process::new(), next: now, collect: now, seen: 0 }
    }

    /// Bytes of the process, after the allocator has given back what it can where they are more than
    /// `bound`.
    fn resident(&mut self, bound: u64) -> u64 {
        let now = Instant::now();
        if now >= self.next {
            self.seen = self.process.resident();
            if self.seen > bound && now >= self.collect {
                allocator::give_back();
                self.seen = self.process.resident();
                self.collect = now + COLLECT;
            }
            self.next = now + LOOK;
        }
        self.seen
    }
}

impl Guard {
    /// A node of this process may take `limit` bytes.
    pub fn new(limit: u64) -> Self {
        LIMIT.fetch_add(limit, Ordering::Relaxed);
        Self { limit, over: AtomicBool::new(false), look: Mutex::new(Look::new()) }
    }

    /// Whether the process is larger than it may be.
    pub fn is_over(&self) -> bool {
        // Who comes while another looks takes what was seen before.
        if ALONE.load(Ordering::Relaxed)
            && let Some(mut look) = self.look.try_lock()
        {
            let bound = bound(LIMIT.load(Ordering::Relaxed));
            self.over.store(look.resident(bound) > bound, Ordering::Relaxed);
        }
        self.over.load(Ordering::Relaxed)
    }

    /// Has the process looked at anew, and the allocator asked anew to give back: something was freed.
    fn look_again(&self) {
        let mut look = self.look.lock();
        let now = Instant::now();
        (look.next, look.collect) = (now, now);
    }

    /// Bytes of the process, where it takes so much more than it may that refusing has not helped. What the
    /// allocator keeps goes as soon as the process is larger than it may be: nobody may come to ask.
    fn far_over(&self) -> Option<u64> {
        let limit = LIMIT.load(Ordering::Relaxed);
        let bound = bound(limit);
        let far = bound + beyond(limit);
        let seen = ALONE.load(Ordering::Relaxed).then(|| self.look.lock().resident(bound));
        seen.filter(|seen| *seen > far)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        LIMIT.fetch_sub(self.limit, Ordering::Relaxed);
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("over", &self.over).finish_non_exhaustive()
    }
}

/// Bytes of a process that neither operators and results tell of, nor what it has beside them.
fn untold(resident: u64, told: usize) -> usize {
    let beside = beyond(LIMIT.load(Ordering::Relaxed));
    (resident as usize).saturating_sub(told).saturating_sub(beside as usize)
}

fn bound(limit: u64) -> u64 {
    limit + beyond(limit)
}

fn beyond(limit: u64) -> u64 {
    BEYOND + limit / SHARE_BEYOND
}

/// The node's pool, which gives no more than a little while the process is too large.
#[derive(Debug)]
pub struct GuardedPool {
    pool: Arc<dyn MemoryPool>,
    guard: Arc<Guard>,
}

impl GuardedPool {
    /// `pool` behind `guard`.
    pub fn new(pool: Arc<dyn MemoryPool>, guard: Arc<Guard>) -> Self {
        Self { pool, guard }
    }
}

impl MemoryPool for GuardedPool {
    passed_on!();

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let little = self.guard.limit as usize / LITTLE;
        let is_little = || reservation.size().saturating_add(additional) <= little;
        match self.guard.is_over() && !is_little() {
            true => Err(too_large()),
            false => self.pool.try_grow(reservation, additional),
        }
    }
}

impl fmt::Display for GuardedPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pool.fmt(f)
    }
}

fn too_large() -> DataFusionError {
    DataFusionError::ResourcesExhausted(
        "the process takes more memory than --memory-limit and what goes beside it: try again, or raise it".into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_takes_memory() {
        assert!(resident() > 1 << 20);
        assert!(Process::new().with_program() > 1 << 20);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_pages_of_the_program_are_left_out() {
        let seen = anonymous().unwrap();
        assert!((1 << 20..Process::new().with_program()).contains(&seen), "{seen}");
    }

    #[test]
    fn the_process_is_looked_at_now_and_then() {
        let mut look = Look::new();
        let seen = look.resident(0);
        assert!(seen > 1 << 20);
        look.seen = 1;
        assert_eq!(look.resident(u64::MAX), 1, "not looked at again yet");
        look.next = Instant::now();
        assert!(look.resident(u64::MAX) > 1 << 20);
    }

    #[test]
    fn no_more_than_a_little_is_given_while_the_process_is_too_large() {
        use datafusion::execution::memory_pool::UnboundedMemoryPool;
        let guard = Arc::new(Guard::new(LITTLE as u64));
        let pool = GuardedPool::new(Arc::new(UnboundedMemoryPool::default()), Arc::clone(&guard));
        let pool: Arc<dyn MemoryPool> = Arc::new(pool);
        let operator = MemoryConsumer::new("operator").register(&pool);
        operator.try_grow(1).unwrap();
        guard.over.store(true, Ordering::Relaxed);
        let refused = operator.try_grow(1).unwrap_err();
        assert!(matches!(refused, DataFusionError::ResourcesExhausted(_)));
        operator.grow(1);
        assert_eq!(pool.reserved(), 2);
        let other = MemoryConsumer::new("other").register(&pool);
        other.try_grow(1).unwrap();
    }
}
