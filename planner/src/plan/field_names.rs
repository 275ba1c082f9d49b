//! Fields of structs that a query selects, called as they are.
//!
//! Problem: DataFusion 55 calls `SELECT s.a` `t.s[a]`, which is the column of whoever makes a view or a table of it. SQL
//! has it called `a`. Official way: AS. Here: the finished plan has that, where no other column is called so.

use datafusion::common::Column;
use datafusion::error::Result;
use datafusion::logical_expr::{Distinct, Expr, LogicalPlan, LogicalPlanBuilder};

/// The same rows, with such columns called by the names of their fields.
pub(super) fn called_as_fields(plan: LogicalPlan) -> Result<LogicalPlan> {
    let schema = plan.schema();
    let found: Vec<_> = (0..schema.fields().len()).map(|at| field_of(&plan, at)).collect();
    let name = |at: usize| found[at].unwrap_or_else(|| schema.field(at).name().as_str());
    let alone = |at: usize| {
        (0..found.len()).all(|other| other == at || !name(other).eq_ignore_ascii_case(name(at)))
    };
    let renamed: Vec<_> =
        (0..found.len()).map(|at| found[at].filter(|_| alone(at)).map(str::to_owned)).collect();
    if renamed.iter().all(Option::is_none) {
        return Ok(plan);
    }
    let columns = schema.columns().into_iter().zip(renamed);
    let columns = columns.map(|(column, name): (Column, _)| match name {
        Some(name) => Expr::Column(column).alias(name),
        None => Expr::Column(column),
    });
    let columns: Vec<_> = columns.collect();
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}

/// The field that a column is, where its name is the engine's.
fn field_of(plan: &LogicalPlan, at: usize) -> Option<&str> {
    match plan {
        LogicalPlan::Sort(sort) => field_of(&sort.input, at),
        LogicalPlan::Limit(limit) => field_of(&limit.input, at),
        LogicalPlan::Distinct(Distinct::All(input)) => field_of(input, at),
        LogicalPlan::Projection(projection) => match &projection.expr[at] {
            Expr::ScalarFunction(call) if call.func.name() == "get_field" => {
                match call.args.last()? {
                    Expr::Literal(name, _) => name.try_as_str()?,
                    _ => None,
                }
            }
            // Columns of a query that is sorted by others, too, are taken from it.
            Expr::Column(column) => {
                let below = projection.input.schema().maybe_index_of_column(column)?;
                match projection.input.as_ref() {
                    LogicalPlan::Sort(_) | LogicalPlan::Limit(_) => {
                        field_of(&projection.input, below)
                    }
                    _ => None,
                }
            }
            _ => None,
        },
        _ => None,
    }
}
