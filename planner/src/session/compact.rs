//! Batches that are sorted, and those that were, hold what they show.
//!
//! Problem: texts are views. A batch of a scan points into whole pages, one of sorted texts into the buffers of every
//! batch that was sorted, and each is counted with all of them: a sort goes to disk many times too early, and then what
//! merges its batches, which compares them where they are if a text is the only key, asks for each of them once more,
//! cannot spill, and is refused it. Official way: none yet. Here: sorts are wrapped, and what goes into them and comes out
//! of them is copied to buffers of its own where that lets go of much.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, GenericByteViewArray, RecordBatch, UInt32Array,
};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{ByteViewType, DataType};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::TryStreamExt;

use super::stand_in::{self, Run, alike, stand_in};

/// Buffers are copied where they are larger than what is used of them by more than this factor.
const WASTE: usize = 2;

/// So little is not worth a copy.
const SMALL: usize = 1024;

/// Has the sorts of one stage take and give batches of their own.
pub(super) fn compact(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    stand_in::each(plan, |node| {
        // One that keeps the first rows alone copies them.
        if !node.is::<SortExec>() || node.fetch().is_some() {
            return Ok(None);
        }
        let input = compact(Arc::clone(node.children()[0]))?;
        let sort = Arc::clone(node).replace_children(vec![stand_in(input, Compact)], alike())?;
        Ok(Some(stand_in(sort, Compact)))
    })
}

#[derive(Debug)]
struct Compact;

impl Run for Compact {
    fn run(
        &self,
        node: &Arc<dyn ExecutionPlan>,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let stream = node.execute(partition, context)?;
        let schema = stream.schema();
        let stream = stream.and_then(async |batch| compacted(&batch));
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream)))
    }
}

fn compacted(batch: &RecordBatch) -> Result<RecordBatch> {
    let columns = batch.columns().iter().map(|column| views(column).unwrap_or(Arc::clone(column)));
    Ok(RecordBatch::try_new(batch.schema(), columns.collect())?)
}

/// A column of views, alone; `None` of others.
fn views(column: &ArrayRef) -> Option<ArrayRef> {
    match column.data_type() {
        DataType::Utf8View => Some(alone(column, column.as_string_view())),
        DataType::BinaryView => Some(alone(column, column.as_binary_view())),
        _ => None,
    }
}

/// A column that is kept, in buffers of its own where it holds many times what it shows.
///
/// # Errors
/// Those of copying.
pub(super) fn own(column: ArrayRef) -> Result<ArrayRef> {
    if let Some(views) = views(&column) {
        return Ok(views);
    }
    let shown = column.to_data().get_slice_memory_size()?;
    if column.get_buffer_memory_size() <= WASTE * shown + SMALL {
        return Ok(column);
    }
    let rows = UInt32Array::from_iter_values((0..).take(column.len()));
    Ok(take(&column, &rows, None)?)
}

fn alone<T: ByteViewType>(column: &ArrayRef, views: &GenericByteViewArray<T>) -> ArrayRef {
    let held: usize = views.data_buffers().iter().map(|buffer| buffer.capacity()).sum();
    match held > WASTE * views.total_buffer_bytes_used() {
        true => Arc::new(views.gc()),
        false => Arc::clone(column),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::StringViewArray;

    use super::*;

    fn text(row: usize) -> String {
        format!("a text that is not inline, of row {row}")
    }

    #[test]
    fn a_slice_lets_go_of_the_rest() {
        let all = StringViewArray::from_iter_values((0..1_000).map(text));
        let batch = RecordBatch::try_from_iter([("a", Arc::new(all) as ArrayRef)]).unwrap();
        let slice = batch.slice(500, 10);
        let alone = compacted(&slice).unwrap();
        assert_eq!(alone, slice);
        assert!(alone.get_array_memory_size() < batch.get_array_memory_size() / 10);
    }

    #[test]
    fn a_column_that_is_kept_lets_go_of_the_rest() {
        let all: ArrayRef = Arc::new(UInt32Array::from_iter_values(0..100_000));
        let slice = all.slice(500, 10);
        let own = own(Arc::clone(&slice)).unwrap();
        assert_eq!(&own, &slice);
        assert!(own.get_buffer_memory_size() < SMALL);
    }

    #[test]
    fn what_is_used_is_not_copied() {
        let all = StringViewArray::from_iter_values((0..1_000).map(text));
        let batch = RecordBatch::try_from_iter([("a", Arc::new(all) as ArrayRef)]).unwrap();
        let same = compacted(&batch).unwrap();
        assert!(Arc::ptr_eq(same.column(0), batch.column(0)));
    }
}
