//! The bytes of several values, for `count(DISTINCT a, b)`: two rows have the same where their values are.
//!
//! Problem: the engine counts distinct structs by keeping each with the whole batch that it is a slice of. Bytes it keeps one
//! by one. Spark counts the rows that have all of the values: with a NULL among them there are no bytes.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, BinaryBuilder, Float32Array, Float64Array};
use datafusion::arrow::datatypes::{DataType, Float32Type, Float64Type};
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::ScalarUDF;

use super::{ROW, plain};

pub(super) fn function() -> ScalarUDF {
    plain::function(ROW, takes, |_| DataType::Binary, |args, _| bytes(args))
}

fn takes(types: &[DataType]) -> Result<Vec<DataType>> {
    let fields: Vec<_> = types.iter().map(|of| SortField::new(of.clone())).collect();
    match RowConverter::supports_fields(&fields) {
        true => Ok(types.to_vec()),
        false => {
            plan_err!("count(DISTINCT …) of several values takes no maps: count their entries")
        }
    }
}

fn bytes(args: &[ArrayRef]) -> Result<ArrayRef> {
    let columns: Vec<_> = args.iter().map(normal).collect();
    let fields = columns.iter().map(|column| SortField::new(column.data_type().clone()));
    let rows = RowConverter::new(fields.collect())?.convert_columns(&columns)?;
    let mut all = BinaryBuilder::new();
    for (at, row) in rows.iter().enumerate() {
        match columns.iter().any(|column| column.is_null(at)) {
            true => all.append_null(),
            false => all.append_value(row.data()),
        }
    }
    Ok(Arc::new(all.finish()))
}

/// One zero and one NaN, as Spark counts them.
fn normal(values: &ArrayRef) -> ArrayRef {
    match values.data_type() {
        DataType::Float64 => {
            let one = |of: f64| if of.is_nan() { f64::NAN } else { of + 0.0 };
            let values: Float64Array = values.as_primitive::<Float64Type>().unary(one);
            Arc::new(values)
        }
        DataType::Float32 => {
            let one = |of: f32| if of.is_nan() { f32::NAN } else { of + 0.0 };
            let values: Float32Array = values.as_primitive::<Float32Type>().unary(one);
            Arc::new(values)
        }
        _ => Arc::clone(values),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Array, Int32Array, StringArray};

    use super::*;

    #[test]
    fn rows_of_the_same_values_have_the_same_bytes() {
        let numbers = Float64Array::from(vec![Some(0.0), Some(-0.0), Some(1.0), None]);
        let texts = StringArray::from(vec!["a", "a", "a", "a"]);
        let made = bytes(&[Arc::new(numbers), Arc::new(texts)]).unwrap();
        let made = made.as_binary::<i32>();
        assert_eq!(made.value(0), made.value(1));
        assert_ne!(made.value(0), made.value(2));
        assert!(made.is_null(3));
        let whole = bytes(&[Arc::new(Int32Array::from(vec![1]))]).unwrap();
        assert_eq!(whole.null_count(), 0);
    }
}
