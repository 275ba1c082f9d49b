//! Whether what a client sends is finer than a table keeps: Delta's instants are microseconds.
//!
//! Problem: a cast from nanoseconds cuts them off without a word. What a statement casts its author may know; what a
//! client sends is data. Here: rows with such an instant are refused.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, TimeUnit, TimestampNanosecondType};

use crate::{PlannerError, Result};

const NANOSECONDS: i64 = 1_000;

/// # Errors
/// `Invalid` for a batch with an instant that has a fraction of a microsecond.
pub(super) fn refuse_nanoseconds(batch: &RecordBatch) -> Result<()> {
    let columns = batch.schema_ref().fields().iter().zip(batch.columns());
    for (field, column) in columns {
        if is_finer(column) {
            return Err(PlannerError::Invalid(format!(
                "column '{}' has a time finer than a microsecond, and tables keep none that is: round it, or send it as \
                 text or as a number",
                field.name()
            )));
        }
    }
    Ok(())
}

/// Whether a column has such an instant, at any depth.
pub(super) fn is_finer(column: &ArrayRef) -> bool {
    match column.data_type() {
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            let instants = column.as_primitive::<TimestampNanosecondType>();
            instants.iter().flatten().any(|instant| instant % NANOSECONDS != 0)
        }
        DataType::Struct(_) => column.as_struct().columns().iter().any(is_finer),
        DataType::List(_) => is_finer(column.as_list::<i32>().values()),
        DataType::LargeList(_) => is_finer(column.as_list::<i64>().values()),
        DataType::FixedSizeList(..) => is_finer(column.as_fixed_size_list().values()),
        DataType::Map(..) => column.as_map().entries().columns().iter().any(is_finer),
        DataType::Dictionary(..) => is_finer(column.as_any_dictionary().values()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{ListArray, TimestampNanosecondArray};
    use datafusion::arrow::buffer::OffsetBuffer;
    use datafusion::arrow::datatypes::Field;

    use super::*;

    fn checked(nanoseconds: i64) -> Result<()> {
        let instants: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![nanoseconds]));
        let item = Arc::new(Field::new("item", instants.data_type().clone(), true));
        let one = OffsetBuffer::from_lengths([1]);
        let list: ArrayRef = Arc::new(ListArray::new(item, one, Arc::clone(&instants), None));
        let batch = |column| RecordBatch::try_from_iter([("at", column)]).unwrap();
        refuse_nanoseconds(&batch(list))?;
        refuse_nanoseconds(&batch(instants))
    }

    #[test]
    fn what_is_finer_than_a_microsecond_is_refused_at_any_depth() {
        checked(-5_000).unwrap();
        let refused = checked(5_001).unwrap_err();
        assert!(refused.to_string().contains("column 'at'"), "{refused}");
    }
}
