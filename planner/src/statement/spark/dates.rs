//! Spark's functions of dates: patterns are Java's, and `dow` counts from Sunday as 1.

use datafusion::sql::sqlparser::ast::{BinaryOperator, DataType, ExactNumberInfo, Expr, Value};

use super::casts::MICROS;
use super::functions::call_of_spark;
use crate::session::spark::{INSTANT, TRY_INSTANT};
use crate::statement::formats::of_java;
use crate::statement::walk::{binary, call, cast, nested, number, text};

/// A call as what it means; `None` for one that means the same in ours.
pub(super) fn written(name: &str, args: &[Expr]) -> Option<Expr> {
    Some(match (name, args) {
        ("to_date" | "to_timestamp" | "try_to_date" | "try_to_timestamp", [of, pattern]) => {
            read(name, of, pattern)
        }
        ("to_timestamp", [of]) => instant(of.clone()),
        ("try_to_timestamp", [of]) => cast(call_of_spark(TRY_INSTANT, [of.clone()]), MICROS),
        ("date_format", [of, pattern]) if constant(pattern).is_none_or(|it| it.contains('%')) => {
            call_of_spark("spark:date_format", [of.clone(), pattern.clone()])
        }
        ("hour" | "minute" | "second", [of]) if constant(of).is_some() => {
            call_of_spark(&format!("spark:{name}"), [instant(of.clone())])
        }
        ("dayname", [of]) => call("to_char", [of.clone(), text("%a")]),
        ("dayofweek", [of]) => part(&text("dow"), of)?,
        ("weekofyear", [of]) => call("date_part", [text("week"), of.clone()]),
        ("unix_timestamp" | "to_unix_timestamp", []) => seconds(call("now", [])),
        ("unix_timestamp" | "to_unix_timestamp", [of]) => seconds(instant(of.clone())),
        ("unix_timestamp" | "to_unix_timestamp", [of, pattern]) => {
            seconds(read("to_timestamp", of, pattern))
        }
        ("from_unixtime", [of]) => call("to_char", [then(of), text("%Y-%m-%d %H:%M:%S")]),
        ("from_unixtime", [of, pattern]) => match java(pattern) {
            Some(pattern) => call("to_char", [then(of), pattern]),
            None => call_of_spark("spark:date_format", [then(of), pattern.clone()]),
        },
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

/// A constant pattern, if all of it is known.
fn java(pattern: &Expr) -> Option<Expr> {
    of_java(constant(pattern)?).ok().map(|written| text(&written))
}

fn instant(of: Expr) -> Expr {
    cast(call_of_spark(INSTANT, [of]), MICROS)
}

/// A text in a pattern, which is never one of PostgreSQL's: to those some of Java's say something else.
fn read(name: &str, of: &Expr, pattern: &Expr) -> Expr {
    call_of_spark(&format!("spark:{name}"), [of.clone(), pattern.clone()])
}

/// What clocks show after so many seconds.
fn then(seconds: &Expr) -> Expr {
    call_of_spark(INSTANT, [cast(seconds.clone(), DataType::BigInt(None))])
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
        "dow" | "dayofweek" => {
            let from_one = binary(of_engine("dow"), BinaryOperator::Plus, number(1));
            cast(nested(from_one), DataType::Integer(None))
        }
        "dow_iso" | "dayofweek_iso" => of_engine("isodow"),
        _ => return None,
    })
}
