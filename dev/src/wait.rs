//! Waiting: for a condition, with a deadline, and never for a length of time.

use std::time::{Duration, Instant};

/// How often a condition is looked at.
const EVERY: Duration = Duration::from_millis(10);

/// What is slow on a busy machine is not wrong yet: a deadline for what should take milliseconds.
pub const SOON: Duration = Duration::from_secs(30);

/// Waits until `condition` holds.
///
/// # Panics
/// When it does not within `deadline`, naming `what` was waited for.
pub async fn wait_for(what: &str, deadline: Duration, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < deadline, "{what}: not within {deadline:?}");
        tokio::time::sleep(EVERY).await;
    }
}

/// As [`wait_for`], for a condition that has to be asked for.
///
/// # Panics
/// When it does not hold within `deadline`.
pub async fn wait_until(what: &str, deadline: Duration, mut condition: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < deadline, "{what}: not within {deadline:?}");
        tokio::time::sleep(EVERY).await;
    }
}
