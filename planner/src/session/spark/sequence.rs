//! `sequence(from, to [, step])`: whole numbers, days and times, both ends among them.
//!
//! Problem: the engine adds a month to the last of them, so that the end of January leads to the 29th of all that follow it.
//! Spark counts from the first (2024-01-31, 2024-02-29, 2024-03-31), and knows which way to go.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Builder, ListArray, ListBuilder};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Field, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit,
};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::ScalarUDF;

use super::super::clocks::WALL;
use super::plain::{self, function};
use super::written_times::{DAY, civil, length};

/// Those that are called by name.
pub(super) const NAMES: [&str; 1] = ["sequence"];

pub(super) fn functions() -> [ScalarUDF; 1] {
    let gives = |types: &[DataType]| {
        let of = types.first().cloned().unwrap_or(DataType::Null);
        DataType::List(Arc::new(Field::new_list_field(of, true)))
    };
    [function("spark:sequence", takes, gives, |args, _| counted(args))]
}

const STEP: DataType = DataType::Interval(IntervalUnit::MonthDayNano);

fn takes(types: &[DataType]) -> Result<Vec<DataType>> {
    let is_whole = |of: &DataType| of.is_integer() || of.is_null();
    let is_time = |of: &DataType| matches!(of, DataType::Date32 | DataType::Timestamp(..));
    let of = match types {
        [from, to, ..] if is_whole(from) && is_whole(to) => whole(types),
        [from, to, ..] if from == &DataType::Date32 && to == from => Some(DataType::Date32),
        [from, to, ..] if [from, to].iter().all(|of| is_time(of) || of.is_null()) => Some(WALL),
        _ => None,
    };
    match (of, types) {
        (Some(of), [_, _]) => Ok(vec![of.clone(), of]),
        (Some(of), [_, _, step]) if of.is_integer() && is_whole(step) => Ok(vec![of; 3]),
        (Some(of), [_, _, DataType::Interval(_)]) if !of.is_integer() => {
            Ok(vec![of.clone(), of, STEP])
        }
        _ => plan_err!(
            "sequence takes two whole numbers and a step, or two days or times and an INTERVAL: CAST both ends to one type"
        ),
    }
}

/// The widest of whole numbers.
fn whole(types: &[DataType]) -> Option<DataType> {
    let mut all = types.iter();
    let first = all.next()?.clone();
    all.try_fold(first, |met, of| plain::met([&met, of])).filter(DataType::is_integer)
}

fn counted(args: &[ArrayRef]) -> Result<ArrayRef> {
    let of = args[0].data_type().clone();
    let [from, to] = [&args[0], &args[1]].map(numbers);
    let (from, to) = (from?, to?);
    let (from, to) = (from.as_primitive::<Int64Type>(), to.as_primitive::<Int64Type>());
    let steps = args.get(2).map(steps_of).transpose()?;
    let mut lists = ListBuilder::new(Int64Builder::new());
    for row in 0..from.len() {
        let (start, end) = (from.value(row), to.value(row));
        let step = match &steps {
            None => Some(Step::one(start <= end, &of)),
            Some(steps) => steps[row],
        };
        let (true, true, Some(step)) = (from.is_valid(row), to.is_valid(row), step) else {
            lists.append_null();
            continue;
        };
        if of == DataType::Date32 && step.months == 0 && step.rest.unsigned_abs() < DAY as u64 {
            return exec_err!(
                "a sequence of days goes by whole days or months: CAST both ends to TIMESTAMP"
            );
        }
        let way = step.sign();
        if start != end && way != (end > start) as i64 - (end < start) as i64 {
            return exec_err!(
                "sequence does not come from its first value to its last by such steps: change the sign of the step"
            );
        }
        lists.values().append_value(start);
        for count in 1.. {
            let at = step.times(start, count, &of).filter(|at| is_before(*at, end, way));
            match at.and_then(|at| i64::try_from(at).ok()) {
                Some(at) if way != 0 => lists.values().append_value(at),
                _ => break,
            }
        }
        lists.append(true);
    }
    let lists = lists.finish();
    let items = lists.values();
    let items = match &of {
        DataType::Date32 => cast(&cast(items, &DataType::Int32)?, &of)?,
        _ => cast(items, &of)?,
    };
    let field = Arc::new(Field::new_list_field(of, true));
    let (_, offsets, _, nulls) = lists.into_parts();
    Ok(Arc::new(ListArray::try_new(field, offsets, items, nulls)?))
}

/// Whether a value comes before an end, or is it.
fn is_before(at: i128, end: i64, way: i64) -> bool {
    match way < 0 {
        true => at >= i128::from(end),
        false => at <= i128::from(end),
    }
}

