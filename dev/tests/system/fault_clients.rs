//! Faults under clients that stall, vanish, read twice, read in reverse, read elsewhere, poll, or never read: the
//! exact rows, or an error in time, and nothing left behind.

use squadron_dev::faults::{Fault, Manner, Phase, Recipe};

use super::fault_runs::{answered, in_phase, side_by_side};

/// A client that a fault meets in a phase that matters to it.
fn client(manner: Manner, fault: Fault, phase: Phase) -> Recipe {
    in_phase(phase).manner(manner).fault(fault, phase)
}

/// This fault under clients of every manner that meets it with something in hand or something to come.
async fn under_clients(fault: Fault) {
    let met = |manner, phase| client(manner, fault, phase);
    let some = [
        met(Manner::Stalls, Phase::Delivering),
        met(Manner::NeverReads, Phase::FirstStage),
        met(Manner::Reverse, Phase::Reading),
    ];
    let others = [
        met(Manner::Twice, Phase::Reading),
        met(Manner::GoesWhileReading, Phase::Delivering),
        met(Manner::Polls, Phase::Committing),
    ];
    // Read through a node at one end of the fault, and through one that it leaves alone where there is one.
    let elsewhere = [
        met(Manner::Elsewhere, Phase::Reading),
        met(Manner::Elsewhere, Phase::FirstStage).coordinator(2),
    ];
    side_by_side(&[&some, &others, &elsewhere]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_a_killed_worker() {
    under_clients(Fault::Kill(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_a_killed_coordinator() {
    under_clients(Fault::Kill(0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_a_frozen_worker() {
    under_clients(Fault::Freeze(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_a_coordinator_that_is_cut_off_from_a_worker() {
    under_clients(Fault::Cut(0, 1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_two_workers_that_lose_each_other() {
    under_clients(Fault::Part(1, 2)).await;
}

/// Who polls, and who reads through another node, sees time pass like everybody else.
#[tokio::test(flavor = "multi_thread")]
async fn a_loss_is_made_good_for_clients_of_other_manners() {
    let meets = |manner, fault| client(manner, fault, Phase::FirstStage);
    let killed = [
        meets(Manner::Polls, Fault::Kill(1)),
        meets(Manner::Reverse, Fault::Kill(1)),
        meets(Manner::Elsewhere, Fault::Kill(1)).coordinator(2),
    ];
    // Who comes to the frozen node last waits there for longer than results are kept here.
    let frozen = [meets(Manner::Elsewhere, Fault::Freeze(1)).coordinator(2).staged()];
    answered(&side_by_side(&[&killed, &frozen]).await);
}

/// Nothing goes wrong but the clients.
#[tokio::test(flavor = "multi_thread")]
async fn clients_of_every_manner() {
    let clients = Manner::ALL.map(|manner| Recipe::new("large").manner(manner));
    let (some, others) = clients.split_at(6);
    side_by_side(&[some, others]).await;
}
