//! Frames of windows that DataFusion 55 would count over other values than were asked for.
//!
//! Problem: the distance of a RANGE frame is read as a value of the column's own type. Over an unsigned column `1
//! PRECEDING` of 0 is 0; a distance that the type does not hold is none at all, so that the frame is all rows; of an
//! interval what is finer than the column's unit is cut off (half a day over dates is nothing); and a plain number over
//! dates or instants is one of months. A ROWS frame of 2^64 - 1 rows wraps. A frame that ends before the current value
//! is answered as soon as a row is seen, but the NULLs and infinities around a row are its own frame, and more of them
//! may come. Official way: none. Here: the order is by the same values of a type that holds the distances, what has no
//! such type is refused, and `1 PRECEDING` at the end is `-1 FOLLOWING`, which waits. So are what `lag` and
//! `lead` would take for something else: no offset, and a value in the place of a missing row that is cut to the
//! column's type.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNano, IntervalUnit, TimeUnit};
use datafusion::common::{DFSchema, Result, ScalarValue, plan_err};
use datafusion::logical_expr::expr::{Sort, WindowFunction};
use datafusion::logical_expr::{
    Expr, ExprSchemable, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowFunctionDefinition,
    cast, lit, when,
};

/// No partition has so many rows, and no distance of a narrow integer is so large; added to any such it wraps nowhere.
const FAR: i64 = i64::MAX / 4;

/// What holds every integer and every distance between two.
const INTEGERS: DataType = DataType::Decimal128(38, 0);

/// The call of a window function with a frame that is right; `None` where it is as it stands.
///
/// # Errors
/// A plan error for what cannot be counted right.
pub(super) fn framed(expr: &Expr, schema: &DFSchema) -> Result<Option<Expr>> {
    let Expr::WindowFunction(call) = expr else { return Ok(None) };
    check_neighbours(call, schema)?;
    let frame = &call.params.window_frame;
    match (frame.units, call.params.order_by.as_slice()) {
        (WindowFrameUnits::Range, [sort]) => {
            let texts = [&frame.start_bound, &frame.end_bound].into_iter().filter_map(text);
            let distances: Vec<&str> = texts.collect();
            if distances.is_empty() {
                return Ok(None);
            }
            let of = sort.expr.get_type(schema)?;
            // Around what is neither NULL nor infinite there is nothing that could still come.
            let waits = of.is_floating() || sort.expr.nullable(schema)?;
            let behind = text_of_end(frame).filter(|_| waits).and_then(negative);
            let wide = match (wide(&of, &distances)?, &behind) {
                // A sum that leaves the type would be taken for the last row.
                (None, Some(_)) if of == DataType::Int64 => Some(INTEGERS),
                (wide, _) => wide,
            };
            let near = match wide {
                Some(DataType::Int64) => bounds(frame, nearer),
                _ => frame.clone(),
            };
            let mut expr = match (wide, &behind) {
                (None, None) => return Ok(None),
                (None, Some(_)) => sort.expr.clone(),
                (Some(wide), _) => cast(sort.expr.clone(), wide),
            };
            let frame = match text_of_end(&near).filter(|_| waits).and_then(negative) {
                Some(behind) => {
                    if of.is_temporal() {
                        expr = within_reach(expr, &behind)?;
                    }
                    waiting(near, behind)
                }
                None => near,
            };
            Ok(Some(with(call, frame, vec![Sort { expr, ..sort.clone() }])))
        }
        (WindowFrameUnits::Rows | WindowFrameUnits::Groups, order) => {
            let near = bounds(frame, |value| match value {
                ScalarValue::UInt64(Some(rows)) => {
                    ScalarValue::UInt64(Some((*rows).min(FAR.unsigned_abs())))
                }
                other => other.clone(),
            });
            Ok((near != *frame).then(|| with(call, near, order.to_vec())))
        }
        _ => Ok(None),
    }
}

fn with(call: &WindowFunction, frame: WindowFrame, order: Vec<Sort>) -> Expr {
    let mut call = call.clone();
    call.params.window_frame = frame;
    call.params.order_by = order;
    Expr::WindowFunction(Box::new(call))
}

