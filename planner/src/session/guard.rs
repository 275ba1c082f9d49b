//! A panic on a worker is an error of its query, never the end of a stream; and a query that takes too
//! much memory ends where its plan begins.
//!
//! Problem: datafusion-distributed 4.0 polls the streams of a task inside spawned tasks that nobody
//! joins (`spawn_select_all`, `BroadcastExec`). When an operator panics, such a task is gone, its
//! channel closes, and whoever reads from it sees the end of the stream: fewer rows, status OK.
//! Official way: none yet. Here: the plan of every task that a worker is given is wrapped below what
//! those tasks poll, and a panic becomes an error there. Errors get their kind on the way there too.
//!
//! An operator that does not ask for its memory cannot be refused any: when the process has grown too
//! large, its query is ended here, whatever the operator waits for.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion_distributed::{
    BroadcastExec, WorkerPlanRewriteEvent, WorkerPlanRewriteEventResponse,
};
use futures::StreamExt;
use futures::stream::BoxStream;

use super::account::account;
use super::apart::{alone, apart};
use super::compact::compact;
use super::pace::pace;
use super::share::share;
use super::stand_in::{Run, anew, stand_in};
use super::unchanged::unchanged;
use crate::error::{self, mark};

/// Guards the plan of one task, which runs in `runtime` and may name `functions`, for datafusion-distributed to call
/// with every plan it is given.
pub(super) fn guard_task(
    event: WorkerPlanRewriteEvent<'_>,
    functions: &TaskContext,
    runtime: &RuntimeEnv,
) -> Result<WorkerPlanRewriteEventResponse> {
    let plan = apart(event.plan, event.session_config, functions)?;
    Ok(WorkerPlanRewriteEventResponse::new(guarded(equipped(plan, runtime)?)?))
}

/// Guards what a coordinator runs itself of a plan, in `runtime`.
pub(crate) fn guard_query(
    plan: Arc<dyn ExecutionPlan>,
    runtime: &RuntimeEnv,
) -> Result<Arc<dyn ExecutionPlan>> {
    Ok(stand_in(equipped(alone(plan)?, runtime)?, Guard))
}

/// Every operator of one stage with what it lacks.
fn equipped(plan: Arc<dyn ExecutionPlan>, runtime: &RuntimeEnv) -> Result<Arc<dyn ExecutionPlan>> {
    pace(account(compact(unchanged(plan, runtime)?)?)?)
}

/// datafusion-distributed takes these two heads off a task's plan and puts its own on.
fn guarded(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    if !(plan.is::<RepartitionExec>() || plan.is::<BroadcastExec>()) {
        return Ok(stand_in(plan, Guard));
    }
    let children = plan.children().into_iter();
    let children = children.map(|child| stand_in(Arc::clone(child), Guard)).collect();
    plan.replace_children(children, anew())
}

/// Turns panics into errors.
#[derive(Debug)]
struct Guard;

impl Run for Guard {
    fn run(
        &self,
        node: &Arc<dyn ExecutionPlan>,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let name = node.name().to_owned();
        let runtime = context.runtime_env();
        let stream = node.execute(partition, context)?;
        let schema = stream.schema();
        let caught = AssertUnwindSafe(stream).catch_unwind();
        let stream = caught.map(move |batch| unwound(&name, batch));
        let stream = until_ended(stream.boxed(), Arc::clone(&runtime));
        let stream = stream.map(move |batch| batch.map_err(|error| mark(placed(error, &runtime))));
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream)))
    }
}

/// The batches of `stream`, then nothing; or an error, once the query of `runtime` is ended.
fn until_ended(
    stream: BoxStream<'static, Result<RecordBatch>>,
    runtime: Arc<RuntimeEnv>,
) -> BoxStream<'static, Result<RecordBatch>> {
    if share(&runtime).is_none() {
        return stream;
    }
    let next = |state: Option<(BoxStream<'static, _>, Arc<RuntimeEnv>)>| async move {
        let (mut stream, runtime) = state?;
        let share = share(&runtime)?;
        match share.ended().run_until_cancelled(stream.next()).await {
            Some(batch) => batch.map(|batch| (batch, Some((stream, runtime)))),
            None => Some((Err(share.why_ended()), None)),
        }
    };
    futures::stream::unfold(Some((stream, runtime)), next).boxed()
}

/// The error with this node's name, if it is one of its memory or its disk.
fn placed(error: DataFusionError, runtime: &RuntimeEnv) -> DataFusionError {
    match share(runtime) {
        Some(share) => error::placed(error, share.node()),
        None => error,
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

    use futures::FutureExt;
    use uuid::Uuid;

    use super::super::share::{ShareLimits, Shares};
    use super::*;
    use crate::PlannerError;

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

    /// Never gives anything.
    #[derive(Debug)]
    struct Silent(SchemaRef);

    impl PartitionStream for Silent {
        fn schema(&self) -> &SchemaRef {
            &self.0
        }

        fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
            let stream = futures::stream::pending();
            Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.0), stream))
        }
    }

    #[tokio::test]
    async fn a_query_that_is_ended_gives_an_error_whatever_it_waits_for() {
        let schema: SchemaRef = Arc::new(Schema::empty());
        let silent = Arc::new(Silent(Arc::clone(&schema)));
        let plan = StreamingTableExec::try_new(schema, vec![silent], None, None, false, None);
        let plan = guard_query(Arc::new(plan.unwrap()), &RuntimeEnv::default()).unwrap();
        let shares =
            Shares::new(RuntimeEnv::default().into(), ShareLimits::NONE, Arc::new(|| 0), "a");
        let runtime = shares.of(Uuid::from_u128(1));
        let context = Arc::new(TaskContext::default().with_runtime(runtime));
        let mut stream = plan.execute(0, context).unwrap();
        assert!(stream.next().now_or_never().is_none());
        shares.end_largest(std::time::Instant::now(), 0).unwrap();
        let error = stream.next().await.unwrap().unwrap_err();
        let error = PlannerError::from(error);
        assert!(matches!(error, PlannerError::Exhausted(_)), "{error}");
        assert!(error.to_string().ends_with("(on node a)"), "{error}");
        assert!(stream.next().await.is_none());
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
