//! Filters stay above what gives a row of no rows, and comparisons have their column first.
//!
//! Problem, in the rule of DataFusion 55 that moves filters down:
//! * A condition without columns (what `src = 'B'` becomes over `SELECT 'A' AS src, count(*) …`, or the `ON false` of an
//!   outer join) goes below a total, too, and below ROLLUP, CUBE and the empty set of GROUPING SETS: the total of no rows
//!   is a row that should not be there.
//! * Of two bounds of a column the rule keeps the closer. Where they are the same number it takes `>` and `<` for the
//!   closer, whichever side the column is on: of `x <= 2 AND 2 > x` the first is left. And `x = 2 AND 2 = x` are two
//!   values to it, which no row has.
//!
//! Official way: none (the rule for physical plans knows of such totals). Here: the rule is not asked about filters above
//! them, and sees comparisons with the column on the left alone.

use std::fmt;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::{Aggregate, BinaryExpr, Expr, Filter, GroupingSet, LogicalPlan};
use datafusion::optimizer::optimizer::{ApplyOrder, Optimizer};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

type Rule = Arc<dyn OptimizerRule + Send + Sync>;

/// DataFusion's rules for logical plans, in their order, with that one told.
pub(super) fn optimizer_rules() -> Vec<Rule> {
    let rules = Optimizer::new().rules.into_iter();
    let told = |rule: Rule| match rule.name() {
        "push_down_filter" => Arc::new(Told(rule)) as Rule,
        _ => rule,
    };
    rules.map(told).collect()
}

struct Told(Rule);

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl OptimizerRule for Told {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.0.apply_order()
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Filter(filter) = plan else { return self.0.rewrite(plan, config) };
        let filter = columns_first(filter)?;
        if is_above_a_total(&filter.data) {
            return Ok(filter.update_data(LogicalPlan::Filter));
        }
        let mut pushed = self.0.rewrite(LogicalPlan::Filter(filter.data), config)?;
        pushed.transformed |= filter.transformed;
        Ok(pushed)
    }
}

/// The rule makes one of filters above each other: all of them.
fn columns_first(filter: Filter) -> Result<Transformed<Filter>> {
    let predicate = filter.predicate.transform_up(|expr| Ok(column_first(expr)))?;
    let input = match filter.input.as_ref() {
        LogicalPlan::Filter(below) => {
            columns_first(below.clone())?.update_data(|below| Arc::new(LogicalPlan::Filter(below)))
        }
        _ => Transformed::no(filter.input),
    };
    let is_other = predicate.transformed || input.transformed;
    let filter = Filter::new(predicate.data, input.data);
    Ok(Transformed::new_transformed(filter, is_other))
}

fn column_first(expr: Expr) -> Transformed<Expr> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match op.swap() {
            Some(swapped)
                if op.supports_propagation()
                    && left.as_literal().is_some()
                    && right.as_literal().is_none() =>
            {
                Transformed::yes(Expr::BinaryExpr(BinaryExpr::new(right, swapped, left)))
            }
            _ => Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })),
        },
        other => Transformed::no(other),
    }
}

fn is_above_a_total(filter: &Filter) -> bool {
    match filter.input.as_ref() {
        LogicalPlan::Filter(below) => is_above_a_total(below),
        LogicalPlan::Aggregate(groups) => has_a_total(groups),
        _ => false,
    }
}

