//! `date_trunc(unit, time)` and `trunc(day, unit)`, of every day that a calendar has.
//!
//! Problem: the engine's counts nanoseconds, which reach from 1677 to 2262, and knows other units; of a unit that is none
//! Spark's is NULL.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Date32Array, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::{DataType, Date32Type, TimestampMicrosecondType};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::ScalarUDF;

use super::super::clocks::{self, WALL};
use super::plain::function;
use super::written_times::{self, DAY, civil, days};

/// Those that are called by name.
pub(super) const NAMES: [&str; 2] = ["date_trunc", "trunc"];

pub(super) fn functions() -> [ScalarUDF; 2] {
    [
        function(
            "spark:date_trunc",
            of_time,
            |_| WALL,
            |args, config| {
                let zone = clocks::of_session(config);
                let walls = walls(&args[1], zone, config.execution.enable_ansi_mode)?;
                let walls = walls.as_primitive::<TimestampMicrosecondType>();
                let units = args[0].as_string::<i32>();
                let cut = (0..walls.len()).map(|row| {
                    let is_there = walls.is_valid(row) && units.is_valid(row);
                    is_there
                        .then(|| time(&units.value(row).to_lowercase(), walls.value(row)))
                        .flatten()
                });
                Ok(Arc::new(cut.collect::<TimestampMicrosecondArray>()))
            },
        ),
        function(
            "spark:trunc",
            of_day,
            |_| DataType::Date32,
            |args, config| {
                let units = args[1].as_string::<i32>();
                let first = match args[0].data_type() {
                    DataType::Date32 => Arc::clone(&args[0]),
                    _ => {
                        let texts = args[0].as_string::<i32>();
                        let ansi = config.execution.enable_ansi_mode;
                        Arc::new(written_times::all_days(texts, ansi)?) as ArrayRef
                    }
                };
                let first = first.as_primitive::<Date32Type>();
                let cut = (0..first.len()).map(|row| {
                    let is_there = first.is_valid(row) && units.is_valid(row);
                    let unit = is_there.then(|| units.value(row).to_lowercase())?;
                    i32::try_from(day(&unit, i64::from(first.value(row)))?).ok()
                });
                Ok(Arc::new(cut.collect::<Date32Array>()))
            },
        ),
    ]
}

fn of_time(types: &[DataType]) -> Result<Vec<DataType>> {
    let of = match types {
        [_, DataType::Date32 | DataType::Null | DataType::Timestamp(_, None)] => Some(WALL),
        [_, zoned @ DataType::Timestamp(_, Some(_))] => Some(zoned.clone()),
        [_, of] if of.is_string() => Some(DataType::Utf8),
        _ => None,
    };
    match of {
        Some(of) => Ok(vec![DataType::Utf8, of]),
        None => plan_err!("date_trunc takes a unit and a time"),
    }
}

fn of_day(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [DataType::Date32 | DataType::Null | DataType::Timestamp(_, None), _] => {
            Ok(vec![DataType::Date32, DataType::Utf8])
        }
        [of, _] if of.is_string() => Ok(vec![DataType::Utf8; 2]),
        _ => plan_err!("trunc takes a day and a unit"),
    }
}

fn walls(of: &ArrayRef, zone: &str, ansi: bool) -> Result<ArrayRef> {
    match of.data_type() {
        DataType::Utf8 => written_times::walls(of, zone, ansi),
        DataType::Timestamp(_, Some(_)) => clocks::shown(of, zone),
        _ => Ok(Arc::clone(of)),
    }
}

/// The first day of what a day is in.
fn day(unit: &str, day: i64) -> Option<i64> {
    let (year, month, _) = civil(day);
    match unit {
        "year" | "yyyy" | "yy" => days(year, 1, 1),
        "quarter" => days(year, (month - 1) / 3 * 3 + 1, 1),
        "month" | "mon" | "mm" => days(year, month, 1),
        // 1970-01-01 was a Thursday, and weeks begin on Mondays.
        "week" => Some(day - (day + 3).rem_euclid(7)),
        _ => None,
    }
}

fn time(unit: &str, wall: i64) -> Option<i64> {
    let length = match unit {
        "day" | "dd" => DAY,
        "hour" => 3_600_000_000,
        "minute" => 60_000_000,
        "second" => 1_000_000,
        "millisecond" => 1_000,
        "microsecond" => 1,
        _ => return day(unit, wall.div_euclid(DAY))?.checked_mul(DAY),
    };
    Some(wall - wall.rem_euclid(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_cut_to_what_they_are_in() {
        // 2024-08-15 is a Thursday.
        let of = 19_950;
        for (unit, expected) in [
            ("year", Some(19_723)),
            ("quarter", Some(19_905)),
            ("month", Some(19_936)),
            ("week", Some(19_947)),
            ("day", None),
        ] {
            assert_eq!(day(unit, of), expected, "{unit}");
        }
        assert_eq!(time("hour", DAY + 3_700_000_000), Some(DAY + 3_600_000_000));
        assert_eq!(time("dd", -1), Some(-DAY));
    }
}
