//! WITH RECURSIVE reads its tables once in every turn.
//!
//! Problem: partitions of a scan take files from one queue (`enable_file_stream_work_stealing`), and a plan that runs
//! again, as the recursive part does in every turn, finds it empty: from the second turn on tables have no rows
//! (DataFusion 55). Official way: the setting. Here: it is off for such queries, whatever the session says.

use datafusion::common::Result as DfResult;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;

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
