//! Makes things go wrong, and right again.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::arena::NODES;
use super::disk::{Disks, corrupt};
use super::links::Flow;
use super::moments::{Phase, Sight, Step, wait_for};
use super::{Fault, Recipe};
use crate::Result;
use crate::process::ProcessCluster;

/// How slow a coordinator's links are made to catch it committing, each way: verifying and committing
/// take two rounds.
const STRETCHED: Duration = Duration::from_millis(100);

/// How long a commit is held back for at most: nodes that hear nothing of each other for seconds are lost to each other, which
/// would be a fault of its own.
const HELD: Duration = Duration::from_secs(2);

/// What an injector tells the client and the clock.
pub(super) struct Signals {
    pub(super) steps: watch::Receiver<Step>,
    pub(super) faulted: watch::Sender<bool>,
    pub(super) at: watch::Sender<Option<Instant>>,
}

/// Waits for the phase, does what the recipe says, and undoes it where it does not last. Gives whether
/// the phase came.
pub(super) async fn inject(
    recipe: &Recipe,
    cluster: &mut ProcessCluster,
    disks: Option<&Disks>,
    sight: &Sight<'_>,
    mut signals: Signals,
) -> Result<bool> {
    if recipe.phase == Phase::Committing
        && let Ok(links) = cluster.links()
    {
        links.set_around(recipe.coordinator, Flow::Slow(STRETCHED));
    }
    let (mut hit, held) = reach(recipe, cluster, sight, &mut signals.steps).await?;
    tokio::time::sleep(recipe.after).await;
    let done = match recipe.fault {
        Fault::Corrupt(node) => corrupt_spilled(node, recipe.phase, cluster, sight).await,
        _ => apply(recipe, cluster, disks).await,
    };
    if let Some(peer) = held {
        let_commit(recipe, peer, cluster)?;
    }
    signals.at.send_replace(Some(Instant::now()));
    signals.faulted.send_replace(true);
    hit &= done?;
    if let Some(lasts) = recipe.lasts {
        let ended = signals.steps.wait_for(|step| *step == Step::Ended);
        if timeout(lasts, ended).await.is_err() {
            undo(recipe, cluster, disks).await?;
        }
    }
    Ok(hit)
}

/// Waits for the phase; gives whether it came, and the peer whose link is held for it.
async fn reach(
    recipe: &Recipe,
    cluster: &ProcessCluster,
    sight: &Sight<'_>,
    steps: &mut watch::Receiver<Step>,
) -> Result<(bool, Option<usize>)> {
    let held = hold_commit(recipe, cluster, sight, steps).await?;
    if let Some(peer) = held {
        if let Ok(came) = timeout(HELD, wait_for(recipe.phase, sight, steps)).await {
            return Ok((came, held));
        }
        // What is still to be written may need that link. The phase is not held then, and over before it is met.
        let_commit(recipe, peer, cluster)?;
        wait_for(recipe.phase, sight, steps).await;
        return Ok((false, None));
    }
    Ok((wait_for(recipe.phase, sight, steps).await, None))
}

/// While a query is delivered, its coordinator loses a peer from sight: it has to hear it before it commits, so
/// that nothing is committed until the fault has come. Gives that peer, where the fault leaves one for this and
/// the query was seen in time.
async fn hold_commit(
    recipe: &Recipe,
    cluster: &ProcessCluster,
    sight: &Sight<'_>,
    steps: &mut watch::Receiver<Step>,
) -> Result<Option<usize>> {
    let coordinator = recipe.coordinator;
    let is_free = |node: &usize| *node != coordinator && !parts(recipe.fault, coordinator, *node);
    let peer = (0..NODES).rev().find(is_free);
    if let (Phase::Committing, Some(peer)) = (recipe.phase, peer)
        && wait_for(Phase::Delivering, sight, steps).await
    {
        match cluster.hosts() {
            Ok(hosts) => hosts.part(coordinator, peer)?,
            Err(_) => cluster.links()?.set_both(coordinator, peer, Flow::Silent),
        }
        return Ok(Some(peer));
    }
    Ok(None)
}

/// The coordinator and this peer see each other again.
fn let_commit(recipe: &Recipe, peer: usize, cluster: &ProcessCluster) -> Result<()> {
    match cluster.hosts() {
        Ok(hosts) => hosts.rejoin(recipe.coordinator, peer)?,
        Err(_) => cluster.links()?.set_both(recipe.coordinator, peer, Flow::Open),
    }
    Ok(())
}

/// Whether a fault is one of the link between two nodes.
fn parts(fault: Fault, one: usize, other: usize) -> bool {
    match fault {
        Fault::Cut(a, b)
        | Fault::Silence(a, b)
        | Fault::Part(a, b)
        | Fault::Slow(a, b, _)
        | Fault::Garble(a, b)
        | Fault::Vanish(a, b) => [[a, b], [b, a]].contains(&[one, other]),
        Fault::Isolate(node) => node == one || node == other,
        _ => false,
    }
}

/// Changes what there is on a disk while the phase lasts: at its start there may be nothing.
async fn corrupt_spilled(
    node: usize,
    phase: Phase,
    cluster: &ProcessCluster,
    sight: &Sight<'_>,
) -> Result<bool> {
    let mut changed = corrupt(cluster.spill(node))?;
    while changed == 0 && phase != Phase::Reading && sight.shows(phase).await == Some(true) {
        changed = corrupt(cluster.spill(node))?;
    }
    Ok(changed > 0)
}

async fn apply(
    recipe: &Recipe,
    cluster: &mut ProcessCluster,
    disks: Option<&Disks>,
) -> Result<bool> {
    match recipe.fault {
        Fault::Nothing => {}
        Fault::Kill(node) => cluster.kill(node).await?,
        Fault::Freeze(node) => cluster.freeze(node).await?,
        Fault::Cut(one, other) => cluster.links()?.set_both(one, other, Flow::Cut),
        Fault::Silence(from, to) => cluster.links()?.set(from, to, Flow::Silent),
        Fault::Part(one, other) => cluster.links()?.set_both(one, other, Flow::Silent),
        Fault::Isolate(node) => cluster.links()?.set_around(node, Flow::Silent),
        Fault::Slow(one, other, by) => cluster.links()?.set_both(one, other, Flow::Slow(by)),
        Fault::Garble(one, other) => cluster.links()?.set_both(one, other, Flow::Garbled),
        Fault::Vanish(one, other) => cluster.hosts()?.part(one, other)?,
        Fault::Unplug(node) => cluster.hosts()?.unplug(node)?,
        Fault::Drain(node) => cluster.tell_to_end(node).await?,
        Fault::FullDisk(node) => match disks {
            Some(disks) => disks.fill(node)?,
            None => return Ok(false),
        },
        Fault::Starve(node) => return cluster.starve(node).await,
        // By itself, as it waits for something to change.
        Fault::Corrupt(_) => {}
    }
    Ok(true)
}

/// What was wrong is right again; bytes that have changed stay so.
pub(super) async fn undo(
    recipe: &Recipe,
    cluster: &mut ProcessCluster,
    disks: Option<&Disks>,
) -> Result<()> {
    cluster.heal()?;
    disks.into_iter().for_each(Disks::empty);
    match recipe.fault {
        Fault::Kill(node) | Fault::Starve(node) if cluster.nodes()[node].id().is_none() => {
            cluster.restart(node).await
        }
        Fault::Freeze(node) => cluster.thaw(node).await,
        Fault::Drain(node) => cluster.restart(node).await,
        _ => Ok(()),
    }
}
