//! A node of a plan that runs another in a way of its own.
//!
//! It takes the place of the node that it wraps, in name, children and type, because the plan's shape is
//! what metrics and task counts are matched by. What it does to the rows is a [`Run`].

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
    ReplaceChildrenOptions,
};
use datafusion_distributed::NetworkBoundaryExt;
use parking_lot::Mutex;

/// Runs a node.
pub(super) trait Run: fmt::Debug + Send + Sync + 'static {
    /// The stream of `node`, or what is made of it.
    fn run(
        &self,
        node: &Arc<dyn ExecutionPlan>,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream>;
}

/// A node that stands for `node`, and runs it so.
pub(super) fn stand_in(node: Arc<dyn ExecutionPlan>, run: impl Run) -> Arc<dyn ExecutionPlan> {
    Arc::new(StandIn { node, run: Arc::new(run) })
}

/// Puts what `change` makes of them in the place of some nodes of one stage. Stages below are other tasks'.
/// What it does not change it gives back as `None`; below what it changes it has to go on itself.
pub(super) fn each(
    plan: Arc<dyn ExecutionPlan>,
    change: impl Fn(&Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let changed = plan.transform_down(|node| {
        if node.is_network_boundary() {
            return Ok(Transformed::new(node, false, TreeNodeRecursion::Jump));
        }
        Ok(match change(&node)? {
            Some(changed) => Transformed::new(changed, true, TreeNodeRecursion::Jump),
            None => Transformed::no(node),
        })
    })?;
    Ok(changed.data)
}

/// For children that are as those they replace in all that the plan was made by.
pub(super) fn alike() -> ReplaceChildrenOptions {
    ReplaceChildrenOptions::new(ChildrenPropertiesMode::Keep)
}

/// For any children.
pub(super) fn anew() -> ReplaceChildrenOptions {
    ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute)
}

/// What the stand-in of an operator has for that of its input, by partition, while the operator is started.
#[derive(Debug)]
pub(super) struct Handed<T>(Mutex<HashMap<usize, T>>);

impl<T> Default for Handed<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Handed<T> {
    /// Starts the operator, with `thing` there to be taken.
    pub(super) fn over<R>(&self, partition: usize, thing: T, start: impl FnOnce() -> R) -> R {
        self.0.lock().insert(partition, thing);
        let started = start();
        self.0.lock().remove(&partition);
        started
    }

    pub(super) fn take(&self, partition: usize) -> Option<T> {
        self.0.lock().remove(&partition)
    }
}

/// Passes everything but its execution on to the node that it stands for.
#[derive(Debug)]
struct StandIn<R> {
    node: Arc<dyn ExecutionPlan>,
    run: Arc<R>,
}

impl<R: Run> DisplayAs for StandIn<R> {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.node.fmt_as(format, f)
    }
}

impl<R: Run> ExecutionPlan for StandIn<R> {
    fn name(&self) -> &str {
        self.node.name()
    }

    fn downcast_delegate(&self) -> Option<&dyn ExecutionPlan> {
        Some(self.node.as_ref())
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.node.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        self.node.maintains_input_order()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.node.children()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.node.apply_expressions(f)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let node = Arc::clone(&self.node).replace_children(children, anew())?;
        Ok(Arc::new(Self { node, run: Arc::clone(&self.run) }))
    }

    /// For the next turn of a recursive query: what the node has from the last one is gone.
    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        let node = Arc::clone(&self.node).reset_state()?;
        Ok(Arc::new(Self { node, run: Arc::clone(&self.run) }))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        self.run.run(&self.node, partition, context)
    }

    fn metrics(&self) -> Option<MetricsSet> {
        self.node.metrics()
    }
}
