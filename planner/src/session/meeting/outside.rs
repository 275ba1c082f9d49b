//! What subqueries refer to outside has the type that it has there by now.
//!
//! A reference carries the type that its column had when the statement was read: of CASE and UNION that of the first
//! branch.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, ExprSchema, Result};
use datafusion::logical_expr::expr::{Exists, InSubquery, SetComparison};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, Join, LogicalPlan, Subquery};

use super::{types_met, upwards};

/// A node whose subqueries have seen its inputs as they are.
pub(super) fn outside(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    if let LogicalPlan::Join(join) = node {
        return lateral(join);
    }
    let schema = merge_schema(&node.inputs());
    node.map_expressions(|expr| expr.transform_up(|expr| within(expr, &schema)))
}

/// The right side of a join may refer to the left one.
fn lateral(join: Join) -> Result<Transformed<LogicalPlan>> {
    let mut refers = false;
    join.right.apply(|node| {
        refers |= matches!(node, LogicalPlan::Subquery(_));
        Ok(if refers { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    if !refers {
        return Ok(Transformed::no(LogicalPlan::Join(join)));
    }
    let right = retyped(join.right.as_ref().clone(), join.left.schema())?;
    Ok(right.update_data(|right| LogicalPlan::Join(Join { right: Arc::new(right), ..join })))
}

fn within(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    Ok(match expr {
        Expr::ScalarSubquery(subquery) => seen(subquery, schema)?.update_data(Expr::ScalarSubquery),
        Expr::Exists(Exists { subquery, negated }) => seen(subquery, schema)?
            .update_data(|subquery| Expr::Exists(Exists { subquery, negated })),
        Expr::InSubquery(InSubquery { expr, subquery, negated }) => seen(subquery, schema)?
            .update_data(|subquery| Expr::InSubquery(InSubquery { expr, subquery, negated })),
        Expr::SetComparison(of) => {
            let subquery = seen(of.subquery.clone(), schema)?;
            subquery.update_data(|subquery| Expr::SetComparison(SetComparison { subquery, ..of }))
        }
        other => Transformed::no(other),
    })
}

fn seen(subquery: Subquery, schema: &DFSchema) -> Result<Transformed<Subquery>> {
    let Subquery { subquery, outer_ref_columns, spans } = subquery;
    let plan = retyped(subquery.as_ref().clone(), schema)?;
    let columns = outer_ref_columns.into_iter().map(|column| Ok(reference(column, schema)?.data));
    let outer_ref_columns = columns.collect::<Result<_>>()?;
    Ok(plan.update_data(|plan| Subquery { subquery: Arc::new(plan), outer_ref_columns, spans }))
}

fn retyped(plan: LogicalPlan, schema: &DFSchema) -> Result<Transformed<LogicalPlan>> {
    let retyped = upwards(plan, |node| {
        node.map_expressions(|expr| expr.transform_up(|expr| reference(expr, schema)))
    })?;
    match retyped.transformed {
        true => retyped.map_data(types_met),
        false => Ok(retyped),
    }
}

fn reference(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let Expr::OuterReferenceColumn(was, column) = expr else { return Ok(Transformed::no(expr)) };
    match schema.field_from_column(&column) {
        Ok(is) if is.data_type() != was.data_type() => {
            Ok(Transformed::yes(Expr::OuterReferenceColumn(Arc::clone(is), column)))
        }
        _ => Ok(Transformed::no(Expr::OuterReferenceColumn(was, column))),
    }
}
