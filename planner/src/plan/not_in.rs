//! `NOT IN (subquery)` that would be answered wrongly is refused.
//!
//! A row whose left side is NULL is not in the answer of `NOT IN`. DataFusion 55 plans a join that
//! knows of NULL only where a *column* of the left side may be NULL, and not where an expression over
//! columns that cannot makes one (`NULLIF(id, 3) NOT IN …`): such rows are all answered. Over a
//! subquery that gives the expression a name it plans the right join, so that is what to write.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, ExprSchema, Result as DfResult};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};

use crate::{PlannerError, Result};

/// # Errors
/// `Unsupported` when the plan has such a `NOT IN`.
pub(super) fn refuse_hidden_nulls(plan: &LogicalPlan) -> Result<()> {
    let mut hidden = None;
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Filter(filter) = node {
            hidden = in_predicate(&filter.predicate, filter.input.schema())?;
        }
        Ok(if hidden.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    match hidden {
        None => Ok(()),
        Some(left) => Err(PlannerError::Unsupported(format!(
            "`{left} NOT IN (subquery)`, where the left side may be NULL though its columns may not, \
             is not supported by this version: name the expression in a subquery, as in \
             SELECT … FROM (SELECT *, {left} AS k FROM …) WHERE k NOT IN (…)"
        ))),
    }
}

fn in_predicate(predicate: &Expr, schema: &DFSchema) -> DfResult<Option<String>> {
    let mut hidden = None;
    let mut denied = false;
    predicate.apply(|expr| {
        // Below a NOT an IN is a NOT IN, however deep: simplification moves the NOT down.
        denied |= matches!(expr, Expr::Not(_));
        let Expr::InSubquery(within) = expr else {
            return Ok(TreeNodeRecursion::Continue);
        };
        if (within.negated || denied) && hides_nulls(&within.expr, schema)? {
            hidden = Some(within.expr.to_string());
            return Ok(TreeNodeRecursion::Stop);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(hidden)
}

fn hides_nulls(left: &Expr, schema: &DFSchema) -> DfResult<bool> {
    if matches!(left, Expr::Column(_)) || !left.nullable(schema)? {
        return Ok(false);
    }
    let columns = left.column_refs();
    let mut fields = columns.iter().filter_map(|column| schema.field_from_column(column).ok());
    Ok(!fields.any(|field| field.is_nullable()))
}
