//! A key that an order has twice is a key once.
//!
//! Problem: DataFusion 55 removes the second of two keys that are the same (`array_agg(x ORDER BY k, k)`, `DISTINCT ON
//! (k) … ORDER BY k, k`) where it plans a sort, and not where it computes them: then it fails, or panics. Official
//! way: none. Here: they are removed first.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::execution::SessionState;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Distinct, DistinctOn, Expr, LogicalPlan, SortExpr};
use datafusion::optimizer::AnalyzerRule;

/// Has a session plan so.
pub(super) fn keys_once(state: &mut SessionState) {
    state.add_analyzer_rule(Arc::new(KeysOnce));
}

#[derive(Debug)]
struct KeysOnce;

impl AnalyzerRule for KeysOnce {
    fn name(&self) -> &str {
        "keys_once"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let once = plan.transform_up_with_subqueries(|node| match node {
            LogicalPlan::Distinct(Distinct::On(of)) => {
                let keys = of.sort_expr.map(once);
                let of = DistinctOn { sort_expr: keys, ..of };
                Ok(Transformed::yes(LogicalPlan::Distinct(Distinct::On(of))))
            }
            other => {
                let names = NamePreserver::new(&other);
                other.map_expressions(|expr| {
                    let name = names.save(&expr);
                    let written = expr.transform_up(|expr| Ok(ordered(expr)))?;
                    Ok(written.update_data(|expr| name.restore(expr)))
                })
            }
        });
        once.map(|once| once.data)
    }
}

fn ordered(expr: Expr) -> Transformed<Expr> {
    match expr {
        Expr::AggregateFunction(mut call) if has_twice(&call.params.order_by) => {
            call.params.order_by = once(call.params.order_by);
            Transformed::yes(Expr::AggregateFunction(call))
        }
        Expr::WindowFunction(mut call) if has_twice(&call.params.order_by) => {
            call.params.order_by = once(call.params.order_by);
            Transformed::yes(Expr::WindowFunction(call))
        }
        other => Transformed::no(other),
    }
}

fn has_twice(keys: &[SortExpr]) -> bool {
    keys.iter().enumerate().any(|(at, key)| is_in(key, &keys[..at]))
}

/// Whatever its direction: rows that a key holds for the same are the same by it either way.
fn is_in(key: &SortExpr, keys: &[SortExpr]) -> bool {
    !key.expr.is_volatile() && keys.iter().any(|before| before.expr == key.expr)
}

fn once(keys: Vec<SortExpr>) -> Vec<SortExpr> {
    let mut once: Vec<SortExpr> = Vec::new();
    for key in keys {
        if !is_in(&key, &once) {
            once.push(key);
        }
    }
    once
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;
    use datafusion::prelude::SessionContext;

    use super::*;

    #[tokio::test]
    async fn a_key_may_be_given_twice() {
        for (sql, expected) in [
            ("SELECT string_agg(x, '' ORDER BY k, k, x DESC) FROM t", "bac"),
            ("SELECT string_agg(x, '' ORDER BY k, k DESC, x) FROM t", "abc"),
            ("SELECT string_agg(x, '' ORDER BY x, x) FROM t", "abc"),
            (
                "SELECT string_agg(x, '' ORDER BY x) FROM (SELECT DISTINCT ON (k) x, k FROM t ORDER BY k, k, x)",
                "ac",
            ),
            (
                "SELECT string_agg(x, '' ORDER BY x) FROM (SELECT x FROM t ORDER BY x, x LIMIT 2)",
                "ab",
            ),
            ("SELECT max(n) FROM (SELECT rank() OVER (ORDER BY k, k) AS n FROM t)", "3"),
        ] {
            let mut state = SessionContext::new().state();
            keys_once(&mut state);
            let context = SessionContext::new_with_state(state);
            let sql = format!(
                "WITH t AS (SELECT * FROM (VALUES (1, 'a'), (1, 'b'), (2, 'c')) AS t(k, x)) {sql}"
            );
            let batches = context.sql(&sql).await.unwrap().collect().await.unwrap();
            assert_eq!(array_value_to_string(batches[0].column(0), 0).unwrap(), expected, "{sql}");
        }
    }
}
