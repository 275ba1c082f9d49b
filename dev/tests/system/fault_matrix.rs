//! Every fault in every phase of a query: the exact rows, or an error in time, and nothing left behind.
//!
//! The recipes of one test run in turn in one or two clusters of three processes, which are mended in between.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use squadron_dev::faults::{
    Answers, Arena, Disks, Fault, Manner, Phase, Recipe, Report, Soak, Verdict,
};
use squadron_dev::fixtures;
use squadron_dev::process::squadron;
use tokio::sync::OnceCell;
use tonic::Code;

async fn answers() -> Arc<Answers> {
    static ANSWERS: OnceCell<Arc<Answers>> = OnceCell::const_new();
    let over = async || Arc::new(Answers::over(data()).await.unwrap());
    ANSWERS.get_or_init(over).await.clone()
}

fn data() -> &'static Path {
    fixtures::tpch()
}

async fn arena(disks: Option<Disks>) -> Arena {
    Arena::start(&squadron().unwrap(), data(), answers().await, disks).await.unwrap()
}

async fn run(arena: &mut Arena, recipe: &Recipe) -> Report {
    let report = arena.run(recipe).await.unwrap_or_else(|error| panic!("{recipe}: {error}"));
    println!("{report}");
    assert!(report.is_good(), "{report}");
    report
}

/// A query that can be met in a phase.
fn in_phase(phase: Phase) -> Recipe {
    match phase {
        Phase::Planning => Recipe::new("join"),
        Phase::FirstStage => Recipe::new("pairs"),
        Phase::Delivering | Phase::Committing | Phase::Reading => Recipe::new("large"),
    }
}

/// This fault in every phase, in two clusters at a time: most of it is waiting for time-outs.
async fn in_every_phase(fault: Fault) -> Vec<Report> {
    let (early, late) = Phase::ALL.split_at(3);
    let (early, late) = tokio::join!(in_phases(fault, early), in_phases(fault, late));
    [early, late].concat()
}

async fn in_phases(fault: Fault, phases: &[Phase]) -> Vec<Report> {
    let mut arena = arena(None).await;
    let mut reports = Vec::new();
    for phase in phases {
        reports.push(run(&mut arena, &in_phase(*phase).fault(fault, *phase)).await);
    }
    reports
}

/// Whoever has lost a node is told so, and that it may try again.
fn retryable(reports: &[Report]) {
    for report in reports {
        if let Verdict::Error(code, text) = &report.verdict {
            assert_eq!(*code, Code::Unavailable, "{text}: {report}");
        }
    }
}

