//! The values of partition columns: text in the log, of the column's type in a query.
//!
//! Rule (Delta protocol, "Partition Value Serialization"): an empty text is NULL for every type; instants are written in UTC, and say so.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::ScalarValue;

/// How times without a zone are written.
const TIMESTAMP: &str = "%Y-%m-%d %H:%M:%S%.6f";

/// How instants are.
const INSTANT: &str = "%Y-%m-%dT%H:%M:%S%.6fZ";

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
///
/// # Errors
/// For days and instants that have no text which says them: those before the year 0 and after 9999.
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
        _ => Arc::clone(&column),
    };
    // Of a text without a zone each engine takes that of its session.
    let format = match column.data_type() {
        DataType::Timestamp(_, Some(_)) => INSTANT,
        _ => TIMESTAMP,
    };
    let options = FormatOptions::new().with_timestamp_format(Some(format));
    let text = ArrayFormatter::try_new(&plain, &options).map_err(|error| error.to_string())?;
    let text = text.value(0).try_to_string().map_err(|error| error.to_string())?;
    if let DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) = column.data_type()
        && !has_year(&text)
    {
        return Err(format!(
            "{text} cannot be a value by which files are told apart: days and times there are of the years 0000 to 9999"
        ));
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// Whether it begins with a year of four digits, as every other engine reads it.
fn has_year(text: &str) -> bool {
    let (year, rest) = text.split_at_checked(4).unwrap_or_default();
    year.bytes().all(|byte| byte.is_ascii_digit()) && rest.starts_with('-')
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Date32Array, TimestampMicrosecondArray};

    use super::*;

    const DAY: i64 = 24 * 3600 * 1_000_000;

    fn instant(micros: i64) -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from(vec![micros]).with_timezone("Europe/Berlin"))
    }

    fn local(micros: i64) -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from(vec![micros]))
    }

    #[test]
    fn values_are_read_back_as_themselves() {
        let days = Arc::new(Date32Array::from(vec![19_000])) as ArrayRef;
        for (column, expected) in [
            (days, "2022-01-08"),
            (local(1), "1970-01-01 00:00:00.000001"),
            (local(-1), "1969-12-31 23:59:59.999999"),
            (instant(1), "1970-01-01T00:00:00.000001Z"),
        ] {
            let text = partition_text(&column, 0).unwrap().unwrap();
            assert_eq!(text, expected);
            let read = partition_value(Some(&text), column.data_type()).unwrap();
            assert_eq!(read, ScalarValue::try_from_array(&column, 0).unwrap());
        }
    }

    #[test]
    fn days_and_instants_without_a_text_are_refused() {
        let year = 366 * DAY;
        let days = Arc::new(Date32Array::from(vec![3_000_000])) as ArrayRef;
        for column in [days, local(8_100 * year), instant(8_100 * year), local(-2_000 * year)] {
            let refused = partition_text(&column, 0).unwrap_err();
            assert!(refused.contains("0000 to 9999"), "{refused}");
        }
    }
}
