//! Makes things go wrong, and right again.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::disk::{Disks, corrupt};
use super::links::Flow;
use super::moments::{Phase, Sight, Step, wait_for};
use super::{Fault, Recipe};
use crate::Result;
use crate::process::ProcessCluster;

/// How slow a coordinator's links are made to catch it committing, each way: verifying and committing
/// take two rounds.
const STRETCHED: Duration = Duration::from_millis(100);

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
    let mut hit = wait_for(recipe.phase, sight, &mut signals.steps).await;
    tokio::time::sleep(recipe.after).await;
    let done = apply(recipe, cluster, disks).await;
    signals.at.send_replace(Some(Instant::now()));
    signals.faulted.send_replace(true);
    hit &= done?;
    if let Some(lasts) = recipe.lasts {
        let ended = signals.steps.wait_for(|step| *step == Step::Ended);
        if tokio::time::timeout(lasts, ended).await.is_err() {
            undo(recipe, cluster, disks).await?;
        }
    }
    Ok(hit)
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
        Fault::Vanish(one, other) => cluster.hosts()?.part(one, other)?,
        Fault::Unplug(node) => cluster.hosts()?.unplug(node)?,
        Fault::Drain(node) => cluster.tell_to_end(node).await?,
        Fault::FullDisk(node) => match disks {
            Some(disks) => disks.fill(node)?,
            None => return Ok(false),
        },
        Fault::Corrupt(node) => return Ok(corrupt(cluster.spill(node))? > 0),
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
        Fault::Kill(node) if cluster.nodes()[node].id().is_none() => cluster.restart(node).await,
        Fault::Freeze(node) => cluster.thaw(node).await,
        Fault::Drain(node) => cluster.restart(node).await,
        _ => Ok(()),
    }
}
