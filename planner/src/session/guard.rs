//! A panic on a worker is an error of its query, never the end of a stream.
//!
//! Problem: datafusion-distributed 4.0 polls the streams of a task inside spawned tasks that nobody
//! joins (`spawn_select_all`, `BroadcastExec`). When an operator panics, such a task is gone, its
//! channel closes, and whoever reads from it sees the end of the stream: fewer rows, status OK.
//! Official way: none yet. Here: the plan of every task that a worker is given is wrapped below what
//! those tasks poll, and a panic becomes an error there. Errors get their kind on the way there too.
//!
//! The wrapper takes the place of the node that it wraps, in name, children and type, because the
//! plan's shape is what metrics and task counts are matched by.

use std::any::Any;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
    ReplaceChildrenOptions,
};
use datafusion_distributed::{
    BroadcastExec, WorkerPlanRewriteEvent, WorkerPlanRewriteEventResponse,
};
use futures::StreamExt;

use crate::error::mark;

/// Guards the plan of one task, for datafusion-distributed to call with every plan it decodes.
pub(super) fn guard_task(event: WorkerPlanRewriteEvent) -> Result<WorkerPlanRewriteEventResponse> {
    Ok(WorkerPlanRewriteEventResponse::new(guarded(event.plan)?))
}

/// datafusion-distributed takes these two heads off a task's plan and puts its own on.
fn guarded(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    if !(plan.is::<RepartitionExec>() || plan.is::<BroadcastExec>()) {
        return Ok(Arc::new(GuardExec(plan)));
    }
    let children = plan.children().into_iter();
    let children = children.map(|child| Arc::new(GuardExec(Arc::clone(child))) as _).collect();
    plan.replace_children(children, anew())
}

fn anew() -> ReplaceChildrenOptions {
    ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute)
}

/// Passes everything on to the node that it stands for, and turns its panics into errors.
#[derive(Debug)]
struct GuardExec(Arc<dyn ExecutionPlan>);

impl DisplayAs for GuardExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt_as(format, f)
    }
}

impl ExecutionPlan for GuardExec {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn downcast_delegate(&self) -> Option<&dyn ExecutionPlan> {
        Some(self.0.as_ref())
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.0.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        self.0.maintains_input_order()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.0.children()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.0.apply_expressions(f)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self(Arc::clone(&self.0).replace_children(children, anew())?)))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let name = self.0.name().to_owned();
        let stream = self.0.execute(partition, context)?;
        let schema = stream.schema();
        let caught = AssertUnwindSafe(stream).catch_unwind();
        let stream = caught.map(move |batch| unwound(&name, batch).map_err(mark));
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        self.0.metrics()
    }
}

fn unwound(
    name: &str,
    batch: std::result::Result<Result<RecordBatch>, Box<dyn Any + Send>>,
) -> Result<RecordBatch> {
    batch.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Err(DataFusionError::Internal(format!("a panic in or below {name}: {text}")))
    })
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::{Schema, SchemaRef};
    use datafusion::common::runtime::SpawnedTask;
    use datafusion::physical_expr::Partitioning;
    use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
    use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};

    use super::*;

    /// Gives one batch, then panics.
    #[derive(Debug)]
    struct Panicking(SchemaRef);

    impl PartitionStream for Panicking {
        fn schema(&self) -> &SchemaRef {
            &self.0
        }

        fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
            let batch = RecordBatch::new_empty(Arc::clone(&self.0));
            let batches = futures::stream::iter([0, 1]);
            let batches = batches.map(move |index| match index {
                0 => Ok(batch.clone()),
                _ => panic!("page {index} is broken"),
            });
            Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.0), batches))
        }
    }

    fn panicking() -> Arc<dyn ExecutionPlan> {
        let schema: SchemaRef = Arc::new(Schema::empty());
        let source = Arc::new(Panicking(Arc::clone(&schema)));
        Arc::new(
            StreamingTableExec::try_new(schema, vec![source], None, None, false, None).unwrap(),
        )
    }

    /// What a reader sees that, as datafusion-distributed's, lives in a task of its own.
    async fn read(plan: &Arc<dyn ExecutionPlan>) -> Vec<Result<RecordBatch>> {
        let stream = plan.execute(0, Arc::new(TaskContext::default())).unwrap();
        SpawnedTask::spawn(stream.collect()).await.unwrap()
    }

    #[tokio::test]
    async fn a_panic_becomes_an_error_after_what_came_before_it() {
        let read = read(&guarded(panicking()).unwrap()).await;
        assert!(read[0].is_ok());
        let error = read[1].as_ref().unwrap_err().to_string();
        assert!(error.contains("page 1 is broken"), "{error}");
        assert_eq!(read.len(), 2);
    }

    #[tokio::test]
    async fn a_head_that_is_taken_off_leaves_a_guarded_plan() {
        let broadcast = Arc::new(BroadcastExec::new(panicking(), 2));
        let plan = guarded(broadcast).unwrap();
        let head = plan.downcast_ref::<BroadcastExec>().unwrap();
        assert!(read(head.input()).await[1].is_err());

        let hash = Partitioning::UnknownPartitioning(2);
        let repartition = Arc::new(RepartitionExec::try_new(panicking(), hash).unwrap());
        let plan = guarded(repartition).unwrap();
        let head = plan.downcast_ref::<RepartitionExec>().unwrap();
        assert!(read(head.input()).await[1].is_err());
    }

    #[test]
    fn the_plan_keeps_its_shape() {
        let plan: Arc<dyn ExecutionPlan> = Arc::new(CoalescePartitionsExec::new(panicking()));
        let guarded = guarded(Arc::clone(&plan)).unwrap();
        assert!(guarded.is::<CoalescePartitionsExec>());
        assert_eq!(guarded.name(), plan.name());
        assert!(Arc::ptr_eq(guarded.children()[0], plan.children()[0]));
    }
}
