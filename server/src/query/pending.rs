//! What a node that is to end would take away from somebody.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use super::Queries;

/// Whom a node that is to end has to wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Queries that it coordinates, with their owners.
    pub running: BTreeSet<String>,
    /// Results that it holds a share of which was not read to its end, with their owners.
    pub unread: BTreeSet<String>,
    /// Tasks of distributed queries.
    pub tasks: usize,
    /// Readers that have not come to their end.
    pub readers: usize,
    /// Parts that are on their way here.
    pub open_parts: usize,
}

impl Pending {
    /// Whether there is nobody.
    pub fn is_none(&self) -> bool {
        let Self { running, unread, tasks, readers, open_parts } = self;
        running.is_empty() && unread.is_empty() && tasks + readers + open_parts == 0
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
        let results = self.store.all();
        let unread = results.iter().filter(|result| result.is_awaited());
        let unread = unread.map(|result| named(result.opening().query, &result.opening().owner));
        let store = self.store.usage();
        Pending {
            running: running.collect(),
            unread: unread.collect(),
            tasks: self.planner.engine().tasks(),
            readers: store.readers,
            open_parts: store.open_parts,
        }
    }
}

fn named(query: uuid::Uuid, owner: &str) -> String {
    format!("{query} of {owner}")
}