/// The distance of a bound of a RANGE frame, as it was written.
fn text(bound: &WindowFrameBound) -> Option<&str> {
    match bound {
        WindowFrameBound::Preceding(value) | WindowFrameBound::Following(value) => {
            value.try_as_str().flatten()
        }
        WindowFrameBound::CurrentRow => None,
    }
}

fn bounds(frame: &WindowFrame, of: impl Fn(&ScalarValue) -> ScalarValue) -> WindowFrame {
    let bound = |bound: &WindowFrameBound| match bound {
        WindowFrameBound::Preceding(value) => WindowFrameBound::Preceding(of(value)),
        WindowFrameBound::Following(value) => WindowFrameBound::Following(of(value)),
        WindowFrameBound::CurrentRow => WindowFrameBound::CurrentRow,
    };
    let mut near = frame.clone();
    (near.start_bound, near.end_bound) = (bound(&frame.start_bound), bound(&frame.end_bound));
    near
}

/// The distance of the end of a frame, if that is before the current row.
fn text_of_end(frame: &WindowFrame) -> Option<&str> {
    match &frame.end_bound {
        end @ WindowFrameBound::Preceding(_) => text(end),
        _ => None,
    }
}

/// The same frame with an end that is looked for like one behind the current row, at a distance the other way.
fn waiting(frame: WindowFrame, behind: String) -> WindowFrame {
    let end = WindowFrameBound::Following(ScalarValue::Utf8(Some(behind)));
    WindowFrame::new_bounds(frame.units, frame.start_bound, end)
}

/// The same instants; an error where what is `behind` them is none, for that would be taken for the last row.
fn within_reach(instant: Expr, behind: &str) -> Result<Expr> {
    let interval = DataType::Interval(IntervalUnit::MonthDayNano);
    let behind = lit(ScalarValue::try_from_string(behind.to_owned(), &interval)?);
    when((instant.clone() + behind).is_null(), lit(ScalarValue::Null)).otherwise(instant)
}

/// A distance the other way; `None` of nothing, and of what is no distance.
fn negative(distance: &str) -> Option<String> {
    let distance = distance.trim();
    if let Ok(number) = distance.parse::<f64>() {
        return (number > 0.0).then(|| format!("-{}", distance.trim_start_matches('+')));
    }
    let interval = DataType::Interval(IntervalUnit::MonthDayNano);
    let read = ScalarValue::try_from_string(distance.to_owned(), &interval).ok()?;
    let ScalarValue::IntervalMonthDayNano(Some(read)) = read else { return None };
    let IntervalMonthDayNano { months, days, nanoseconds } = read;
    Some(format!("-{months} months -{days} days -{nanoseconds} nanoseconds"))
}

/// A distance that is further than any two integers of 32 bits are is as far as that.
fn nearer(value: &ScalarValue) -> ScalarValue {
    let number = value.try_as_str().flatten().and_then(|text| text.trim().parse::<i128>().ok());
    match number {
        Some(far) if far > FAR.into() => ScalarValue::Utf8(Some(FAR.to_string())),
        _ => value.clone(),
    }
}

/// The type that holds the values of a column at such distances, if its own does not.
fn wide(of: &DataType, distances: &[&str]) -> Result<Option<DataType>> {
    Ok(match of {
        DataType::Dictionary(_, values) => wide(values, distances)?,
        DataType::Int8 | DataType::Int16 | DataType::Int32 => Some(DataType::Int64),
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => Some(DataType::Int64),
        DataType::UInt64 => Some(INTEGERS),
        DataType::Int64 => {
            let is_far =
                |text: &&str| text.trim().parse::<i128>().is_ok_and(|n| n > i64::MAX.into());
            distances.iter().any(is_far).then_some(INTEGERS)
        }
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale) => wide_decimal(*precision, *scale, distances)?,
        DataType::Date32 | DataType::Date64 => wide_instant(None, &None, distances)?,
        DataType::Timestamp(unit, zone) => wide_instant(Some(*unit), zone, distances)?,
        _ => None,
    })
}

