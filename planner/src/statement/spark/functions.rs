//! Spark's functions.
//!
//! Those that differ from the engine's of the same name, or that it has not, are called by names of their own
//! (`session/spark.rs`); some are written as what they mean. All others have the meaning that they have in our own
//! dialect.

use std::ops::ControlFlow;

use datafusion::logical_expr::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, CeilFloorKind, DataType, DateTimeField, ExactNumberInfo, Expr,
    Function, Ident, ObjectName, UnaryOperator, Value, VisitorMut,
};

use super::{casts, choices, dates, simple};
use crate::session::spark::{INSTANT, STRING, of_spark};
use crate::statement::walk::{self, binary, call, cast, nested, number, plain_args, text};

pub(super) fn write_out(statement: &mut DfStatement) {
    walk::rewrite(statement, &mut Functions);
}

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

struct Functions;

impl VisitorMut for Functions {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let written = match expr {
            Expr::Function(function) => of_function(function),
            Expr::Substring { expr, substring_from, substring_for, .. } => {
                let rest = [substring_from, substring_for].into_iter().flatten();
                let rest = rest.map(|place| place.as_ref().clone());
                let args = std::iter::once(expr.as_ref().clone()).chain(rest);
                Some(call_of_spark("spark:substring", args))
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
            Expr::Like { .. } | Expr::ILike { .. } => simple::patterns(expr),
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
            *expr = written;
        }
        ControlFlow::Continue(())
    }
}

fn is_plain(field: &CeilFloorKind) -> bool {
    matches!(field, CeilFloorKind::DateTimeField(DateTimeField::NoDateTime))
}

