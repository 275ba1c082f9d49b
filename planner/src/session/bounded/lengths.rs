//! What the arguments of a call hold, row by row: bytes, numbers, texts, elements.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type, TimeUnit};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

/// Something of each row of an argument.
pub(super) type Each<'a, T> = Box<dyn Fn(usize) -> T + 'a>;

/// The rows of an answer: one where no argument has more.
pub(super) fn rows(args: &ScalarFunctionArgs) -> usize {
    let many = args.args.iter().any(|arg| matches!(arg, ColumnarValue::Array(_)));
    if many { args.number_rows } else { 1 }
}

/// The bytes of each row.
pub(super) fn bytes(value: &ColumnarValue) -> Each<'_, usize> {
    match value {
        ColumnarValue::Scalar(scalar) => {
            let bytes = scalar_bytes(scalar);
            Box::new(move |_| bytes)
        }
        ColumnarValue::Array(array) => array_bytes(array),
    }
}

fn scalar_bytes(scalar: &ScalarValue) -> usize {
    match scalar {
        ScalarValue::Utf8(text) | ScalarValue::LargeUtf8(text) | ScalarValue::Utf8View(text) => {
            text.as_ref().map_or(0, String::len)
        }
        ScalarValue::List(list) => list.iter().flatten().map(|list| all(&list)).sum(),
        ScalarValue::LargeList(list) => list.iter().flatten().map(|list| all(&list)).sum(),
        other => other.size().saturating_sub(size_of::<ScalarValue>()).max(8),
    }
}

fn array_bytes(array: &ArrayRef) -> Each<'_, usize> {
    if let Some(width) = array.data_type().primitive_width() {
        return Box::new(move |_| width);
    }
    match array.data_type() {
        DataType::Utf8 => {
            let array = array.as_string::<i32>();
            Box::new(|row| array.value_length(row).unsigned_abs() as usize)
        }
        DataType::LargeUtf8 => {
            let array = array.as_string::<i64>();
            Box::new(|row| array.value_length(row).unsigned_abs() as usize)
        }
        // The lower half of a view is the length.
        DataType::Utf8View => {
            let views = array.as_string_view().views();
            Box::new(|row| views[row] as u32 as usize)
        }
        DataType::Binary => {
            let array = array.as_binary::<i32>();
            Box::new(|row| array.value_length(row).unsigned_abs() as usize)
        }
        DataType::BinaryView => {
            let views = array.as_binary_view().views();
            Box::new(|row| views[row] as u32 as usize)
        }
        DataType::List(_) => {
            let array = array.as_list::<i32>();
            Box::new(|row| all(&array.value(row)))
        }
        DataType::LargeList(_) => {
            let array = array.as_list::<i64>();
            Box::new(|row| all(&array.value(row)))
        }
        DataType::FixedSizeList(_, _) => {
            let array = array.as_fixed_size_list();
            Box::new(|row| all(&array.value(row)))
        }
        DataType::Struct(_) => {
            let columns: Vec<_> = array.as_struct().columns().iter().map(array_bytes).collect();
            Box::new(move |row| columns.iter().map(|column| column(row)).sum())
        }
        // As if all rows were alike.
        _ => {
            let bytes = array.get_array_memory_size() / array.len().max(1);
            Box::new(move |_| bytes)
        }
    }
}

/// The bytes of all rows of an array.
fn all(array: &ArrayRef) -> usize {
    let each = array_bytes(array);
    (0..array.len()).map(each).fold(0, usize::saturating_add)
}

/// The number in each row; 0 for NULL.
pub(super) fn numbers(value: &ColumnarValue) -> Result<Each<'_, i64>> {
    if let ColumnarValue::Scalar(ScalarValue::Int64(number)) = value {
        let number = number.unwrap_or(0);
        return Ok(Box::new(move |_| number));
    }
    let given = given(value, &DataType::Int64)?;
    Ok(Box::new(move |row| given(row).unwrap_or(0)))
}

/// The whole number in each row of numbers, or of dates (days), or of times (nanoseconds).
pub(super) fn points(value: &ColumnarValue) -> Result<Each<'_, Option<i64>>> {
    match value.data_type() {
        DataType::Date32 | DataType::Date64 => given(value, &DataType::Date32),
        DataType::Timestamp(_, zone) => {
            given(value, &DataType::Timestamp(TimeUnit::Nanosecond, zone))
        }
        _ => given(value, &DataType::Int64),
    }
}

/// Each row as a number, once it is of a type that is one underneath.
fn given<'a>(value: &ColumnarValue, of: &DataType) -> Result<Each<'a, Option<i64>>> {
    let same = matches!(value, ColumnarValue::Scalar(_));
    let mut array = cast(&value.to_array(1)?, of)?;
    if *of == DataType::Date32 {
        array = cast(&array, &DataType::Int32)?;
    }
    let array = cast(&array, &DataType::Int64)?;
    let array = array.as_primitive::<Int64Type>().clone();
    Ok(Box::new(move |row| {
        let row = if same { 0 } else { row };
        array.is_valid(row).then(|| array.value(row))
    }))
}

/// The text in each row; none for NULL and what is no text.
pub(super) fn texts(value: &ColumnarValue) -> Each<'_, &str> {
    match value {
        ColumnarValue::Scalar(scalar) => {
            let text = scalar.try_as_str().flatten().unwrap_or_default();
            Box::new(move |_| text)
        }
        ColumnarValue::Array(array) => match array.data_type() {
            DataType::Utf8 => Box::new(|row| array.as_string::<i32>().value(row)),
            DataType::LargeUtf8 => Box::new(|row| array.as_string::<i64>().value(row)),
            DataType::Utf8View => Box::new(|row| array.as_string_view().value(row)),
            _ => Box::new(|_| ""),
        },
    }
}

/// The elements of the list in each row, those of inner lists one by one.
pub(super) fn elements(value: &ColumnarValue) -> Each<'_, usize> {
    match value {
        ColumnarValue::Scalar(ScalarValue::List(list)) => {
            let elements = list.iter().flatten().map(|list| leaves(&list)).sum();
            Box::new(move |_| elements)
        }
        ColumnarValue::Scalar(ScalarValue::LargeList(list)) => {
            let elements = list.iter().flatten().map(|list| leaves(&list)).sum();
            Box::new(move |_| elements)
        }
        ColumnarValue::Scalar(_) => Box::new(|_| 1),
        ColumnarValue::Array(array) => match array.data_type() {
            DataType::List(_) => Box::new(|row| leaves(&array.as_list::<i32>().value(row))),
            DataType::LargeList(_) => Box::new(|row| leaves(&array.as_list::<i64>().value(row))),
            DataType::FixedSizeList(_, _) => {
                Box::new(|row| leaves(&array.as_fixed_size_list().value(row)))
            }
            _ => Box::new(|_| 1),
        },
    }
}

fn leaves(array: &ArrayRef) -> usize {
    match array.data_type() {
        DataType::List(_) => {
            array.as_list::<i32>().iter().flatten().map(|list| leaves(&list)).sum()
        }
        DataType::LargeList(_) => {
            array.as_list::<i64>().iter().flatten().map(|list| leaves(&list)).sum()
        }
        _ => array.len(),
    }
}
