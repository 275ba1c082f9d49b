//! Window functions tell how much memory they collect.
//!
//! Problem: `WindowAggExec` of DataFusion 55 keeps all rows of its input, then a copy of them in one
//! piece, and asks no pool: a large window takes the machine's memory whatever the limits are. Official
//! way: none yet. Here: the operator and its input are wrapped, and what comes in is counted against the
//! query's share until the operator's rows have gone.
//!
//! As in `guard.rs`, the wrappers stand for what they wrap in name, children and type.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::utils::memory::RecordBatchMemoryCounter;
use datafusion::error::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::windows::WindowAggExec;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
    ReplaceChildrenOptions,
};
use datafusion_distributed::NetworkBoundaryExt;
use futures::StreamExt;
use parking_lot::Mutex;

/// What is collected is there twice in the end: as it came, and in one piece.
const COPIES: usize = 2;

/// Has the window functions of one stage account for their memory. Stages below are other tasks'.
pub(super) fn account(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let accounted = plan.transform_down(|node| {
        if node.is_network_boundary() {
            return Ok(Transformed::new(node, false, TreeNodeRecursion::Jump));
        }
        if !node.is::<WindowAggExec>() {
            return Ok(Transformed::no(node));
        }
        let input = account(Arc::clone(node.children()[0]))?;
        let window = AccountedExec::around(node, input)?;
        Ok(Transformed::new(Arc::new(window), true, TreeNodeRecursion::Jump))
    })?;
    Ok(accounted.data)
}

/// Reservations on their way from an operator that is about to run to its input, by partition.
type Handed = Arc<Mutex<HashMap<usize, Arc<MemoryReservation>>>>;

/// A window function, or the input of one, that stands for the node it wraps.
#[derive(Debug, Clone)]
struct AccountedExec {
    inner: Arc<dyn ExecutionPlan>,
    handed: Handed,
    side: Side,
}

#[derive(Debug, Clone, Copy)]
enum Side {
    /// The operator: holds a reservation for as long as its stream is there.
    Operator,
    /// Its input: what comes by is added to the reservation.
    Input,
}

impl AccountedExec {
    fn around(window: Arc<dyn ExecutionPlan>, input: Arc<dyn ExecutionPlan>) -> Result<Self> {
        let handed = Handed::default();
        let input = Self { inner: input, handed: Arc::clone(&handed), side: Side::Input };
        let keep = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Keep);
        let inner = window.replace_children(vec![Arc::new(input)], keep)?;
        Ok(Self { inner, handed, side: Side::Operator })
    }

    fn run_operator(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let consumer = MemoryConsumer::new(format!("{}[{partition}]", self.name()));
        let held = Arc::new(consumer.register(context.memory_pool()));
        self.handed.lock().insert(partition, Arc::clone(&held));
        let stream = self.inner.execute(partition, context);
        self.handed.lock().remove(&partition);
        let stream = stream?;
        let schema = stream.schema();
        let stream = stream.inspect(move |_| {
            // Held until the stream goes: the operator lets go of nothing before.
            let _ = &held;
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream)))
    }

    fn run_input(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let held = self.handed.lock().remove(&partition);
        let stream = self.inner.execute(partition, context)?;
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

impl DisplayAs for AccountedExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt_as(format, f)
    }
}

impl ExecutionPlan for AccountedExec {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn downcast_delegate(&self) -> Option<&dyn ExecutionPlan> {
        Some(self.inner.as_ref())
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.inner.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        self.inner.maintains_input_order()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.inner.children()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.inner.apply_expressions(f)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let anew = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
        let inner = Arc::clone(&self.inner).replace_children(children, anew)?;
        Ok(Arc::new(Self { inner, ..Self::clone(&self) }))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        match self.side {
            Side::Operator => self.run_operator(partition, context),
            Side::Input => self.run_input(partition, context),
        }
    }

    fn metrics(&self) -> Option<MetricsSet> {
        self.inner.metrics()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use datafusion::execution::memory_pool::{GreedyMemoryPool, TrackConsumersPool};
    use datafusion::execution::runtime_env::RuntimeEnvBuilder;
    use datafusion::prelude::SessionContext;
    use futures::TryStreamExt;

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
        let anew = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
        assert_eq!(text(&plan.replace_children(children, anew).unwrap()), before);
    }
}
