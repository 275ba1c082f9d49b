//! A node that is told to end lets go of nothing that somebody still waits for.
//!
//! ```text
//!   SIGTERM ─► no new queries ─► the others know ─► wait: queries, tasks, parts, readers, unread results
//!                                                     └─ nothing left, or the time is over ─► leave, end
//! ```

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use squadron_cluster::Membership;
use tokio::time::{Instant, interval, timeout_at};

use crate::query::{Pending, Queries};

/// How often it is looked whether anything is left.
const LOOK: Duration = Duration::from_millis(50);

/// How often it is said what is waited for.
const SAY: Duration = Duration::from_secs(5);

/// For so long nothing new must have come in a cluster: a query that another node planned before it
/// knew may be on its way here.
const QUIET: Duration = Duration::from_millis(500);

/// Waits until nobody needs this node any more, or `patience` is over. From its first moment on the node
/// takes no new query.
pub(crate) async fn drain(queries: &Queries, membership: &dyn Membership, patience: Duration) {
    queries.close();
    if patience.is_zero() {
        return;
    }
    let deadline = Instant::now() + patience;
    let alone = membership.members().borrow().all().len() == 1;
    membership.drain().await;
    let quiet = if alone { Duration::ZERO } else { QUIET };
    if timeout_at(deadline, nothing_left(queries, quiet, deadline)).await.is_err() {
        let pending = queries.pending();
        tracing::warn!(%pending, ?patience, "left behind: the time to drain is over");
    }
}

async fn nothing_left(queries: &Queries, quiet: Duration, deadline: Instant) {
    let (mut looks, mut said) = (interval(LOOK), Instant::now());
    let mut idle_since = None;
    loop {
        let now = looks.tick().await;
        let pending = queries.pending();
        if pending.is_none() {
            let since = *idle_since.get_or_insert(now);
            if now.duration_since(since) >= quiet {
                return;
            }
            continue;
        }
        idle_since = None;
        if now.duration_since(said) >= SAY {
            said = now;
            let left = deadline.duration_since(now).as_secs();
            tracing::info!("draining, {left} s left: {pending}");
        }
    }
}

/// The most queries that are named in one line.
const NAMED: usize = 5;

impl fmt::Display for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { running, unread, tasks, readers, relays, open_parts } = self;
        let mut told = Vec::new();
        told.extend(named("queries run here", running));
        told.extend(named("results are not read to their end", unread));
        told.extend(counted("tasks of other nodes' queries", *tasks));
        told.extend(counted("parts on their way here", *open_parts));
        told.extend(counted("readers", *readers));
        told.extend(counted("readers of other nodes' shares", *relays));
        f.write_str(&told.join("; "))
    }
}

fn counted(what: &str, count: usize) -> Option<String> {
    (count > 0).then(|| format!("{count} {what}"))
}

fn named(what: &str, queries: &BTreeSet<String>) -> Option<String> {
    let names: Vec<&str> = queries.iter().take(NAMED).map(String::as_str).collect();
    let more = if queries.len() > NAMED { ", …" } else { "" };
    counted(what, queries.len()).map(|counted| format!("{counted} ({}{more})", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pending_is_told_by_name() {
        let running = ["1 of alice".to_owned()].into();
        let unread = (1..9).map(|query| query.to_string()).collect();
        let pending = Pending { running, unread, tasks: 2, readers: 0, relays: 0, open_parts: 0 };
        assert_eq!(
            pending.to_string(),
            "1 queries run here (1 of alice); 8 results are not read to their end (1, 2, 3, 4, 5, …); 2 tasks of other nodes' queries"
        );
    }
}
