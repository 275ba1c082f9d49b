//! Tests of delivery alone: plans over ready batches, a sink in memory.

mod codec;
mod exec;
mod sink;

use std::sync::Arc;

use datafusion::arrow::array::{Int64Array, RecordBatch, StringViewArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionConfig;
use uuid::Uuid;

use super::{DeliverExec, DeliverSpec, ResultSink, SinkHandle};
use crate::wire_schema::wire_schema;

fn spec() -> DeliverSpec {
    DeliverSpec {
        query: Uuid::from_u128(7),
        attempt: 3,
        targets: ["a".to_owned(), "b".to_owned()].into(),
        counted_only: false,
        frame_bytes: 4096,
    }
}

/// One number and one text of a type that never leaves as it is.
fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("n", DataType::Int64, false),
        Field::new("t", DataType::Utf8View, false),
    ]))
}

fn rows(numbers: std::ops::Range<i64>) -> RecordBatch {
    let texts = StringViewArray::from_iter_values(numbers.clone().map(|n| format!("row {n}")));
    let numbers = Int64Array::from_iter_values(numbers);
    RecordBatch::try_new(schema(), vec![Arc::new(numbers), Arc::new(texts)]).unwrap()
}

fn over(partitions: &[Vec<RecordBatch>]) -> Arc<dyn ExecutionPlan> {
    MemorySourceConfig::try_new_exec(partitions, schema(), None).unwrap()
}

fn deliver(input: Arc<dyn ExecutionPlan>) -> DeliverExec {
    let schema = wire_schema(&input.schema());
    DeliverExec::new(input, spec(), schema)
}

/// The context of a session whose results go to `sink`.
fn context(sink: Arc<dyn ResultSink>) -> Arc<TaskContext> {
    let config = SessionConfig::new().with_extension(Arc::new(SinkHandle(sink)));
    Arc::new(TaskContext::default().with_session_config(config))
}