fn wide_decimal(precision: u8, scale: i8, distances: &[&str]) -> Result<Option<DataType>> {
    let (mut whole, mut fraction) = (i32::from(precision) - i32::from(scale), i32::from(scale));
    for distance in distances {
        let (before, behind) = distance.trim().split_once('.').unwrap_or((distance.trim(), ""));
        // One more for the sum.
        whole = whole.max(before.trim_start_matches('0').len() as i32 + 1);
        fraction = fraction.max(behind.trim_end_matches('0').len() as i32);
    }
    if (whole, fraction) == (i32::from(precision) - i32::from(scale), i32::from(scale)) {
        return Ok(None);
    }
    match whole + fraction <= 38 {
        true => Ok(Some(DataType::Decimal128(38, fraction as i8))),
        false => plan_err!(
            "a RANGE of {} over DECIMAL({precision}, {scale}) needs more than 38 digits: order by a CAST to another type",
            distances.join(" and ")
        ),
    }
}

/// `unit`: that of instants; `None` for days.
fn wide_instant(
    unit: Option<TimeUnit>,
    zone: &Option<Arc<str>>,
    distances: &[&str],
) -> Result<Option<DataType>> {
    const DAY: i64 = 24 * 3600 * 1_000_000_000;
    let of_unit = match unit {
        None => DAY,
        Some(TimeUnit::Second) => 1_000_000_000,
        Some(TimeUnit::Millisecond) => 1_000_000,
        Some(TimeUnit::Microsecond) => 1_000,
        Some(TimeUnit::Nanosecond) => 1,
    };
    let mut is_finer = false;
    for distance in distances {
        if distance.trim().parse::<f64>().is_ok() {
            return plan_err!(
                "a RANGE of {distance} over dates or instants says no unit: write INTERVAL '{distance} days', or another one"
            );
        }
        let interval = DataType::Interval(IntervalUnit::MonthDayNano);
        let read = ScalarValue::try_from_string((*distance).to_owned(), &interval);
        // What is no interval is told by whoever reads it next.
        let Ok(ScalarValue::IntervalMonthDayNano(Some(read))) = read else { continue };
        if read.months < 0 || read.days < 0 || read.nanoseconds < 0 {
            return plan_err!(
                "a RANGE of INTERVAL '{distance}' is negative: write it with FOLLOWING in place of PRECEDING, or the other way round"
            );
        }
        if read.nanoseconds % of_unit != 0 {
            is_finer = true;
            if read.nanoseconds % 1_000 != 0 {
                return plan_err!(
                    "a RANGE of INTERVAL '{distance}' is finer than microseconds, and what it is over is not: order by a CAST to TIMESTAMP(9)"
                );
            }
        }
    }
    Ok(is_finer.then(|| DataType::Timestamp(TimeUnit::Microsecond, zone.clone())))
}

/// # Errors
/// For a `lag` or `lead` with no offset, or whose value for missing rows is not one of its column's.
fn check_neighbours(call: &WindowFunction, schema: &DFSchema) -> Result<()> {
    let WindowFunctionDefinition::WindowUDF(function) = &call.fun else { return Ok(()) };
    let (name, args) = (function.name(), &call.params.args);
    if !matches!(name, "lag" | "lead") {
        return Ok(());
    }
    if let Some(Expr::Literal(offset, _)) = args.get(1)
        && offset.is_null()
    {
        return plan_err!("{name} by NULL rows is no row: give it a number");
    }
    let (Some(of), Some(Expr::Literal(value, _))) = (args.first(), args.get(2)) else {
        return Ok(());
    };
    let of = of.get_type(schema)?;
    let is_same = |cast: &ScalarValue| cast.cast_to(&value.data_type()).is_ok_and(|b| b == *value);
    let is_exact = of.is_integer() || of.is_temporal();
    match value.cast_to(&of) {
        Ok(cast) if is_exact && !value.is_null() && !is_same(&cast) => plan_err!(
            "{name} cannot give {value} for rows that are not there: its values are {of}; cast them to a type that holds it"
        ),
        _ => Ok(()),
    }
}
