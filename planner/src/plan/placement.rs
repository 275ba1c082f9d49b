//! Where the parts of a planned query come from, and to whom they are aimed.

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use datafusion_distributed::NetworkBoundaryExt;

use crate::deliver::{DeliverExec, DeliverSpec};
use crate::write::WriteExec;
use crate::{PlannerError, Result};

/// Who produces the parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// The node that took the query: all of it ran there, or its root merges (ORDER BY, LIMIT).
    Coordinator,
    /// The workers of the last stage.
    Workers,
}

/// The parts that a plan will produce: receipts are held against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Who produces them.
    pub placement: Placement,
    /// Tasks of the stage that delivers.
    pub tasks: usize,
    /// Parts of each task.
    pub partitions: usize,
    /// Whether any part of the plan runs on workers.
    pub distributed: bool,
}

impl Shape {
    /// How many parts there will be.
    pub fn parts(&self) -> usize {
        self.tasks * self.partitions
    }
}

/// Finds the shape of a finished plan.
///
/// # Errors
/// `Internal` when the plan does not deliver exactly once: such a plan must never run.
pub(super) fn shape(plan: &Arc<dyn ExecutionPlan>) -> Result<Shape> {
    let mut found = Vec::new();
    look(plan, Placement::Coordinator, 1, &mut found);
    let distributed = plan.exists(|node| Ok(node.is_network_boundary()))?;
    match found.as_slice() {
        [(placement, tasks, partitions)] => {
            Ok(Shape { placement: *placement, tasks: *tasks, partitions: *partitions, distributed })
        }
        other => Err(PlannerError::Internal(format!("a plan that delivers {} times", other.len()))),
    }
}

/// Collects every `DeliverExec` and `WriteExec` below `plan` with the stage it is in.
fn look(
    plan: &Arc<dyn ExecutionPlan>,
    placement: Placement,
    tasks: usize,
    found: &mut Vec<(Placement, usize, usize)>,
) {
    if plan.is::<DeliverExec>() || plan.is::<WriteExec>() {
        found.push((placement, tasks, plan.output_partitioning().partition_count()));
    }
    let (placement, tasks) = match plan.as_network_boundary() {
        Some(boundary) => (Placement::Workers, boundary.input_stage().task_count()),
        None => (placement, tasks),
    };
    for child in plan.children() {
        look(child, placement, tasks, found);
    }
}

/// Changes the spec of the plan's `DeliverExec`, wherever in the plan it is.
pub(super) fn respecify(
    plan: Arc<dyn ExecutionPlan>,
    change: impl Fn(DeliverSpec) -> DeliverSpec,
) -> Result<Arc<dyn ExecutionPlan>> {
    let changed = plan.transform_down(|node| {
        let Some(deliver) = node.downcast_ref::<DeliverExec>() else {
            return Ok(Transformed::no(node));
        };
        let spec = change(deliver.spec().clone());
        match spec == *deliver.spec() {
            true => Ok(Transformed::no(node)),
            false => Ok(Transformed::yes(Arc::new(deliver.with_spec(spec)) as _)),
        }
    })?;
    Ok(changed.data)
}

/// The wire schema that a plan delivers.
pub(super) fn delivered_schema(plan: &Arc<dyn ExecutionPlan>) -> Result<SchemaRef> {
    let mut schema = None;
    plan.apply(|node| {
        let Some(deliver) = node.downcast_ref::<DeliverExec>() else {
            return Ok(TreeNodeRecursion::Continue);
        };
        schema = Some(Arc::clone(deliver.wire_schema()));
        Ok(TreeNodeRecursion::Stop)
    })?;
    schema.ok_or_else(|| PlannerError::Internal("a plan that delivers nothing".into()))
}
