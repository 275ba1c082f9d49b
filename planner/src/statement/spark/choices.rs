//! CASE, `if`, `coalesce` and their like, where their values may be of texts and of others.
//!
//! They are calls of functions that look at the types (`session/spark/choice.rs`), unless the statement shows that all are of
//! one kind.

use datafusion::sql::sqlparser::ast::{CaseWhen, DataType, Expr, UnaryOperator, Value};

use super::functions::{call_of_spark, name_of};
use crate::session::spark::{CASE, COALESCE, DIVIDE, STRING, TIMES};
use crate::statement::walk::{binary, call, nested};

/// A call as what it means; `None` for others.
pub(super) fn written(name: &str, args: &[Expr]) -> Option<Expr> {
    match (name, args) {
        ("coalesce" | "nvl" | "ifnull", [first, ..]) if is_mixed(args.iter()) => match args.len() {
            1 => Some(first.clone()),
            _ => Some(call_of_spark(COALESCE, args.iter().cloned())),
        },
        // The engine's `nvl` has the type of one side.
        ("nvl" | "ifnull", [_, _]) => Some(call("coalesce", args.iter().cloned())),
        ("if", [_, yes, no]) if is_mixed([yes, no].into_iter()) => {
            Some(call_of_spark(CASE, args.iter().cloned()))
        }
        ("nvl2", [of, yes, no]) if is_mixed([yes, no].into_iter()) => {
            let is_there = Expr::IsNotNull(Box::new(nested(of.clone())));
            Some(call_of_spark(CASE, [is_there, yes.clone(), no.clone()]))
        }
        ("decode", [of, rest @ ..]) if rest.len() > 1 => Some(decoded(of, rest)),
        _ => None,
    }
}

/// `decode(of, what, value, …, else)`, where a NULL is a NULL.
fn decoded(of: &Expr, rest: &[Expr]) -> Expr {
    let mut args = Vec::new();
    let mut pairs = rest.chunks_exact(2);
    for pair in &mut pairs {
        let (of, what) = (Box::new(nested(of.clone())), Box::new(nested(pair[0].clone())));
        args.extend([nested(Expr::IsNotDistinctFrom(of, what)), pair[1].clone()]);
    }
    args.extend(pairs.remainder().iter().cloned());
    call_of_spark(CASE, args)
}

/// A CASE as a call, if its values may be of several kinds.
pub(super) fn case(
    operand: Option<&Expr>,
    conditions: &[CaseWhen],
    other: Option<&Expr>,
) -> Option<Expr> {
    if !is_mixed(conditions.iter().map(|when| &when.result).chain(other)) {
        return None;
    }
    let condition = |of: &Expr| match operand {
        None => of.clone(),
        Some(operand) => {
            let equals = datafusion::sql::sqlparser::ast::BinaryOperator::Eq;
            binary(nested(operand.clone()), equals, nested(of.clone()))
        }
    };
    let pairs =
        conditions.iter().flat_map(|when| [condition(&when.condition), when.result.clone()]);
    Some(call_of_spark(CASE, pairs.chain(other.cloned())))
}

/// What is seen of a value without its type.
#[derive(PartialEq, Eq)]
enum Kind {
    Null,
    Text,
    Number,
    Unknown,
}

/// Whether a text may be among others.
fn is_mixed<'e>(values: impl Iterator<Item = &'e Expr>) -> bool {
    let kinds: Vec<_> = values.map(kind).filter(|kind| *kind != Kind::Null).collect();
    let all = |of: Kind| kinds.iter().all(|kind| *kind == of);
    !all(Kind::Text) && !all(Kind::Number)
}

fn kind(of: &Expr) -> Kind {
    match of {
        Expr::Nested(of) | Expr::UnaryOp { op: UnaryOperator::Minus, expr: of } => kind(of),
        Expr::Value(of) => match &of.value {
            Value::Null => Kind::Null,
            Value::SingleQuotedString(_) => Kind::Text,
            Value::Number(..) => Kind::Number,
            _ => Kind::Unknown,
        },
        Expr::Cast { data_type, .. } => match data_type {
            DataType::Text => Kind::Text,
            DataType::TinyInt(_)
            | DataType::SmallInt(_)
            | DataType::Int(_)
            | DataType::Integer(_)
            | DataType::BigInt(_)
            | DataType::Double(_)
            | DataType::Decimal(_) => Kind::Number,
            _ => Kind::Unknown,
        },
        Expr::Function(call) => match name_of(call).as_deref() {
            Some(STRING | "lower" | "upper" | "spark:substring" | "to_char") => Kind::Text,
            Some("count" | DIVIDE | TIMES | "spark:length") => Kind::Number,
            _ => Kind::Unknown,
        },
        _ => Kind::Unknown,
    }
}
