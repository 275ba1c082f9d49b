//! Plans whose operators say of a column that it may be NULL, where the query says that it is not.
//!
//! Problem: DataFusion 55 holds the columns that an aggregate is planned on against those that its operators have, and
//! ends with an internal error where they differ in nothing but that: `SELECT DISTINCT (f IS TRUE) … WHERE f = false`,
//! of which the optimizer makes a constant that it takes for one that may be NULL. Official way: a setting that leaves
//! out the whole comparison. Here: it is left out for such a query when nothing else was found to differ.

use std::sync::Arc;

use datafusion::common::Result as DfResult;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;

/// Makes the plan of what is optimized already.
pub(super) async fn physical_plan(
    optimized: &LogicalPlan,
    state: &mut SessionState,
) -> DfResult<Arc<dyn ExecutionPlan>> {
    let planner = Arc::clone(state.query_planner());
    match planner.create_physical_plan(optimized, state).await {
        Err(error) if is_of_nulls_alone(&error) => {
            let options = state.config_mut().options_mut();
            options.execution.skip_physical_aggregate_schema_check = true;
            planner.create_physical_plan(optimized, state).await
        }
        made => made,
    }
}

fn is_of_nulls_alone(error: &DataFusionError) -> bool {
    const DIFFER: &str = "Physical input schema should be the same";
    const OTHERWISE: [&str; 5] = [
        "metadata differs",
        "Different number",
        "field name at",
        "field data type at",
        "field metadata at",
    ];
    let DataFusionError::Internal(text) = error.find_root() else { return false };
    text.contains(DIFFER) && !OTHERWISE.iter().any(|other| text.contains(other))
}
