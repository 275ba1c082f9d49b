//! `a IS DISTINCT FROM b AND c` is `(a IS DISTINCT FROM b) AND c`, and `a = b IN (c)` is `a = (b IN (c))`.
//!
//! Problem: the parser (sqlparser 0.62) takes all that follows `IS [NOT] DISTINCT FROM` for its right side, ANDs and
//! ORs too, and what stands before IN, BETWEEN and LIKE for their left side, comparisons too. Of integers that is an
//! error, of booleans another answer. Official way: none. Here: what was parsed so
//! is put together again as SQL has it (PostgreSQL's table of precedence: IN, BETWEEN and LIKE, then comparisons, IS,
//! NOT, AND, OR; several IS from left to right). Parentheses are in the parsed tree, so that what stands in them stays as it is.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value, VisitorMut};

use super::walk;

/// Puts every expression of a statement right.
pub(super) fn restore(statement: &mut DfStatement) {
    walk::rewrite(statement, &mut Restore);
}

struct Restore;

impl VisitorMut for Restore {
    type Break = ();

    /// Inner expressions come first.
    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        *expr = restored(std::mem::replace(expr, nothing()));
        ControlFlow::Continue(())
    }
}

fn restored(expr: Expr) -> Expr {
    match expr {
        Expr::IsDistinctFrom(left, right) => within(*right, is_no_stronger_than_is, |first| {
            Expr::IsDistinctFrom(left, Box::new(first))
        }),
        Expr::IsNotDistinctFrom(left, right) => within(*right, is_no_stronger_than_is, |first| {
            Expr::IsNotDistinctFrom(left, Box::new(first))
        }),
        // Below these the parser puts no AND and no OR without parentheses, but in what was just put right.
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => within(*expr, is_junction, |first| {
            Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(first) }
        }),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => within(*right, is_or, |first| {
            Expr::BinaryOp { left, op: BinaryOperator::And, right: Box::new(first) }
        }),
        Expr::InList { .. }
        | Expr::InSubquery { .. }
        | Expr::InUnnest { .. }
        | Expr::Between { .. }
        | Expr::Like { .. }
        | Expr::ILike { .. } => tightened(expr),
        other => other,
    }
}

/// IN, BETWEEN or LIKE within the comparison that was taken for an operand of it.
fn tightened(mut test: Expr) -> Expr {
    match &mut test {
        Expr::Like { pattern, .. } | Expr::ILike { pattern, .. } if is_comparison(pattern) => {
            let mut comparison = std::mem::replace(&mut **pattern, nothing());
            if let Expr::BinaryOp { left, .. } = &mut comparison {
                **pattern = std::mem::replace(&mut **left, nothing());
                **left = tightened(test);
            }
            comparison
        }
        Expr::InList { expr, .. }
        | Expr::InSubquery { expr, .. }
        | Expr::InUnnest { expr, .. }
        | Expr::Between { expr, .. }
        | Expr::Like { expr, .. }
        | Expr::ILike { expr, .. }
            if is_comparison(expr) =>
        {
            let mut comparison = std::mem::replace(&mut **expr, nothing());
            if let Expr::BinaryOp { right, .. } = &mut comparison {
                **expr = std::mem::replace(&mut **right, nothing());
                **right = test;
            }
            comparison
        }
        _ => test,
    }
}

fn is_comparison(expr: &Expr) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(expr, Expr::BinaryOp { op: Eq | NotEq | Lt | LtEq | Gt | GtEq, .. })
}

/// An expression with its first operand in another one, as deep as operators are `weak`.
fn within(mut expr: Expr, weak: fn(&Expr) -> bool, put: impl FnOnce(Expr) -> Expr) -> Expr {
    let first = first(&mut expr, weak);
    *first = put(std::mem::replace(first, nothing()));
    expr
}

fn nothing() -> Expr {
    Expr::Value(Value::Null.with_empty_span())
}

fn first(expr: &mut Expr, weak: fn(&Expr) -> bool) -> &mut Expr {
    if !weak(expr) {
        return expr;
    }
    match expr {
        Expr::BinaryOp { left: operand, .. }
        | Expr::IsDistinctFrom(operand, _)
        | Expr::IsNotDistinctFrom(operand, _)
        | Expr::IsNull(operand)
        | Expr::IsNotNull(operand)
        | Expr::IsTrue(operand)
        | Expr::IsNotTrue(operand)
        | Expr::IsFalse(operand)
        | Expr::IsNotFalse(operand)
        | Expr::IsUnknown(operand)
        | Expr::IsNotUnknown(operand) => first(operand, weak),
        other => other,
    }
}

