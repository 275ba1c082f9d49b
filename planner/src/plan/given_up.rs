//! Plans that DataFusion gives up, for what is not wrong with them, are made once more without what they stumble over.
//!
//! Problem, in DataFusion 55:
//! * It holds the columns that an aggregate is planned on against those that its operators have, and ends with an
//!   internal error where they differ in nothing but whether they may be NULL: `SELECT DISTINCT (f IS TRUE) … WHERE
//!   f = false`, of which the optimizer makes a constant that it takes for one that may be NULL.
//! * It estimates how many rows a filter lets through by bounds, and a cast that rounds may make them wider than they
//!   are (`CAST(t AS DATE) < …`: the day of the first instant begins before it): more than all of them is an internal
//!   error.
//!
//! Official way: a setting that leaves out the whole comparison, and one that leaves out all bounds. Here: they are left
//! out for a query that fails by that alone.

use std::sync::Arc;

use datafusion::common::Result as DfResult;
use datafusion::config::ConfigOptions;
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
    let mut made = planner.create_physical_plan(optimized, state).await;
    // Of a plan that has both, the second is found when the first is left out.
    for _ in 0..STUMBLES.len() {
        let Err(error) = &made else { break };
        let Some(leave_out) = stumbled(error) else { break };
        leave_out(state.config_mut().options_mut());
        made = planner.create_physical_plan(optimized, state).await;
    }
    made
}

type LeaveOut = fn(&mut ConfigOptions);
type IsIt = fn(&str) -> bool;

const STUMBLES: [(IsIt, LeaveOut); 2] = [
    (differs_in_nulls_alone, |options| {
        options.execution.skip_physical_aggregate_schema_check = true;
    }),
    (
        |text| text.contains("Selectivity is out of limit"),
        |options| options.execution.collect_statistics = false,
    ),
];

fn stumbled(error: &DataFusionError) -> Option<LeaveOut> {
    let DataFusionError::Internal(text) = error.find_root() else { return None };
    STUMBLES.iter().find(|(is_it, _)| is_it(text)).map(|(_, leave_out)| *leave_out)
}

fn differs_in_nulls_alone(text: &str) -> bool {
    const OTHERWISE: [&str; 5] = [
        "metadata differs",
        "Different number",
        "field name at",
        "field data type at",
        "field metadata at",
    ];
    text.contains("Physical input schema should be the same")
        && !OTHERWISE.iter().any(|other| text.contains(other))
}
