//! Conditions of joins in forms that DataFusion takes for no other.
//!
//! Problem: DataFusion 55 makes keys of a join of what its condition says is equal. `IS NOT DISTINCT FROM` beside `=`
//! has all keys compared as one of the two is; and of `'a' = b.x` it makes a key that no row of the other side
//! has. Rows are lost, or NULLs match, without an error. Official way: none. Here: the former is written out,
//! which makes no key, and of the latter the column comes first.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator};
use datafusion::optimizer::AnalyzerRule;

/// Has a session plan so.
pub(super) fn plain_conditions(state: &mut SessionState) {
    state.add_analyzer_rule(Arc::new(PlainConditions));
}

#[derive(Debug)]
struct PlainConditions;

impl AnalyzerRule for PlainConditions {
    fn name(&self) -> &str {
        "plain_conditions"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let plain = plan.transform_up_with_subqueries(|node| match node {
            // Of a filter the optimizer makes the condition of the join below it.
            LogicalPlan::Join(_) | LogicalPlan::Filter(_) => {
                node.map_expressions(|expr| expr.transform_up(|expr| Ok(plain(expr))))
            }
            other => Ok(Transformed::no(other)),
        });
        plain.map(|plain| plain.data)
    }
}

fn plain(expr: Expr) -> Transformed<Expr> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = expr else {
        return Transformed::no(expr);
    };
    let [of_left, of_right] = [&left, &right].map(|side| side.any_column_refs());
    match op {
        Operator::IsNotDistinctFrom if of_left && of_right => {
            let equal = Expr::IsTrue(Box::new(left.as_ref().clone().eq(right.as_ref().clone())));
            let no_value = left.is_null().and(right.is_null());
            Transformed::yes(equal.or(no_value))
        }
        Operator::Eq if !of_left && of_right => {
            Transformed::yes(Expr::BinaryExpr(BinaryExpr { left: right, op, right: left }))
        }
        _ => Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::AsArray;
    use datafusion::arrow::datatypes::Int64Type;
    use datafusion::prelude::SessionContext;

    use super::*;

    async fn count(sql: &str) -> i64 {
        let mut state = SessionContext::new().state();
        plain_conditions(&mut state);
        let context = SessionContext::new_with_state(state);
        let tables = "WITH a AS (SELECT * FROM (VALUES (1, 'a'), (2, NULL), (NULL, 'a'), (NULL, NULL)) AS v(n, s)), \
                      b AS (SELECT * FROM (VALUES (1, 'a'), (2, NULL), (NULL, 'a'), (NULL, NULL)) AS v(n, s))";
        let batches =
            context.sql(&format!("{tables} {sql}")).await.unwrap().collect().await.unwrap();
        batches[0].column(0).as_primitive::<Int64Type>().value(0)
    }

    /// Expected are the answers of PostgreSQL and DuckDB.
    #[tokio::test]
    async fn joins_match_what_their_conditions_say() {
        for (on, expected) in [
            ("a.n = b.n AND a.s IS NOT DISTINCT FROM b.s", 2),
            ("(a.n IS NOT DISTINCT FROM b.n) AND a.s = b.s", 2),
            ("a.n IS NOT DISTINCT FROM b.n", 6),
            ("a.n = b.n AND 'a' = a.s", 1),
        ] {
            assert_eq!(
                count(&format!("SELECT count(*) FROM a JOIN b ON {on}")).await,
                expected,
                "{on}"
            );
            let filtered = format!("SELECT count(*) FROM a, b WHERE {on}");
            assert_eq!(count(&filtered).await, expected, "{filtered}");
            let outer = format!("SELECT count(b.n) + count(b.s) FROM a LEFT JOIN b ON {on}");
            let inner = format!("SELECT count(b.n) + count(b.s) FROM a JOIN b ON {on}");
            assert_eq!(count(&outer).await, count(&inner).await, "{on}");
        }
    }
}
