//! Every NaN is the same NaN.
//!
//! Problem: DataFusion orders and compares floating-point numbers by their bits: a NaN with its sign set, which is
//! what 0.0 / 0.0 makes on x86 (and so what files of pandas and C++ have), is less than all numbers and no other
//! NaN's equal; one without is greater than all. SQL knows one NaN, equal to itself and greater than all numbers
//! (PostgreSQL, Spark, DuckDB). Official way: none. Here: what is read from files and what divisions make is that
//! one.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray, RecordBatch,
};
use datafusion::arrow::datatypes::{DataType, Float16Type, Float32Type, Float64Type};
use datafusion::arrow::error::ArrowError;

/// The same numbers.
///
/// # Errors
/// None: the schema stays as it is.
pub(in crate::session) fn one_nan(batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
    let is_float = |column: &ArrayRef| column.data_type().is_floating();
    if !batch.columns().iter().any(is_float) {
        return Ok(batch);
    }
    let (schema, columns, rows) = batch.into_parts();
    let columns = columns.into_iter().map(one_nan_in).collect();
    let options = datafusion::arrow::array::RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema, columns, &options)
}

/// The same for one column.
pub(super) fn one_nan_in(column: ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Float16 => replaced::<Float16Type>(column, Half::NAN, |x| {
            x.is_nan() && x.to_bits() != Half::NAN.to_bits()
        }),
        DataType::Float32 => replaced::<Float32Type>(column, f32::NAN, |x| {
            x.is_nan() && x.to_bits() != f32::NAN.to_bits()
        }),
        DataType::Float64 => replaced::<Float64Type>(column, f64::NAN, |x| {
            x.is_nan() && x.to_bits() != f64::NAN.to_bits()
        }),
        _ => column,
    }
}

type Half = <Float16Type as ArrowPrimitiveType>::Native;

fn replaced<T: ArrowPrimitiveType>(
    column: ArrayRef,
    nan: T::Native,
    is_other: impl Fn(T::Native) -> bool,
) -> ArrayRef {
    let values = column.as_primitive::<T>();
    // Without a way out: it runs at the speed of memory.
    if !values.values().iter().fold(false, |found, value| found | is_other(*value)) {
        return column;
    }
    let replaced: PrimitiveArray<T> =
        values.unary(|value| if is_other(value) { nan } else { value });
    Arc::new(replaced)
}