/// Days and microseconds are counted.
fn numbers(of: &ArrayRef) -> Result<ArrayRef> {
    Ok(match of.data_type() {
        DataType::Date32 => cast(&cast(of, &DataType::Int32)?, &DataType::Int64)?,
        _ => cast(of, &DataType::Int64)?,
    })
}

/// Months, and days or microseconds or what is counted.
#[derive(Debug, Clone, Copy)]
struct Step {
    months: i64,
    rest: i64,
}

fn steps_of(steps: &ArrayRef) -> Result<Vec<Option<Step>>> {
    if *steps.data_type() != STEP {
        let steps = cast(steps, &DataType::Int64)?;
        let steps = steps.as_primitive::<Int64Type>().iter();
        return Ok(steps.map(|rest| rest.map(|rest| Step { months: 0, rest })).collect());
    }
    let steps = steps.as_primitive::<IntervalMonthDayNanoType>().iter();
    Ok(steps.map(|step| step.map(of_interval)).collect())
}

/// Of microseconds; [`Step::times`] makes days of them.
fn of_interval(step: IntervalMonthDayNano) -> Step {
    let days = i64::from(step.days) * DAY;
    Step { months: i64::from(step.months), rest: days + step.nanoseconds / 1_000 }
}

impl Step {
    fn one(up: bool, of: &DataType) -> Self {
        let one = if of.is_integer() { 1 } else { DAY };
        Self { months: 0, rest: if up { one } else { -one } }
    }

    fn sign(self) -> i64 {
        match self.months {
            0 => self.rest.signum(),
            months => months.signum(),
        }
    }

    /// So many steps from a start, which may lead beyond 64 bits.
    fn times(self, start: i64, count: i64, of: &DataType) -> Option<i128> {
        let rest = i128::from(self.rest) * i128::from(count);
        let months = self.months.checked_mul(count)?;
        let a_day = i128::from(DAY);
        Some(match of {
            DataType::Date32 => i128::from(later(start, months)?) + rest.div_euclid(a_day),
            DataType::Timestamp(..) => {
                let (day, time) = (start.div_euclid(DAY), start.rem_euclid(DAY));
                i128::from(later(day, months)?) * a_day + i128::from(time) + rest
            }
            _ => i128::from(start) + rest,
        })
    }
}

/// The day some months after a day, or the last one of its month.
fn later(day: i64, months: i64) -> Option<i64> {
    if months == 0 {
        return Some(day);
    }
    let (year, month, of_month) = civil(day);
    let all = year.checked_mul(12)?.checked_add(month - 1)?.checked_add(months)?;
    let (year, month) = (all.div_euclid(12), all.rem_euclid(12) + 1);
    super::written_times::days(year, month, of_month.min(length(year, month)))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Date32Array, Int64Array, IntervalMonthDayNanoArray};

    use super::*;

    #[test]
    fn months_are_counted_from_the_first_day() {
        let step = Step { months: 1, rest: 0 };
        // 2024-01-31, 2024-02-29, 2024-03-31.
        let days = [0, 1, 2].map(|count| step.times(19_753, count, &DataType::Date32));
        assert_eq!(days, [Some(19_753), Some(19_782), Some(19_813)]);
    }

    fn of_numbers(from: i64, to: i64, step: Option<i64>) -> Vec<i64> {
        let args = [Some(from), Some(to), step].into_iter().flatten();
        let args: Vec<_> =
            args.map(|of| Arc::new(Int64Array::from(vec![of])) as ArrayRef).collect();
        let made = counted(&args).unwrap();
        made.as_list::<i32>().value(0).as_primitive::<Int64Type>().values().to_vec()
    }

    #[test]
    fn numbers_are_counted_to_their_ends() {
        const MOST: i64 = i64::MAX;
        for (from, to, step, expected) in [
            (MOST - 1, MOST, None, vec![MOST - 1, MOST]),
            (i64::MIN + 1, i64::MIN, None, vec![i64::MIN + 1, i64::MIN]),
            (i64::MIN, MOST, Some(MOST), vec![i64::MIN, -1, MOST - 1]),
            (-1, MOST, Some(MOST), vec![-1, MOST - 1]),
            (3, 3, Some(0), vec![3]),
        ] {
            assert_eq!(of_numbers(from, to, step), expected, "{from} {to}");
        }
    }

    #[test]
    fn days_are_not_counted_by_hours() {
        let days: [ArrayRef; 2] =
            [1, 3].map(|day| Arc::new(Date32Array::from(vec![day])) as ArrayRef);
        let by = |hours: i64| {
            let step = IntervalMonthDayNano::new(0, 0, hours * 3_600_000_000_000);
            let step: ArrayRef = Arc::new(IntervalMonthDayNanoArray::from(vec![step]));
            counted(&[Arc::clone(&days[0]), Arc::clone(&days[1]), step])
        };
        assert!(by(12).is_err());
        assert_eq!(by(24).unwrap().as_list::<i32>().value_length(0), 3);
    }
}
