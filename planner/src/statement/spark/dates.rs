//! Spark's functions of dates: patterns are Java's, and `dow` counts from Sunday as 1.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DataType, ExactNumberInfo, Expr, TimezoneInfo, Value,
};

use super::functions::call_of_spark;
use crate::statement::formats::of_java;
use crate::statement::walk::{binary, call, cast, nested, number, text};

/// A call as what it means; `None` for one that means the same in ours.
pub(super) fn written(name: &str, args: &[Expr]) -> Option<Expr> {
    Some(match (name, args) {
        ("to_date", [of, pattern]) => call("to_date", [of.clone(), java(pattern)?]),
        ("to_timestamp", [of, pattern]) => call("to_timestamp", [of.clone(), java(pattern)?]),
        ("to_timestamp", [of]) => instant(of.clone()),
        ("dayname", [of]) => call("to_char", [of.clone(), text("%a")]),
        ("weekofyear", [of]) => call("date_part", [text("week"), of.clone()]),
        ("unix_timestamp" | "to_unix_timestamp", []) => seconds(call("now", [])),
        ("unix_timestamp" | "to_unix_timestamp", [of]) => seconds(instant(of.clone())),
        ("unix_timestamp" | "to_unix_timestamp", [of, pattern]) => {
            seconds(call("to_timestamp", [of.clone(), java(pattern)?]))
        }
        ("from_unixtime", [of]) => {
            call("to_char", [call("to_timestamp_seconds", [of.clone()]), text("%Y-%m-%d %H:%M:%S")])
        }
        ("from_unixtime", [of, pattern]) => {
            call("to_char", [call("to_timestamp_seconds", [of.clone()]), java(pattern)?])
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
    cast(of, DataType::Timestamp(None, TimezoneInfo::None))
}

fn seconds(of: Expr) -> Expr {
    call_of_spark("spark:unix_seconds", [of])
}

/// A part that Spark counts otherwise: seconds have their fraction.
fn part(unit: &Expr, of: &Expr) -> Option<Expr> {
    let of_engine = |unit: &str| call("date_part", [text(unit), of.clone()]);
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
