//! What a node that is to end would take away from somebody.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::Queries;

/// Whom a node that is to end has to wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Queries that it coordinates, or plans for clients who poll, with their owners.
    pub running: BTreeSet<String>,
    /// Results that it holds a share of, or is the way to, which were not read to their end, with their
    /// owners.
    pub unread: BTreeSet<String>,
    /// Tasks of distributed queries.
    pub tasks: usize,
    /// Readers that have not come to their end.
    pub readers: usize,
    /// Readers of other nodes' shares, for whom they pass through here.
    pub relays: usize,
    /// Parts that are on their way here.
    pub open_parts: usize,
}

impl Pending {
    /// Whether there is nobody.
    pub fn is_none(&self) -> bool {
        let Self { running, unread, tasks, readers, relays, open_parts } = self;
        running.is_empty() && unread.is_empty() && tasks + readers + relays + open_parts == 0
    }
}

impl Queries {
    /// From now on no query is taken: clients are told of other nodes.
    pub fn close(&self) {
        self.closing.store(true, Ordering::Release);
    }

    /// Whom this node would leave without an answer if it ended now.
    pub fn pending(&self) -> Pending {
        let running = self.running_records();
        let running =
            running.iter().map(|record| named(record.opening.query, &record.opening.owner));
        let planned = self.plannings.owners();
        let planned = planned.iter().map(|(query, owner)| named(*query, owner));
        let results = self.store.all();
        let unread = results.iter().filter(|result| result.is_awaited());
        let unread = unread.map(|result| named(result.opening().query, &result.opening().owner));
        let through = self.records_read_through_here(Instant::now());
        let through =
            through.iter().map(|record| named(record.opening.query, &record.opening.owner));
        let store = self.store.usage();
        Pending {
            running: running.chain(planned).collect(),
            unread: unread.chain(through).collect(),
            tasks: self.planner.engine().tasks(),
            readers: store.readers,
            relays: self.relays.0.load(Ordering::Relaxed),
            open_parts: store.open_parts,
        }
    }
}

/// How many readers are given other nodes' shares by this one.
#[derive(Debug, Default)]
pub(super) struct Relays(Arc<AtomicUsize>);

/// One of them, until it is dropped.
#[derive(Debug)]
pub struct Relaying(Arc<AtomicUsize>);

impl Relays {
    fn enter(&self) -> Relaying {
        self.0.fetch_add(1, Ordering::Relaxed);
        Relaying(Arc::clone(&self.0))
    }
}

impl Drop for Relaying {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Queries {
    /// A reader is given another node's share by this one for as long as it holds this.
    pub fn relaying(&self) -> Relaying {
        self.relays.enter()
    }

    /// The share of `peer` has passed through here to its end.
    pub fn relayed(&self, query: uuid::Uuid, peer: &str) {
        if let Some(record) = self.record(query) {
            record.through.lock().remove(peer);
        }
    }
}

fn named(query: uuid::Uuid, owner: &str) -> String {
    format!("{query} of {owner}")
}