/// A query that had nothing to give yet when it lost a node is answered by those that remain.
fn answered(reports: &[Report]) {
    for report in reports {
        assert!(matches!(report.verdict, Verdict::Exact), "{report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker() {
    let reports = in_every_phase(Fault::Kill(1)).await;
    retryable(&reports);
    answered(&reports[..2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_coordinator() {
    retryable(&in_every_phase(Fault::Kill(0)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_worker() {
    retryable(&in_every_phase(Fault::Freeze(1)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_coordinator() {
    retryable(&in_every_phase(Fault::Freeze(0)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_between_the_coordinator_and_a_worker() {
    retryable(&in_every_phase(Fault::Cut(0, 1)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_between_two_workers() {
    let reports = in_every_phase(Fault::Cut(1, 2)).await;
    retryable(&reports);
    answered(&reports[..2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_between_the_coordinator_and_a_worker() {
    retryable(&in_every_phase(Fault::Part(0, 1)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_between_two_workers() {
    let reports = in_every_phase(Fault::Part(1, 2)).await;
    retryable(&reports);
    answered(&reports[..2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_in_one_direction() {
    retryable(&in_every_phase(Fault::Silence(1, 0)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_alone() {
    retryable(&in_every_phase(Fault::Isolate(1)).await);
}

/// These faults in turn, each in every phase that can be met, on hosts of their own.
async fn on_hosts(faults: &[Fault]) -> Vec<Report> {
    let hosts = match Arena::hosts() {
        Ok(hosts) => hosts,
        Err(error) => {
            println!("PACKETS THAT VANISH ARE NOT TESTED: no hosts can be made: {error}");
            return Vec::new();
        }
    };
    let program = squadron().unwrap();
    let arena = Arena::on_hosts(&program, data(), answers().await, hosts).await;
    let (mut arena, mut reports) = (arena.unwrap(), Vec::new());
    for fault in faults {
        for phase in [Phase::Planning, Phase::FirstStage, Phase::Delivering, Phase::Reading] {
            reports.push(run(&mut arena, &in_phase(phase).fault(*fault, phase)).await);
        }
    }
    reports
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_that_vanish() {
    retryable(&on_hosts(&[Fault::Vanish(0, 1), Fault::Vanish(1, 2)]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cable_that_is_pulled() {
    retryable(&on_hosts(&[Fault::Unplug(1), Fault::Unplug(0)]).await);
}

/// Those that it works for have their answers first.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_told_to_end() {
    let mut arena = arena(None).await;
    for node in [0, 1] {
        // Not when it is told before it is asked.
        for phase in [Phase::FirstStage, Phase::Delivering, Phase::Committing, Phase::Reading] {
            let report = run(&mut arena, &in_phase(phase).fault(Fault::Drain(node), phase)).await;
            assert_eq!(report.verdict, Verdict::Exact, "{report}");
        }
    }
}

/// That is no fault that anybody need hear of.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_link_costs_time_only() {
    let slow = Fault::Slow(0, 1, Duration::from_millis(50));
    for report in in_every_phase(slow).await {
        assert_eq!(report.verdict, Verdict::Exact, "{report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk() {
    let disks = match Arena::disks() {
        Ok(disks) => disks,
        Err(error) => {
            return println!("A FULL DISK IS NOT TESTED: nothing can be mounted: {error}");
        }
    };
    let mut arena = arena(Some(disks)).await;
    for phase in Phase::ALL {
        let recipe = Recipe::new("large").fault(Fault::FullDisk(1), phase);
        let report = run(&mut arena, &recipe).await;
        if let Verdict::Error(code, text) = &report.verdict {
            assert_eq!(*code, Code::ResourceExhausted, "{text}: {report}");
            assert!(text.contains("--spill-dir"), "it says what to do: {text}");
        }
        if phase == Phase::Planning {
            assert_ne!(report.verdict, Verdict::Exact, "there was no room for it");
        }
    }
}

/// The reader has come to one share and to no other when the bytes change. One that reads all shares at
/// once may have them all on their way by then.
#[tokio::test(flavor = "multi_thread")]
async fn a_spilled_result_that_changes_on_disk() {
    let recipe = Recipe::new("large").manner(Manner::Reverse);
    let recipe = recipe.fault(Fault::Corrupt(1), Phase::Reading);
    let report = run(&mut arena(None).await, &recipe).await;
    match &report.verdict {
        Verdict::Error(code, text) => assert_eq!(*code, Code::DataLoss, "{text}"),
        _ => panic!("changed bytes were given out, or nothing was spilled: {report}"),
    }
}

/// What a join builds is let go of with it, though no query follows.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_wrong_leaves_nothing() {
    run(&mut arena(None).await, &Recipe::new("join")).await;
}

/// Nothing goes wrong but the clients.
#[tokio::test(flavor = "multi_thread")]
async fn clients_of_every_manner() {
    let (some, others) = Manner::ALL.split_at(6);
    tokio::join!(clients(some), clients(others));
}

async fn clients(manners: &[Manner]) {
    let mut arena = arena(None).await;
    for manner in manners {
        run(&mut arena, &Recipe::new("large").manner(*manner)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_soak() {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let soak = Soak {
        program: squadron().unwrap(),
        data: data().to_owned(),
        runs: 10,
        seed: since.as_secs(),
        lanes: 2,
        disks: Arena::disks().is_ok(),
    };
    println!("from --seed {}", soak.seed);
    let tally = soak.run(|report| println!("{report}")).await.unwrap();
    println!("{tally}");
    assert!(tally.bad().is_empty(), "cargo dev soak --seed {}: {:#?}", soak.seed, tally.bad());
}
