//! The allocator of every program here, and how long it keeps what was freed.
//!
//! Half of what a large read costs is the kernel clearing pages for the frames of its result, and on a
//! virtual machine the host finding memory behind them. mimalloc gives freed memory back after a second. A
//! dashboard, or a client that reads one result after another, asks for it again seconds later, and not always
//! for the same blocks: after ten seconds still a tenth of them had been given back. Measured with
//! nodes in turns, one large read every three seconds each: kept for ten seconds, results that are kept cost
//! 6 to 11 % of the throughput; for a minute, 2 % (benches/README.md). A process that grows too large for
//! its limit gives it back at once (`memory.rs`).

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

pub use mimalloc::MiMalloc;

/// How long freed memory is kept for the next query, in milliseconds.
const KEPT_FOR: std::ffi::c_long = 60_000;

/// `mi_option_purge_delay` of mimalloc 3 (its `mimalloc.h`; the crate names only some options).
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Sets what is kept, unless `MIMALLOC_PURGE_DELAY` says otherwise, and does without huge pages, unless
/// `MIMALLOC_ALLOW_THP` does. For the first line of a `main`.
#[allow(unsafe_code)]
pub fn tune() {
    // SAFETY: stores a number in the allocator's table of options, which takes any value and is
    // there before `main`; no other thread runs yet that could read it.
    unsafe { libmimalloc_sys::mi_option_set_default(PURGE_DELAY, KEPT_FOR) }
    small_pages();
}

/// mimalloc asks for huge pages, each of which is cleared as a whole for the first byte of it that is used: a full read
/// was a tenth slower, and a sort that spills took a third more memory than it knew of (benches/README.md).
#[cfg(target_os = "linux")]
fn small_pages() {
    if std::env::var_os("MIMALLOC_ALLOW_THP").is_none() {
        // A system that has no huge pages has nothing to be told.
        let _ = rustix::thread::disable_transparent_huge_pages(true);
    }
}

#[cfg(not(target_os = "linux"))]
fn small_pages() {}

/// How often it was asked for.
static ASKED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// How often it was when this thread did its part.
    static DONE: Cell<u64> = const { Cell::new(0) };
}

/// Gives back to the system, now, what is kept for the next query; of what other threads have, when they do
/// [their part](give_back_own).
pub fn give_back() {
    ASKED.fetch_add(1, Ordering::Relaxed);
    collect();
}

/// How often it was asked to give back.
pub fn asked() -> u64 {
    ASKED.load(Ordering::Relaxed)
}

/// Gives back what this thread has, if that was asked for since it last did: blocks that other threads have freed
/// stay with the one that took them until it looks. For when a thread has nothing to do.
pub fn give_back_own() {
    let asked = asked();
    if DONE.replace(asked) != asked {
        collect();
    }
}

#[allow(unsafe_code)]
fn collect() {
    // SAFETY: any thread may ask for it at any time; nothing in use is touched.
    unsafe { libmimalloc_sys::mi_collect(true) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(unsafe_code)]
    fn the_option_that_is_set_is_the_one_that_is_meant() {
        // mimalloc's own default of the purge delay, which no neighbour in the table shares.
        const DEFAULT: std::ffi::c_long = 1000;
        // SAFETY: reads a number from the allocator's table of options.
        let read = || unsafe { libmimalloc_sys::mi_option_get(PURGE_DELAY) };
        if std::env::var_os("MIMALLOC_PURGE_DELAY").is_none() {
            assert_eq!(read(), DEFAULT);
            tune();
            assert_eq!(read(), KEPT_FOR);
        }
    }
}
