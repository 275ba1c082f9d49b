//! Every fault of what lies between nodes in every phase of a query: the exact rows, or an error in time, and
//! nothing left behind.

use std::time::Duration;

use squadron_dev::faults::{Fault, Phase, Report};

use super::fault_runs::{
    a_loss_that_is_made_good, answered, arena_on_hosts, held_back, in_every_phase, in_phases,
    retryable, run_all,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_between_the_coordinator_and_a_worker() {
    a_loss_that_is_made_good(Fault::Cut(0, 1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_between_two_workers() {
    a_loss_that_is_made_good(Fault::Cut(1, 2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_between_the_coordinator_and_a_worker() {
    a_loss_that_is_made_good(Fault::Part(0, 1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_between_two_workers() {
    a_loss_that_is_made_good(Fault::Part(1, 2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_alone() {
    a_loss_that_is_made_good(Fault::Isolate(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_its_coordinator_does_not_hear() {
    a_loss_that_is_made_good(Fault::Silence(1, 0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_does_not_hear_its_coordinator() {
    retryable(&in_every_phase(Fault::Silence(0, 1)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_another_does_not_hear() {
    retryable(&in_every_phase(Fault::Silence(1, 2)).await);
}

/// What a node reads is what another wrote, or the link counts as cut.
#[tokio::test(flavor = "multi_thread")]
async fn bits_that_change_between_two_nodes() {
    let garbled = [Fault::Garble(0, 1), Fault::Garble(1, 2)];
    let (one, other) = tokio::join!(in_every_phase(garbled[0]), in_every_phase(garbled[1]));
    retryable(&one);
    retryable(&other);
}

/// These faults in turn, each in every phase, on hosts of their own.
async fn on_hosts(faults: &[Fault]) -> Vec<Report> {
    let Some(mut arena) = arena_on_hosts().await else { return Vec::new() };
    let recipes: Vec<_> = faults.iter().flat_map(|fault| in_phases(*fault, &Phase::ALL)).collect();
    run_all(&mut arena, &recipes).await
}

/// One that the others can go on without, while no row may leave.
async fn made_good_on_hosts(fault: Fault) {
    let Some(mut arena) = arena_on_hosts().await else { return };
    answered(&run_all(&mut arena, &held_back(fault)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_that_vanish() {
    let (reports, ()) = tokio::join!(
        on_hosts(&[Fault::Vanish(0, 1), Fault::Vanish(1, 2)]),
        made_good_on_hosts(Fault::Vanish(1, 2)),
    );
    retryable(&reports);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cable_that_is_pulled() {
    let (reports, ()) = tokio::join!(
        on_hosts(&[Fault::Unplug(1), Fault::Unplug(0)]),
        made_good_on_hosts(Fault::Unplug(1)),
    );
    retryable(&reports);
}

/// That is no fault that anybody need hear of.
async fn slow(one: usize, other: usize) {
    answered(&in_every_phase(Fault::Slow(one, other, Duration::from_millis(50))).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_link_to_the_coordinator_costs_time_only() {
    slow(0, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_link_between_two_workers_costs_time_only() {
    slow(1, 2).await;
}
