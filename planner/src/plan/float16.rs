//! Constants that do not survive the way to a worker.
//!
//! `datafusion-proto` 55 writes a `Float16` constant as a 32 bit one, so a plan that has one comes out
//! with other types than it went in with. SQL makes such constants by `arrow_cast` alone.

use datafusion::common::Result as DfResult;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::scalar::ScalarValue;

/// Whether a plan will have such a constant: then it runs in the node that took it.
pub(super) fn has_constant(plan: &LogicalPlan) -> DfResult<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                found |= makes_one(expr);
                Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
            })
        })
    })?;
    Ok(found)
}

/// `arrow_cast(1.5, 'Float16')` and its kin, of something that is known when the query is planned.
fn makes_one(expr: &Expr) -> bool {
    let Expr::ScalarFunction(call) = expr else { return false };
    let names_it = |arg: &Expr| match arg {
        Expr::Literal(ScalarValue::Utf8(Some(text)), _) => text.contains("Float16"),
        _ => false,
    };
    expr.column_refs().is_empty() && call.args.iter().any(names_it)
}
