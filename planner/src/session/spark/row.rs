//! The bytes of several values, for `count(DISTINCT a, b)`: two rows have the same where their values are.
//!
//! Problem: the engine counts distinct structs by keeping each with the whole batch that it is a slice of. Bytes it keeps one
//! by one. Spark counts the rows that have all of the values: with a NULL among them there are no bytes.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryBuilder, Float32Array, Float64Array, ListArray, StructArray,
};
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
        _ if types.is_empty() => plan_err!("count(DISTINCT …) takes a value"),
        true => Ok(types.to_vec()),
        false => {
            plan_err!("count(DISTINCT …) of several values takes no maps: count their entries")
        }
    }
}

fn bytes(args: &[ArrayRef]) -> Result<ArrayRef> {
    let columns = args.iter().map(normal).collect::<Result<Vec<_>>>()?;
    // Of values that are NULL by their type, too.
    let nulls: Vec<_> = columns.iter().filter_map(|column| column.logical_nulls()).collect();
    let fields = columns.iter().map(|column| SortField::new(column.data_type().clone()));
    let rows = RowConverter::new(fields.collect())?.convert_columns(&columns)?;
    let mut all = BinaryBuilder::new();
    for (at, row) in rows.iter().enumerate() {
        match nulls.iter().any(|nulls| nulls.is_null(at)) {
            true => all.append_null(),
            false => all.append_value(row.data()),
        }
    }
    Ok(Arc::new(all.finish()))
}

/// One zero and one NaN, as Spark counts them, within lists and structs, too.
pub(super) fn normal(values: &ArrayRef) -> Result<ArrayRef> {
    Ok(match values.data_type() {
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
        DataType::List(field) => {
            let lists = values.as_list::<i32>();
            let (offsets, nulls) = (lists.offsets().clone(), lists.nulls().cloned());
            let items = normal(lists.values())?;
            Arc::new(ListArray::try_new(Arc::clone(field), offsets, items, nulls)?)
        }
        DataType::Struct(fields) => {
            let structs = values.as_struct();
            let columns = structs.columns().iter().map(normal).collect::<Result<Vec<_>>>()?;
            let (length, nulls) = (structs.len(), structs.nulls().cloned());
            let fields = fields.clone();
            Arc::new(StructArray::try_new_with_length(fields, columns, nulls, length)?)
        }
        _ => Arc::clone(values),
    })
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Int32Array, NullArray, StringArray};
    use datafusion::arrow::datatypes::Field;

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

    #[test]
    fn a_value_of_no_type_is_not_there() {
        let numbers = Int32Array::from(vec![1, 2]);
        let made = bytes(&[Arc::new(numbers), Arc::new(NullArray::new(2))]).unwrap();
        assert_eq!(made.null_count(), 2);
    }

    #[test]
    fn zeros_have_no_sign_within_other_values() {
        let numbers: ArrayRef = Arc::new(Float64Array::from(vec![0.0, -0.0]));
        let field = Arc::new(Field::new("a", DataType::Float64, true));
        let structs: ArrayRef = Arc::new(StructArray::from(vec![(field, numbers)]));
        let field = Arc::new(Field::new_list_field(structs.data_type().clone(), true));
        let offsets = datafusion::arrow::buffer::OffsetBuffer::from_lengths([1, 1]);
        let lists = ListArray::try_new(field, offsets, structs, None).unwrap();
        let made = bytes(&[Arc::new(lists)]).unwrap();
        assert_eq!(made.as_binary::<i32>().value(0), made.as_binary::<i32>().value(1));
    }
}
