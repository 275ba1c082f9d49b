//! What the promises cost: a switch for one benchmark, which no option of the product turns.
//!
//! Without them frames have no checksum, manifests are not compared, and a frame is let go of as soon as
//! it was read. It is the process's, as the functions that it changes know of no node.

use std::sync::atomic::{AtomicBool, Ordering};

static BARE: AtomicBool = AtomicBool::new(false);

/// From now on this process makes no promises. For a benchmark, and nothing else.
pub fn without_promises() {
    BARE.store(true, Ordering::Relaxed);
}

/// Whether it makes none.
pub(super) fn is_bare() -> bool {
    BARE.load(Ordering::Relaxed)
}
