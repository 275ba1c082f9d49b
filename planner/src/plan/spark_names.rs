//! Names that SELECT gives its columns, in Spark's dialect: they are written out where a plan misses them.

use std::collections::BTreeSet;

use datafusion::common::{DataFusionError, SchemaError, plan_err};
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement as DfStatement;

use crate::statement::alias_written_out;

/// The same with names that SELECT gives written out where they are missed, one after another; the plan as it was where that
/// does not help.
pub(super) async fn written_out(
    state: &SessionState,
    query: DfStatement,
    first: datafusion::common::Result<LogicalPlan>,
) -> datafusion::common::Result<LogicalPlan> {
    /// A statement becomes so many letters longer at most: each name may be of others, and what is written out double with each
    /// of them.
    const LONGER: usize = 1 << 16;
    let longest = query.to_string().len() + LONGER;
    let (mut written, mut names) = (query, BTreeSet::new());
    let mut name = first.as_ref().err().and_then(missing);
    while let Some(missed) = name.take() {
        if !names.insert(missed.clone()) {
            break;
        }
        if written.to_string().len() > longest {
            return plan_err!(
                "the names that SELECT gives its columns make the statement more than {LONGER} letters longer where they are written out: name them in a subquery"
            );
        }
        let mut all = alias_written_out(&written, &missed, |_| true);
        let count = all.count;
        let mut plan = state.statement_to_plan(all.statement.clone()).await;
        if count == 0 || plan.as_ref().err().and_then(missing).as_ref() == Some(&missed) {
            break;
        }
        if count > 1 {
            // A SELECT that has a column of the name keeps it.
            let mut which = vec![true; count];
            for at in 0..count {
                which[at] = false;
                let other = alias_written_out(&written, &missed, |it| which[it]).statement;
                let tried = state.statement_to_plan(other).await;
                which[at] = tried.err().as_ref().and_then(missing).as_ref() == Some(&missed);
            }
            all = alias_written_out(&written, &missed, |it| which[it]);
            plan = state.statement_to_plan(all.statement.clone()).await;
        }
        if let Some(why) = all.refused {
            return plan_err!("the column {missed} cannot be written out: {why}");
        }
        written = all.statement;
        match plan {
            Ok(plan) => return Ok(plan),
            Err(error) => name = missing(&error),
        }
    }
    first
}

/// The name of a column that a statement has not found.
fn missing(error: &DataFusionError) -> Option<String> {
    match error.find_root() {
        DataFusionError::SchemaError(error, _) => match error.as_ref() {
            // Before a point there may be a struct.
            SchemaError::FieldNotFound { field, .. } => Some(match &field.relation {
                None => field.name.clone(),
                Some(of) => of.table().to_owned(),
            }),
            _ => None,
        },
        _ => None,
    }
}
