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
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner};

use super::{DeliverExec, DeliverSpec};
use crate::plan::merge::merge_in_tasks;
use crate::wire_schema::Wire;
use crate::write::{WriteExec, WriteSpec};

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
