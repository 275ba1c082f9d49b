//! Spark's functions.
//!
//! Those that differ from the engine's of the same name, or that it has not, are called by names of their own
//! (`session/spark.rs`); some are written as what they mean. All others have the meaning that they have in our own
//! dialect.

use std::ops::ControlFlow;

use datafusion::logical_expr::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    CaseWhen, CeilFloorKind, DataType, DateTimeField, ExactNumberInfo, Expr, Function,
    FunctionArguments, Ident, ObjectName, TimezoneInfo, TypedString, UnaryOperator, Value,
    VisitorMut, visit_expressions,
};

use super::{casts, choices, dates, operators, patterns, simple, words};
use crate::session::spark::{DAY, INSTANT, STRING, of_spark};
use crate::statement::walk::{self, call, cast, nested, number, plain_args, text};
use crate::{PlannerError, Result};

/// # Errors
/// `Invalid` for a statement that comes to too much: what CASE, `decode` and LIKE ANY look at is written once for each of their
/// values, and doubles where they stand within each other.
pub(super) fn write_out(statement: &mut DfStatement) -> Result<()> {
    let mut functions = Functions { grown: 0 };
    walk::rewrite(statement, &mut functions);
    match functions.grown > MOST_GROWN {
        false => Ok(()),
        true => Err(PlannerError::Invalid(format!(
            "what CASE, decode, LIKE ANY and their like look at comes to more than {MOST_GROWN} expressions when it is written out \
             for each of their values: name it in a subquery, and look at the name"
        ))),
    }
}

/// Most expressions by which a statement may grow: planning takes some seconds for as many.
const MOST_GROWN: usize = 20_000;

/// So many any call may come to: statements of thousands of calls are no larger for it.
const OF_A_CALL: usize = 20;

/// A call of a function by the name that it has in every session.
pub(super) fn call_of_spark(name: &str, args: impl IntoIterator<Item = Expr>) -> Expr {
    let mut written = call(name, args);
    if let Expr::Function(function) = &mut written {
        function.name = quoted(name);
    }
    written
}

fn quoted(name: &str) -> ObjectName {
    ObjectName::from(vec![Ident::with_quote('"', name)])
}

/// The name of what is called, in small letters: Spark's quotes say nothing of case.
pub(super) fn name_of(function: &Function) -> Option<String> {
    match function.name.0.as_slice() {
        [name] => name.as_ident().map(|name| name.value.to_lowercase()),
        _ => None,
    }
}

struct Functions {
    /// By how many expressions more than that the statement has grown.
    grown: usize,
}

impl VisitorMut for Functions {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let written = match expr {
            Expr::Function(function) => of_function(function),
            Expr::Substring { expr, substring_from, substring_for, .. } => {
                let rest = [substring_from, substring_for].into_iter().flatten();
                let rest = rest.map(|place| place.as_ref().clone());
                let mut of = expr.as_ref().clone();
                words::wrap(&mut of);
                Some(call_of_spark("spark:substring", std::iter::once(of).chain(rest)))
            }
            Expr::Struct { values, fields } if fields.is_empty() => Some(named(values)),
            Expr::Extract { field, expr, .. } => {
                let unit = text(&field.to_string());
                written("date_part", vec![unit.clone(), expr.as_ref().clone()]).or_else(|| {
                    Some(call_of_spark("spark:date_part", [unit, expr.as_ref().clone()]))
                })
            }
            Expr::Cast { kind, expr, data_type, format: None, .. } => {
                casts::written(kind, expr, data_type);
                None
            }
            Expr::Like { .. } | Expr::ILike { .. } => {
                words::of_like(expr);
                simple::patterns(expr)
            }
            Expr::RLike { negated, expr, pattern, .. } => {
                Some(patterns::matches(*negated, expr, pattern))
            }
            Expr::Trim { expr, .. } => {
                words::wrap(expr);
                None
            }
            Expr::TypedString(of) => literals_of_time(of),
            Expr::Case { operand, conditions, else_result, .. } => {
                choices::case(operand.as_deref(), conditions, else_result.as_deref())
            }
            Expr::Ceil { expr, field } if is_plain(field) => {
                Some(call_of_spark("spark:ceil", [expr.as_ref().clone()]))
            }
            Expr::Ceil { expr, field: CeilFloorKind::Scale(places) } => {
                let places = Expr::Value(places.clone());
                Some(call_of_spark("spark:ceil_to", [expr.as_ref().clone(), places]))
            }
            Expr::Floor { expr, field: CeilFloorKind::Scale(places) } => {
                let places = Expr::Value(places.clone());
                Some(call_of_spark("spark:floor_to", [expr.as_ref().clone(), places]))
            }
            Expr::Floor { expr, field } if is_plain(field) => {
                Some(call_of_spark("spark:floor", [expr.as_ref().clone()]))
            }
            _ => None,
        };
        if let Some(written) = written {
            self.grown += size(&written).saturating_sub(size(expr) + OF_A_CALL);
            if self.grown <= MOST_GROWN {
                *expr = written;
            }
        }
        ControlFlow::Continue(())
    }
}

