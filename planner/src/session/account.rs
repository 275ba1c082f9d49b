//! Window functions tell how much memory they collect.
//!
//! Problem: `WindowAggExec` of DataFusion 55 keeps all rows of its input, then a copy of them in one
//! piece, and asks no pool: a large window takes the machine's memory whatever the limits are. Official
//! way: none yet. Here: the operator and its input are wrapped, and what comes in is counted against the
//! query's share until the operator's rows have gone.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::utils::memory::RecordBatchMemoryCounter;
use datafusion::error::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::windows::WindowAggExec;
use futures::StreamExt;

use super::stand_in::{self, Run, alike, stand_in};

/// What is collected is there twice in the end: as it came, and in one piece.
const COPIES: usize = 2;

/// Has the window functions of one stage account for their memory.
pub(super) fn account(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    stand_in::each(plan, |node| {
        if !node.is::<WindowAggExec>() {
            return Ok(None);
        }
        let handed = Handed::default();
        let input = account(Arc::clone(node.children()[0]))?;
        let input = stand_in(input, Counted(Arc::clone(&handed)));
        let window = Arc::clone(node).replace_children(vec![input], alike())?;
        Ok(Some(stand_in(window, Holding(handed))))
    })
}

/// Reservations on their way from an operator that is about to run to its input.
type Handed = Arc<stand_in::Handed<Arc<MemoryReservation>>>;

/// The operator: holds a reservation for as long as its stream is there.
#[derive(Debug)]
struct Holding(Handed);

impl Run for Holding {
    fn run(
        &self,
        node: &Arc<dyn ExecutionPlan>,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let consumer = MemoryConsumer::new(format!("{}[{partition}]", node.name()));
        let held = Arc::new(consumer.register(context.memory_pool()));
        let start = || node.execute(partition, context);
        let stream = self.0.over(partition, Arc::clone(&held), start)?;
        let schema = stream.schema();
        let stream = stream.inspect(move |_| {
            // Held until the stream goes: the operator lets go of nothing before.
            let _ = &held;
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream)))
    }
}

/// Its input: what comes by is added to the reservation.
#[derive(Debug)]
struct Counted(Handed);

impl Run for Counted {
    fn run(
        &self,
        node: &Arc<dyn ExecutionPlan>,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let held = self.0.take(partition);
        let stream = node.execute(partition, context)?;
        let Some(held) = held else { return Ok(stream) };
        let schema = stream.schema();
        let mut counter = RecordBatchMemoryCounter::new();
        let stream = stream.map(move |batch| count(batch?, &mut counter, &held));
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream)))
    }
}

fn count(
    batch: RecordBatch,
    counter: &mut RecordBatchMemoryCounter,
    held: &MemoryReservation,
) -> Result<RecordBatch> {
    held.try_grow(counter.count_batch(&batch) * COPIES)?;
    Ok(batch)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use datafusion::execution::memory_pool::{GreedyMemoryPool, TrackConsumersPool};
    use datafusion::execution::runtime_env::RuntimeEnvBuilder;
    use datafusion::prelude::SessionContext;
    use futures::TryStreamExt;

    use super::super::stand_in::anew;
    use super::*;

    const ROWS: usize = 100_000;

    /// A window over all rows of a series, in a process of `limit` bytes.
    async fn windowed(limit: usize) -> (Arc<dyn ExecutionPlan>, Arc<TaskContext>) {
        let pool = GreedyMemoryPool::new(limit);
        let pool = TrackConsumersPool::new(pool, NonZeroUsize::MIN);
        let runtime = RuntimeEnvBuilder::new().with_memory_pool(Arc::new(pool)).build_arc();
        let context = SessionContext::new_with_config_rt(Default::default(), runtime.unwrap());
        let sql = format!("select value, sum(value) over () from generate_series(1, {ROWS})");
        let plan = context.sql(&sql).await.unwrap().create_physical_plan().await.unwrap();
        (account(plan).unwrap(), context.task_ctx())
    }

    fn reserved(context: &TaskContext) -> usize {
        context.memory_pool().reserved()
    }

    #[tokio::test]
    async fn what_a_window_collects_is_counted_until_its_stream_has_gone() {
        let (plan, context) = windowed(usize::MAX).await;
        let mut stream = plan.execute(0, Arc::clone(&context)).unwrap();
        let rows = stream.try_next().await.unwrap().unwrap().num_rows();
        assert!(rows > 0);
        assert!(reserved(&context) >= ROWS * size_of::<i64>() * COPIES);
        while stream.try_next().await.unwrap().is_some() {}
        drop(stream);
        assert_eq!(reserved(&context), 0);
    }

    #[tokio::test]
    async fn a_window_larger_than_memory_fails_by_name() {
        let (plan, context) = windowed(1 << 20).await;
        let stream = plan.execute(0, Arc::clone(&context)).unwrap();
        let error = stream.try_collect::<Vec<_>>().await.unwrap_err().to_string();
        assert!(error.contains("WindowAggExec"), "{error}");
        assert_eq!(reserved(&context), 0);
    }

    #[tokio::test]
    async fn an_accounted_plan_keeps_its_shape() {
        let (plan, _) = windowed(1).await;
        let text = |plan: &Arc<dyn ExecutionPlan>| {
            datafusion::physical_plan::displayable(plan.as_ref()).indent(true).to_string()
        };
        let before = text(&plan);
        assert!(before.contains("WindowAggExec"), "{before}");
        let children = plan.children().into_iter().cloned().collect();
        assert_eq!(text(&plan.replace_children(children, anew()).unwrap()), before);
    }
}
