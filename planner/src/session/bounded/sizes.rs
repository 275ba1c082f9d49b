//! How many bytes an answer takes, told by the arguments: exactly, or no less than it will.
//!
//! NULL in a place where the engine answers NULL counts as nothing.

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit,
};
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use super::super::spark::SPARK;
use super::UNASKED;
use super::lengths::{Each, bytes, elements, numbers, points, rows, texts};

/// How large the answer to a call may be.
pub(super) type Size = fn(&ScalarFunctionArgs) -> Result<usize>;

/// What holds an element of a list beside its value: its place while the list is put together.
const PLACE: usize = 8;

/// The longest number, date or time as text.
const LONGEST: usize = 40;

/// How the size of a function's answers is told; `None` for those that answer with about as much as they
/// are given.
pub(super) fn of(function: &str) -> Option<Size> {
    if function == "spark:regexp_replace" {
        return Some(replaced_everywhere);
    }
    Some(match function.strip_prefix(SPARK).unwrap_or(function) {
        "space" => spaces,
        "format_string" => formatted,
        "repeat" => repeated,
        "lpad" | "rpad" => padded,
        "replace" => replaced,
        "regexp_replace" => replaced_by_pattern,
        "range" | "generate_series" => counted_up,
        "sequence" => counted_either_way,
        "array_repeat" => repeated_in_a_list,
        "array_resize" => resized,
        "array_replace" | "array_replace_n" | "array_replace_all" => replaced_in_a_list,
        "array_to_string" | "array_join" => joined,
        "concat_ws" => separated,
        // Of one constant and a column it is given the constant once, and answers with it in each row.
        "concat" | "overlay" | "make_array" | "array" | "array_append" | "array_prepend"
        | "array_concat" => together,
        _ => return None,
    })
}

/// The sum over all rows of an answer.
fn sum(args: &ScalarFunctionArgs, each: impl Fn(usize) -> usize) -> usize {
    (0..rows(args)).map(each).fold(0, usize::saturating_add)
}

/// A count as a size: below nothing is nothing.
fn count(number: i64) -> usize {
    usize::try_from(number).unwrap_or(0)
}

fn repeated(args: &ScalarFunctionArgs) -> Result<usize> {
    let [text, times] = args.args.as_slice() else { return Ok(0) };
    let (text, times) = (bytes(text), numbers(times)?);
    Ok(sum(args, |row| text(row).saturating_mul(count(times(row)))))
}

fn spaces(args: &ScalarFunctionArgs) -> Result<usize> {
    let [length] = args.args.as_slice() else { return Ok(0) };
    let length = numbers(length)?;
    Ok(sum(args, |row| count(length(row))))
}

/// Each `%` may show any of the values, and be filled up to its width.
fn formatted(args: &ScalarFunctionArgs) -> Result<usize> {
    let [format, values @ ..] = args.args.as_slice() else { return Ok(0) };
    if !format.data_type().is_string() {
        return Ok(0);
    }
    let (format, values): (_, Vec<_>) = (texts(format), values.iter().map(bytes).collect());
    Ok(sum(args, |row| {
        let format = format(row);
        let widths = format.split(|letter: char| !letter.is_ascii_digit());
        let widths =
            widths.map(|digits| digits.parse().unwrap_or(0)).fold(0, usize::saturating_add);
        let longest = values.iter().map(|value| value(row)).max().unwrap_or(0).max(LONGEST);
        let shown = format.matches('%').count().saturating_mul(longest);
        format.len().saturating_add(widths).saturating_add(shown)
    }))
}

fn padded(args: &ScalarFunctionArgs) -> Result<usize> {
    let [text, length, fill @ ..] = args.args.as_slice() else { return Ok(0) };
    let fill = fill.first().map(texts);
    let plain = |row| fill.as_ref().is_none_or(|fill| fill(row).is_ascii());
    let (text, length) = (bytes(text), numbers(length)?);
    let answers = sum(args, |row| {
        let length = count(length(row));
        let filled = length.saturating_mul(if plain(row) { 1 } else { 4 });
        filled.saturating_add(text(row).min(length.saturating_mul(4)))
    });
    // A constant length is filled once, with the place of each character where they differ in length.
    let once = match &args.args[1] {
        ColumnarValue::Scalar(_) => count(length(0)).saturating_mul(if plain(0) { 1 } else { 12 }),
        ColumnarValue::Array(_) => 0,
    };
    Ok(answers.saturating_add(once))
}