/// The expressions of one.
fn size(expr: &Expr) -> usize {
    let mut size = 0;
    let _ = visit_expressions(expr, |_| {
        size += 1;
        ControlFlow::<()>::Continue(())
    });
    size
}

fn is_plain(field: &CeilFloorKind) -> bool {
    matches!(field, CeilFloorKind::DateTimeField(DateTimeField::NoDateTime))
}

/// `TIMESTAMP '…'` and `DATE '…'`, as what a cast of the text is: microseconds, and what clocks of the session show. What is
/// written in full is the same to the engine.
fn literals_of_time(of: &TypedString) -> Option<Expr> {
    let Value::SingleQuotedString(written) = &of.value.value else { return None };
    let is_whole_day = |day: &str| {
        let parts: Vec<_> = day.split('-').map(str::len).collect();
        parts == [4, 2, 2] && day.bytes().all(|it| it == b'-' || it.is_ascii_digit())
    };
    let to = match &of.data_type {
        DataType::Date if is_whole_day(written) => return None,
        DataType::Date => DataType::Date,
        DataType::Timestamp(None, TimezoneInfo::None) => casts::MICROS,
        _ => return None,
    };
    let is_plain_time = |time: &str| {
        let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
        let parts: Vec<_> = clock.split(':').map(str::len).collect();
        let digits = |of: &str| of.bytes().all(|it| it == b':' || it.is_ascii_digit());
        parts == [2, 2, 2] && digits(clock) && digits(fraction) && (1..=6).contains(&fraction.len())
    };
    let is_plain =
        written.split_once(' ').is_some_and(|(day, time)| is_whole_day(day) && is_plain_time(time));
    let value = text(written);
    let value = match (&to, is_plain) {
        (DataType::Timestamp(..), true) => value,
        (DataType::Timestamp(..), false) => call_of_spark(INSTANT, [value]),
        _ => call_of_spark(DAY, [value]),
    };
    Some(cast(value, to))
}

fn of_function(function: &mut Function) -> Option<Expr> {
    let name = name_of(function)?;
    if ["now", "current_timestamp", "localtimestamp"].contains(&name.as_str())
        && (function.args == FunctionArguments::None
            || plain_args(function).is_some_and(|args| args.is_empty()))
    {
        // Of microseconds, as all that it is compared with.
        return Some(call_of_spark(INSTANT, [call("now", [])]));
    }
    words::arguments(&name, function);
    if let Some((_, to)) = COUNTS.iter().find(|(known, _)| *known == name) {
        if let Some((_, same)) = NAMES.iter().find(|(known, _)| *known == name) {
            function.name = ObjectName::from(vec![Ident::new(*same)]);
        }
        return Some(cast(Expr::Function(function.clone()), to.clone()));
    }
    if let Some(args) = plain_args(function)
        && let Some(written) = written(&name, args)
    {
        return Some(written);
    }
    if let Some(of_spark) = of_spark(&name).filter(|_| !OURS.contains(&name.as_str())) {
        function.name = quoted(of_spark);
    } else if let Some((_, same)) = NAMES.iter().find(|(known, _)| *known == name) {
        function.name = ObjectName::from(vec![Ident::new(*same)]);
    }
    None
}

