//! Every fault of a node in every phase of a query: the exact rows, or an error in time, and nothing left behind.
//!
//! The recipes of one test run in turn in a few clusters of three processes, which are mended in between.

use std::time::SystemTime;

use squadron_dev::faults::{Arena, Fault, Manner, Means, Phase, Recipe, Soak, Verdict};
use squadron_dev::process::squadron;
use tonic::Code;

use super::fault_runs::{
    a_loss_that_is_made_good, answered, arena, data, in_every_phase, in_phases, retryable, run,
    run_all, side_by_side,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker() {
    a_loss_that_is_made_good(Fault::Kill(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_coordinator() {
    retryable(&in_every_phase(Fault::Kill(0)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_the_system_kills_for_its_memory() {
    if let Err(error) = Arena::groups() {
        return println!("THE SYSTEM'S KILLS ARE NOT TESTED: no groups can be made: {error}");
    }
    a_loss_that_is_made_good(Fault::Starve(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_worker() {
    a_loss_that_is_made_good(Fault::Freeze(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_coordinator() {
    retryable(&in_every_phase(Fault::Freeze(0)).await);
}

/// Those that it works for have their answers first.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_told_to_end() {
    // Not when it is told before the query is planned.
    let told = |node| in_phases(Fault::Drain(node), &Phase::ALL[1..]);
    answered(&side_by_side(&[&told(0), &told(1)]).await);
}

/// The query is planned again without it.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_told_to_end_while_a_query_is_planned() {
    let recipes = in_phases(Fault::Drain(1), &[Phase::Planning]);
    answered(&run_all(&mut arena(None).await, &recipes).await);
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
fn changed(node: usize, phase: Phase) -> Recipe {
    // The endpoint of the first node is the first: it is read last by a client in reverse, as others are else.
    let manner = if node == 2 { Manner::Elsewhere } else { Manner::Reverse };
    Recipe::new("large").manner(manner).fault(Fault::Corrupt(node), phase)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spilled_result_that_changes_on_disk() {
    let recipes = [0, 1, 2].map(|node| changed(node, Phase::Reading));
    for report in run_all(&mut arena(None).await, &recipes).await {
        match &report.verdict {
            Verdict::Error(code, text) => {
                assert_eq!(*code, Code::DataLoss, "{text}");
                assert!(text.contains("query ") && text.contains("on node"), "{text}");
            }
            _ => panic!("changed bytes were given out, or nothing was spilled: {report}"),
        }
    }
}

/// The rows may have been read before.
#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_changes_on_disk_while_it_is_delivered() {
    let recipes = [0, 1, 2].map(|node| changed(node, Phase::Delivering));
    run_all(&mut arena(None).await, &recipes).await;
}

/// What a join builds is let go of with it, though no query follows.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_wrong_leaves_nothing() {
    run(&mut arena(None).await, &Recipe::new("join")).await;
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
        means: Means::here(|what| println!("{what}")),
    };
    println!("from --seed {}", soak.seed);
    let tally = soak.run(|report| println!("{report}")).await.unwrap();
    println!("{tally}");
    assert!(tally.bad().is_empty(), "cargo dev soak --seed {}: {:#?}", soak.seed, tally.bad());
}
