//! Three nodes in which recipes are run, one after another.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use squadron_server::inspect::Inspector;
use tokio::sync::watch;
use tokio::time::Instant;
use tonic::Code;

use super::client::{Client, Ending};
use super::injector::{Signals, inject, undo};
use super::moments::{Sight, Step};
use super::{Answers, Disks, Fault, Hosts, Manner, Phase, Recipe, Report, Verdict, leaks};
use crate::Result;
use crate::process::{Group, ProcessCluster, ProcessOptions};

/// What hangs longer hangs.
const TOO_LONG: Duration = Duration::from_secs(30);

/// Nodes of the cluster.
pub(super) const NODES: usize = 3;

/// The longest text of an error: gRPC puts it into a header.
const LONGEST_ERROR: usize = 4096;

/// How long results are kept: short, so that leaks show, and long enough for a client to come to the last
/// of its endpoints while a busy machine serves the others.
const KEEP: Duration = Duration::from_secs(4);

/// Little memory for results, so that they spill; a short life for them ([`KEEP`]); a short grace for
/// queries that lost their readers.
const ARGUMENTS: [&str; 12] = [
    "--memory-limit",
    "256MiB",
    "--result-memory-percent",
    "2",
    "--target-partitions",
    "2",
    "--result-keep",
    "4s",
    "--reader-grace",
    "1s",
    "--scan-bytes-per-partition",
    "256KiB",
];

/// A cluster to run recipes in.
pub struct Arena {
    // Before the disks: its nodes write there.
    cluster: ProcessCluster,
    inspector: Inspector,
    disks: Option<Disks>,
    answers: Arc<Answers>,
}

impl Arena {
    /// Starts the nodes, with this program, over these tables. Without disks, none can be full.
    ///
    /// # Errors
    /// When a node does not start.
    pub async fn start(
        program: &Path,
        data: &Path,
        answers: Arc<Answers>,
        disks: Option<Disks>,
    ) -> Result<Self> {
        let mut options = options(program, data).links();
        if let Some(disks) = &disks {
            let folders: Vec<_> = (0..NODES).map(|node| disks.folder(node)).collect();
            options = options.spill(move |node| folders[node].clone());
        }
        Self::of(options, answers, disks).await
    }

    /// Starts the nodes on hosts of their own.
    ///
    /// # Errors
    /// When a node does not start.
    pub async fn on_hosts(
        program: &Path,
        data: &Path,
        answers: Arc<Answers>,
        hosts: Hosts,
    ) -> Result<Self> {
        Self::of(options(program, data).hosts(hosts), answers, None).await
    }

    async fn of(
        options: ProcessOptions,
        answers: Arc<Answers>,
        disks: Option<Disks>,
    ) -> Result<Self> {
        let cluster = ProcessCluster::start_with(options).await?;
        let inspector = Inspector::new(&cluster.secret())?;
        // Results of what nodes are asked while they start are none of a recipe's phases.
        cluster.wait_until_idle(&std::array::from_fn::<_, NODES, _>(|node| node)).await;
        Ok(Self { cluster, inspector, disks, answers })
    }

    /// Hosts for the nodes of an arena.
    ///
    /// # Errors
    /// Where the system does not let it.
    pub fn hosts() -> Result<Hosts> {
        Hosts::make(NODES)
    }

    /// Disks for the nodes of an arena.
    ///
    /// # Errors
    /// Where the system does not let it.
    pub fn disks() -> Result<Disks> {
        Disks::mount(NODES)
    }

    /// Whether the system kills the nodes of an arena for their memory.
    ///
    /// # Errors
    /// Where it does not.
    pub fn groups() -> Result<()> {
        Group::make().map(drop)
    }

    /// The nodes.
    pub fn cluster(&self) -> &ProcessCluster {
        &self.cluster
    }

    /// Runs a recipe, makes everything right again, and looks at what is left.
    ///
    /// # Errors
    /// When something cannot be broken or mended: that is nobody's fault but the suite's.
    pub async fn run(&mut self, recipe: &Recipe) -> Result<Report> {
        let internals = (0..NODES).map(|node| self.cluster.internal(node).to_owned()).collect();
        let sight =
            Sight { inspector: &self.inspector, internals, coordinator: recipe.coordinator };
        let uris = self.cluster.nodes().iter().map(|node| node.uri.clone()).collect();
        let (steps, seen) = watch::channel(Step::Connecting);
        let (faulted, fault) = watch::channel(false);
        let (at, began) = watch::channel(None);
        let client = Client { uris, recipe, steps, faulted: fault };
        let signals = Signals { steps: seen, faulted, at };
        let disks = self.disks.as_ref();
        let injecting = inject(recipe, &mut self.cluster, disks, &sight, signals);
        let (ending, hit) = tokio::join!(in_time(client.run(), began.clone()), injecting);
        let took = began.borrow().map_or(Duration::ZERO, |at| at.elapsed());
        let hit = hit?;
        undo(recipe, &mut self.cluster, disks).await?;
        let verdict = tokio::task::block_in_place(|| judge(&self.answers, recipe, ending));
        let mut leak = None;
        if parts_nodes(recipe) {
            leak = leaks::disunion(&self.cluster).await;
        }
        if leak.is_none() {
            leak = leaks::left(&self.cluster, &sight).await;
        }
        Ok(Report { recipe: recipe.clone(), hit, verdict, took, leak })
    }
}