/// What counts without a sign, which Spark has none of: as what it is there.
const COUNTS: [(&str, DataType); 6] = [
    ("row_number", DataType::Integer(None)),
    ("rank", DataType::Integer(None)),
    ("dense_rank", DataType::Integer(None)),
    ("ntile", DataType::Integer(None)),
    ("approx_count_distinct", DataType::BigInt(None)),
    ("regr_count", DataType::BigInt(None)),
];

/// What means the same in our own dialect, and is done better there.
const OURS: [&str; 1] = ["if"];

/// Those that mean the same under another name, with whatever stands behind them.
const NAMES: [(&str, &str); 13] = [
    ("transform", "array_transform"),
    ("filter", "array_filter"),
    ("array_remove", "array_remove_all"),
    ("explode", "unnest"),
    ("first", "first_value"),
    ("last", "last_value"),
    ("some", "bool_or"),
    ("any", "bool_or"),
    ("mean", "avg"),
    ("approx_count_distinct", "approx_distinct"),
    ("startswith", "starts_with"),
    ("endswith", "ends_with"),
    ("current_database", "current_schema"),
];

/// Those that the engine has with another meaning, or with names of fields that nobody would look for.
const REFUSED: [&str; 1] = ["arrays_zip"];

/// Casts that are written as functions.
fn type_of(name: &str) -> Option<DataType> {
    Some(match name {
        "string" => DataType::Text,
        "boolean" => DataType::Boolean,
        "tinyint" => DataType::TinyInt(None),
        "smallint" => DataType::SmallInt(None),
        "int" => DataType::Integer(None),
        "bigint" => DataType::BigInt(None),
        "float" => DataType::Real,
        "double" => DataType::Double(ExactNumberInfo::None),
        "decimal" => DataType::Decimal(ExactNumberInfo::PrecisionAndScale(10, 0)),
        "date" => DataType::Date,
        "timestamp" => casts::MICROS,
        "binary" => DataType::Bytea,
        _ => return None,
    })
}

