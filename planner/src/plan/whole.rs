//! Which stages must stay whole, in one task.
//!
//! DataFusion plans for one process: where the input of an operator has a single partition, it
//! leaves out the exchange that would have brought rows together, and lets a scan of one partition
//! do a LIMIT alone. datafusion-distributed splits such a scan among tasks all the same, and then
//! every task keeps the limit, sorts, or counts the groups of its own rows:
//!
//! ```text
//!   AggregateExec: mode=Single        one task: right; two tasks: every group twice
//!     DataSourceExec: 1 group, limit=10         one task: 10 rows; two tasks: 20
//! ```
//!
//! An exchange by hash of one partition keeps the order of its rows, and one that merges does of several. Behind it rows
//! of several tasks come as they come; DataFusion has planned no sort there, and counts groups as if each came at once:
//!
//! ```text
//!   AggregateExec: mode=FinalPartitioned, ordering_mode=Sorted
//!     RepartitionExec: Hash([k], 2), input_partitions=1     one task: right; two tasks: a group for each turn
//!       DataSourceExec: 1 group, output_ordering=[k]
//! ```
//!
//! The handler here is asked about every operator before stages are cut, and holds a stage together
//! where an operator counts on seeing all rows. Boundaries bring rows together by themselves:
//! nothing below them matters.

use std::sync::Arc;

use datafusion::common::tree_node::TreeNode;
use datafusion::error::Result;
use datafusion::physical_expr::{Distribution, Partitioning};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec};
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use datafusion_distributed::{
    BroadcastExec, DesiredTaskCountEvent, DesiredTaskCountEventResponse, NetworkBoundaryExt,
    NetworkShuffleExec,
};

use super::merge::TaskMergeExec;
use crate::deliver::DeliverExec;

/// One task for a stage with an operator that counts on seeing all rows; no opinion on others.
pub(crate) fn keep_whole(
    event: DesiredTaskCountEvent,
) -> Option<Result<DesiredTaskCountEventResponse>> {
    let plan = event.plan;
    let whole = limits_alone(plan)
        || keeps_order_alone(plan)
        || keeps_order_across(plan)
        || counts_on_one_partition(plan);
    whole.then(|| Ok(DesiredTaskCountEventResponse::maximum(1)))
}

/// A limit in an operator of one partition is the whole query's, not one for each task.
fn limits_alone(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.fetch().is_some() && is_splittable(plan)
}

/// Rows that are delivered in an order: in two tasks they would be two ordered halves.
fn keeps_order_alone(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let ordered = |input: &Arc<dyn ExecutionPlan>| input.output_ordering().is_some();
    plan.is::<DeliverExec>()
        && plan.children().into_iter().any(|input| ordered(input) && is_splittable(input))
}

/// An exchange that is said to keep an order.
fn keeps_order_across(plan: &Arc<dyn ExecutionPlan>) -> bool {
    is_exchange(plan) && plan.output_ordering().is_some()
}

/// Whether rows of several tasks are said to come in an order where they come as they come.
pub(crate) fn is_order_lost(plan: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    plan.exists(|node| {
        let several = node.as_network_boundary().is_some_and(|b| b.input_stage().task_count() > 1);
        Ok(several && node.is::<NetworkShuffleExec>() && node.output_ordering().is_some())
    })
}

/// An operator that wants related rows in one partition, and has been given the only one there is.
fn counts_on_one_partition(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let requirements = plan.input_distribution_requirements();
    let mut inputs = plan.children().into_iter().zip(requirements.per_child_distributions());
    inputs.any(|(input, required)| matters(plan, required) && is_splittable(input))
}

/// The build side of these joins is broadcast to every task, or they are kept whole, by
/// datafusion-distributed itself.
fn matters(plan: &Arc<dyn ExecutionPlan>, required: &Distribution) -> bool {
    let collects =
        plan.is::<HashJoinExec>() || plan.is::<NestedLoopJoinExec>() || plan.is::<CrossJoinExec>();
    match required {
        Distribution::UnspecifiedDistribution => false,
        Distribution::SinglePartition => !collects,
        _ => true,
    }
}

/// One partition that comes from a scan of this very stage: more tasks would make more of it.
fn is_splittable(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.output_partitioning().partition_count() == 1 && reaches_a_leaf(plan)
}

fn reaches_a_leaf(plan: &Arc<dyn ExecutionPlan>) -> bool {
    if is_boundary(plan) {
        return false;
    }
    let children = plan.children();
    children.is_empty() || children.into_iter().any(reaches_a_leaf)
}

/// Where datafusion-distributed cuts: above a hash repartition or a broadcast, below what merges
/// partitions. A merge within each task has one of the latter above it.
fn is_boundary(plan: &Arc<dyn ExecutionPlan>) -> bool {
    is_exchange(plan)
        || plan.is::<BroadcastExec>()
        || plan.is::<CoalescePartitionsExec>()
        || plan.is::<SortPreservingMergeExec>()
        || plan.is::<TaskMergeExec>()
}

/// A hash repartition.
fn is_exchange(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let repartition = plan.downcast_ref::<RepartitionExec>();
    repartition.is_some_and(|r| matches!(r.partitioning(), Partitioning::Hash(_, _)))
}
