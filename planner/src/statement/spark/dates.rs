//! Spark's functions of dates: patterns are Java's, and `dow` counts from Sunday as 1.

use datafusion::sql::sqlparser::ast::{BinaryOperator, DataType, ExactNumberInfo, Expr, Value};

use super::casts::MICROS;
use super::functions::call_of_spark;
use crate::session::spark::INSTANT;
use crate::statement::formats::of_java;
use crate::statement::walk::{binary, call, cast, nested, number, text};

/// A call as what it means; `None` for one that means the same in ours.
pub(super) fn written(name: &str, args: &[Expr]) -> Option<Expr> {
    Some(match (name, args) {
        ("to_date", [of, pattern]) => {
            let (of, pattern) = whole_day(of, &java(pattern)?)?;
            call("to_date", [of, pattern])
        }
        ("to_timestamp", [of, pattern]) => at(of, pattern)?,
        ("to_timestamp", [of]) => instant(of.clone()),
        ("dayname", [of]) => call("to_char", [of.clone(), text("%a")]),
        ("weekofyear", [of]) => call("date_part", [text("week"), of.clone()]),
        ("unix_timestamp" | "to_unix_timestamp", []) => seconds(call("now", [])),
        ("unix_timestamp" | "to_unix_timestamp", [of]) => seconds(instant(of.clone())),
        ("unix_timestamp" | "to_unix_timestamp", [of, pattern]) => seconds(at(of, pattern)?),
        ("from_unixtime", [of]) => call("to_char", [then(of), text("%Y-%m-%d %H:%M:%S")]),
        ("from_unixtime", [of, pattern]) => call("to_char", [then(of), java(pattern)?]),
        ("date_from_unix_date", [of]) => {
            cast(cast(of.clone(), DataType::Integer(None)), DataType::Date)
        }
        ("date_part" | "datepart" | "extract", [unit, of]) => part(unit, of)?,
        ("timestampadd" | "dateadd" | "date_add", [unit, count, to]) => {
            call("timestampadd", [unit.clone(), count.clone(), instant(to.clone())])
        }
        _ => return None,
    })
}

fn constant(of: &Expr) -> Option<&str> {
    match of {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// A constant pattern; what is not known of it stays, and is refused with the patterns of ours.
fn java(pattern: &Expr) -> Option<Expr> {
    of_java(constant(pattern)?).ok().map(|written| text(&written))
}

fn instant(of: Expr) -> Expr {
    cast(call_of_spark(INSTANT, [of]), MICROS)
}

/// A text in a pattern, as what clocks show.
fn at(of: &Expr, pattern: &Expr) -> Option<Expr> {
    let (of, pattern) = whole_day(of, &java(pattern)?)?;
    Some(cast(call("to_timestamp", [of, pattern]), MICROS))
}

/// A text and a pattern that says which day, the first where that of the statement says a month or a year alone.
fn whole_day(of: &Expr, pattern: &Expr) -> Option<(Expr, Expr)> {
    let known = constant(pattern)?;
    let has = |parts: &[&str]| parts.iter().any(|part| known.contains(part));
    let has_month = has(&["%m", "%-m", "%b", "%B", "%j", "%-j"]);
    let (more, pattern_of_more) = match has(&["%Y", "%y"]) {
        true if !has_month => (" 01 01", " %m %d"),
        true if !has(&["%d", "%-d", "%e", "%j", "%-j"]) => (" 01", " %d"),
        _ => return Some((of.clone(), pattern.clone())),
    };
    let whole = call_of_spark("spark:concat", [of.clone(), text(more)]);
    Some((whole, text(&format!("{known}{pattern_of_more}"))))
}

/// What clocks show after so many seconds.
fn then(seconds: &Expr) -> Expr {
    call_of_spark(INSTANT, [seconds.clone()])
}

fn seconds(of: Expr) -> Expr {
    call_of_spark("spark:unix_seconds", [of])
}

/// Of a text: what it is as a timestamp.
fn part_of_spark(unit: &Expr, of: &Expr) -> Option<Expr> {
    let of = instant(of.clone());
    part(unit, &of).or_else(|| Some(call_of_spark("spark:date_part", [unit.clone(), of])))
}

/// A part that Spark counts otherwise: seconds have their fraction.
fn part(unit: &Expr, of: &Expr) -> Option<Expr> {
    let of_engine = |unit: &str| call("date_part", [text(unit), of.clone()]);
    if constant(of).is_some() {
        return part_of_spark(unit, of);
    }
    Some(match constant(unit)?.to_lowercase().as_str() {
        "s" | "sec" | "second" | "seconds" | "secs" => {
            let decimal = |of, precision, scale| {
                cast(of, DataType::Decimal(ExactNumberInfo::PrecisionAndScale(precision, scale)))
            };
            let micros = decimal(of_engine("microsecond"), 8, 0);
            let millionth = decimal(text("0.000001"), 6, 6);
            decimal(nested(binary(micros, BinaryOperator::Multiply, millionth)), 8, 6)
        }
        "dow" | "dayofweek" => nested(binary(of_engine("dow"), BinaryOperator::Plus, number(1))),
        "dow_iso" | "dayofweek_iso" => of_engine("isodow"),
        _ => return None,
    })
}
