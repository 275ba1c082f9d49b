//! `a ^ b` is the power.
//!
//! Problem: DataFusion 55 takes `^` for the XOR of bits, cuts floating-point numbers to integers for it, and the parser lets it
//! bind weaker than `+`. PostgreSQL, DuckDB and the BI tools that write for them mean a power. Official way: `power(a, b)`.
//! Here: it is written, over DOUBLEs as in DuckDB, and `^` binds stronger than `*` and from left to right, as
//! PostgreSQL has it. Beside operators of which that is not known it is refused ([`unseen`](super::unseen)).

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType, ExactNumberInfo, Expr, Value, VisitorMut,
};

use super::walk::{self, call};

/// Writes it in a statement.
pub(super) fn write_out(statement: &mut DfStatement) {
    walk::rewrite(statement, &mut Powers);
}

struct Powers;

impl VisitorMut for Powers {
    type Break = ();

    /// Inner expressions come first.
    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::BinaryOp { left, op: BinaryOperator::BitwiseXor, right } = expr
            && is_known(left)
            && is_known(right)
        {
            let (mut operands, mut operators) = (Vec::new(), Vec::new());
            flatten(std::mem::replace(left, Box::new(nothing())), &mut operands, &mut operators);
            operators.push(BinaryOperator::BitwiseXor);
            flatten(std::mem::replace(right, Box::new(nothing())), &mut operands, &mut operators);
            *expr = put_together(operands, operators);
        }
        ControlFlow::Continue(())
    }
}

fn nothing() -> Expr {
    Expr::Value(Value::Null.with_empty_span())
}

/// How strong an operator binds.
fn strength(operator: &BinaryOperator) -> Option<u8> {
    match operator {
        BinaryOperator::BitwiseXor => Some(3),
        BinaryOperator::Multiply | BinaryOperator::Divide | BinaryOperator::Modulo => Some(2),
        BinaryOperator::Plus | BinaryOperator::Minus => Some(1),
        _ => None,
    }
}

/// Whether it has no other operators that are not in parentheses.
fn is_known(expr: &Expr) -> bool {
    match expr {
        Expr::BinaryOp { left, op, right } => {
            strength(op).is_some() && is_known(left) && is_known(right)
        }
        _ => true,
    }
}

/// What stood there from left to right: parentheses are in the tree.
fn flatten(expr: Box<Expr>, operands: &mut Vec<Expr>, operators: &mut Vec<BinaryOperator>) {
    match *expr {
        Expr::BinaryOp { left, op, right } => {
            flatten(left, operands, operators);
            operators.push(op);
            flatten(right, operands, operators);
        }
        operand => operands.push(operand),
    }
}

fn put_together(operands: Vec<Expr>, operators: Vec<BinaryOperator>) -> Expr {
    let mut operands = operands.into_iter();
    let mut done = vec![operands.next().unwrap_or_else(nothing)];
    let mut open: Vec<BinaryOperator> = Vec::new();
    for (operator, operand) in operators.into_iter().zip(operands) {
        while open.last().is_some_and(|last| strength(last) >= strength(&operator)) {
            close(&mut done, &mut open);
        }
        open.push(operator);
        done.push(operand);
    }
    while !open.is_empty() {
        close(&mut done, &mut open);
    }
    done.pop().unwrap_or_else(nothing)
}

/// Puts the last two together by the last operator.
fn close(done: &mut Vec<Expr>, open: &mut Vec<BinaryOperator>) {
    let (Some(op), Some(right), Some(left)) = (open.pop(), done.pop(), done.pop()) else { return };
    done.push(match op {
        BinaryOperator::BitwiseXor => call("power", [double(left), double(right)]),
        op => Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) },
    });
}

fn double(expr: Expr) -> Expr {
    Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(expr),
        data_type: DataType::Double(ExactNumberInfo::None),
        array: false,
        format: None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::super::tests::written;

    fn check(sql: &str, expected: &str) {
        let plain =
            written(&format!("SELECT {sql}")).replace("CAST(", "").replace(" AS DOUBLE)", "");
        assert_eq!(plain, format!("SELECT {expected}"));
    }

    #[test]
    fn a_power_binds_stronger_than_products_and_from_left_to_right() {
        check("2 ^ 3", "power(2, 3)");
        check("a * b ^ c + d", "a * power(b, c) + d");
        check("a + b ^ c * d", "a + power(b, c) * d");
        check("a ^ b ^ c", "power(power(a, b), c)");
        check("a ^ b * c ^ d", "power(a, b) * power(c, d)");
        check("-a ^ (b + c) - 1", "power(-a, (b + c)) - 1");
    }

    #[test]
    fn beside_other_operators_it_is_refused() {
        let refused = parse("SELECT a & b ^ c").unwrap_err().to_string();
        assert!(refused.contains("power(x, y)"), "{refused}");
    }
}