fn options(program: &Path, data: &Path) -> ProcessOptions {
    ProcessOptions::new(NODES, data).program(program).arguments(&ARGUMENTS)
}

/// Whether nodes may have lost sight of each other.
fn parts_nodes(recipe: &Recipe) -> bool {
    !matches!(recipe.fault, Fault::Nothing | Fault::FullDisk(_) | Fault::Corrupt(_))
}

/// Whether a node may go on that others do not see.
fn cuts_off(recipe: &Recipe) -> bool {
    use Fault::{Cut, Freeze, Garble, Isolate, Part, Silence, Unplug, Vanish};
    matches!(
        recipe.fault,
        Cut(..)
            | Freeze(_)
            | Garble(..)
            | Isolate(_)
            | Part(..)
            | Silence(..)
            | Unplug(_)
            | Vanish(..)
    )
}

/// `None` when it takes too long after the fault.
async fn in_time(
    client: impl Future<Output = Ending>,
    mut began: watch::Receiver<Option<Instant>>,
) -> Option<Ending> {
    let too_long = async {
        if began.wait_for(Option::is_some).await.is_err() {
            futures::future::pending::<()>().await;
        }
        tokio::time::sleep(TOO_LONG).await;
    };
    tokio::select! {
        ending = client => Some(ending),
        () = too_long => None,
    }
}

fn judge(answers: &Answers, recipe: &Recipe, ending: Option<Ending>) -> Verdict {
    match ending {
        None => Verdict::Hangs,
        Some(Ending::Gone) => Verdict::Gone,
        Some(Ending::Broken(text)) => Verdict::Wrong(text),
        Some(Ending::Error(_, text, _)) if text.len() > LONGEST_ERROR => {
            Verdict::Wrong(format!("an error of {} bytes: {text}", text.len()))
        }
        Some(Ending::Error(code, text, since)) => match is_provoked(recipe, code, since) {
            true => Verdict::Error(code, text),
            false => {
                let what =
                    format!("not what {:?} does, {since:?} after it was asked", recipe.fault);
                Verdict::Wrong(format!("{what}: {code:?}: {text}"))
            }
        },
        Some(Ending::Rows(readings)) => {
            let wrong = |answer| answers.difference(recipe.query, answer);
            readings.iter().find_map(wrong).map_or(Verdict::Exact, Verdict::Wrong)
        }
    }
}

/// Whether there may be this error, so long after the client began to ask: what a fault does is told as what
/// it is, and nothing else goes wrong.
fn is_provoked(recipe: &Recipe, code: Code, since: Duration) -> bool {
    let by_fault: &[Code] = match recipe.fault {
        Fault::Nothing | Fault::Slow(..) => &[],
        Fault::FullDisk(_) => &[Code::ResourceExhausted],
        Fault::Corrupt(_) => &[Code::DataLoss],
        // One that is to come back is not waited for.
        Fault::Drain(_) if recipe.lasts.is_some() => &[Code::Unavailable],
        Fault::Drain(_) if waits_when_told_to_end(recipe) => &[],
        _ => &[Code::Unavailable],
    };
    // Not before its time can be over. At a node that is cut off a client waits for as long as that waits for
    // its coordinator, and comes to the others after that.
    let late = recipe.manner.reads_late() || cuts_off(recipe);
    let expired = late && code == Code::NotFound && since >= KEEP;
    let cancelled = recipe.manner == Manner::Cancels && code == Code::Cancelled;
    let too_large = recipe.query.hog && code == Code::ResourceExhausted;
    by_fault.contains(&code) || expired || cancelled || too_large
}

/// Whether a node that is told to end waits for this client. It does not know of a query that is not planned
/// yet: it refuses what it is asked, and others that had counted on it. And it waits until its results were
/// read, which is once: who reads them again comes too late.
fn waits_when_told_to_end(recipe: &Recipe) -> bool {
    recipe.phase != Phase::Planning && recipe.manner != Manner::Twice
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provokes(recipe: &Recipe, code: Code) -> bool {
        is_provoked(recipe, code, Duration::ZERO)
    }

    #[test]
    fn a_slow_link_is_no_reason_for_an_error() {
        let slow = Fault::Slow(0, 1, Duration::from_millis(50));
        let recipe = Recipe::new("large").fault(slow, Phase::Reading);
        assert!(!provokes(&recipe, Code::Unavailable));
    }

    #[test]
    fn a_result_is_there_until_its_time_is_over() {
        let recipe = Recipe::new("large").manner(Manner::Reverse);
        assert!(!is_provoked(&recipe, Code::NotFound, KEEP / 2));
        assert!(is_provoked(&recipe, Code::NotFound, KEEP));
        assert!(!is_provoked(&Recipe::new("large"), Code::NotFound, KEEP));
    }

    #[test]
    fn a_node_that_drains_keeps_whom_it_can() {
        let told = |phase| Recipe::new("large").fault(Fault::Drain(0), phase);
        assert!(provokes(&told(Phase::Planning), Code::Unavailable));
        assert!(!provokes(&told(Phase::Reading), Code::Unavailable));
        assert!(provokes(&told(Phase::Reading).manner(Manner::Twice), Code::Unavailable));
    }

    #[test]
    fn the_time_of_results_is_the_one_that_nodes_are_given() {
        let at = ARGUMENTS.iter().position(|argument| *argument == "--result-keep").unwrap();
        assert_eq!(ARGUMENTS[at + 1], format!("{}s", KEEP.as_secs()));
    }
}