fn written(name: &str, args: Vec<Expr>) -> Option<Expr> {
    let of = args.first().cloned();
    if name == "string" && args.len() == 1 {
        return of.map(|of| call_of_spark(STRING, [of]));
    }
    if let (Some(to), Some(of), 1) = (type_of(name), of.clone(), args.len()) {
        return Some(cast(of, to));
    }
    if let Some(chosen) = choices::written(name, &args) {
        return Some(chosen);
    }
    if let Some(simple) = simple::written(name, &args) {
        return Some(simple);
    }
    if let Some(date) = dates::written(name, &args) {
        return Some(date);
    }
    Some(match (name, args.as_slice()) {
        ("round" | "bround", [of, places]) => {
            call_of_spark(&format!("spark:{name}"), [of.clone(), plain(places)])
        }
        ("log", [of]) => call_of_spark("spark:ln", [of.clone()]),
        ("log", [base, of]) => call_of_spark("spark:log", [base.clone(), of.clone()]),
        (
            "mod" | "pmod" | "try_mod" | "try_add" | "try_subtract" | "try_multiply" | "try_divide",
            [left, right],
        ) => operators::of_numbers(&format!("spark:{name}"), left.clone(), right.clone()),
        ("isnan", [of]) => {
            let no = Expr::Value(Value::Boolean(false).with_empty_span());
            call("coalesce", [call("isnan", [of.clone()]), no])
        }
        ("timestamp_seconds", [of]) => call_of_spark(INSTANT, [of.clone()]),
        ("chr", [of]) => call_of_spark("spark:char", [of.clone()]),
        ("left", [of, most]) => {
            call_of_spark("spark:substring", [of.clone(), number(1), most.clone()])
        }
        ("right", [of, most]) => call_of_spark("spark:right", [of.clone(), most.clone()]),
        ("isnotnull", [of]) => nested(Expr::IsNotNull(Box::new(nested(of.clone())))),
        ("array_size", [of]) => call_of_spark("spark:size", [of.clone()]),
        ("sort_array", [of]) => sorted(of, "ASC", "NULLS FIRST"),
        ("sort_array", [of, Expr::Value(ascends)]) => match ascends.value {
            Value::Boolean(true) => sorted(of, "ASC", "NULLS FIRST"),
            Value::Boolean(false) => sorted(of, "DESC", "NULLS LAST"),
            _ => return None,
        },
        ("array_sort", [of]) => sorted(of, "ASC", "NULLS LAST"),
        ("struct", values) => named(values),
        ("ltrim" | "rtrim", [what, from]) => call(name, [from.clone(), what.clone()]),
        ("replace", [of, what]) => call("replace", [of.clone(), what.clone(), text("")]),
        ("regexp_like" | "regexp" | "rlike", [of, pattern]) => {
            patterns::matches(false, of, pattern)
        }
        ("position" | "locate", [what, within]) => {
            call_of_spark("spark:locate", [what.clone(), within.clone()])
        }
        ("position" | "locate", [what, within, from]) => {
            call_of_spark("spark:locate", [what.clone(), within.clone(), from.clone()])
        }
        ("format_string" | "printf", [pattern, values @ ..]) => {
            call_of_spark("spark:format_string", words::shown(pattern, values))
        }
        ("percentile", [of, share]) => call("percentile_cont", [of.clone(), share.clone()]),
        ("encode", [of, code]) if is_utf8(code) => cast(of.clone(), DataType::Bytea),
        ("decode", [of, code]) if is_utf8(code) => cast(of.clone(), DataType::Text),
        (name, _) if REFUSED.contains(&name) => call(&format!("{name} of Spark"), args),
        _ => return None,
    })
}

fn is_utf8(code: &Expr) -> bool {
    matches!(code, Expr::Value(of) if matches!(&of.value, Value::SingleQuotedString(name) if name.eq_ignore_ascii_case("utf-8")))
}

/// A number that stands there, without the cast that made it an INT.
pub(super) fn plain(of: &Expr) -> Expr {
    match of {
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match plain(expr) {
            Expr::Value(value) => match value.value {
                Value::Number(digits, _) => {
                    Expr::Value(Value::Number(format!("-{digits}"), false).with_empty_span())
                }
                _ => of.clone(),
            },
            _ => of.clone(),
        },
        Expr::Cast { expr, data_type: DataType::Integer(_), .. } => match expr.as_ref() {
            number @ Expr::Value(_) => number.clone(),
            _ => of.clone(),
        },
        _ => of.clone(),
    }
}

/// Fields have the names of their columns, or `col1`, ….
fn named(values: &[Expr]) -> Expr {
    let name = |(at, value): (usize, &Expr)| match value {
        Expr::Identifier(name) => name.value.clone(),
        Expr::CompoundIdentifier(parts) => {
            parts.last().map(|name| name.value.clone()).unwrap_or_default()
        }
        Expr::Named { name, .. } => name.value.clone(),
        _ => format!("col{}", at + 1),
    };
    let value = |value: &Expr| match value {
        Expr::Named { expr, .. } => expr.as_ref().clone(),
        other => other.clone(),
    };
    let fields = values.iter().enumerate().flat_map(|it| [text(&name(it)), value(it.1)]);
    call("named_struct", fields)
}

fn sorted(of: &Expr, order: &str, nulls: &str) -> Expr {
    call("array_sort", [of.clone(), text(order), text(nulls)])
}

/// NULL where the condition does not hold and nothing else is given.
pub(super) fn case(condition: Expr, result: Expr, other: Option<Expr>) -> Expr {
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen { condition, result }],
        else_result: other.map(Box::new),
    }
}
