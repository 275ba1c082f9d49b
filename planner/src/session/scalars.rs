//! The value of a scalar subquery has a name of its own.
//!
//! Problem: where DataFusion 55 makes a join of a scalar subquery (of every one in a distributed plan), its column meets
//! those of the query outside, and one of the same name is refused: `HAVING avg(x) > (SELECT avg(x) …)`. Official way: an
//! alias. Here: it is given one.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, Result};
use datafusion::config::ConfigOptions;
use datafusion::execution::SessionState;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Projection, Subquery};
use datafusion::optimizer::AnalyzerRule;

/// A name that no column has.
const VALUE: &str = "__squadron_value";

/// Has a session plan so.
pub(super) fn named_scalars(state: &mut SessionState) {
    state.add_analyzer_rule(Arc::new(NamedScalars));
}

#[derive(Debug)]
struct NamedScalars;

impl AnalyzerRule for NamedScalars {
    fn name(&self) -> &str {
        "named_scalars"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let named = plan.transform_up_with_subqueries(|node| {
            let names = NamePreserver::new(&node);
            node.map_expressions(|expr| {
                let name = names.save(&expr);
                let named = expr.transform_up(named)?;
                Ok(named.update_data(|expr| name.restore(expr)))
            })
        });
        named.map(|named| named.data)
    }
}

fn named(expr: Expr) -> Result<Transformed<Expr>> {
    let Expr::ScalarSubquery(query) = expr else { return Ok(Transformed::no(expr)) };
    let (plan, is_named) = with_name(&query)?;
    let query = query.with_plan(plan);
    Ok(Transformed::new_transformed(Expr::ScalarSubquery(query), is_named))
}

/// What a subquery selects by that name. One that refers to the query outside is planned by what is its last step.
fn with_name(query: &Subquery) -> Result<(Arc<LogicalPlan>, bool)> {
    let plan = &query.subquery;
    let schema = plan.schema();
    if schema.fields().len() != 1 || schema.field(0).name() == VALUE {
        return Ok((Arc::clone(plan), false));
    }
    let named = match plan.as_ref() {
        LogicalPlan::Projection(last) => {
            let value = last.expr[0].clone().unalias().alias(VALUE);
            LogicalPlan::Projection(Projection::try_new(vec![value], Arc::clone(&last.input))?)
        }
        whole if query.outer_ref_columns.is_empty() => {
            let value = Expr::Column(Column::from(schema.qualified_field(0))).alias(VALUE);
            LogicalPlanBuilder::from(whole.clone()).project([value])?.build()?
        }
        _ => return Ok((Arc::clone(plan), false)),
    };
    Ok((Arc::new(named), true))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;
    use datafusion::execution::SessionStateBuilder;
    use datafusion::prelude::{SessionConfig, SessionContext};

    use super::*;

    async fn answer(sql: &str) -> Vec<String> {
        let mut config = SessionConfig::new();
        // As in a plan for several nodes.
        config.options_mut().optimizer.enable_physical_uncorrelated_scalar_subquery = false;
        let mut state =
            SessionStateBuilder::new_with_default_features().with_config(config).build();
        named_scalars(&mut state);
        let context = SessionContext::new_with_state(state);
        let rows = context.sql(sql).await.unwrap();
        let name = rows.schema().field(0).name().clone();
        let batches = rows.collect().await.unwrap();
        let values = batches.iter().flat_map(|batch| {
            let rows = 0..batch.num_rows();
            rows.map(|row| array_value_to_string(batch.column(0), row).unwrap())
        });
        std::iter::once(name).chain(values).collect()
    }

    #[tokio::test]
    async fn the_same_total_within_a_subquery_and_outside_are_two() {
        let t = "(VALUES (1, 1.0), (1, 2.0), (2, 9.0)) AS t(k, x)";
        for (sql, expected) in [
            ("SELECT k FROM {} GROUP BY k HAVING avg(x) > (SELECT avg(x) FROM {})", vec!["k", "2"]),
            (
                "SELECT max(x) - (SELECT max(x) FROM {}) AS d FROM {} GROUP BY k ORDER BY k",
                vec!["d", "-7.0", "0.0"],
            ),
            (
                "SELECT k FROM {} GROUP BY k HAVING sum(x) < (SELECT sum(x) FROM (VALUES (1, 5.0)) AS u(k, x) WHERE u.k = t.k)",
                vec!["k", "1"],
            ),
            ("SELECT (SELECT max(x) FROM {} ORDER BY 1 LIMIT 1)", vec!["max(t.x)", "9.0"]),
        ] {
            assert_eq!(answer(&sql.replace("{}", t)).await, expected, "{sql}");
        }
    }
}
