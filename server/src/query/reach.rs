//! Which nodes can run a query together: all that answer, and see each other.
//!
//! Two workers may have lost each other while their coordinator sees both. Run again on both, a query
//! would meet the same link again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::join_all;
use squadron_cluster::Member;
use tokio::time::{Instant, timeout};

use super::Queries;
use super::record::Record;
use crate::results::ResultError;

/// A node that has not answered by then is taken for lost.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Nodes that have lost each other notice by then, by the greetings that they miss.
const NOTICED_WITHIN: Duration = Duration::from_secs(4);

/// How soon it is looked again whether they have.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// The nodes that a node sees, by its id.
type Views = BTreeMap<String, BTreeSet<String>>;

impl Queries {
    /// The nodes that answer and see each other, this one among them, after a run has lost one of those that
    /// it needs. Where all of them still do, somebody has to notice first; or the loss was for a moment. What
    /// a node has lost that was started anew is known already.
    pub(super) async fn reachable_after(&self, record: &Record) -> BTreeSet<String> {
        let (needed, until) = (record.nodes(), Instant::now() + NOTICED_WITHIN);
        loop {
            let reachable = self.reachable().await;
            let noticed = !needed.is_subset(&reachable) || self.is_without_a_share(record).await;
            if noticed || Instant::now() >= until {
                return reachable;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Whether a peer is there and has nothing any more of its share of a query that runs.
    async fn is_without_a_share(&self, record: &Record) -> bool {
        let other = |peer: &&Member| peer.node_id != self.me.node_id;
        let had = |peer: &&Member| record.interests.has_spoken(&peer.node_id);
        let peers = record.peers_left().into_iter().filter(other).filter(had);
        let asked = peers.map(|peer| async {
            let held = timeout(ANSWER_WITHIN, self.peers.holds(peer, record.opening.query)).await;
            matches!(held, Ok(Err(ResultError::NotFound(_))))
        });
        join_all(asked).await.contains(&true)
    }

    /// Membership takes seconds to notice that a node does not answer.
    pub(super) async fn reachable(&self) -> BTreeSet<String> {
        let members = self.members();
        let asked = members.all().iter().map(|member| self.view_of(member));
        let views: Views = join_all(asked).await.into_iter().flatten().collect();
        together(&self.me.node_id, views)
    }

    /// The ids of the nodes that this one sees.
    pub fn sees(&self) -> Vec<String> {
        self.members().all().iter().map(|member| member.node_id.clone()).collect()
    }

    async fn view_of(&self, member: &Member) -> Option<(String, BTreeSet<String>)> {
        let seen = match member.node_id == self.me.node_id {
            true => self.sees(),
            false => timeout(ANSWER_WITHIN, self.peers.sees(member)).await.ok()?.ok()?,
        };
        Some((member.node_id.clone(), seen.into_iter().collect()))
    }
}

/// Leaves out nodes, those first that miss most of the others, until all that are left see each other.
/// `me` stays.
fn together(me: &str, views: Views) -> BTreeSet<String> {
    let mut left: BTreeSet<String> = views.keys().cloned().collect();
    let sees = |one: &str, other: &str| views.get(one).is_some_and(|seen| seen.contains(other));
    loop {
        let missed = |one: &&String| {
            let misses = |other: &&String| !sees(one, other) || !sees(other, one);
            left.iter().filter(|other| other != one).filter(misses).count()
        };
        let others = left.iter().filter(|node| *node != me);
        let worst = others.max_by_key(missed).filter(|worst| missed(worst) > 0).cloned();
        match worst {
            Some(worst) => left.remove(&worst),
            None => return left,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `views` of nodes a, b, c …: the letters that each sees.
    fn check(views: &[(&str, &str)], expected: &str) {
        let letters = |seen: &str| seen.chars().map(String::from).collect();
        let views = views.iter().map(|(node, seen)| ((*node).to_owned(), letters(seen)));
        let left: String = together("a", views.collect()).into_iter().collect();
        assert_eq!(left, expected);
    }

    #[test]
    fn nodes_that_all_see_each_other_stay() {
        check(&[("a", "abc"), ("b", "abc"), ("c", "abc")], "abc");
    }

    #[test]
    fn of_two_that_have_lost_each_other_one_stays() {
        check(&[("a", "abc"), ("b", "ab"), ("c", "ac")], "ab");
    }

    #[test]
    fn one_that_only_one_side_sees_is_lost() {
        check(&[("a", "abc"), ("b", "abc"), ("c", "ac")], "ab");
    }

    #[test]
    fn one_that_nobody_else_sees_goes_alone() {
        check(&[("a", "abcd"), ("b", "ab d"), ("c", "ac"), ("d", "abd")], "abd");
    }

    #[test]
    fn the_coordinator_stays() {
        check(&[("a", "a"), ("b", "abc"), ("c", "abc")], "a");
    }

    #[test]
    fn who_does_not_answer_counts_for_nothing() {
        check(&[("a", "abx"), ("b", "abx")], "ab");
    }
}
