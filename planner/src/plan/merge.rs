//! Each task merges its own ordered partitions, so that one ordered stream leaves it.
//!
//! Problem: a worker sends all partitions of a task over one connection, in the order in which they
//! come, and datafusion-distributed 4.0 stops reading a connection that has 64 MiB waiting. An
//! ordered merge above it reads the partition with the smallest values first. Where values are
//! clustered, the others fill those 64 MiB, the wanted one is behind them, and the merge waits for
//! ever. Official way: none. Here: the merge is done twice, as in any distributed sort.
//!
//! ```text
//!   SortPreservingMergeExec                SortPreservingMergeExec
//!     [network: 2 streams a task]            [network: 1 stream a task]
//!       SortExec (2 partitions)                TaskMergeExec (1 partition)
//!                                                SortExec (2 partitions)
//! ```
//!
//! Most of the merging then happens on the workers, at the same time.

use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{LexOrdering, OrderingRequirements, PhysicalExpr};
use datafusion::physical_plan::execution_plan::CardinalityEffect;
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties,
    PlanProperties, ReplaceChildrenOptions,
};
use datafusion::prelude::SessionConfig;

mod codec;

pub(crate) use codec::TaskMergeCodec;

/// In a session: ordered partitions are merged within each task before they leave it.
#[derive(Debug)]
pub(crate) struct MergeInTasks;

/// Puts a [`TaskMergeExec`] below every merge of several partitions, in a session that plans for the
/// cluster.
pub(crate) fn merge_in_tasks(
    plan: Arc<dyn ExecutionPlan>,
    config: &SessionConfig,
) -> Result<Arc<dyn ExecutionPlan>> {
    if config.get_extension::<MergeInTasks>().is_none() {
        return Ok(plan);
    }
    let merged = plan.transform_up(|node| {
        let merge = node.downcast_ref::<SortPreservingMergeExec>();
        let Some(merge) = merge.filter(|merge| has_partitions(merge.input())) else {
            return Ok(Transformed::no(node));
        };
        let first = TaskMergeExec::new(merge.expr().clone(), merge.fetch(), merge.input());
        Ok(Transformed::yes(Arc::clone(&node).replace_children(vec![Arc::new(first)], anew())?))
    })?;
    Ok(merged.data)
}

fn anew() -> ReplaceChildrenOptions {
    ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute)
}

fn has_partitions(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.output_partitioning().partition_count() > 1
}

/// A [`SortPreservingMergeExec`] within one task: datafusion-distributed, which cuts below those,
/// does not cut below this.
#[derive(Debug)]
pub(crate) struct TaskMergeExec(SortPreservingMergeExec);

impl TaskMergeExec {
    pub(crate) fn new(
        order: LexOrdering,
        fetch: Option<usize>,
        input: &Arc<dyn ExecutionPlan>,
    ) -> Self {
        Self(SortPreservingMergeExec::new(order, Arc::clone(input)).with_fetch(fetch))
    }
}

impl DisplayAs for TaskMergeExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskMergeExec: [{}]", self.0.expr())?;
        self.0.fetch().map_or(Ok(()), |fetch| write!(f, ", fetch={fetch}"))
    }
}

impl ExecutionPlan for TaskMergeExec {
    fn name(&self) -> &str {
        "TaskMergeExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.0.properties()
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        self.0.required_input_ordering()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        self.0.maintains_input_order()
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        self.0.benefits_from_input_partitioning()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.0.children()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.0.apply_expressions(f)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match children.as_slice() {
            [input] => Ok(Arc::new(Self::new(self.0.expr().clone(), self.0.fetch(), input))),
            _ => Err(DataFusionError::Internal("TaskMergeExec has exactly one child".into())),
        }
    }

    fn fetch(&self) -> Option<usize> {
        self.0.fetch()
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        self.0.cardinality_effect()
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        self.0.execute(partition, context)
    }

    fn metrics(&self) -> Option<MetricsSet> {
        self.0.metrics()
    }
}
