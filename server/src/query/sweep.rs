//! What is looked after every second: expired results, results whose coordinator is gone, queries
//! that nobody waits for.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use datafusion::common::runtime::SpawnedTask;
use futures::FutureExt;
use futures::future::join_all;
use tokio::time::{MissedTickBehavior, timeout};

use super::Queries;
use super::read::lost;
use crate::flight::messages::{StatusProto, StatusRequestProto};
use crate::results::{Opening, Phase, QueryResult, ResultError};

const EVERY: Duration = Duration::from_secs(1);

/// A coordinator that does not answer is asked again with the next sweep: it must not hold up what
/// is to be done for the others.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(2);

impl Queries {
    /// Starts the sweeping task; it ends with the last use of `self` or when it is dropped.
    pub fn sweeping(self: &Arc<Self>) -> SpawnedTask<()> {
        SpawnedTask::spawn(sweep(Arc::downgrade(self)))
    }

    async fn sweep_once(&self) {
        let now = Instant::now();
        self.forget_old(now);
        self.statements.forget_idle(now);
        // Memory may have become free without a query's end.
        self.admission.admit();
        let expired = self.store.remove_expired(now);
        if expired > 0 {
            tracing::debug!(expired, "results expired");
        }
        self.planner.engine().tidy().await;
        let results = self.store.all();
        join_all(results.iter().map(|result| self.look_after(result))).await;
        self.end_hopeless(Instant::now()).await;
        self.end_unpolled(Instant::now());
    }

    async fn look_after(&self, result: &QueryResult) {
        let opening = result.opening();
        if !matches!(result.phase(), Phase::Receiving | Phase::Verified) {
            return;
        }
        match opening.coordinator == self.me.node_id {
            true => {
                let readable = result.frames() > 0;
                self.hear(opening.query, &self.me.node_id, result.interest(), readable);
            }
            false => self.ask_coordinator(result).await,
        }
    }

    /// A result that another node coordinates and that is not complete yet: its coordinator may
    /// have died, or its commit or failure may have been lost on the way. It knows, and it is told of
    /// the readers here.
    async fn ask_coordinator(&self, result: &QueryResult) {
        let opening = result.opening();
        let members = self.members();
        let Some(coordinator) = members.get(&opening.coordinator) else {
            // At once: a reader here goes on to where it may be told more.
            return self.store.give_up(result, orphaned(opening));
        };
        let request = StatusRequestProto::new(&self.me.node_id, result);
        let asked = timeout(ANSWER_WITHIN, self.peers.status(coordinator, request)).await;
        let Ok(answer) = asked else { return };
        match answer {
            Ok(answer) => decide(result, &self.me.node_id, answer),
            Err(ResultError::NotFound(_)) => result.fail(orphaned(opening)),
            // Not reachable for a moment: membership says when it is gone.
            Err(_) => {}
        }
    }
}

/// What its coordinator says of a result that is not complete here.
fn decide(result: &QueryResult, me: &str, answer: StatusProto) {
    let ended = match (answer.failed, answer.open) {
        (Some(failed), _) => Err(ResultError::Query { code: failed.code, message: failed.message }),
        // It was complete in a run without this peer, which the coordinator could not reach then.
        (None, Some(open)) if answer.committed && open.lost.iter().any(|lost| lost == me) => {
            result.complete_without(open.attempt, &open.lost)
        }
        (None, Some(open)) if answer.committed => result.commit(open.attempt),
        (None, _) => Ok(()),
    };
    if let Err(error) = ended {
        result.fail(error);
    }
}

fn orphaned(opening: &Opening) -> ResultError {
    lost(&opening.coordinator, &format!("ran query {}", opening.query))
}

async fn sweep(queries: Weak<Queries>) {
    let mut ticks = tokio::time::interval(EVERY);
    // A node that stood still takes one look, not all that it has missed: others need time to speak.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(queries) = queries.upgrade() else { return };
        // A bug met in one sweep must not be the end of all sweeping.
        if AssertUnwindSafe(queries.sweep_once()).catch_unwind().await.is_err() {
            tracing::error!("sweeping panicked");
        }
    }
}
