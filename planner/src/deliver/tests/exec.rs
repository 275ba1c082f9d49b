//! What the operator does with batches, errors and pauses of its input.

use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::runtime::SpawnedTask;
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream, collect};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::timeout;
use uuid::Uuid;

use super::sink::MemorySink;
use super::{context, deliver, over, rows, schema};
use crate::PlannerError;
use crate::deliver::{DeliverExec, Receipt};
use crate::wire_schema::{to_wire, wire_schema};

/// Longer than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);

type Batch = Result<RecordBatch, DataFusionError>;

async fn run(plan: DeliverExec, sink: MemorySink) -> Result<Vec<Receipt>, DataFusionError> {
    let batches = collect(Arc::new(plan), context(Arc::new(sink))).await?;
    let query = Uuid::from_u128(7);
    Ok(batches.iter().flat_map(|batch| Receipt::from_batch(query, batch).unwrap()).collect())
}

/// A source that gives what the test sends it, when it sends it.
#[derive(Debug)]
struct Fed {
    schema: SchemaRef,
    batches: Mutex<Option<mpsc::Receiver<Batch>>>,
}

impl PartitionStream for Fed {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut batches = self.batches.lock().take().unwrap();
        let mut builder = RecordBatchReceiverStreamBuilder::new(Arc::clone(&self.schema), 1);
        let passed = builder.tx();
        builder.spawn(async move {
            while let Some(batch) = batches.recv().await {
                if passed.send(batch).await.is_err() {
                    break;
                }
            }
            Ok(())
        });
        builder.build()
    }
}

fn fed() -> (mpsc::Sender<Batch>, Arc<dyn ExecutionPlan>) {
    let (feed, batches) = mpsc::channel(1);
    let source = Arc::new(Fed { schema: schema(), batches: Mutex::new(Some(batches)) });
    let plan = StreamingTableExec::try_new(schema(), vec![source], None, None, false, None);
    (feed, Arc::new(plan.unwrap()))
}

#[tokio::test]
async fn every_partition_is_a_part_with_its_own_rows() {
    let sink = MemorySink::default();
    let input = over(&[vec![rows(0..3), rows(3..5)], vec![], vec![rows(5..6)]]);
    run(deliver(input), sink.clone()).await.unwrap();

    let parts = sink.parts();
    let rows = |batches: &[RecordBatch]| batches.iter().map(RecordBatch::num_rows).sum::<usize>();
    let counts: Vec<_> =
        parts.iter().map(|(key, part)| (key.partition, rows(&part.batches))).collect();
    assert_eq!(counts, [(0, 5), (1, 0), (2, 1)]);
    assert!(parts.values().all(|part| part.finished));
}

#[tokio::test]
async fn every_partition_leaves_one_receipt() {
    let input = over(&[vec![rows(0..3)], vec![]]);
    let mut receipts = run(deliver(input), MemorySink::default()).await.unwrap();
    receipts.sort_by_key(|receipt| receipt.part);
    let counted: Vec<_> =
        receipts.iter().map(|receipt| (receipt.part.partition, receipt.totals.rows)).collect();
    assert_eq!(counted, [(0, 3), (1, 0)]);
}

#[tokio::test]
async fn a_part_is_named_by_the_plan_it_is_of() {
    let sink = MemorySink::default();
    run(deliver(over(&[vec![rows(0..1)]])), sink.clone()).await.unwrap();
    let (key, _) = sink.parts().pop_first().unwrap();
    assert_eq!((key.query, key.attempt, key.task), (Uuid::from_u128(7), 3, 0));
}

#[tokio::test]
async fn batches_leave_in_the_wire_schema_and_are_otherwise_unchanged() {
    let sink = MemorySink::default();
    let batch = rows(0..100);
    run(deliver(over(&[vec![batch.clone()]])), sink.clone()).await.unwrap();

    let (_, part) = sink.parts().pop_first().unwrap();
    let wire = wire_schema(&schema());
    assert_eq!(wire.field(1).data_type(), &DataType::Utf8);
    let delivered = concat_batches(&wire, &part.batches).unwrap();
    assert_eq!(delivered, to_wire(&batch, &wire).unwrap());
}

#[tokio::test]
async fn a_sink_that_counts_fewer_rows_fails_the_query() {
    let sink = MemorySink::losing(1);
    let error = run(deliver(over(&[vec![rows(0..3)]])), sink).await.unwrap_err();
    let error = PlannerError::from(error);
    assert!(matches!(&error, PlannerError::Internal(why) if why.contains("3 rows")), "{error:?}");
}

#[tokio::test]
async fn an_error_of_the_input_abandons_its_part() {
    let sink = MemorySink::default();
    let (feed, input) = fed();
    let running = SpawnedTask::spawn(run(deliver(input), sink.clone()));
    feed.send(Ok(rows(0..3))).await.unwrap();
    feed.send(Err(DataFusionError::Execution("a broken disk".into()))).await.unwrap();

    let error = timeout(DEADLINE, running).await.unwrap().unwrap().unwrap_err();
    assert!(error.to_string().contains("a broken disk"), "{error}");
    assert!(sink.parts().values().all(|part| !part.finished));
}

#[tokio::test]
async fn rows_that_wait_leave_when_more_is_slow_to_come() {
    let sink = MemorySink::default();
    let (feed, input) = fed();
    let running = SpawnedTask::spawn(run(deliver(input), sink.clone()));
    feed.send(Ok(rows(0..3))).await.unwrap();
    // Nothing more is sent until what was sent has left.
    timeout(DEADLINE, sink.flushed.notified()).await.unwrap();
    feed.send(Ok(rows(3..4))).await.unwrap();
    drop(feed);

    let receipts = timeout(DEADLINE, running).await.unwrap().unwrap().unwrap();
    assert_eq!(receipts[0].totals.rows, 4);
}

#[tokio::test]
async fn a_session_without_a_sink_is_refused() {
    let plan = deliver(over(&[vec![rows(0..1)]]));
    let error = plan.execute(0, Arc::new(TaskContext::default())).err().unwrap();
    assert!(error.to_string().contains("without a result sink"), "{error}");
}
