//! `to_date`, `to_timestamp`, `try_to_timestamp` and `date_format` with patterns of Java's.
//!
//! Problem: the engine's patterns are those of `strftime`: two-digit years are of two centuries there, a text that says no
//! day is none, what is no text is counted, and a pattern must stand in the statement. Here: as Spark's
//! `TimestampFormatter` reads and writes, from a pattern of each row.

use std::fmt::Write;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, TimestampMicrosecondType};
use datafusion::common::{DataFusionError, Result, exec_err, plan_err};
use datafusion::logical_expr::ScalarUDF;

use super::super::clocks::{self, WALL};
use super::plain::function;
use super::written_times;
use crate::statement::of_java;

mod pattern;

use pattern::Pattern;

pub(super) fn functions() -> [ScalarUDF; 5] {
    let wall = |_: &[DataType]| WALL;
    let day = |_: &[DataType]| DataType::Date32;
    [
        function("spark:to_date", of_day, day, |args, config| {
            days(args, clocks::of_session(config), config.execution.enable_ansi_mode)
        }),
        function("spark:to_timestamp", of_time, wall, |args, config| {
            times(args, clocks::of_session(config), config.execution.enable_ansi_mode)
        }),
        function("spark:try_to_date", of_day, day, |args, config| {
            days(args, clocks::of_session(config), false)
        }),
        function("spark:try_to_timestamp", of_time, wall, |args, config| {
            times(args, clocks::of_session(config), false)
        }),
        function(
            "spark:date_format",
            of_format,
            |_| DataType::Utf8,
            |args, config| formatted(args, clocks::of_session(config)),
        ),
    ]
}

fn of_day(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [of, _] if of.is_numeric() => Ok(vec![DataType::Utf8; 2]),
        _ => of_time(types),
    }
}

fn of_time(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [of, pattern] if pattern.is_string() || pattern.is_null() => {
            let of = match of {
                of if of.is_string() || of.is_null() => DataType::Utf8,
                DataType::Date32 | DataType::Timestamp(_, None) => WALL,
                DataType::Timestamp(_, Some(_)) => of.clone(),
                of => return plan_err!("{of} is no text that a pattern could be of: CAST it"),
            };
            Ok(vec![of, DataType::Utf8])
        }
        _ => plan_err!("a date is read of a text and a pattern"),
    }
}

fn of_format(types: &[DataType]) -> Result<Vec<DataType>> {
    of_time(types)
}

/// What clocks show.
fn times(args: &[ArrayRef], zone: &str, strict: bool) -> Result<ArrayRef> {
    match args[0].data_type() {
        DataType::Utf8 => {}
        DataType::Timestamp(_, Some(_)) => return clocks::shown(&args[0], zone),
        _ => return Ok(Arc::clone(&args[0])),
    }
    let mut known: Option<(&str, Pattern)> = None;
    let each = args[0].as_string::<i32>().iter().zip(args[1].as_string::<i32>());
    let read = each.map(|(text, pattern)| {
        let (Some(text), Some(of)) = (text, pattern) else { return Ok(None) };
        if known.as_ref().is_none_or(|(last, _)| *last != of) {
            known = Some((of, compiled(of)?));
        }
        match known.as_ref().and_then(|(_, pattern)| pattern.read(text)) {
            None if strict => {
                exec_err!(
                    "'{text}' is not of the pattern '{of}': try_to_timestamp makes NULL of it"
                )
            }
            micros => Ok(micros),
        }
    });
    Ok(Arc::new(read.collect::<Result<TimestampMicrosecondArray>>()?))
}

fn compiled(pattern: &str) -> Result<Pattern> {
    Pattern::of(pattern).ok_or_else(|| {
        DataFusionError::Execution(format!(
            "'{pattern}' has parts that no text is read by in this version: use those of a date and a time of day, without a zone"
        ))
    })
}

fn days(args: &[ArrayRef], zone: &str, strict: bool) -> Result<ArrayRef> {
    let times = times(args, zone, strict)?;
    let times = cast(&times, &WALL)?;
    let days = times.as_primitive::<TimestampMicrosecondType>().iter();
    let days = days.map(|micros| i32::try_from(micros?.div_euclid(written_times::DAY)).ok());
    Ok(Arc::new(days.collect::<Date32Array>()))
}

fn formatted(args: &[ArrayRef], zone: &str) -> Result<ArrayRef> {
    let walls = match args[0].data_type() {
        DataType::Utf8 => written_times::walls(&args[0], zone, true)?,
        DataType::Timestamp(_, Some(_)) => clocks::shown(&args[0], zone)?,
        _ => Arc::clone(&args[0]),
    };
    let walls = walls.as_primitive::<TimestampMicrosecondType>();
    let patterns = args[1].as_string::<i32>();
    let texts = (0..walls.len()).map(|row| {
        if walls.is_null(row) || patterns.is_null(row) {
            return Ok(None);
        }
        let pattern = patterns.value(row);
        let ours = of_java(pattern).map_err(|part| {
            DataFusionError::Execution(format!(
                "{part} in the pattern '{pattern}' is not supported"
            ))
        })?;
        let Some(wall) = walls.value_as_datetime(row) else {
            return exec_err!("an instant is beyond the calendar");
        };
        let mut text = String::new();
        write!(text, "{}", wall.format(&ours))?;
        Ok(Some(text))
    });
    Ok(Arc::new(texts.collect::<Result<StringArray>>()?))
}
