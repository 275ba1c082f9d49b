//! `months_between(a, b [, rounded])`, which the engine has not.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use datafusion::arrow::datatypes::{DataType, TimestampMicrosecondType};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::ScalarUDF;

use super::super::clocks::{self, WALL};
use super::{plain, written_times};

pub(super) fn function() -> ScalarUDF {
    plain::function(
        "spark:months_between",
        takes,
        |_| DataType::Float64,
        |args, config| {
            let zone = clocks::of_session(config);
            let ansi = config.execution.enable_ansi_mode;
            let walls = args[..2].iter().map(|arg| wall(arg, zone, ansi));
            let walls = walls.collect::<Result<Vec<_>>>()?;
            let [left, right] =
                [&walls[0], &walls[1]].map(|of| of.as_primitive::<TimestampMicrosecondType>());
            let rounded = args.get(2).map(|rounded| rounded.as_boolean());
            let months = (0..left.len()).map(|row| {
                let is_rounded = rounded.is_none_or(|rounded| rounded.value(row));
                let is_there = left.is_valid(row)
                    && right.is_valid(row)
                    && rounded.is_none_or(|rounded| rounded.is_valid(row));
                is_there.then(|| between(left.value(row), right.value(row), is_rounded))
            });
            Ok(Arc::new(months.collect::<Float64Array>()) as ArrayRef)
        },
    )
}

fn takes(types: &[DataType]) -> Result<Vec<DataType>> {
    let side = |of: &DataType| match of {
        DataType::Timestamp(_, Some(_)) => Some(of.clone()),
        DataType::Timestamp(_, None) | DataType::Date32 | DataType::Null => Some(WALL),
        of if of.is_string() => Some(DataType::Utf8),
        _ => None,
    };
    let taken = match types {
        [left, right] => side(left).zip(side(right)).map(|(left, right)| vec![left, right]),
        [left, right, DataType::Boolean | DataType::Null] => {
            side(left).zip(side(right)).map(|(left, right)| vec![left, right, DataType::Boolean])
        }
        _ => None,
    };
    match taken {
        Some(taken) => Ok(taken),
        None => {
            plan_err!("months_between takes two dates or timestamps, and whether it is rounded")
        }
    }
}

fn wall(of: &ArrayRef, zone: &str, ansi: bool) -> Result<ArrayRef> {
    match of.data_type() {
        DataType::Utf8 => written_times::walls(of, zone, ansi),
        DataType::Timestamp(_, Some(_)) => clocks::shown(of, zone),
        _ => Ok(Arc::clone(of)),
    }
}

const DAY: i64 = 86_400;

/// As Spark's `DateTimeUtils.monthsBetween`: a month has 31 days.
fn between(left: i64, right: i64, is_rounded: bool) -> f64 {
    let parts = |micros: i64| {
        let seconds = micros.div_euclid(1_000_000);
        let (year, month, day) = written_times::civil(seconds.div_euclid(DAY));
        (year * 12 + month, day, seconds.rem_euclid(DAY))
    };
    let ((m1, d1, s1), (m2, d2, s2)) = (parts(left), parts(right));
    let is_last = |month: i64, day: i64| {
        let (year, month) = ((month - 1).div_euclid(12), (month - 1).rem_euclid(12) + 1);
        written_times::length(year, month) == day
    };
    let months = (m1 - m2) as f64;
    if d1 == d2 || (is_last(m1, d1) && is_last(m2, d2)) {
        return months;
    }
    let seconds = (d1 - d2) * DAY + s1 - s2;
    let all = months + seconds as f64 / (31 * DAY) as f64;
    match is_rounded {
        true => (all * 1e8 + 0.5).floor() / 1e8,
        false => all,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_have_31_days() {
        let micros = |day: i64, hours: i64| (day * 24 + hours) * 3_600_000_000;
        // 2024-03-31 and 2024-02-29 are last days.
        assert_eq!(between(micros(19_813, 0), micros(19_782, 0), true), 1.0);
        // 2024-03-15 12:00 and 2024-02-29.
        assert_eq!(between(micros(19_797, 12), micros(19_782, 0), true), 0.564_516_13);
    }
}
