//! Tasks share no filters that change while they run.
//!
//! Problem: what a join has built, or a sort has kept, filters the scans below it (a dynamic filter). datafusion-distributed
//! 4.0 hands a node's own worker the coordinator's very plan, and so the very filters: one task sets those of others
//! that are not sent yet, for which it knows too little, and which cannot be decoded (an IN over the columns of the
//! scan, looked up in those of the table). Official way: none. Here: such a task gets a copy of its own, by the way
//! that all others take; and what the coordinator runs itself sets no filters of stages below it.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_expr::expressions::DynamicFilterPhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::prelude::SessionConfig;
use datafusion_distributed::{DistributedCodec, NetworkBoundaryExt};
use datafusion_proto::bytes::{
    physical_plan_from_bytes_with_proto_converter, physical_plan_to_bytes_with_proto_converter,
};
use datafusion_proto::physical_plan::DeduplicatingProtoConverter;

/// The same plan of one task with filters of its own. `functions` has those that it may name.
pub(super) fn apart(
    plan: Arc<dyn ExecutionPlan>,
    config: &SessionConfig,
    functions: &TaskContext,
) -> Result<Arc<dyn ExecutionPlan>> {
    if !plan.exists(has_changing_filters)? {
        return Ok(plan);
    }
    let context = TaskContext::new(
        None,
        functions.session_id(),
        config.clone(),
        functions.scalar_functions().clone(),
        functions.higher_order_functions().clone(),
        functions.aggregate_functions().clone(),
        functions.window_functions().clone(),
        functions.runtime_env(),
    );
    let codec = DistributedCodec::new_combined_with_user(config);
    let converter = DeduplicatingProtoConverter::default();
    let bytes = physical_plan_to_bytes_with_proto_converter(plan, &codec, &converter)?;
    physical_plan_from_bytes_with_proto_converter(&bytes, &context, &codec, &converter)
}

fn has_changing_filters(node: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    let mut found = false;
    node.apply_expressions(&mut |expr| {
        found |= expr.exists(|expr| Ok(expr.is::<DynamicFilterPhysicalExpr>()))?;
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

/// The same plan of a query; where stages are below it, its joins filter nothing.
pub(super) fn alone(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    if !plan.exists(|node| Ok(node.is_network_boundary()))? {
        return Ok(plan);
    }
    let alone = plan.transform_down(|node| {
        if node.is_network_boundary() {
            return Ok(Transformed::new(node, false, TreeNodeRecursion::Jump));
        }
        match node.is::<HashJoinExec>() {
            true => node.reset_state().map(Transformed::yes),
            false => Ok(Transformed::no(node)),
        }
    })?;
    Ok(alone.data)
}
