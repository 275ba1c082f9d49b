//! What the rows of a batch weigh on the wire, as opposed to the buffers behind them.
//!
//! Arrow's own measure (`get_slice_memory_size`) counts all values that stand behind a list, however
//! few rows a slice of it shows: a piece of one row would seem as heavy as the whole. Here values are
//! counted as the IPC writer takes them, by the offsets of the rows shown. Views and the like are in no
//! wire schema.

use datafusion::arrow::array::{Array, ArrayData, RecordBatch};
use datafusion::arrow::datatypes::{DataType, UnionMode};
use datafusion::arrow::error::ArrowError;

/// Bytes of the rows that a batch shows.
pub(super) fn weight(batch: &RecordBatch) -> Result<usize, ArrowError> {
    batch.columns().iter().map(|column| shown(&column.to_data())).sum()
}

fn shown(data: &ArrayData) -> Result<usize, ArrowError> {
    // Then it may have no first offset either.
    if data.is_empty() {
        return Ok(0);
    }
    let own = match data.data_type() {
        DataType::List(_) | DataType::Map(_, _) => (data.len() + 1) * size_of::<i32>(),
        DataType::LargeList(_) => (data.len() + 1) * size_of::<i64>(),
        DataType::Union(_, UnionMode::Dense) => data.len() * (size_of::<i8>() + size_of::<i32>()),
        DataType::Union(_, UnionMode::Sparse) => data.len() * size_of::<i8>(),
        DataType::Struct(_) | DataType::FixedSizeList(_, _) => 0,
        _ => return data.get_slice_memory_size(),
    };
    let validity = data.nulls().map_or(0, |_| data.len().div_ceil(8));
    let children = children(data).iter().map(shown).sum::<Result<usize, _>>()?;
    Ok(own + validity + children)
}

/// What belongs to the rows that are shown. A struct's children are sliced with it.
fn children(data: &ArrayData) -> Vec<ArrayData> {
    let (from, to) = match data.data_type() {
        DataType::List(_) | DataType::Map(_, _) => {
            let offsets = &data.buffers()[0].typed_data::<i32>()[data.offset()..];
            (offsets[0] as usize, offsets[data.len()] as usize)
        }
        DataType::LargeList(_) => {
            let offsets = &data.buffers()[0].typed_data::<i64>()[data.offset()..];
            (offsets[0] as usize, offsets[data.len()] as usize)
        }
        DataType::FixedSizeList(_, each) => {
            let each = *each as usize;
            (data.offset() * each, (data.offset() + data.len()) * each)
        }
        _ => return data.child_data().to_vec(),
    };
    vec![data.child_data()[0].slice(from, to - from)]
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{
        ArrayRef, FixedSizeListArray, Int64Array, LargeListArray, ListArray, MapArray, StringArray,
        StructArray,
    };
    use datafusion::arrow::buffer::OffsetBuffer;
    use datafusion::arrow::compute::{cast, take_record_batch};
    use datafusion::arrow::datatypes::{Field, Fields};

    use super::*;

    const ROWS: usize = 1000;

    /// The weight of some rows is that of a copy of them, which has nothing else behind it.
    fn check(column: impl Array + 'static) {
        let column: ArrayRef = Arc::new(column);
        let batch = RecordBatch::try_from_iter_with_nullable([("c", column, true)]).unwrap();
        for (from, rows) in [(0, ROWS), (300, 100), (ROWS - 1, 1), (7, 0)] {
            let copied = Int64Array::from_iter_values(from as i64..(from + rows) as i64);
            let copy = take_record_batch(&batch, &copied).unwrap();
            let (slice, copy) = (batch.slice(from, rows), weight(&copy).unwrap());
            assert_eq!(weight(&slice).unwrap(), copy, "{rows} rows from {from}");
        }
    }

    fn texts(rows: usize) -> ArrayRef {
        Arc::new(StringArray::from_iter_values((0..rows).map(|row| "x".repeat(row % 30))))
    }

    /// Lists of 0 to 6 values.
    fn offsets() -> OffsetBuffer<i32> {
        OffsetBuffer::from_lengths((0..ROWS).map(|row| row % 7))
    }

    fn lists(values: impl Fn(usize) -> ArrayRef) -> ListArray {
        let offsets = offsets();
        let values = values(offsets[ROWS] as usize);
        let item = Field::new_list_field(values.data_type().clone(), true);
        ListArray::new(Arc::new(item), offsets, values, None)
    }

    fn pairs(rows: usize) -> StructArray {
        let fields: Fields = vec![
            Field::new("key", DataType::Utf8, false),
            Field::new("value", DataType::Utf8, true),
        ]
        .into();
        StructArray::new(fields, vec![texts(rows), texts(rows)], None)
    }

    fn fixed(values: ArrayRef) -> FixedSizeListArray {
        let item = Field::new_list_field(values.data_type().clone(), true);
        FixedSizeListArray::new(Arc::new(item), 3, values, None)
    }

    #[test]
    fn of_flat_columns() {
        check(StringArray::from(texts(ROWS).to_data()));
        check(Int64Array::from_iter_values(0..ROWS as i64));
    }

    #[test]
    fn of_lists() {
        check(lists(texts));
    }

    #[test]
    fn of_structs() {
        check(pairs(ROWS));
    }

    #[test]
    fn of_lists_with_wide_offsets() {
        let list = lists(texts);
        let DataType::List(item) = list.data_type().clone() else { panic!("a list") };
        let wide = cast(&list, &DataType::LargeList(item)).unwrap();
        check(LargeListArray::from(wide.to_data()));
    }

    #[test]
    fn of_lists_of_structs() {
        check(lists(|values| Arc::new(pairs(values))));
    }

    #[test]
    fn of_lists_of_fixed_lists() {
        check(lists(|values| Arc::new(fixed(texts(values * 3)))));
    }

    #[test]
    fn of_structs_of_lists() {
        let column: ArrayRef = Arc::new(lists(texts));
        let field = Field::new("l", column.data_type().clone(), true);
        check(StructArray::new(vec![field].into(), vec![column], None));
    }

    #[test]
    fn of_maps() {
        let offsets = offsets();
        let entries = pairs(offsets[ROWS] as usize);
        let field = Field::new("entries", entries.data_type().clone(), false);
        check(MapArray::new(Arc::new(field), offsets, entries, None, false));
    }
}
