//! Whether anybody still waits for a running query.
//!
//! Each peer that holds a share says now and then since when nobody has been there to read it. Only
//! what peers say counts: a peer that is silent may have a reader, so no query ends for it.

use std::collections::HashMap;
use std::time::Instant;

use parking_lot::Mutex;

use crate::results::Interest;

/// What the peers of one query said last.
#[derive(Debug, Default)]
pub(super) struct Interests(Mutex<HashMap<String, Report>>);

#[derive(Debug, Clone, Copy)]
struct Report {
    at: Instant,
    interest: Interest,
}

impl Report {
    /// When somebody was there last, for all that its peer knew.
    fn last(&self) -> Instant {
        self.at.checked_sub(self.interest.absent).unwrap_or(self.at)
    }
}

impl Interests {
    /// What `peer` says at `now`.
    pub(super) fn report(&self, peer: &str, interest: Interest, now: Instant) {
        self.0.lock().insert(peer.to_owned(), Report { at: now, interest });
    }

    /// The interest in the query as a whole, or nothing before every one of `peers` has spoken. How
    /// long nobody has been anywhere is counted up to the oldest of their reports.
    pub(super) fn of_all<'p>(&self, peers: impl Iterator<Item = &'p str>) -> Option<Interest> {
        let reports = self.0.lock();
        let reports: Vec<Report> =
            peers.map(|peer| reports.get(peer).copied()).collect::<Option<_>>()?;
        let known_until = reports.iter().map(|report| report.at).min()?;
        let last = reports.iter().map(Report::last).max()?;
        Some(Interest {
            read: reports.iter().any(|report| report.interest.read),
            absent: known_until.saturating_duration_since(last),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOBODY: Interest = Interest { read: false, absent: Duration::from_secs(60) };
    const SOMEBODY: Interest = Interest { read: true, absent: Duration::ZERO };
    const LEFT: Interest = Interest { read: true, absent: Duration::from_secs(20) };

    /// Reports of peers a, b, …, each so many seconds after the first possible one.
    fn of(reports: &[(Interest, u64)]) -> Option<Interest> {
        let interests = Interests::default();
        let peers = ["a", "b", "c"];
        let start = Instant::now();
        for (peer, (interest, seconds)) in peers.iter().zip(reports) {
            interests.report(peer, *interest, start + Duration::from_secs(*seconds));
        }
        interests.of_all(peers.into_iter())
    }

    #[test]
    fn nothing_is_known_before_all_have_spoken() {
        assert_eq!(of(&[(NOBODY, 0), (NOBODY, 0)]), None);
    }

    #[test]
    fn one_reader_anywhere_is_interest() {
        let all = of(&[(NOBODY, 0), (SOMEBODY, 0), (LEFT, 0)]).unwrap();
        assert_eq!(all, SOMEBODY);
    }

    #[test]
    fn the_last_one_who_left_counts() {
        let all = of(&[(NOBODY, 0), (LEFT, 0), (NOBODY, 0)]).unwrap();
        assert_eq!(all, LEFT);
    }

    /// Peer c has said nothing for 15 seconds: somebody may have come to it since.
    #[test]
    fn a_silent_peer_may_have_a_reader() {
        let all = of(&[(LEFT, 15), (LEFT, 15), (NOBODY, 0)]).unwrap();
        assert_eq!(all.absent, Duration::from_secs(5));
    }

    #[test]
    fn a_query_that_nobody_read_is_told_from_one_whose_reader_left() {
        let all = of(&[(NOBODY, 0), (NOBODY, 0), (NOBODY, 0)]).unwrap();
        assert_eq!(all, NOBODY);
    }
}
