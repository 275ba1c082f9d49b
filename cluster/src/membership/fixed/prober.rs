//! One task per peer: say hello, note what came of it, wait for the next turn or a reason to hurry.

use std::sync::Arc;

use tokio::time::timeout;

use super::hello;
use super::roster::Miss;
use super::state::State;

/// Probes one peer until the task is aborted, or the address turns out to be this node itself.
pub(super) async fn run(state: Arc<State>, slot: usize) {
    while !state.is_myself(slot) {
        probe(&state, slot).await;
        tokio::select! {
            () = tokio::time::sleep(state.probe().interval) => {}
            () = state.wake(slot).notified() => {}
        }
    }
}

async fn probe(state: &State, slot: usize) {
    let last_chance = state.begin_probe(slot);
    let limit = state.probe().timeout;
    let said = timeout(limit, hello::say(state, slot)).await;
    match said.unwrap_or_else(|_| Err(Miss::silent(format!("no answer within {limit:?}")))) {
        Ok((member, leaving)) => state.answered(slot, member, leaving),
        Err(miss) => {
            // The next probe dials anew: a connection into nothing would keep a peer out that is back.
            state.channels().forget(&state.peer(slot).internal);
            state.missed(slot, miss, last_chance);
        }
    }
}
