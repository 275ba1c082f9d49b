//! Spark's operators, written as calls of its functions and as operators of ours.
//!
//! `/`, `DIV`, `%` and `a[i]` are other operations than the engine's (`session/spark.rs`); `a <=> b` is `a IS NOT DISTINCT
//! FROM b`, `a RLIKE p` and `a || b` have functions.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, DataType, Expr, Subscript, UnaryOperator, Value, VisitorMut,
};

use super::functions::call_of_spark;
use super::syntax::UNSIGNED;
use crate::session::spark::{AT, DIV, DIVIDE, MINUS, MOD, PLUS, TIMES};
use crate::statement::walk::{self, binary, call, nested, number, text};

pub(super) fn write_out(statement: &mut DfStatement) {
    walk::rewrite(statement, &mut Operators);
}

struct Operators;

impl VisitorMut for Operators {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let written = match std::mem::replace(expr, Expr::Value(Value::Null.with_empty_span())) {
            Expr::BinaryOp { left, op, right } => operator(*left, op, *right),
            Expr::UnaryOp { op: UnaryOperator::BitwiseNot, expr } => {
                call_of_spark("spark:bitwise_not", [*expr])
            }
            Expr::CompoundFieldAccess { root, access_chain } => access(*root, access_chain),
            other => other,
        };
        *expr = written;
        ControlFlow::Continue(())
    }
}

fn operator(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    let function = match op {
        BinaryOperator::Plus if is_typed(&left, &right) => return of_numbers(PLUS, left, right),
        BinaryOperator::Minus if is_typed(&left, &right) => return of_numbers(MINUS, left, right),
        BinaryOperator::Multiply if is_typed(&left, &right) => {
            return of_numbers(TIMES, left, right);
        }
        BinaryOperator::Divide => return of_numbers(DIVIDE, left, right),
        BinaryOperator::MyIntegerDivide => DIV,
        BinaryOperator::PGBitwiseShiftLeft => "spark:shiftleft",
        BinaryOperator::PGBitwiseShiftRight => "spark:shiftright",
        BinaryOperator::Custom(of) if of == UNSIGNED => "spark:shiftrightunsigned",
        BinaryOperator::Modulo => return of_numbers(MOD, left, right),
        BinaryOperator::StringConcat => "spark:concat",
        BinaryOperator::BitwiseXor => return bits_of_one(left, right),
        BinaryOperator::Spaceship => {
            let (left, right) = (nested(left), nested(right));
            return nested(Expr::IsNotDistinctFrom(Box::new(left), Box::new(right)));
        }
        op => return Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) },
    };
    call_of_spark(function, [left, right])
}

/// Whether an operator is one of Spark's functions: not of an INTERVAL, which is the engine's own, nor of a parameter, which
/// has the type of what it stands beside.
fn is_typed(left: &Expr, right: &Expr) -> bool {
    ![left, right].into_iter().any(|of| match of {
        Expr::Interval(_) => true,
        Expr::Value(of) => matches!(of.value, Value::Placeholder(_)),
        _ => false,
    })
}

/// A call with the digits of a number that stands on one side: a decimal counts with those ([`crate::session::spark`]).
pub(super) fn of_numbers(function: &str, left: Expr, right: Expr) -> Expr {
    match (digits(&left), digits(&right)) {
        (0, 0) => call_of_spark(function, [left, right]),
        (of_left, of_right) => {
            call_of_spark(function, [left, right, number(of_left), number(of_right)])
        }
    }
}

/// How many digits a whole number has that stands there; 0 for all else.
fn digits(of: &Expr) -> u64 {
    let of = match of {
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => expr.as_ref(),
        Expr::Nested(of) => return digits(of),
        other => other,
    };
    let Expr::Cast { expr, data_type, .. } = of else { return 0 };
    let Expr::Value(value) = expr.as_ref() else { return 0 };
    let text = match (data_type, &value.value) {
        (DataType::Integer(_), Value::Number(text, _)) => text,
        // As literals of BIGINT are written, and no cast of a number.
        (DataType::BigInt(_), Value::SingleQuotedString(text)) => text,
        _ => return 0,
    };
    let text = text.trim_start_matches('-');
    let is_number = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    match is_number {
        true => text.trim_start_matches('0').len().max(1) as u64,
        false => 0,
    }
}

/// In ours `^` is a power, and `#` what it is in Spark.
fn bits_of_one(left: Expr, right: Expr) -> Expr {
    nested(binary(nested(left), BinaryOperator::PGBitwiseXor, nested(right)))
}

/// `a[i].b[j]`, from left to right.
fn access(root: Expr, chain: Vec<AccessExpr>) -> Expr {
    let (mut of, mut fields) = (root, Vec::new());
    for step in chain {
        match step {
            AccessExpr::Subscript(Subscript::Index { index }) => {
                of = call_of_spark(AT, [with(of, std::mem::take(&mut fields)), index]);
            }
            // What is called has fields by a function alone.
            AccessExpr::Dot(Expr::Identifier(name))
                if matches!(of, Expr::Function(_) | Expr::Struct { .. }) =>
            {
                of = call("get_field", [of, text(&name.value)]);
            }
            other => fields.push(other),
        }
    }
    with(of, fields)
}

fn with(root: Expr, access_chain: Vec<AccessExpr>) -> Expr {
    match access_chain.is_empty() {
        true => root,
        false => Expr::CompoundFieldAccess { root: Box::new(root), access_chain },
    }
}
