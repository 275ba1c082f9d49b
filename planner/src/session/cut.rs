//! Sorts and groups that are cut short keep what an ORDER BY would have kept.
//!
//! Problem, in DataFusion 55: a sort with a LIMIT leaves out rows that are worse than those it has, by a comparison that
//! has NULLs within lists and structs before all other values, where the order of the sort has them behind; and half
//! floats by their bits. Groups with a LIMIT keep the best in a heap, which panics at a NaN. What such a sort keeps cannot
//! go to disk, and takes its batches whole: of some ten thousand rows it is many times what is given, and slower than to
//! sort all. Official way: none. Here: over keys of such types, and beyond [`MOST_KEPT`] rows, all is sorted, or grouped,
//! and cut afterwards.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::limit::{GlobalLimitExec, LocalLimitExec};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use super::exact::is_nested;

/// Rows up to which a sort keeps those that it gives, and leaves out others as they come. The least LIMIT that was seen to
/// fail on a small node (128 MiB) was five times as many; a full sort was as fast from twenty times as many.
const MOST_KEPT: usize = 10_000;

/// The last of the rules: nothing may move a limit into a sort again.
#[derive(Debug)]
pub(super) struct CutAfterwards;

impl PhysicalOptimizerRule for CutAfterwards {
    fn name(&self) -> &str {
        "cut_afterwards"
    }

    fn schema_check(&self) -> bool {
        true
    }

    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            if let Some(sort) = node.downcast_ref::<SortExec>() {
                return Ok(sorted(sort).map_or_else(|| Transformed::no(node), Transformed::yes));
            }
            match node.downcast_ref::<AggregateExec>() {
                Some(groups) if is_cut(groups)? => {
                    let whole = groups.clone().with_limit_options(None);
                    Ok(Transformed::yes(Arc::new(whole) as _))
                }
                _ => Ok(Transformed::no(node)),
            }
        })
        .map(|plan| plan.data)
    }
}

fn sorted(sort: &SortExec) -> Option<Arc<dyn ExecutionPlan>> {
    let fetch = sort.fetch()?;
    let schema = sort.input().schema();
    let misled = |expr: &Arc<dyn PhysicalExpr>| {
        expr.data_type(&schema).map_or(true, |of| is_nested(&of) || of == DataType::Float16)
    };
    if fetch <= MOST_KEPT && !sort.expr().iter().any(|key| misled(&key.expr)) {
        return None;
    }
    let whole: Arc<dyn ExecutionPlan> = Arc::new(sort.with_fetch(None));
    Some(match whole.output_partitioning().partition_count() {
        1 => Arc::new(GlobalLimitExec::new(whole, 0, Some(fetch))),
        _ => Arc::new(LocalLimitExec::new(whole, fetch)),
    })
}

/// Whether a limit of groups goes by keys, or by a total, of such types.
fn is_cut(groups: &AggregateExec) -> Result<bool> {
    if groups.limit_options().is_none() {
        return Ok(false);
    }
    let schema = groups.schema();
    let misled = |of: &DataType| of.is_floating() || is_nested(of);
    Ok(schema.fields().iter().any(|field| misled(field.data_type())))
}
