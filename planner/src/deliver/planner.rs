//! The inner query planner: plans as DataFusion does, then puts `DeliverExec` at the root, or `WriteExec`.
//!
//! datafusion-distributed plans through whatever query planner was set before it and cuts the
//! finished plan into stages from the top. A root put there is therefore inside the last stage
//! (design, section 2), without a change to either library.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::error::Result;
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use datafusion::physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner};

use super::{DeliverExec, DeliverSpec};
use crate::plan::merge::merge_in_tasks;
use crate::wire_schema::Wire;
use crate::write::{Layout, WriteExec, WriteSpec};

/// Wraps every plan of a session that has a [`DeliverSpec`] or a [`WriteSpec`] extension.
#[derive(Debug, Default)]
pub struct DeliverPlanner;

#[async_trait]
impl QueryPlanner for DeliverPlanner {
    async fn create_physical_plan(
        &self,
        logical_plan: &LogicalPlan,
        session: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let planner = DefaultPhysicalPlanner::default();
        let plan = planner.create_physical_plan(logical_plan, session).await?;
        if let Some(spec) = session.config().get_extension::<WriteSpec>() {
            let plan = match spec.layout {
                Layout::File => in_one_partition(plan),
                _ => plan,
            };
            let plan = merge_in_tasks(plan, session.config())?;
            return Ok(Arc::new(WriteExec::new(plan, spec.as_ref().clone())));
        }
        let Some(spec) = session.config().get_extension::<DeliverSpec>() else {
            return Ok(plan);
        };
        let plan = merge_in_tasks(plan, session.config())?;
        let schema = Wire::of(session.config().options()).schema(&plan.schema());
        Ok(Arc::new(DeliverExec::new(plan, spec.as_ref().clone(), schema)))
    }
}

/// All rows in one stream, in their order if they have one.
fn in_one_partition(plan: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    if plan.output_partitioning().partition_count() == 1 {
        return plan;
    }
    match plan.output_ordering().cloned() {
        Some(order) => Arc::new(SortPreservingMergeExec::new(order, plan)),
        None => Arc::new(CoalescePartitionsExec::new(plan)),
    }
}
