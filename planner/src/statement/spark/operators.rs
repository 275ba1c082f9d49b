//! Spark's operators, written as calls of its functions and as operators of ours.
//!
//! `/`, `DIV`, `%` and `a[i]` are other operations than the engine's (`session/spark.rs`); `a <=> b` is `a IS NOT DISTINCT
//! FROM b`, `a RLIKE p` and `a || b` have functions.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, Expr, Subscript, UnaryOperator, Value, VisitorMut,
};

use super::functions::call_of_spark;
use crate::session::spark::{AT, DIV, DIVIDE};
use crate::statement::walk::{self, binary, call, nested, text};

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
        BinaryOperator::Divide => DIVIDE,
        BinaryOperator::MyIntegerDivide => DIV,
        BinaryOperator::Modulo => "spark:mod",
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

/// In ours `^` is a power.
fn bits_of_one(left: Expr, right: Expr) -> Expr {
    let (left, right) = (nested(left), nested(right));
    let any = binary(left.clone(), BinaryOperator::BitwiseOr, right.clone());
    let both = binary(left, BinaryOperator::BitwiseAnd, right);
    nested(binary(nested(any), BinaryOperator::Minus, nested(both)))
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
            AccessExpr::Dot(Expr::Identifier(name)) if matches!(of, Expr::Function(_)) => {
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
