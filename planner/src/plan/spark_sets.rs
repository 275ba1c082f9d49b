//! In Spark's dialect: a UNION of texts and other values is refused.
//!
//! Spark makes the texts what they stand beside (`'01'` and 1 are numbers), the engine makes texts of the others.

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::LogicalPlan;

use crate::{PlannerError, Result};

/// # Errors
/// `Unsupported` when a plan has such a UNION.
pub(super) fn refuse_mixed(plan: &LogicalPlan) -> Result<()> {
    let mut mixed = None;
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Union(union) = node {
            for at in 0..union.schema.fields().len() {
                let types = union.inputs.iter().map(|input| input.schema().field(at).data_type());
                let known: Vec<_> = types.filter(|of| !of.is_null()).collect();
                let texts = known.iter().filter(|of| of.is_string()).count();
                if texts > 0 && texts < known.len() {
                    mixed = Some(union.schema.field(at).name().clone());
                    return Ok(TreeNodeRecursion::Stop);
                }
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    match mixed {
        None => Ok(()),
        Some(column) => Err(PlannerError::Unsupported(format!(
            "UNION: '{column}' is a text on one side and none on another, which is not supported in Spark's dialect: CAST both to \
             one type"
        ))),
    }
}
