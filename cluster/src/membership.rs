//! Who is in the cluster: a trait for the ways to find out, and the immutable snapshot they publish.
//!
//! Slow facts are pushed: an implementation watches the network, puts a new [`Members`] on a watch
//! channel whenever something changes, and everybody else reads a value. Nobody awaits the network to
//! plan a query.

pub mod fixed;

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::error::Result;
use crate::member::Member;

/// A way to know the members of the cluster.
///
/// Dropping it ends whatever it runs in the background; others then notice by their own means. To go
/// in order, call [`Membership::leave`] first.
#[async_trait]
pub trait Membership: Send + Sync {
    /// The members as they are now and at every change. The snapshot always holds this node itself.
    fn members(&self) -> watch::Receiver<Arc<Members>>;

    /// This node, as the others see it.
    fn myself(&self) -> &Member;

    /// Waits until this node has joined and has asked every other about itself, or a bounded time
    /// (about a second) is over: before that, the first query would find fewer members than there are.
    ///
    /// # Errors
    /// [`crate::Error::Conflict`] where another node claims this one's identity, or two others claim
    /// the same: naming both, so that the process can exit with that one line.
    async fn settled(&self) -> Result<()>;

    /// Tells that a call to this member failed: look at once whether it is still there, rather than at
    /// the next turn. Unknown ids are ignored.
    fn suspect(&self, node_id: &str);

    /// Tells the others that this node takes no new work: it stays a member, without roles, so that what
    /// runs on it may end in peace and what it holds be read. Returns when they know, or after a bounded
    /// time. In its own snapshot it keeps its roles.
    async fn drain(&self);

    /// Tells the others that this node goes away: it is no member from then on. Returns when they know,
    /// or after a bounded time. The own snapshot lives on.
    async fn leave(&self);
}

/// The live members at one moment, in the order of their node ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Members {
    myself: Arc<Member>,
    all: Vec<Arc<Member>>,
    epoch: u64,
}

impl Members {
    /// A snapshot of this node alone, at epoch 0.
    pub fn alone(myself: Arc<Member>) -> Self {
        Self { all: vec![Arc::clone(&myself)], myself, epoch: 0 }
    }

    /// The snapshot that follows this one: this node and `others`, whose node ids must differ from
    /// each other and from this node's. `None` if nothing has changed.
    pub fn next(&self, others: impl IntoIterator<Item = Arc<Member>>) -> Option<Self> {
        let mut all: Vec<_> = others.into_iter().chain([Arc::clone(&self.myself)]).collect();
        all.sort_by(|a, b| a.node_id.cmp(&b.node_id));
        debug_assert!(all.is_sorted_by(|a, b| a.node_id < b.node_id), "node ids are unique");
        (all != self.all).then(|| Self {
            myself: Arc::clone(&self.myself),
            all,
            epoch: self.epoch + 1,
        })
    }

    /// Counts the changes: of two snapshots of one node, the one with the higher epoch is newer.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The node whose view this is.
    pub fn myself(&self) -> &Arc<Member> {
        &self.myself
    }

    /// Every live member, this node among them, in the order of their node ids.
    pub fn all(&self) -> &[Arc<Member>] {
        &self.all
    }

    /// The member with this node id, if it is live.
    pub fn get(&self, node_id: &str) -> Option<&Arc<Member>> {
        let found = self.all.binary_search_by(|m| m.node_id.as_str().cmp(node_id));
        found.ok().map(|i| &self.all[i])
    }

    /// The members that can run tasks for this node: workers of its own version. Plans of another
    /// version may decode into something else, or not at all.
    pub fn workers(&self) -> impl Iterator<Item = &Arc<Member>> {
        self.all.iter().filter(|m| m.roles.worker && m.version == self.myself.version)
    }

    /// The members that hold and serve results.
    pub fn serving(&self) -> impl Iterator<Item = &Arc<Member>> {
        self.all.iter().filter(|m| m.roles.serve)
    }

    /// The members that take queries.
    pub fn coordinators(&self) -> impl Iterator<Item = &Arc<Member>> {
        self.all.iter().filter(|m| m.roles.coordinator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(node_id: &str, roles: &str, version: &str) -> Arc<Member> {
        Arc::new(Member {
            node_id: node_id.into(),
            generation: 1,
            version: version.into(),
            zone: None,
            host: "h".into(),
            roles: roles.parse().unwrap(),
            internal: "a:1".parse().unwrap(),
            advertised: vec![],
        })
    }

    fn three() -> Members {
        Members::alone(member("b", "coordinator,worker,serve", "1"))
            .next([member("c", "worker", "2"), member("a", "worker,serve", "1")])
            .unwrap()
    }

    fn ids<'a>(members: impl IntoIterator<Item = &'a Arc<Member>>) -> String {
        members.into_iter().map(|m| m.node_id.as_str()).collect()
    }

    #[test]
    fn members_are_in_the_order_of_their_ids() {
        assert_eq!(ids(three().all()), "abc");
    }

    #[test]
    fn workers_are_of_the_own_version() {
        assert_eq!(ids(three().workers()), "ab");
    }

    #[test]
    fn roles_say_who_serves_and_who_coordinates() {
        assert_eq!(ids(three().serving()), "ab");
        assert_eq!(ids(three().coordinators()), "b");
    }

    #[test]
    fn a_member_is_found_by_its_id() {
        assert_eq!(three().get("c").unwrap().version, "2");
        assert!(three().get("d").is_none());
    }

    #[test]
    fn only_a_change_makes_a_new_epoch() {
        let members = three();
        let same = [member("a", "worker,serve", "1"), member("c", "worker", "2")];
        assert_eq!(members.next(same), None);
        assert_eq!(members.next([]).unwrap().epoch(), members.epoch() + 1);
    }

    #[test]
    fn a_new_generation_is_a_change() {
        let restarted = Arc::new(Member { generation: 2, ..(*member("a", "worker", "1")).clone() });
        let members = Members::alone(member("b", "worker", "1"));
        let before = members.next([member("a", "worker", "1")]).unwrap();
        assert!(before.next([restarted]).is_some());
    }
}
