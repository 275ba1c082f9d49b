//! Queries that run for nobody, or wait for a node that is gone: they are ended, and say why.

use std::time::{Duration, Instant};

use futures::future::join_all;
use tonic::Code;

use super::Queries;
use super::record::{QueryState, Record};
use crate::results::{Interest, ResultError};

/// A node that was out of the cluster for a moment may be back with all its tasks: only one that
/// stays away fails the queries that need it. One whose process ended fails them by its connections.
pub(super) const AWAY: Duration = Duration::from_secs(5);

/// A client may start reading this late at least, however short results are kept.
const FIRST_READ: Duration = Duration::from_secs(60);

impl Queries {
    /// Ends what need not or cannot come to its end.
    pub(super) async fn end_hopeless(&self, now: Instant) {
        let records = self.running_records();
        self.absences.forget_present(&self.members());
        let hopeless = records.iter().filter_map(|record| {
            let attempt = record.attempt();
            match self.misses(record, now) {
                // Its task sees whether it can run again without that node.
                Some(why) if record.lose(attempt, why.clone()) => None,
                Some(why) => Some((record, why)),
                None => match silent(record) {
                    Some(why) if record.lose(attempt, why.clone()) => None,
                    why => Some((record, why.or_else(|| self.unread(record, now))?)),
                },
            }
        });
        join_all(hopeless.map(|(record, why)| self.end_in(record, why))).await;
    }

    /// A node that holds a share or runs a task has been away too long.
    fn misses(&self, record: &Record, now: Instant) -> Option<ResultError> {
        let members = self.members();
        let away = |node: &String| self.absences.of(node, &members, now) >= AWAY;
        let node = record.nodes().into_iter().find(away)?;
        Some(ResultError::Unavailable(format!(
            "node {node}, which took part in the query, does not answer any more: run the query again"
        )))
    }

    /// Nobody reads it any more, or nobody ever came.
    fn unread(&self, record: &Record, now: Instant) -> Option<ResultError> {
        let peers = record.peers_left().into_iter().map(|peer| peer.node_id.as_str());
        let interest = record.interests.of_all(peers)?;
        let first_read = self.first_read();
        // Who polls may leave and come again; how often is not said.
        match record.unpolled(now) {
            Some(unpolled) if unpolled < first_read => return None,
            // Whoever asked for a change waits for its end, and is there: who goes ends it (`update.rs`).
            None if record.outcome.is_some() => return None,
            _ => {}
        }
        let why = unread(interest, self.limits.reader_grace, first_read)?;
        Some(ResultError::Query { code: Code::Cancelled as i32, message: why })
    }

    /// For how long what nobody came for is waited for.
    pub(super) fn first_read(&self) -> Duration {
        self.limits.keep.max(FIRST_READ)
    }

    /// Ends a query that runs, in `why`; gives whether it could. One that ended by itself meanwhile stays as it is, and so
    /// does one that may have changed something.
    pub(super) async fn end_in(&self, record: &Record, why: ResultError) -> bool {
        let why = self.named(record, why);
        let ends = record.may_end() && record.set_state(QueryState::Failed(why.clone()));
        if ends {
            record.end();
            self.tell_failure(record, why).await;
        }
        ends
    }
}

/// A peer that is there but has nothing of its share any more: it was started anew, and gets it in the next
/// run; or it lost sight of this node for a while and has ended its readers, and takes no other run.
fn silent(record: &Record) -> Option<ResultError> {
    let peers = record.peers_left().into_iter().map(|peer| peer.node_id.as_str());
    let peer = record.interests.silent(peers)?;
    Some(ResultError::Unavailable(format!(
        "node {peer} has given up its share of the result: run the query again"
    )))
}

fn unread(interest: Interest, grace: Duration, first_read: Duration) -> Option<String> {
    let Interest { read, absent } = interest;
    let limit = if read { grace } else { first_read };
    let gone = !absent.is_zero() && absent >= limit;
    let limit = gone.then(|| humantime::format_duration(limit))?;
    Some(match read {
        true => format!(
            "the query was cancelled: its last reader left more than {limit} ago (--reader-grace)"
        ),
        false => format!(
            "the query was cancelled: nobody came to read its result within {limit} (--result-keep)"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(read: bool, absent: u64) -> Option<String> {
        let interest = Interest { read, absent: Duration::from_secs(absent) };
        unread(interest, Duration::from_secs(10), Duration::from_secs(300))
    }

    #[test]
    fn a_reader_that_left_is_waited_for() {
        assert_eq!(reason(true, 9), None);
        assert!(reason(true, 10).unwrap().contains("10s"));
    }

    #[test]
    fn a_reader_that_is_there_is_no_reason() {
        let interest = Interest { read: true, absent: Duration::ZERO };
        assert_eq!(unread(interest, Duration::ZERO, Duration::ZERO), None);
    }

    #[test]
    fn a_reader_that_never_came_is_waited_for_longer() {
        assert_eq!(reason(false, 299), None);
        assert!(reason(false, 300).unwrap().contains("5m"));
    }
}
