//! `make_timestamp(year, month, day, hour, minute, second)`, which the engine has not.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Int32Type};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::ScalarUDF;

use super::super::clocks::WALL;
use super::plain::function;
use super::written_times::{DAY, days};

/// Those that are called by name.
pub(super) const NAMES: [&str; 2] = ["make_timestamp", "try_make_timestamp"];

pub(super) fn functions() -> [ScalarUDF; 2] {
    [
        function(
            "spark:make_timestamp",
            takes,
            |_| WALL,
            |args, config| made(args, config.execution.enable_ansi_mode),
        ),
        function("spark:try_make_timestamp", takes, |_| WALL, |args, _| made(args, false)),
    ]
}

fn takes(types: &[DataType]) -> Result<Vec<DataType>> {
    let is_number = |of: &DataType| of.is_numeric() || of.is_null();
    match types.len() == 6 && types.iter().all(is_number) {
        true => {
            let mut taken = vec![DataType::Int32; 5];
            taken.push(DataType::Decimal128(16, 6));
            Ok(taken)
        }
        false => plan_err!(
            "make_timestamp takes a year, a month, a day, an hour, a minute and seconds, and no zone"
        ),
    }
}

fn made(args: &[ArrayRef], strict: bool) -> Result<ArrayRef> {
    let parts: Vec<_> = args[..5].iter().map(|of| of.as_primitive::<Int32Type>()).collect();
    let seconds = args[5].as_primitive::<Decimal128Type>();
    let each = (0..seconds.len()).map(|row| {
        if args.iter().any(|of| of.is_null(row)) {
            return Ok(None);
        }
        let part = |at: usize| i64::from(parts[at].value(row));
        let day = [part(0), part(1), part(2)];
        let micros = i64::try_from(seconds.value(row)).unwrap_or(i64::MAX);
        match time(day, part(3), part(4), micros) {
            None if strict => {
                exec_err!("there is no such time: try_make_timestamp makes NULL of it")
            }
            time => Ok(time),
        }
    });
    Ok(Arc::new(each.collect::<Result<TimestampMicrosecondArray>>()?))
}

/// Sixty seconds are the next minute, if there is nothing behind them.
fn time([year, month, day]: [i64; 3], hour: i64, minute: i64, micros: i64) -> Option<i64> {
    const MINUTE: i64 = 60_000_000;
    let is_time = (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=MINUTE).contains(&micros)
        && (1..=9999).contains(&year);
    let day = days(year, month, day).filter(|_| is_time)?;
    Some(day * DAY + (hour * 60 + minute) * MINUTE + micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_made_of_its_parts() {
        for (day, clock, expected) in [
            ([1970, 1, 2], (0, 0, 0), Some(DAY)),
            ([1970, 1, 1], (1, 1, 1_500_000), Some(3_661_500_000)),
            ([1970, 1, 1], (0, 0, 60_000_000), Some(60_000_000)),
            ([1970, 1, 1], (0, 0, 60_000_001), None),
            ([1970, 2, 29], (0, 0, 0), None),
            ([1970, 1, 1], (24, 0, 0), None),
        ] {
            let (hour, minute, micros) = clock;
            assert_eq!(time(day, hour, minute, micros), expected, "{day:?} {clock:?}");
        }
    }
}