fn replaced(args: &ScalarFunctionArgs) -> Result<usize> {
    let [text, from, to] = args.args.as_slice() else { return Ok(0) };
    let (text, from, to) = (texts(text), texts(from), texts(to));
    let most = |row: usize| {
        let (text, from, to) = (text(row).len(), from(row).len(), to(row).len());
        text.saturating_add((text / from.max(1)).saturating_mul(to))
    };
    let exact = |row: usize| {
        let (text, from, to) = (text(row), from(row), to(row));
        let found = if from.is_empty() { 0 } else { text.matches(from).count() };
        text.len().saturating_add(found.saturating_mul(to.len().saturating_sub(from.len())))
    };
    // Looking for what is replaced takes as long as replacing it.
    match sum(args, most) {
        little @ 0..=UNASKED => Ok(little),
        _ => Ok(sum(args, exact)),
    }
}

fn replaced_by_pattern(args: &ScalarFunctionArgs) -> Result<usize> {
    let [text, _, by, flags @ ..] = args.args.as_slice() else { return Ok(0) };
    let flags = flags.first().map(texts);
    by_pattern(args, text, by, |row| flags.as_ref().is_some_and(|flags| flags(row).contains('g')))
}

/// Spark's: every match, and no flags.
fn replaced_everywhere(args: &ScalarFunctionArgs) -> Result<usize> {
    let [text, _, by, ..] = args.args.as_slice() else { return Ok(0) };
    by_pattern(args, text, by, |_| true)
}

fn by_pattern(
    args: &ScalarFunctionArgs,
    text: &ColumnarValue,
    by: &ColumnarValue,
    everywhere: impl Fn(usize) -> bool,
) -> Result<usize> {
    let (text, by) = (bytes(text), texts(by));
    Ok(sum(args, |row| {
        let (text, by, everywhere) = (text(row), by(row), everywhere(row));
        let times = if everywhere { text.saturating_add(1) } else { 1 };
        // Matches do not overlap: each mention of a group adds the whole text at most.
        let groups = by.matches(['\\', '$']).count().saturating_add(1);
        times.saturating_mul(by.len()).saturating_add(groups.saturating_mul(text))
    }))
}

fn counted_up(args: &ScalarFunctionArgs) -> Result<usize> {
    let (start, stop, step) = match args.args.as_slice() {
        [stop] => (None, stop, None),
        [start, stop] => (Some(start), stop, None),
        [start, stop, step] => (Some(start), stop, Some(step)),
        _ => return Ok(0),
    };
    let least =
        if matches!(stop.data_type(), DataType::Date32 | DataType::Date64) { DAY } else { 1 };
    let start = start.map(points).transpose()?;
    let step = step.map(steps).transpose()?;
    let stop = points(stop)?;
    Ok(sum(args, |row| {
        let start = start.as_ref().map_or(Some(0), |start| start(row));
        let step = step.as_ref().map_or(Some(1), |step| step(row));
        let (Some(start), Some(stop), Some(step)) = (start, stop(row), step) else { return 0 };
        let way = (i128::from(stop) - i128::from(start)) * least;
        if step == 0 || way.signum() * step.signum() < 0 {
            return 0;
        }
        let values = way.unsigned_abs() / step.unsigned_abs().max(least.unsigned_abs()) + 1;
        usize::try_from(values).unwrap_or(usize::MAX).saturating_mul(size_of::<i64>())
    }))
}

