//! Plans that clients bring instead of a statement (Substrait).
//!
//! They mean what they say: nothing of a statement's dialect is rewritten in them. Of tables and functions they may name
//! those that a statement may.

use std::sync::LazyLock;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion_substrait::logical_plan::consumer::from_substrait_plan;
use datafusion_substrait::substrait::proto::{Plan, plan_rel::RelType};
use datafusion_substrait::substrait::version;
use prost::Message;

use crate::session::INNER;
use crate::{PlannerError, Result};

/// The version of Substrait whose plans are read.
pub static SUBSTRAIT_VERSION: LazyLock<String> = LazyLock::new(|| {
    let (major, minor) = (version::SUBSTRAIT_MAJOR_VERSION, version::SUBSTRAIT_MINOR_VERSION);
    format!("{major}.{minor}.{}", version::SUBSTRAIT_PATCH_VERSION)
});

/// The query that a plan asks for.
///
/// # Errors
/// `Invalid` for bytes that are no plan, and plans that mean nothing here; `Unsupported` for what is not read.
pub(super) async fn query_of(bytes: &[u8], state: &SessionState) -> Result<LogicalPlan> {
    let plan = Plan::decode(bytes).map_err(|error| {
        PlannerError::Invalid(format!("the plan is no Substrait plan in protobuf: {error}"))
    })?;
    let is_whole = plan.relations.iter().all(|relation| match &relation.rel_type {
        Some(RelType::Root(root)) => root.input.is_some(),
        Some(RelType::Rel(rel)) => rel.rel_type.is_some(),
        None => false,
    });
    if !is_whole || plan.relations.len() != 1 {
        return Err(PlannerError::Invalid(format!(
            "a Substrait plan has one relation that gives its rows, and this one has {}",
            plan.relations.len()
        )));
    }
    let query = from_substrait_plan(state, &plan).await.map_err(|error| match error {
        DataFusionError::Substrait(text) => {
            PlannerError::Invalid(format!("the Substrait plan: {text}"))
        }
        error => PlannerError::from(error),
    })?;
    refuse(&query)?;
    Ok(query)
}

/// A plan changes nothing, and calls no function that is not for users.
fn refuse(query: &LogicalPlan) -> Result<()> {
    let mut found = None;
    query.apply_with_subqueries(|node| {
        if matches!(
            node,
            LogicalPlan::Dml(_)
                | LogicalPlan::Ddl(_)
                | LogicalPlan::Copy(_)
                | LogicalPlan::Statement(_)
        ) {
            found = Some("a plan that changes something is not supported: send SQL".to_owned());
        }
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                if let Expr::ScalarFunction(call) = expr
                    && INNER.contains(&call.name())
                {
                    found = Some(format!("there is no function '{}'", call.name()));
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    found.map_or(Ok(()), |why| Err(PlannerError::Unsupported(why)))
}
