//! WITH RECURSIVE reads its tables once in every turn, and loses nothing between them.
//!
//! Problem: partitions of a scan take files from one queue (`enable_file_stream_work_stealing`), and a plan that runs
//! again, as the recursive part does in every turn, finds it empty: from the second turn on tables have no rows
//! (DataFusion 55). Official way: the setting. Here: it is off for such queries, whatever the session says. And the
//! columns of the recursive part are cast to the types of the first one: what that could cut is refused, as by
//! PostgreSQL. Casts that the query has itself stand in a CASE (`statement/recursion.rs`).

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::Result as DfResult;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Cast, Expr, ExprSchemable, LogicalPlan, RecursiveQuery};

use crate::{PlannerError, Result};

/// Has the query's session run so, if the query is one.
pub(super) fn every_turn_reads_all(plan: &LogicalPlan, state: &mut SessionState) -> DfResult<()> {
    if is_recursive(plan)? {
        state.config_mut().options_mut().execution.enable_file_stream_work_stealing = false;
    }
    Ok(())
}

/// Whether a query has a recursive part.
pub(super) fn is_recursive(plan: &LogicalPlan) -> DfResult<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        found |= matches!(node, LogicalPlan::RecursiveQuery(_));
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

/// # Errors
/// `Invalid` where the recursive part has a column that the first one's type would cut.
pub(super) fn refuse_cuts(plan: &LogicalPlan) -> Result<()> {
    let mut cut = None;
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::RecursiveQuery(query) = node {
            cut = cut.take().or(first_cut(query));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    match cut {
        None => Ok(()),
        Some(Cut { query, column, first, then }) => Err(PlannerError::Invalid(format!(
            "column {column} of recursive query {query} is {first} in its first part and {then} in the recursive one, which would be cut: CAST it in the first part to a type that holds both, or in the recursive part to {first}"
        ))),
    }
}

struct Cut {
    query: String,
    column: String,
    first: DataType,
    then: DataType,
}

fn first_cut(query: &RecursiveQuery) -> Option<Cut> {
    let columns = query.static_term.schema().fields().iter().zip(given(&query.recursive_term));
    columns.into_iter().find_map(|(column, then)| {
        let first = column.data_type().clone();
        let is_cut = cuts(&then, &first);
        is_cut.then(|| Cut {
            query: query.name.clone(),
            column: column.name().clone(),
            first,
            then,
        })
    })
}

/// The types of columns before they are cast.
fn given(part: &LogicalPlan) -> Vec<DataType> {
    let LogicalPlan::Projection(projection) = part else {
        return part.schema().fields().iter().map(|field| field.data_type().clone()).collect();
    };
    let columns = projection.expr.iter().zip(projection.schema.fields());
    let types = columns.map(|(expr, field)| {
        let cast = match expr.clone().unalias() {
            Expr::Cast(Cast { expr, .. }) => expr.get_type(projection.input.schema()).ok(),
            _ => None,
        };
        cast.unwrap_or_else(|| field.data_type().clone())
    });
    types.collect()
}

/// Whether a cast can give another value without an error.
fn cuts(from: &DataType, to: &DataType) -> bool {
    use DataType::{Date32, Date64, Float16, Float32, Float64, Timestamp};
    let is_whole = |of: &DataType| of.is_integer();
    match (from, to) {
        (from, to) if from == to => false,
        (Float16 | Float32 | Float64, to) if is_whole(to) || to.is_decimal() => true,
        (Float64, Float32 | Float16) | (Float32, Float16) => true,
        (from, to) if from.is_decimal() && to.is_decimal() => scale(from) > scale(to),
        (from, to) if from.is_decimal() && is_whole(to) => scale(from) > 0,
        (Timestamp(..), Date32 | Date64) => true,
        (Timestamp(fine, _), Timestamp(coarse, _)) => rank(*fine) > rank(*coarse),
        _ => false,
    }
}

fn scale(of: &DataType) -> i8 {
    match of {
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => *scale,
        _ => 0,
    }
}

fn rank(of: TimeUnit) -> u8 {
    match of {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 1,
        TimeUnit::Microsecond => 2,
        TimeUnit::Nanosecond => 3,
    }
}