/// Whether one of its groups is that of all rows, which is there without any.
fn has_a_total(groups: &Aggregate) -> bool {
    match groups.group_expr.as_slice() {
        [] => true,
        [Expr::GroupingSet(GroupingSet::GroupingSets(sets))] => sets.iter().any(Vec::is_empty),
        [Expr::GroupingSet(GroupingSet::Rollup(_) | GroupingSet::Cube(_))] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;
    use datafusion::execution::SessionStateBuilder;
    use datafusion::prelude::SessionContext;

    use super::*;

    async fn rows(sql: &str) -> String {
        let state = SessionStateBuilder::new_with_default_features()
            .with_optimizer_rules(optimizer_rules())
            .build();
        let context = SessionContext::new_with_state(state);
        let t = "CREATE TABLE t AS SELECT column1 AS i, column2 AS s, CAST(column3 AS DATE) AS d, column4 AS x \
                 FROM (VALUES (1, 'a', '2020-01-01', 0.0), (2, 'b', '2020-01-02', -0.0), (3, 'c', '2020-01-03', 1.0))";
        context.sql(t).await.unwrap().collect().await.unwrap();
        let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
        let mut rows: Vec<_> = batches
            .iter()
            .flat_map(|batch| (0..batch.num_rows()).map(move |row| (batch, row)))
            .map(|(batch, row)| {
                let columns = batch.columns().iter();
                let values = columns.map(|column| array_value_to_string(column, row).unwrap());
                values.collect::<Vec<_>>().join("|")
            })
            .collect();
        rows.sort();
        rows.join(" ")
    }

    #[tokio::test]
    async fn both_bounds_hold_whichever_side_the_column_is_on() {
        for (sql, expected) in [
            ("SELECT i FROM t WHERE d <= date '2020-01-02' AND date '2020-01-02' > d", "1"),
            ("SELECT s FROM t WHERE s <= 'b' AND 'b' > s", "a"),
            ("SELECT s FROM t WHERE 'b' <= s AND 'b' < s", "c"),
            ("SELECT i FROM t WHERE i <= CAST(2 AS BIGINT) AND CAST(2 AS BIGINT) > i", "1"),
            ("SELECT i FROM t WHERE NOT (s >= 'b' OR 'a' < s)", "1"),
            ("SELECT i FROM (SELECT * FROM t WHERE 'b' > s) WHERE s <= 'b'", "1"),
            ("SELECT i FROM t WHERE s = 'b' AND 'b' = s", "2"),
            ("SELECT count(*) FROM t a JOIN t b ON a.i = b.i AND a.s <= 'b' AND 'b' > a.s", "1"),
            ("SELECT i FROM t GROUP BY i HAVING max(s) <= 'b' AND 'b' > max(s)", "1"),
        ] {
            assert_eq!(rows(sql).await, expected, "{sql}");
        }
    }

    /// Expected are the answers of PostgreSQL and DuckDB.
    #[tokio::test]
    async fn what_is_never_true_leaves_no_total() {
        for (sql, expected) in [
            (
                "SELECT * FROM (SELECT 'A' AS src, count(*) AS n FROM t UNION ALL SELECT 'B', count(*) FROM t) WHERE src = 'B'",
                "B|3",
            ),
            ("SELECT * FROM (SELECT 5 AS c, count(*) AS n FROM t) WHERE c = 6", ""),
            ("SELECT * FROM (SELECT max(i) AS m FROM t) WHERE m = 3 AND m = 2", ""),
            (
                "SELECT * FROM (SELECT i, s, count(*) FROM t GROUP BY ROLLUP (i, s)) WHERE i = 1 AND i = 2",
                "",
            ),
            ("SELECT * FROM (SELECT 'A' AS c, i FROM t GROUP BY CUBE (i)) WHERE c <> 'A'", ""),
            (
                "SELECT * FROM (SELECT 5 AS c, i FROM t GROUP BY GROUPING SETS ((i), ())) WHERE c = 6",
                "",
            ),
            (
                "SELECT t.i, g.n FROM t LEFT JOIN (SELECT count(*) AS n FROM t) AS g ON false",
                "1| 2| 3|",
            ),
            (
                "SELECT i FROM t WHERE NOT EXISTS (SELECT 1 FROM (SELECT 5 AS c, count(*) FROM t) AS q WHERE q.c = 6)",
                "1 2 3",
            ),
        ] {
            assert_eq!(rows(sql).await, expected, "{sql}");
        }
    }

    #[tokio::test]
    async fn conditions_on_groups_are_still_asked_of_rows() {
        let state = SessionStateBuilder::new_with_default_features()
            .with_optimizer_rules(optimizer_rules())
            .build();
        let context = SessionContext::new_with_state(state);
        let sql =
            "SELECT * FROM (SELECT value, count(*) FROM range(9) GROUP BY value) WHERE value > 3";
        let plan = context.sql(sql).await.unwrap().into_optimized_plan().unwrap().to_string();
        let [groups, filter] = ["Aggregate", "Filter"].map(|node| plan.find(node).unwrap());
        assert!(groups < filter, "{plan}");
    }
}
