//! How the tests of faults run recipes.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use squadron_dev::faults::{Answers, Arena, Disks, Fault, Phase, Recipe, Report, Verdict};
use squadron_dev::fixtures;
use squadron_dev::process::squadron;
use tokio::sync::OnceCell;
use tonic::Code;

/// How long one recipe may be run again until its fault has come in its phase.
const UNTIL_MET: Duration = Duration::from_secs(180);

pub(super) async fn answers() -> Arc<Answers> {
    static ANSWERS: OnceCell<Arc<Answers>> = OnceCell::const_new();
    let over = async || Arc::new(Answers::over(data()).await.unwrap());
    ANSWERS.get_or_init(over).await.clone()
}

pub(super) fn data() -> &'static Path {
    fixtures::tpch()
}

pub(super) async fn arena(disks: Option<Disks>) -> Arena {
    Arena::start(&squadron().unwrap(), data(), answers().await, disks).await.unwrap()
}

/// An arena on hosts of their own; `None`, said aloud, where there can be none.
pub(super) async fn arena_on_hosts() -> Option<Arena> {
    let hosts = match Arena::hosts() {
        Ok(hosts) => hosts,
        Err(error) => {
            println!("PACKETS THAT VANISH ARE NOT TESTED: no hosts can be made: {error}");
            return None;
        }
    };
    let program = squadron().unwrap();
    Some(Arena::on_hosts(&program, data(), answers().await, hosts).await.unwrap())
}

/// Runs a recipe until its fault has come in its phase: some last for milliseconds. No run may be other
/// than is promised, whenever its fault came.
pub(super) async fn run(arena: &mut Arena, recipe: &Recipe) -> Report {
    let started = Instant::now();
    loop {
        let report = arena.run(recipe).await.unwrap_or_else(|error| panic!("{recipe}: {error}"));
        println!("{report}");
        assert!(report.is_good(), "{report}");
        if report.hit {
            return report;
        }
        assert!(started.elapsed() < UNTIL_MET, "its phase is never met: {report}");
    }
}

/// These in turn.
pub(super) async fn run_all(arena: &mut Arena, recipes: &[Recipe]) -> Vec<Report> {
    let mut reports = Vec::new();
    for recipe in recipes {
        reports.push(run(arena, recipe).await);
    }
    reports
}

/// These in clusters of their own, at the same time: most of a run is waiting for time-outs.
pub(super) async fn side_by_side(recipes: &[&[Recipe]]) -> Vec<Report> {
    let run = async |recipes: &[Recipe]| run_all(&mut arena(None).await, recipes).await;
    futures::future::join_all(recipes.iter().map(|recipes| run(recipes))).await.concat()
}

/// A query that can be met in a phase.
pub(super) fn in_phase(phase: Phase) -> Recipe {
    match phase {
        Phase::Planning => Recipe::new("join"),
        Phase::FirstStage => Recipe::new("pairs"),
        Phase::Delivering | Phase::Committing | Phase::Reading => Recipe::new("large"),
    }
}

/// This fault in these phases.
pub(super) fn in_phases(fault: Fault, phases: &[Phase]) -> Vec<Recipe> {
    phases.iter().map(|phase| in_phase(*phase).fault(fault, *phase)).collect()
}

/// This fault in every phase, in two clusters at a time.
pub(super) async fn in_every_phase(fault: Fault) -> Vec<Report> {
    let (early, late) = Phase::ALL.split_at(3);
    side_by_side(&[&in_phases(fault, early), &in_phases(fault, late)]).await
}

/// Whoever has lost a node is told so, and that it may try again.
pub(super) fn retryable(reports: &[Report]) {
    for report in reports {
        if let Verdict::Error(code, text) = &report.verdict {
            assert_eq!(*code, Code::Unavailable, "{text}: {report}");
        }
    }
}

/// A query of which nothing had left for its client when it lost a node is answered by those that remain.
pub(super) fn answered(reports: &[Report]) {
    for report in reports {
        assert_eq!(report.verdict, Verdict::Exact, "{report}");
    }
}

/// The phases before any row leaves when all are held back until the commit.
const HELD_BACK: [Phase; 3] = [Phase::FirstStage, Phase::Delivering, Phase::Committing];

/// The loss of a node that others can go on without: in every phase the rows or UNAVAILABLE, and the rows
/// wherever none had left.
pub(super) async fn a_loss_that_is_made_good(fault: Fault) {
    let (early, late) = Phase::ALL.split_at(2);
    let (early, late) = (in_phases(fault, early), in_phases(fault, late));
    let held_back = held_back(fault);
    let reports = side_by_side(&[&early, &held_back, &late]).await;
    retryable(&reports);
    answered(&reports[early.len()..][..held_back.len()]);
    // What is noticed after seconds only lets parts that need nothing of the lost node come out meanwhile.
    let without_rows = if is_noticed_at_once(fault) { 2 } else { 1 };
    answered(&reports[..without_rows]);
}

/// This fault while no row may leave.
pub(super) fn held_back(fault: Fault) -> Vec<Recipe> {
    in_phases(fault, &HELD_BACK).into_iter().map(Recipe::staged).collect()
}

fn is_noticed_at_once(fault: Fault) -> bool {
    matches!(fault, Fault::Kill(_) | Fault::Starve(_) | Fault::Cut(..))
}
