//! How far a query is, for whoever waits to be told.

use tokio::sync::watch;

/// What is known of a query's progress at one time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Grows with every change.
    pub version: u64,
    /// Parts whose receipts have arrived.
    pub parts: usize,
    /// The endpoints whose shares can be read with profit, in the order in which they came to be that.
    pub endpoints: Vec<usize>,
    /// Its outcome is known.
    pub over: bool,
}

/// A query's progress as it changes.
#[derive(Debug)]
pub(super) struct Progress {
    /// Node ids of the peers, in the order of the endpoints.
    peers: Vec<String>,
    seen: watch::Sender<Seen>,
}

impl Progress {
    /// Nothing has happened yet.
    pub(super) fn new(peers: Vec<String>) -> Self {
        Self { peers, seen: watch::Sender::new(Seen { version: 1, ..Seen::default() }) }
    }

    /// A part is complete on `peer`.
    pub(super) fn part(&self, peer: &str) {
        self.change(|seen| {
            seen.parts += 1;
            self.list(seen, peer);
            true
        });
    }

    /// The query runs again: no part of it is complete any more. What was listed stays listed.
    pub(super) fn again(&self) {
        self.change(|seen| std::mem::take(&mut seen.parts) > 0);
    }

    /// `peer` has something to read.
    pub(super) fn readable(&self, peer: &str) {
        self.change(|seen| self.list(seen, peer));
    }

    /// The outcome is known: every endpoint can be read to its end, or fails.
    pub(super) fn over(&self) {
        self.change(|seen| {
            for peer in &self.peers {
                self.list(seen, peer);
            }
            !std::mem::replace(&mut seen.over, true)
        });
    }

    /// What is known now.
    pub(super) fn now(&self) -> Seen {
        self.seen.borrow().clone()
    }

    /// Waits until more is known than at `version`.
    pub(super) async fn after(&self, version: u64) {
        let mut changes = self.seen.subscribe();
        // It ends with the sender, which is here.
        let _ = changes.wait_for(|seen| seen.version > version).await;
    }

    /// Waits until the outcome is known.
    pub(super) async fn ended(&self) {
        let mut changes = self.seen.subscribe();
        let _ = changes.wait_for(|seen| seen.over).await;
    }

    /// Whether it was not listed before.
    fn list(&self, seen: &mut Seen, peer: &str) -> bool {
        let index = self.peers.iter().position(|known| known == peer);
        let new = index.filter(|index| !seen.endpoints.contains(index));
        seen.endpoints.extend(new);
        new.is_some()
    }

    fn change(&self, change: impl FnOnce(&mut Seen) -> bool) {
        self.seen.send_if_modified(|seen| {
            let changed = change(seen);
            seen.version += u64::from(changed);
            changed
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress() -> Progress {
        Progress::new(vec!["a".into(), "b".into(), "c".into()])
    }

    #[test]
    fn endpoints_are_only_ever_appended() {
        let progress = progress();
        progress.readable("c");
        progress.part("a");
        progress.part("c");
        assert_eq!(progress.now().endpoints, [2, 0]);
        progress.over();
        assert_eq!(progress.now().endpoints, [2, 0, 1]);
        assert_eq!(progress.now().parts, 2);
    }

    #[test]
    fn what_is_known_already_is_no_change() {
        let progress = progress();
        progress.readable("a");
        let before = progress.now();
        progress.readable("a");
        progress.readable("a stranger");
        assert_eq!(progress.now(), before);
    }

    #[tokio::test]
    async fn who_saw_less_is_not_kept_waiting() {
        let progress = progress();
        let seen = progress.now().version;
        progress.part("b");
        progress.after(seen).await;
        let waiting = progress.after(progress.now().version);
        assert!(futures::poll!(std::pin::pin!(waiting)).is_pending());
    }
}
