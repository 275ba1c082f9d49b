//! When a fault happens: how far a query is, as its client knows and as the nodes do.

use std::time::Duration;

use squadron_server::inspect::{Inspector, NodeUse};
use tokio::sync::watch;

/// How far a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// It connects.
    Connecting,
    /// GetFlightInfo is about to leave.
    Asking,
    /// It has the endpoints.
    Planned,
    /// It has rows.
    Reading,
    /// It has all of them, an error, or has gone.
    Ended,
}

/// When a fault happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// When GetFlightInfo is sent.
    Planning,
    /// While tasks run and no row has come out.
    FirstStage,
    /// While parts of the result are written.
    Delivering,
    /// When all parts are written, and the query is not over.
    Committing,
    /// When the query is over and its reader is not.
    Reading,
}

impl Phase {
    /// All of them, in their order.
    pub const ALL: [Self; 5] =
        [Self::Planning, Self::FirstStage, Self::Delivering, Self::Committing, Self::Reading];

    /// Whether a client waits, with its first rows in hand, for the fault to happen.
    pub(super) fn needs_a_reader(self) -> bool {
        matches!(self, Self::Delivering | Self::Reading)
    }
}

/// How long a look at a node may take. One that takes longer has said nothing.
const LOOK: Duration = Duration::from_secs(2);

/// The nodes as they are now.
pub(super) struct Sight<'a> {
    pub(super) inspector: &'a Inspector,
    pub(super) internals: Vec<String>,
    pub(super) coordinator: usize,
}

impl Sight<'_> {
    /// Each node that says so, at the same time.
    pub(super) async fn all(&self) -> Vec<Option<NodeUse>> {
        let looks = self.internals.iter().map(|node| async move {
            tokio::time::timeout(LOOK, self.inspector.look(node)).await.ok()?.ok()
        });
        futures::future::join_all(looks).await
    }

    /// Whether the nodes are in this phase of the one query that there is; `None` while it may come.
    pub(super) async fn shows(&self, phase: Phase) -> Option<bool> {
        let all = self.all().await;
        let running = all[self.coordinator]?.running > 0;
        let sum = |what: fn(&NodeUse) -> u64| all.iter().flatten().map(what).sum::<u64>();
        let written = sum(|node| node.memory + node.disk);
        let here = match phase {
            Phase::Planning => true,
            Phase::FirstStage => running && written == 0 && sum(|node| node.tasks) > 0,
            Phase::Delivering => running && written > 0 && sum(|node| node.open_parts) > 0,
            Phase::Committing => running && written > 0 && sum(|node| node.open_parts) == 0,
            Phase::Reading => !running,
        };
        let over = !running || (phase == Phase::FirstStage && written > 0);
        (here || over).then_some(here)
    }
}

/// How long a phase is waited for.
const PATIENCE: Duration = Duration::from_secs(15);

/// How often it is looked whether it has come: some last for milliseconds.
const AGAIN: Duration = Duration::from_millis(2);

/// Waits until the phase has come, and gives whether it has: a query can be too quick for one, and a
/// client can go before there is a query.
pub(super) async fn wait_for(
    phase: Phase,
    sight: &Sight<'_>,
    steps: &mut watch::Receiver<Step>,
) -> bool {
    let first = if phase == Phase::Planning { Step::Asking } else { Step::Planned };
    let reached = steps.wait_for(|step| *step >= first).await.map(|step| *step);
    if phase == Phase::Planning {
        return reached.is_ok();
    }
    let seen = async {
        loop {
            match sight.shows(phase).await {
                Some(here) => return here,
                None => tokio::time::sleep(AGAIN).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, seen).await.unwrap_or(false)
}
