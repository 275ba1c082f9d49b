//! Queries that come out wrong when they are distributed: they run in the node that took them.
//!
//! * `datafusion-proto` 55 writes a `Float16` constant as a 32 bit one: the plan comes out with other
//!   types than it went in with.
//! * arrow-flight 59, which carries batches between stages, announces a `LargeList` as a `List`, and
//!   leaves out the dictionaries within types that it does not look into: what is read at the other end
//!   is an empty list or nonsense, often without an error.
//! * The distributed planner cannot carry the operator that holds a scalar subquery to its one row, and
//!   the join that takes its place does not: each row would come once for every row of the subquery.
//! * `datafusion-proto` 55 leaves out the FILTER of an aggregate over a window, and IGNORE NULLS.
//! * Of GROUPING SETS that are the same, or of nothing but the empty one, rows get lost between the two halves of
//!   the aggregation.
//! * A window function over partitions by what is the same in all rows (`WHERE d = 1`, or statistics say so) is
//!   planned without a sort by it, and a worker that decodes the plan does not know why: it fails.
//! * Rows that several tasks exchange are said to be in an order, and are in none ([`super::whole`] and
//!   [`super::spread`] see to it that there are none: should there be any, they are not run so).
//! * What a recursive part has found so far is in one place, and other nodes find it empty.
//! * What a node says of itself (`information_schema`) is made as it is read, and no plan carries that.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result as DfResult;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, GroupingSet, LogicalPlan};
use datafusion::physical_plan::streaming::StreamingTableExec;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use datafusion::scalar::ScalarValue;
use datafusion_distributed::NetworkBoundaryExt;

use super::recursive::is_recursive;
use super::whole::is_order_lost;

/// Whether a query must run in one node: `logical` as it was written, `optimized` as it will run.
pub(super) fn is_needed(logical: &LogicalPlan, optimized: &LogicalPlan) -> DfResult<bool> {
    let written = any_expression(logical, &|expr| match expr {
        Expr::ScalarSubquery(query) => {
            query.outer_ref_columns.is_empty()
                && query.subquery.max_rows().is_none_or(|rows| rows > 1)
        }
        Expr::WindowFunction(window) => {
            window.params.filter.is_some() || window.params.null_treatment.is_some()
        }
        Expr::GroupingSet(GroupingSet::GroupingSets(sets)) => {
            let again = sets.iter().enumerate().any(|(at, set)| sets[..at].contains(set));
            again || sets.iter().all(Vec::is_empty)
        }
        _ => false,
    })?;
    let constant = any_expression(optimized, &|expr| {
        matches!(expr, Expr::Literal(ScalarValue::Float16(_), _))
    })?;
    Ok(written || constant || is_recursive(logical)? || any_column(optimized, &is_garbled)?)
}

/// The same, seen when the plan is made.
pub(super) fn is_needed_by(plan: &Arc<dyn ExecutionPlan>) -> DfResult<bool> {
    if !plan.exists(|node| Ok(node.is_network_boundary()))? {
        return Ok(false);
    }
    if is_order_lost(plan)? {
        return Ok(true);
    }
    plan.exists(|node| {
        if node.is::<StreamingTableExec>() {
            return Ok(true);
        }
        let windows = match node.downcast_ref::<BoundedWindowAggExec>() {
            Some(window) => window.window_expr(),
            None => match node.downcast_ref::<WindowAggExec>() {
                Some(window) => window.window_expr(),
                None => return Ok(false),
            },
        };
        let Some(input) = node.children().first().copied() else { return Ok(false) };
        let known = input.equivalence_properties();
        let mut keys = windows.iter().flat_map(|window| window.partition_by());
        Ok(keys.any(|key| known.is_expr_constant(key).is_some()))
    })
}

fn any_expression(plan: &LogicalPlan, is_it: &dyn Fn(&Expr) -> bool) -> DfResult<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                found |= is_it(expr);
                Ok(go_on(found))
            })
        })
    })?;
    Ok(found)
}

fn any_column(plan: &LogicalPlan, is_it: &dyn Fn(&DataType) -> bool) -> DfResult<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        found |= node.schema().fields().iter().any(|field| is_it(field.data_type()));
        Ok(go_on(found))
    })?;
    Ok(found)
}

fn go_on(found: bool) -> TreeNodeRecursion {
    if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue }
}

/// Whether batches with such a column are not the same behind the wire between stages.
fn is_garbled(data_type: &DataType) -> bool {
    match data_type {
        DataType::LargeList(_) => true,
        DataType::List(inner) => is_garbled(inner.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| is_garbled(field.data_type())),
        DataType::Union(fields, _) => fields.iter().any(|(_, field)| is_garbled(field.data_type())),
        DataType::Dictionary(_, values) => is_garbled(values),
        // arrow-flight does not look into these.
        DataType::Map(inner, _)
        | DataType::FixedSizeList(inner, _)
        | DataType::ListView(inner)
        | DataType::LargeListView(inner) => {
            has_dictionary(inner.data_type()) || is_garbled(inner.data_type())
        }
        DataType::RunEndEncoded(_, values) => {
            has_dictionary(values.data_type()) || is_garbled(values.data_type())
        }
        _ => false,
    }
}

fn has_dictionary(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(..) => true,
        DataType::Struct(fields) => fields.iter().any(|field| has_dictionary(field.data_type())),
        DataType::Union(fields, _) => {
            fields.iter().any(|(_, field)| has_dictionary(field.data_type()))
        }
        DataType::List(inner)
        | DataType::LargeList(inner)
        | DataType::ListView(inner)
        | DataType::LargeListView(inner)
        | DataType::FixedSizeList(inner, _)
        | DataType::Map(inner, _)
        | DataType::RunEndEncoded(_, inner) => has_dictionary(inner.data_type()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::Field;

    use super::*;

    fn field(data_type: DataType) -> Arc<Field> {
        Arc::new(Field::new("item", data_type, true))
    }

    #[test]
    fn what_arrow_flight_does_not_carry_is_known() {
        let large = DataType::LargeList(field(DataType::Int64));
        let words = DataType::Dictionary(DataType::Int8.into(), DataType::Utf8.into());
        let garbled = [
            large.clone(),
            DataType::List(field(large.clone())),
            DataType::Struct(vec![field(large.clone())].into()),
            DataType::FixedSizeList(field(large), 2),
            DataType::FixedSizeList(field(words.clone()), 2),
            DataType::Map(field(DataType::Struct(vec![field(words.clone())].into())), false),
        ];
        assert!(garbled.iter().all(is_garbled));
        let carried = [
            words.clone(),
            DataType::List(field(words)),
            DataType::LargeUtf8,
            DataType::FixedSizeList(field(DataType::Int64), 2),
        ];
        assert!(!carried.iter().any(is_garbled));
    }
}
