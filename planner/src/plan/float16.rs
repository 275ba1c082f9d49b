//! Constants that do not survive the way to a worker.
//!
//! `datafusion-proto` 55 writes a `Float16` constant as a 32 bit one, so a plan that has one comes out
//! with other types than it went in with.

use datafusion::common::Result as DfResult;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::scalar::ScalarValue;

/// Whether an optimized plan has such a constant: then it runs in the node that took it.
pub(super) fn has_constant(plan: &LogicalPlan) -> DfResult<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                found |= matches!(expr, Expr::Literal(ScalarValue::Float16(_), _));
                Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
            })
        })
    })?;
    Ok(found)
}