fn of_function(function: &mut Function) -> Option<Expr> {
    let name = name_of(function)?;
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

/// What means the same in our own dialect, and is done better there.
const OURS: [&str; 1] = ["if"];

/// Those that mean the same under another name, with whatever stands behind them.
const NAMES: [(&str, &str); 15] = [
    ("transform", "array_transform"),
    ("filter", "array_filter"),
    ("array_join", "array_to_string"),
    ("array_remove", "array_remove_all"),
    ("array_size", "cardinality"),
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
        ("log" | "ln", [of]) => where_positive(of, "ln"),
        ("log2" | "log10", [of]) => where_positive(of, name),
        ("log1p", [of]) => {
            where_positive(&nested(binary(of.clone(), BinaryOperator::Plus, number(1))), "ln")
        }
        ("log", [base, of]) => {
            let base = cast(base.clone(), DataType::Double(ExactNumberInfo::None));
            let of = cast(of.clone(), DataType::Double(ExactNumberInfo::None));
            let above = |of: &Expr| binary(nested(of.clone()), BinaryOperator::Gt, number(0));
            let both = binary(above(&base), BinaryOperator::And, above(&of));
            case(both, call("log", [base, of]), None)
        }
        ("timestamp_seconds", [of]) => call_of_spark(INSTANT, [of.clone()]),
        ("chr", [of]) => call_of_spark("spark:char", [of.clone()]),
        ("left", [of, most]) => {
            call_of_spark("spark:substring", [of.clone(), number(1), most.clone()])
        }
        ("right", [of, most]) => {
            let some = binary(nested(most.clone()), BinaryOperator::Gt, number(0));
            let right = call("right", [of.clone(), most.clone()]);
            where_there(of, where_there(most, case(some, right, Some(text("")))))
        }
        ("isnotnull", [of]) => nested(Expr::IsNotNull(Box::new(nested(of.clone())))),
        ("size", [of]) => where_there(of, call_of_spark("spark:size", [of.clone()])),
        ("sort_array", [of]) => sorted(of, "ASC", "NULLS FIRST"),
        ("sort_array", [of, Expr::Value(ascends)]) => match ascends.value {
            Value::Boolean(true) => sorted(of, "ASC", "NULLS FIRST"),
            Value::Boolean(false) => sorted(of, "DESC", "NULLS LAST"),
            _ => return None,
        },
        ("array_sort", [of]) => sorted(of, "ASC", "NULLS LAST"),
        ("array_position", [of, what]) => {
            let found = call("array_position", [of.clone(), what.clone()]);
            where_there(of, call("coalesce", [found, number(0)]))
        }
        ("arrays_overlap", [left, right]) => overlap(left, right),
        ("sequence", [from, to]) => {
            let up = binary(nested(from.clone()), BinaryOperator::LtEq, nested(to.clone()));
            let step = case(up, number(1), Some(minus_one()));
            call("generate_series", [from.clone(), to.clone(), step])
        }
        ("sequence", [from, to, step]) => {
            call("generate_series", [from.clone(), to.clone(), step.clone()])
        }
        ("struct", values) => named(values),
        ("ltrim" | "rtrim", [what, from]) => call(name, [from.clone(), what.clone()]),
        ("replace", [of, what]) => call("replace", [of.clone(), what.clone(), text("")]),
        ("regexp_replace", [of, pattern, by]) => {
            call("regexp_replace", [of.clone(), pattern.clone(), by.clone(), text("g")])
        }
        ("regexp_extract", [of, pattern]) => extracted(of, pattern, number(1)),
        ("regexp_extract", [of, pattern, group]) => extracted(of, pattern, group.clone()),
        ("position" | "locate", [what, within, from]) => located(what, within, from),
        ("position" | "locate", [what, within]) => call("strpos", [within.clone(), what.clone()]),
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

fn minus_one() -> Expr {
    Expr::UnaryOp { op: UnaryOperator::Minus, expr: Box::new(number(1)) }
}

/// NULL of NULL.
fn where_there(of: &Expr, result: Expr) -> Expr {
    case(Expr::IsNotNull(Box::new(nested(of.clone()))), result, None)
}

/// NULL where they share nothing that is known, and one has a NULL.
fn overlap(left: &Expr, right: &Expr) -> Expr {
    let null = || Expr::Value(Value::Null.with_empty_span());
    let has_null = |of: &Expr| {
        let found = call("array_position", [of.clone(), null()]);
        nested(Expr::IsNotNull(Box::new(found)))
    };
    let is_full = |of: &Expr| {
        nested(binary(call("cardinality", [of.clone()]), BinaryOperator::Gt, number(0)))
    };
    let one_has = nested(binary(has_null(left), BinaryOperator::Or, has_null(right)));
    let both_full = binary(is_full(left), BinaryOperator::And, is_full(right));
    let unknown = binary(one_has, BinaryOperator::And, nested(both_full));
    let shared = call("array_has_any", [left.clone(), right.clone()]);
    let no = Expr::Value(Value::Boolean(false).with_empty_span());
    let rest = case(unknown, null(), Some(no.clone()));
    case(
        call("coalesce", [shared, no]),
        Expr::Value(Value::Boolean(true).with_empty_span()),
        Some(rest),
    )
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

/// From a place on, counted from the beginning.
fn located(what: &Expr, within: &Expr, from: &Expr) -> Expr {
    let rest = call("substr", [within.clone(), from.clone()]);
    let at = call("strpos", [rest, what.clone()]);
    let skipped = binary(nested(from.clone()), BinaryOperator::Minus, number(1));
    let found = binary(at.clone(), BinaryOperator::Plus, nested(skipped));
    let is_there = binary(
        nested(binary(at, BinaryOperator::Gt, number(0))),
        BinaryOperator::And,
        nested(binary(nested(from.clone()), BinaryOperator::Gt, number(0))),
    );
    where_there(within, where_there(what, case(is_there, found, Some(number(0)))))
}

/// A group of the first match, or an empty text; the whole match is another group around all.
fn extracted(of: &Expr, pattern: &Expr, group: Expr) -> Expr {
    let whole = call("concat", [text("("), pattern.clone(), text(")")]);
    let found = call("regexp_match", [of.clone(), whole]);
    let at = nested(binary(nested(group), BinaryOperator::Plus, number(1)));
    let found = call("coalesce", [call("array_element", [found, at]), text("")]);
    where_there(of, where_there(pattern, found))
}

/// Logarithms of what has none are NULL.
fn where_positive(of: &Expr, function: &str) -> Expr {
    let of = cast(of.clone(), DataType::Double(ExactNumberInfo::None));
    case(binary(nested(of.clone()), BinaryOperator::Gt, number(0)), call(function, [of]), None)
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
