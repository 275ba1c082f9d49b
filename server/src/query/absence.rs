//! Since when nodes are out of the cluster, as of the looks that were taken.
//!
//! A node may be missing for a moment, and this one may be what was missing: counted is from the first look
//! that misses a node, not from when it was last seen.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use squadron_cluster::Members;

/// The nodes that were missed when somebody looked.
#[derive(Debug, Default)]
pub(super) struct Absences(Mutex<HashMap<String, Instant>>);

impl Absences {
    /// How long `node` has been missing at `now`: zero while it is a member.
    pub(super) fn of(&self, node: &str, members: &Members, now: Instant) -> Duration {
        self.away(node, members.get(node).is_some(), now)
    }

    /// Nodes that are back were away for nothing.
    pub(super) fn forget_present(&self, members: &Members) {
        self.0.lock().retain(|node, _| members.get(node).is_none());
    }

    fn away(&self, node: &str, present: bool, now: Instant) -> Duration {
        let mut since = self.0.lock();
        if present {
            since.remove(node);
            return Duration::ZERO;
        }
        let since = *since.entry(node.to_owned()).or_insert(now);
        now.saturating_duration_since(since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_came_back_was_away_for_nothing() {
        let absences = Absences::default();
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        assert_eq!(absences.away("b", false, now), Duration::ZERO);
        assert_eq!(absences.away("b", false, now + second), second);
        assert_eq!(absences.away("b", true, now + 2 * second), Duration::ZERO);
        assert_eq!(absences.away("b", false, now + 3 * second), Duration::ZERO);
    }
}
