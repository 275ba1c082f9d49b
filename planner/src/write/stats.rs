//! What is known of a file's columns, as Delta's log has it: other engines leave files out by it.
//!
//! Rule (Delta protocol, "Per-file Statistics"): a bound that is not there is not known. Bounds are given where they are exact
//! and their text is the same for every reader: integers, days and instants. Floats have none, since NaN is in no
//! bound; decimals none, since readers take them for floats.

use datafusion::arrow::datatypes::{DataType, Schema, TimeUnit};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::ScalarValue;
use datafusion::parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use datafusion::parquet::file::statistics::Statistics;
use serde_json::{Map, Value, json};

/// The statistics of a file with these columns.
pub(super) fn stats(footer: &ParquetMetaData, schema: &Schema) -> String {
    let rows: i64 = footer.row_groups().iter().map(RowGroupMetaData::num_rows).sum();
    let (mut least, mut most, mut nulls) = (Map::new(), Map::new(), Map::new());
    for field in schema.fields() {
        let Some(column) = Column::of(footer, field.name()) else { continue };
        if let Some(count) = column.nulls {
            nulls.insert(field.name().clone(), json!(count));
        }
        if let Some((min, max)) = column.bounds {
            let [min, max] = [bound(min, field.data_type(), 0), bound(max, field.data_type(), 999)];
            if let (Some(min), Some(max)) = (min, max) {
                least.insert(field.name().clone(), min);
                most.insert(field.name().clone(), max);
            }
        }
    }
    json!({ "numRecords": rows, "minValues": least, "maxValues": most, "nullCount": nulls })
        .to_string()
}

/// Those of a file that says nothing of its columns.
pub(super) fn stats_of_text(rows: u64) -> String {
    json!({ "numRecords": rows }).to_string()
}

/// What all row groups together say of a column of plain values.
struct Column {
    nulls: Option<u64>,
    bounds: Option<(i64, i64)>,
}

impl Column {
    fn of(footer: &ParquetMetaData, name: &str) -> Option<Self> {
        let schema = footer.file_metadata().schema_descr();
        let at = (0..schema.num_columns())
            .find(|at| schema.column(*at).path().parts() == [name.to_owned()])?;
        let groups = footer.row_groups().iter().map(|group| group.column(at).statistics());
        let groups = groups.collect::<Option<Vec<_>>>()?;
        let nulls = groups.iter().map(|group| group.null_count_opt()).sum();
        let bounds = groups.iter().filter_map(|group| bounds(group));
        let bounds = bounds.reduce(|(min, max), (other, others)| (min.min(other), max.max(others)));
        // A group without bounds has NULLs alone, or is not known.
        let known = |group: &&Statistics| bounds_or_nulls(group);
        let bounds = bounds.filter(|_| groups.iter().all(known));
        Some(Self { nulls, bounds })
    }
}

fn bounds(group: &Statistics) -> Option<(i64, i64)> {
    match group {
        Statistics::Int32(group) => {
            Some((i64::from(*group.min_opt()?), i64::from(*group.max_opt()?)))
        }
        Statistics::Int64(group) => Some((*group.min_opt()?, *group.max_opt()?)),
        _ => None,
    }
}

fn bounds_or_nulls(group: &&Statistics) -> bool {
    bounds(group).is_some()
}

/// A bound as Delta writes it. Instants are written to the thousandth of a second: the upper one goes up by `up` millionths.
fn bound(value: i64, data_type: &DataType, up: i64) -> Option<Value> {
    match data_type {
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => Some(json!(value)),
        DataType::Date32 => text(&ScalarValue::Date32(Some(value.try_into().ok()?)), "%Y-%m-%d"),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let thousandths = value.checked_add(up)?.div_euclid(1_000);
            let value = ScalarValue::TimestampMillisecond(Some(thousandths), None);
            text(
                &value,
                match zone {
                    Some(_) => "%Y-%m-%dT%H:%M:%S%.3fZ",
                    None => "%Y-%m-%dT%H:%M:%S%.3f",
                },
            )
        }
        _ => None,
    }
}

fn text(value: &ScalarValue, format: &str) -> Option<Value> {
    let array = value.to_array().ok()?;
    let options =
        FormatOptions::new().with_date_format(Some(format)).with_timestamp_format(Some(format));
    let text = ArrayFormatter::try_new(&array, &options).ok()?.value(0).try_to_string().ok()?;
    // Readers know years of four digits.
    (text.len() >= 10 && text.as_bytes()[4] == b'-').then_some(Value::String(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_bounded_from_above_by_what_is_written() {
        let data_type = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let of = |up| bound(1_700_000_000_123_001, &data_type, up).unwrap();
        assert_eq!(of(0), "2023-11-14T22:13:20.123Z");
        assert_eq!(of(999), "2023-11-14T22:13:20.124Z");
        assert_eq!(bound(-1, &data_type, 0).unwrap(), "1969-12-31T23:59:59.999Z");
    }

    #[test]
    fn a_day_that_readers_do_not_know_has_no_bound() {
        assert_eq!(bound(19_000, &DataType::Date32, 0).unwrap(), "2022-01-08");
        assert_eq!(bound(20_000_000, &DataType::Date32, 0), None);
        assert_eq!(bound(i64::MAX, &DataType::Date32, 0), None);
    }
}