fn is_or(expr: &Expr) -> bool {
    matches!(expr, Expr::BinaryOp { op: BinaryOperator::Or, .. })
}

fn is_junction(expr: &Expr) -> bool {
    is_or(expr) || matches!(expr, Expr::BinaryOp { op: BinaryOperator::And, .. })
}

fn is_no_stronger_than_is(expr: &Expr) -> bool {
    is_junction(expr)
        || matches!(
            expr,
            Expr::IsDistinctFrom(..)
                | Expr::IsNotDistinctFrom(..)
                | Expr::IsNull(_)
                | Expr::IsNotNull(_)
                | Expr::IsTrue(_)
                | Expr::IsNotTrue(_)
                | Expr::IsFalse(_)
                | Expr::IsNotFalse(_)
                | Expr::IsUnknown(_)
                | Expr::IsNotUnknown(_)
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::sql::sqlparser::ast::VisitMut;
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    fn parsed(condition: &str) -> Expr {
        let mut expr = Parser::new(&GenericDialect {})
            .try_with_sql(condition)
            .and_then(|mut parser| parser.parse_expr())
            .unwrap();
        let _ = expr.visit(&mut Restore);
        expr
    }

    /// The same without its parentheses, which only say what is meant.
    fn bare(expr: Expr) -> Expr {
        struct Bare;
        impl VisitorMut for Bare {
            type Break = ();
            fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
                while let Expr::Nested(inner) = expr {
                    *expr = inner.as_ref().clone();
                }
                ControlFlow::Continue(())
            }
        }
        let mut expr = expr;
        let _ = expr.visit(&mut Bare);
        expr
    }

    #[test]
    fn conditions_are_read_as_they_are_meant() {
        for (written, meant) in [
            ("a IS DISTINCT FROM b AND c", "(a IS DISTINCT FROM b) AND c"),
            ("a IS NOT DISTINCT FROM b OR c", "(a IS NOT DISTINCT FROM b) OR c"),
            ("x AND a IS DISTINCT FROM b OR c", "(x AND (a IS DISTINCT FROM b)) OR c"),
            ("x OR a IS DISTINCT FROM b AND c", "x OR ((a IS DISTINCT FROM b) AND c)"),
            ("NOT a IS DISTINCT FROM b AND c", "(NOT (a IS DISTINCT FROM b)) AND c"),
            (
                "x AND NOT a IS DISTINCT FROM b AND c OR d",
                "(x AND ((NOT (a IS DISTINCT FROM b)) AND c)) OR d",
            ),
            (
                "a IS DISTINCT FROM b OR c IS NOT DISTINCT FROM d AND e",
                "(a IS DISTINCT FROM b) OR ((c IS NOT DISTINCT FROM d) AND e)",
            ),
            ("a IS DISTINCT FROM b IS TRUE AND c", "((a IS DISTINCT FROM b) IS TRUE) AND c"),
            (
                "a IS DISTINCT FROM b IS DISTINCT FROM c",
                "(a IS DISTINCT FROM b) IS DISTINCT FROM c",
            ),
            ("a > b IN (c, d)", "a > (b IN (c, d))"),
            ("a = b NOT IN (SELECT c) AND d", "(a = (b NOT IN (SELECT c))) AND d"),
            ("a = b BETWEEN c AND d", "a = (b BETWEEN c AND d)"),
            ("a = b LIKE c", "a = (b LIKE c)"),
            ("a LIKE b = c", "(a LIKE b) = c"),
            ("a = b LIKE c = d", "a = (b LIKE c) = d"),
            ("a + b IN (c) = d", "((a + b) IN (c)) = d"),
            ("NOT a = b IN (c)", "NOT (a = (b IN (c)))"),
            ("a IS DISTINCT FROM b = c AND d", "(a IS DISTINCT FROM (b = c)) AND d"),
            ("f(a IS DISTINCT FROM b AND c, d)", "f((a IS DISTINCT FROM b) AND c, d)"),
            (
                "CASE WHEN a IS DISTINCT FROM b AND c THEN d END",
                "CASE WHEN (a IS DISTINCT FROM b) AND c THEN d END",
            ),
        ] {
            assert_eq!(bare(parsed(written)), bare(parsed(meant)), "{written}");
        }
    }

    #[test]
    fn what_stands_in_parentheses_stays_there() {
        for condition in ["a IS DISTINCT FROM (b AND c)", "x AND (b OR c)", "NOT (a OR b)"] {
            assert_eq!(parsed(condition).to_string(), condition);
        }
    }
}
