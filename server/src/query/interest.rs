//! Whether anybody still waits for a running query.
//!
//! Each peer that holds a share says every second since when nobody has been there to read it. Only
//! what peers say counts: of one that is silent nobody knows whether it has a reader. One that stays silent
//! though it is in the cluster holds the share no more.

use std::collections::HashMap;
use std::time::Instant;

use parking_lot::Mutex;

use super::sweep::ANSWER_WITHIN;
use crate::results::Interest;

/// How many looks in a row a peer may be silent: they are a second apart, and a busy node takes its time.
const SILENT_LOOKS: u32 = 12;

/// What the peers of one query said last.
#[derive(Debug, Default)]
pub(super) struct Interests {
    reports: Mutex<HashMap<String, Report>>,
    /// Looks since each peer has said something. Counted in looks, not in time: none is taken while this
    /// node itself stands still.
    silent: Mutex<HashMap<String, u32>>,
}

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
        self.reports.lock().insert(peer.to_owned(), Report { at: now, interest });
        self.silent.lock().remove(peer);
    }

    /// Whether a peer has ever held a share.
    pub(super) fn has_spoken(&self, peer: &str) -> bool {
        self.reports.lock().contains_key(peer)
    }

    /// A later run begins: who was silent in the one before has something to say of it.
    pub(super) fn again(&self) {
        self.silent.lock().clear();
    }

    /// One more look at `peers`: gives one that has been silent for too many of them.
    pub(super) fn silent<'p>(&self, peers: impl Iterator<Item = &'p str>) -> Option<&'p str> {
        let mut silent = self.silent.lock();
        let mut longest = None;
        for peer in peers {
            let looks = silent.entry(peer.to_owned()).or_default();
            *looks += 1;
            if *looks > SILENT_LOOKS {
                longest = Some(peer);
            }
        }
        longest
    }

    /// The interest in the query as a whole, or nothing before every one of `peers` has spoken. How
    /// long nobody has been anywhere is counted up to the oldest of their reports, which may have been on
    /// their way for as long as they wait for an answer: somebody who lost one peer may have come to another
    /// since.
    pub(super) fn of_all<'p>(&self, peers: impl Iterator<Item = &'p str>) -> Option<Interest> {
        let reports = self.reports.lock();
        let reports: Vec<Report> =
            peers.map(|peer| reports.get(peer).copied()).collect::<Option<_>>()?;
        let arrived = reports.iter().map(|report| report.at).min()?;
        let known_until = match reports.len() {
            1 => arrived,
            _ => arrived.checked_sub(ANSWER_WITHIN).unwrap_or(arrived),
        };
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
        assert_eq!(all, Interest { absent: LEFT.absent - ANSWER_WITHIN, ..LEFT });
    }

    #[test]
    fn who_left_the_only_peer_is_nowhere_else() {
        let interests = Interests::default();
        interests.report("a", LEFT, Instant::now());
        assert_eq!(interests.of_all(["a"].into_iter()), Some(LEFT));
    }

    /// Peer c has said nothing for 15 seconds: somebody may have come to it since.
    #[test]
    fn a_silent_peer_may_have_a_reader() {
        let all = of(&[(LEFT, 15), (LEFT, 15), (NOBODY, 0)]).unwrap();
        assert_eq!(all.absent, Duration::from_secs(5) - ANSWER_WITHIN);
    }

    #[test]
    fn a_peer_that_stays_silent_is_found() {
        let interests = Interests::default();
        for _ in 0..SILENT_LOOKS {
            interests.report("a", NOBODY, Instant::now());
            assert_eq!(interests.silent(["a", "b"].into_iter()), None);
        }
        interests.report("a", NOBODY, Instant::now());
        assert_eq!(interests.silent(["a", "b"].into_iter()), Some("b"));
        interests.report("b", NOBODY, Instant::now());
        assert_eq!(interests.silent(["a", "b"].into_iter()), None, "it has spoken");
    }

    #[test]
    fn who_was_silent_in_an_earlier_run_has_time_in_the_next() {
        let interests = Interests::default();
        for _ in 0..SILENT_LOOKS {
            assert_eq!(interests.silent(["b"].into_iter()), None);
        }
        interests.again();
        assert_eq!(interests.silent(["b"].into_iter()), None);
    }

    #[test]
    fn a_query_that_nobody_read_is_told_from_one_whose_reader_left() {
        let all = of(&[(NOBODY, 0), (NOBODY, 0), (NOBODY, 0)]).unwrap();
        assert_eq!(all, Interest { absent: NOBODY.absent - ANSWER_WITHIN, ..NOBODY });
    }
}
