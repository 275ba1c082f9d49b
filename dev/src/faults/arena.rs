//! Three nodes in which recipes are run, one after another.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use squadron_server::inspect::Inspector;
use tokio::sync::watch;
use tokio::time::Instant;

use super::client::{Client, Ending};
use super::injector::{Signals, inject, undo};
use super::moments::{Sight, Step};
use super::{Answers, Disks, Fault, Hosts, Manner, Recipe, Report, Verdict, leaks};
use crate::Result;
use crate::process::{ProcessCluster, ProcessOptions};

/// What hangs longer hangs.
const TOO_LONG: Duration = Duration::from_secs(30);

/// Nodes of the cluster.
pub(super) const NODES: usize = 3;

/// The longest text of an error: gRPC puts it into a header.
const LONGEST_ERROR: usize = 4096;

/// Little memory for results, so that they spill; a short life for them, so that leaks show; a short
/// grace for queries that lost their readers.
const ARGUMENTS: [&str; 12] = [
    "--memory-limit",
    "256MiB",
    "--result-memory-percent",
    "2",
    "--target-partitions",
    "2",
    "--result-keep",
    "2s",
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
        Some(Ending::Error(_, text)) if text.len() > LONGEST_ERROR => {
            Verdict::Wrong(format!("an error of {} bytes: {text}", text.len()))
        }
        Some(Ending::Error(code, text)) if is_provoked(recipe, code) => Verdict::Error(code, text),
        Some(Ending::Error(code, text)) => {
            Verdict::Wrong(format!("not what {:?} does: {code:?}: {text}", recipe.fault))
        }
        Some(Ending::Rows(readings)) => {
            let wrong = |answer| answers.difference(recipe.query, answer);
            readings.iter().find_map(wrong).map_or(Verdict::Exact, Verdict::Wrong)
        }
    }
}

/// Whether there may be this error: what a fault does is told as what it is, and nothing else goes wrong.
fn is_provoked(recipe: &Recipe, code: tonic::Code) -> bool {
    use tonic::Code;
    let by_fault: &[Code] = match recipe.fault {
        Fault::Nothing => &[],
        Fault::FullDisk(_) => &[Code::ResourceExhausted],
        Fault::Corrupt(_) => &[Code::DataLoss],
        // One that has come back knows nothing of what it did before.
        Fault::Kill(_) | Fault::Drain(_) if recipe.lasts.is_some() => {
            &[Code::Unavailable, Code::NotFound]
        }
        _ => &[Code::Unavailable],
    };
    let expired = recipe.manner.reads_late() && code == Code::NotFound;
    let cancelled = recipe.manner == Manner::Cancels && code == Code::Cancelled;
    by_fault.contains(&code) || expired || cancelled
}
