//! What IN compares with.
//!
//! Problems, in DataFusion 55:
//! * What of a list has a value without rows is taken for a constant, and CASE has one: `x IN (12, 13, CASE WHEN y > 100
//!   THEN -1 ELSE x END)` is false.
//! * Two lists of one column beside AND or OR become one, without the NULLs that are in them, and true or false where
//!   nothing is left: `x IN (1, 3) AND x NOT IN (2, NULL)` is true for 3, and `x IN (1) AND x IN (2)` is false for NULL.
//!
//! Official way: none. Here: a list has constants alone, none of them NULL, what else there is stands beside it; and of
//! several lists of one column all but the first are hidden.
//!
//! ```text
//!   x IN (1, NULL, y)          ──►  x IN (1) OR x = NULL OR x = y
//!   x IN (…) AND x NOT IN (…)  ──►  x IN (…) AND kept(x NOT IN (…))
//! ```

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Cast, Expr, LogicalPlan, Operator, not};
use datafusion::optimizer::AnalyzerRule;

use super::rewritten;
use super::same::Same;

/// Writes them so.
#[derive(Debug)]
pub(super) struct WholeLists;

impl AnalyzerRule for WholeLists {
    fn name(&self) -> &str {
        "whole_lists"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        rewritten(plan, written)
    }
}

fn written(expr: Expr) -> Transformed<Expr> {
    match expr {
        Expr::InList(list) => apart(list),
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) => {
            hidden(*left, op, *right)
        }
        other => Transformed::no(other),
    }
}

/// What is no constant stands beside the list.
fn apart(InList { expr, list, negated }: InList) -> Transformed<Expr> {
    // Each of them would see another value.
    if list.iter().all(is_constant) || expr.is_volatile() {
        return Transformed::no(Expr::InList(InList { expr, list, negated }));
    }
    let (constants, others): (Vec<_>, Vec<_>) = list.into_iter().partition(is_constant);
    let list = (!constants.is_empty()).then(|| expr.clone().in_list(constants, false));
    let others = others.into_iter().map(|other| expr.as_ref().clone().eq(other));
    let any = any(list.into_iter().chain(others).collect());
    Transformed::yes(if negated { not(any) } else { any })
}

fn is_constant(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(value, _) => !value.is_null(),
        Expr::Negative(of) | Expr::Cast(Cast { expr: of, .. }) => is_constant(of),
        _ => false,
    }
}

/// All of them with OR between, no deeper than it must be.
fn any(mut all: Vec<Expr>) -> Expr {
    match all.len() {
        1 => all.remove(0),
        len => {
            let right = all.split_off(len / 2);
            any(all).or(any(right))
        }
    }
}

/// All lists of one value but the first are what no rule looks into. Both sides are so already.
fn hidden(left: Expr, op: Operator, right: Expr) -> Transformed<Expr> {
    let mut later = Vec::new();
    listed(&right, op, &mut later);
    let mut first = Vec::new();
    if !later.is_empty() {
        listed(&left, op, &mut first);
    }
    let twice = later.iter().any(|value| first.contains(value));
    let first: Vec<Expr> = if twice { first.into_iter().cloned().collect() } else { Vec::new() };
    let right = if twice { without(right, op, &first) } else { right };
    let (left, right) = (Box::new(left), Box::new(right));
    Transformed::new_transformed(Expr::BinaryExpr(BinaryExpr { left, op, right }), twice)
}

/// The values of the lists that a chain has, of those that would become one.
fn listed<'e>(expr: &'e Expr, op: Operator, values: &mut Vec<&'e Expr>) {
    match expr {
        Expr::BinaryExpr(chain) if chain.op == op => {
            listed(&chain.left, op, values);
            listed(&chain.right, op, values);
        }
        other => values.extend(value(other, op)),
    }
}

/// The same chain with its lists of these values hidden.
fn without(expr: Expr, op: Operator, values: &[Expr]) -> Expr {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: of, right }) if of == op => {
            let [left, right] = [left, right].map(|side| Box::new(without(*side, op, values)));
            Expr::BinaryExpr(BinaryExpr { left, op, right })
        }
        other => match value(&other, op).is_some_and(|value| values.contains(value)) {
            true => Same::Kept.call(other),
            false => other,
        },
    }
}

/// What is looked for in a list, or in what the engine makes one of. Lists with OR between may become one, if neither
/// is negated.
fn value(expr: &Expr, op: Operator) -> Option<&Expr> {
    match (expr, op) {
        (Expr::Not(of), _) => value(of, Operator::And),
        (Expr::InList(list), Operator::And) => Some(&list.expr),
        (Expr::InList(list), _) => list.negated.then_some(&list.expr),
        (Expr::BinaryExpr(of), Operator::And) if of.op == Operator::Or => {
            let [left, right] = [&of.left, &of.right].map(|side| equal_or_listed(side));
            left.filter(|left| right == Some(left))
        }
        _ => None,
    }
}

fn equal_or_listed(expr: &Expr) -> Option<&Expr> {
    match expr {
        Expr::BinaryExpr(of) if of.op == Operator::Eq => match (&*of.left, &*of.right) {
            (value @ Expr::Column(_), Expr::Literal(..))
            | (Expr::Literal(..), value @ Expr::Column(_)) => Some(value),
            _ => None,
        },
        other => value(other, Operator::And),
    }
}