/// Spark's `sequence`: without a step, by one or by a day, up or down.
fn counted_either_way(args: &ScalarFunctionArgs) -> Result<usize> {
    let [start, stop] = args.args.as_slice() else { return counted_up(args) };
    let (of, one) = match stop.data_type() {
        DataType::Date32 | DataType::Date64 => (DAY, DAY),
        DataType::Timestamp(..) => (1, DAY),
        _ => (1, 1),
    };
    let (start, stop) = (points(start)?, points(stop)?);
    Ok(sum(args, |row| {
        let (Some(start), Some(stop)) = (start(row), stop(row)) else { return 0 };
        let way = (i128::from(stop) - i128::from(start)) * of;
        let values = (way / one).unsigned_abs() + 1;
        usize::try_from(values).unwrap_or(usize::MAX).saturating_mul(size_of::<i64>())
    }))
}

/// Nanoseconds of a day.
const DAY: i128 = 24 * 60 * 60 * 1_000_000_000;

/// By how much each row counts up: numbers as they are, times and dates in nanoseconds.
fn steps(step: &ColumnarValue) -> Result<Each<'_, Option<i128>>> {
    if !matches!(step.data_type(), DataType::Interval(_)) {
        let step = points(step)?;
        return Ok(Box::new(move |row| step(row).map(i128::from)));
    }
    let same = matches!(step, ColumnarValue::Scalar(_));
    let steps = cast(&step.to_array(1)?, &DataType::Interval(IntervalUnit::MonthDayNano))?;
    let steps = steps.as_primitive::<IntervalMonthDayNanoType>().clone();
    Ok(Box::new(move |row| {
        let row = if same { 0 } else { row };
        steps.is_valid(row).then(|| nanoseconds(steps.value(row)))
    }))
}

/// No more than the interval has.
fn nanoseconds(interval: IntervalMonthDayNano) -> i128 {
    const SHORTEST_MONTH: i128 = 28;
    let IntervalMonthDayNano { months, days, nanoseconds } = interval;
    (i128::from(months) * SHORTEST_MONTH + i128::from(days)) * DAY + i128::from(nanoseconds)
}

fn repeated_in_a_list(args: &ScalarFunctionArgs) -> Result<usize> {
    let [value, times] = args.args.as_slice() else { return Ok(0) };
    let (value, times) = (bytes(value), numbers(times)?);
    Ok(sum(args, |row| value(row).saturating_add(PLACE).saturating_mul(count(times(row)))))
}

fn resized(args: &ScalarFunctionArgs) -> Result<usize> {
    let [list, length, value @ ..] = args.args.as_slice() else { return Ok(0) };
    let value = value.first().map(bytes);
    let (list, length) = (bytes(list), numbers(length)?);
    Ok(sum(args, |row| {
        let value = value.as_ref().map_or(PLACE, |value| value(row));
        let values = value.saturating_add(PLACE).saturating_mul(count(length(row)));
        values.saturating_add(list(row))
    }))
}

fn replaced_in_a_list(args: &ScalarFunctionArgs) -> Result<usize> {
    let [list, _, by, ..] = args.args.as_slice() else { return Ok(0) };
    let (list, values, by) = (bytes(list), elements(list), bytes(by));
    Ok(sum(args, |row| {
        values(row).saturating_mul(by(row).saturating_add(PLACE)).saturating_add(list(row))
    }))
}

fn joined(args: &ScalarFunctionArgs) -> Result<usize> {
    let [list, between, null @ ..] = args.args.as_slice() else { return Ok(0) };
    let null = null.first().map(bytes);
    let (list, values, between) = (bytes(list), elements(list), bytes(between));
    Ok(sum(args, |row| {
        let null = null.as_ref().map_or(0, |null| null(row));
        let each = between(row).saturating_add(null).saturating_add(LONGEST);
        values(row).saturating_mul(each).saturating_add(list(row))
    }))
}

fn separated(args: &ScalarFunctionArgs) -> Result<usize> {
    let [between, values @ ..] = args.args.as_slice() else { return Ok(0) };
    let between = bytes(between);
    let between = sum(args, |row| between(row).saturating_mul(values.len()));
    Ok(between.saturating_add(together(args)?))
}

fn together(args: &ScalarFunctionArgs) -> Result<usize> {
    let of = |value: &ColumnarValue| sum(args, bytes(value));
    Ok(args.args.iter().map(of).fold(0, usize::saturating_add))
}
