//! Tasks that are over are let go of soon, not with the next query.
//!
//! Problem: datafusion-distributed 4.0 keeps tasks in a cache (`moka`) that lets go of what was removed
//! from it only when it is used again. On a node that has nothing more to do the last tasks stay, with
//! the memory of their joins. Official way: `Worker::tasks_running`, behind a feature for its own tests
//! that builds a hundred crates more. Here: the cache is used, by asking for a task that there never is.
//!
//! What the cache lets go of is freed by a collector (`crossbeam`) that each thread hands its removals to
//! when it has many, or is asked to: the threads on which tasks end do so whenever they have nothing
//! else to do, and the collector is moved on here.

use std::time::Duration;

use datafusion_distributed::{ExecuteTaskRequest, ProducerHead, TaskKey};
use uuid::Uuid;

use super::Engine;

/// Who asks for a task that is not there is made to wait for it; the cache has been used by then.
const PATIENCE: Duration = Duration::from_millis(1);

impl Engine {
    /// Lets go of tasks that are over, if there may be any. To be called now and then.
    pub async fn tidy(&self) {
        if self.tasks() > 0 {
            let looked = self.worker.execute_task(nothing());
            // There is no such task: whatever comes of it means nothing.
            let _ = tokio::time::timeout(PATIENCE, looked).await;
            // What is handed over in one step can be freed two steps later.
            (0..3).for_each(|_| hand_over());
        }
    }
}

/// Hands what was removed on this thread to the collector, and moves that one on by a step: for a
/// thread that is about to sleep, and would keep it all the while.
pub fn hand_over() {
    crossbeam_epoch::pin().flush();
}

/// Always the same, so that the cache holds one entry for it and no more.
fn nothing() -> ExecuteTaskRequest {
    ExecuteTaskRequest {
        task_key: TaskKey { query_id: Uuid::nil(), stage_id: 0, task_number: 0 },
        target_partition_start: 0,
        target_partition_end: 0,
        producer_head: ProducerHead::None,
    }
}
