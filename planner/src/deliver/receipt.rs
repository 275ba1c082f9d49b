//! The one row that a delivered partition leaves in the plan.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{
    ArrayRef, AsArray, RecordBatch, StringArray, UInt32Array, UInt64Array,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt32Type, UInt64Type};

use super::{PartKey, PartTotals};
use crate::{PlannerError, Result};
use uuid::Uuid;

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let field = |name: &str, data_type| Field::new(name, data_type, false);
    Arc::new(Schema::new(vec![
        field("attempt", DataType::UInt32),
        field("task", DataType::UInt32),
        field("partition", DataType::UInt32),
        field("worker", DataType::Utf8),
        field("peer", DataType::Utf8),
        field("rows", DataType::UInt64),
        field("frames", DataType::UInt64),
        field("bytes", DataType::UInt64),
        field("checksum", DataType::UInt64),
    ]))
});

/// The schema of receipt rows: what a `DeliverExec` puts out.
pub fn receipt_schema() -> SchemaRef {
    Arc::clone(&SCHEMA)
}

/// Says that a part was delivered whole: by whom, to whom, and how much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Which part.
    pub part: PartKey,
    /// Node id of the worker that ran it.
    pub worker: String,
    /// Node id of the peer that holds it.
    pub peer: String,
    /// What both counted.
    pub totals: PartTotals,
}

impl Receipt {
    /// This receipt as a batch of one row.
    pub(super) fn to_batch(&self) -> Result<RecordBatch> {
        let number = |value: u32| Arc::new(UInt32Array::from(vec![value])) as ArrayRef;
        let count = |value: u64| Arc::new(UInt64Array::from(vec![value])) as ArrayRef;
        let text = |value: &str| Arc::new(StringArray::from(vec![value])) as ArrayRef;
        let columns = vec![
            number(self.part.attempt),
            number(self.part.task),
            number(self.part.partition),
            text(&self.worker),
            text(&self.peer),
            count(self.totals.rows),
            count(self.totals.frames),
            count(self.totals.bytes),
            count(self.totals.checksum),
        ];
        Ok(RecordBatch::try_new(receipt_schema(), columns)?)
    }

    /// The receipts in a batch of receipt rows, for the query the caller knows they belong to.
    ///
    /// # Errors
    /// `Internal` when the batch has another schema: a bug, or a node of another version.
    pub fn from_batch(query: Uuid, batch: &RecordBatch) -> Result<Vec<Self>> {
        if batch.schema().fields() != SCHEMA.fields() {
            return Err(PlannerError::Internal("receipts of an unknown shape".into()));
        }
        Ok((0..batch.num_rows()).map(|row| Self::from_row(query, batch, row)).collect())
    }

    fn from_row(query: Uuid, batch: &RecordBatch, row: usize) -> Self {
        let number = |column| batch.column(column).as_primitive::<UInt32Type>().value(row);
        let count = |column| batch.column(column).as_primitive::<UInt64Type>().value(row);
        let text = |column| batch.column(column).as_string::<i32>().value(row).to_owned();
        Self {
            part: PartKey { query, attempt: number(0), task: number(1), partition: number(2) },
            worker: text(3),
            peer: text(4),
            totals: PartTotals {
                rows: count(5),
                frames: count(6),
                bytes: count(7),
                checksum: count(8),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_survives_the_plan() {
        let query = Uuid::new_v4();
        let receipt = Receipt {
            part: PartKey { query, attempt: 1, task: 2, partition: 3 },
            worker: "b".into(),
            peer: "c".into(),
            totals: PartTotals { rows: 4, frames: 5, bytes: 6, checksum: u64::MAX },
        };
        let batch = receipt.to_batch().unwrap();
        assert_eq!(Receipt::from_batch(query, &batch).unwrap(), vec![receipt]);
    }

    #[test]
    fn rows_of_another_shape_are_refused() {
        let batch = RecordBatch::new_empty(Arc::new(Schema::empty()));
        assert!(Receipt::from_batch(Uuid::nil(), &batch).is_err());
    }
}
