//! The one row that a written partition leaves in the plan.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{
    ArrayRef, AsArray, RecordBatch, StringArray, UInt32Array, UInt64Array,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt32Type, UInt64Type};

use super::WrittenFile;
use crate::{PlannerError, Result};

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let field = |name: &str, data_type| Field::new(name, data_type, false);
    Arc::new(Schema::new(vec![
        field("attempt", DataType::UInt32),
        field("task", DataType::UInt32),
        field("partition", DataType::UInt32),
        field("rows", DataType::UInt64),
        field("files", DataType::Utf8),
    ]))
});

/// What a `WriteExec` puts out.
pub(super) fn receipt_schema() -> SchemaRef {
    Arc::clone(&SCHEMA)
}

/// Says that all rows of a partition are in these files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WriteReceipt {
    pub(crate) attempt: u32,
    pub(crate) task: u32,
    pub(crate) partition: u32,
    /// Rows that came in.
    pub(crate) rows: u64,
    pub(crate) files: Vec<WrittenFile>,
}

impl WriteReceipt {
    pub(super) fn to_batch(&self) -> Result<RecordBatch> {
        let number = |value: u32| Arc::new(UInt32Array::from(vec![value])) as ArrayRef;
        let files = serde_json::to_string(&self.files)
            .map_err(|error| PlannerError::Internal(format!("a receipt: {error}")))?;
        let columns = vec![
            number(self.attempt),
            number(self.task),
            number(self.partition),
            Arc::new(UInt64Array::from(vec![self.rows])) as ArrayRef,
            Arc::new(StringArray::from(vec![files])) as ArrayRef,
        ];
        Ok(RecordBatch::try_new(receipt_schema(), columns)?)
    }

    /// The receipts in a batch of receipt rows.
    ///
    /// # Errors
    /// `Internal` when the batch has another shape: a bug, or a node of another version.
    pub(crate) fn from_batch(batch: &RecordBatch) -> Result<Vec<Self>> {
        if batch.schema().fields() != SCHEMA.fields() {
            return Err(PlannerError::Internal("receipts of an unknown shape".into()));
        }
        (0..batch.num_rows()).map(|row| Self::from_row(batch, row)).collect()
    }

    fn from_row(batch: &RecordBatch, row: usize) -> Result<Self> {
        let number = |column| batch.column(column).as_primitive::<UInt32Type>().value(row);
        let files = batch.column(4).as_string::<i32>().value(row);
        Ok(Self {
            attempt: number(0),
            task: number(1),
            partition: number(2),
            rows: batch.column(3).as_primitive::<UInt64Type>().value(row),
            files: serde_json::from_str(files)
                .map_err(|error| PlannerError::Internal(format!("a receipt: {error}")))?,
        })
    }
}

/// Whether each partition of a plan has told of its rows once, and they are all in its files: what is committed is all
/// or nothing.
///
/// # Errors
/// `Internal` where something is missing, or there twice.
pub(crate) fn check_receipts(
    receipts: &[WriteReceipt],
    attempt: u32,
    (tasks, partitions): (usize, usize),
) -> Result<()> {
    let wrong = |what: String| Err(PlannerError::Internal(format!("nothing was changed: {what}")));
    let parts: BTreeSet<_> =
        receipts.iter().map(|receipt| (receipt.task, receipt.partition)).collect();
    if parts.len() != tasks * partitions || receipts.len() != parts.len() {
        return wrong(format!(
            "{} of {} parts were written, {} of them once",
            receipts.len(),
            tasks * partitions,
            parts.len()
        ));
    }
    for receipt in receipts {
        let written: u64 = receipt.files.iter().map(|file| file.rows).sum();
        if receipt.attempt != attempt || written != receipt.rows {
            return wrong(format!(
                "of {} rows of part {}.{} (attempt {}) {written} were written",
                receipt.rows, receipt.task, receipt.partition, receipt.attempt
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(task: u32, rows: u64) -> WriteReceipt {
        let file = WrittenFile {
            path: "part-1.parquet".into(),
            size: 7,
            rows: 3,
            values: [("d".to_owned(), None)].into(),
            stats: "{}".into(),
        };
        WriteReceipt { attempt: 1, task, partition: 0, rows, files: vec![file] }
    }

    #[test]
    fn a_receipt_survives_the_plan() {
        let batch = receipt(0, 3).to_batch().unwrap();
        assert_eq!(WriteReceipt::from_batch(&batch).unwrap(), [receipt(0, 3)]);
    }

    #[test]
    fn what_is_missing_twice_or_short_is_not_committed() {
        let whole = [receipt(0, 3), receipt(1, 3)];
        check_receipts(&whole, 1, (2, 1)).unwrap();
        check_receipts(&whole[..1], 1, (2, 1)).unwrap_err();
        check_receipts(&[receipt(0, 3), receipt(0, 3)], 1, (2, 1)).unwrap_err();
        check_receipts(&[receipt(0, 4)], 1, (1, 1)).unwrap_err();
        check_receipts(&whole, 2, (2, 1)).unwrap_err();
    }
}
