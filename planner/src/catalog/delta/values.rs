//! The values of partition columns: text in the log, of the column's type in a query.
//!
//! Rule (Delta protocol, "Partition Value Serialization"): an empty text is NULL for every type; instants are written in UTC.

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::ScalarValue;

/// How dates and instants are written.
const TIMESTAMP: &str = "%Y-%m-%d %H:%M:%S%.6f";

/// A value as a query has it.
///
/// # Errors
/// For a text that is none of this type.
pub(crate) fn partition_value(
    text: Option<&str>,
    data_type: &DataType,
) -> Result<ScalarValue, String> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return ScalarValue::try_from(data_type).map_err(|error| error.to_string());
    };
    let broken = || format!("partition value '{text}' is no {data_type}");
    let text = match data_type {
        // Without a zone it is UTC's, as with one.
        DataType::Timestamp(_, Some(_)) if !has_zone(text) => format!("{text}Z"),
        _ => text.to_owned(),
    };
    let value = ScalarValue::try_from_string(text.clone(), data_type).map_err(|_| broken())?;
    match value.is_null() {
        true => Err(broken()),
        false => Ok(value),
    }
}

fn has_zone(text: &str) -> bool {
    let time = text.get(10..).unwrap_or_default();
    time.ends_with(['Z', 'z']) || time.contains(['+', '-'])
}

/// Whether files can be told apart by values of such a type.
pub(crate) fn may_partition(data_type: &DataType) -> bool {
    data_type.is_integer()
        || matches!(
            data_type,
            DataType::Utf8
                | DataType::Date32
                | DataType::Boolean
                | DataType::Decimal128(..)
                | DataType::Timestamp(TimeUnit::Microsecond, _)
        )
}

/// The value of a row as the log has it; `None` for NULL, and for an empty text.
pub(crate) fn partition_text(column: &ArrayRef, row: usize) -> Result<Option<String>, String> {
    if column.is_null(row) {
        return Ok(None);
    }
    let column = column.slice(row, 1);
    let plain = match column.data_type() {
        DataType::Timestamp(unit, Some(_)) => {
            let without = DataType::Timestamp(*unit, None);
            let options = CastOptions { safe: false, ..Default::default() };
            // The instant in UTC is what the numbers are already.
            let utc = DataType::Timestamp(*unit, Some("UTC".into()));
            let utc = cast_with_options(&column, &utc, &options).map_err(|e| e.to_string())?;
            cast_with_options(&utc, &without, &options).map_err(|error| error.to_string())?
        }
        _ => column,
    };
    let options = FormatOptions::new().with_timestamp_format(Some(TIMESTAMP));
    let text = ArrayFormatter::try_new(&plain, &options).map_err(|error| error.to_string())?;
    let text = text.value(0).try_to_string().map_err(|error| error.to_string())?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}
