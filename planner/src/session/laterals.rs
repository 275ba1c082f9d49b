//! `FROM t CROSS JOIN UNNEST(t.list)`, `FROM t, LATERAL (SELECT t.a + 1 AS b)`: rows made of the row beside them.
//!
//! Problem: DataFusion 55 plans a lateral table whose rows are made of nothing but the row outside as a subquery over a row
//! without columns, and has no way to run one that is not an equality with a table. Official way: none
//! (`DecorrelateLateralJoin` knows tables and totals). Here: the rows outside take the place of that row, and their
//! columns are carried through to the join, of which nothing is left.

use std::cell::Cell;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, NullEquality, NullHandling, Result, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::execution::SessionState;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{
    Expr, Filter, Join, JoinType, LogicalPlan, Operator, Projection, Unnest, binary_expr,
};
use datafusion::optimizer::AnalyzerRule;

/// Has a session plan so.
pub(super) fn laterals(state: &mut SessionState) {
    state.add_analyzer_rule(Arc::new(Laterals));
}

#[derive(Debug)]
struct Laterals;

impl AnalyzerRule for Laterals {
    fn name(&self) -> &str {
        "laterals"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        // Lateral tables of lateral tables are written first, and their columns go through the next.
        let mut levels = 0;
        let written = plan.transform_up_with_subqueries(|node| match &node {
            LogicalPlan::Join(join) => {
                levels += 1;
                Ok(match in_place(join, levels)? {
                    Some(plan) => Transformed::yes(plan),
                    None => Transformed::no(node),
                })
            }
            _ => Ok(Transformed::no(node)),
        });
        // Nodes above name columns as before, which may be NULL now.
        written?
            .data
            .transform_up_with_subqueries(|node| node.recompute_schema().map(Transformed::yes))
            .map(|written| written.data)
    }
}

/// A join to rows that are made of the other's, without a join.
fn in_place(join: &Join, level: usize) -> Result<Option<LogicalPlan>> {
    if !is_lateral(&join.right)? || join.null_equality != NullEquality::NullEqualsNothing {
        return Ok(None);
    }
    let keeps = match join.join_type {
        JoinType::Inner => false,
        // Whether a row has none that fits is not known where each is made for itself.
        JoinType::Left if join.on.is_empty() && is_always(join.filter.as_ref()) => true,
        _ => return Ok(None),
    };
    let carried = Carried::of(&join.left, level);
    let Some(made) = carried.through(&join.right, keeps, Names::Own)? else { return Ok(None) };
    let outside = join.left.schema().columns().into_iter().zip(&carried.names);
    let mut columns: Vec<Expr> = outside
        .map(|(column, name)| named(Expr::Column(Column::from_name(name)), &column))
        .collect();
    let inside = join.right.schema().columns().into_iter().zip(made.columns);
    columns.extend(inside.map(|(column, made)| named(Expr::Column(made), &column)));
    let plan = LogicalPlan::Projection(Projection::try_new(columns, Arc::new(made.plan))?);
    let equal =
        |(left, right): &(Expr, Expr)| binary_expr(left.clone(), Operator::Eq, right.clone());
    let conditions = join.on.iter().map(equal).chain(join.filter.clone());
    Ok(Some(match conjunction(conditions) {
        Some(condition) if !keeps => {
            LogicalPlan::Filter(Filter::try_new(condition, Arc::new(plan))?)
        }
        _ => plan,
    }))
}

fn is_always(condition: Option<&Expr>) -> bool {
    let Some(condition) = condition else { return true };
    matches!(condition, Expr::Literal(ScalarValue::Boolean(Some(true)), _))
}

/// Whether a table refers to what is beside it.
fn is_lateral(table: &LogicalPlan) -> Result<bool> {
    table.exists(|node| {
        Ok(matches!(node, LogicalPlan::Subquery(of) if !of.outer_ref_columns.is_empty()))
    })
}

fn named(expr: Expr, column: &Column) -> Expr {
    expr.alias_qualified(column.relation.clone(), column.name.clone())
}

/// Rows whose columns go through others under names of their own.
struct Carried<'p> {
    rows: &'p LogicalPlan,
    names: Vec<String>,
    level: usize,
    /// How many columns of others have names so far.
    made: Cell<usize>,
}

/// A plan with those columns, and others behind them: what they are called there.
struct Made {
    plan: LogicalPlan,
    columns: Vec<Column>,
}

/// How the columns of others are called on their way: what is unnested is found by its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    /// By nobody else's: rules that bring nodes together would find two columns of a name.
    Own,
    Given,
}

impl<'p> Carried<'p> {
    fn of(rows: &'p LogicalPlan, level: usize) -> Self {
        let names = (0..rows.schema().fields().len()).map(|at| format!("__outside_{level}_{at}"));
        Self { rows, names: names.collect(), level, made: Cell::new(0) }
    }

    /// These columns, and behind them those of `node`, which is over a row without columns; `None` where it is over
    /// something else. A row for which it gives none is `kept` with NULLs.
    fn through(&self, node: &LogicalPlan, kept: bool, names: Names) -> Result<Option<Made>> {
        Ok(match node {
            LogicalPlan::EmptyRelation(empty) if empty.produce_one_row => {
                Some(Made { plan: self.first()?, columns: Vec::new() })
            }
            LogicalPlan::Subquery(of) => self.through(&of.subquery, kept, names)?,
            LogicalPlan::SubqueryAlias(of) => self.through(&of.input, kept, names)?,
            LogicalPlan::Projection(of) => self.projected(of, kept, names)?,
            LogicalPlan::Unnest(of) => self.unnested(of, kept)?,
            LogicalPlan::Filter(of) if !kept => match self.through(&of.input, kept, names)? {
                Some(Made { plan, columns }) => {
                    let condition =
                        self.inside(of.predicate.clone(), of.input.schema(), &columns)?;
                    let plan = LogicalPlan::Filter(Filter::try_new(condition, Arc::new(plan))?);
                    Some(Made { plan, columns })
                }
                None => None,
            },
            _ => None,
        })
    }

    fn first(&self) -> Result<LogicalPlan> {
        let columns = self.rows.schema().columns().into_iter().zip(&self.names);
        let columns = columns.map(|(column, name)| Expr::Column(column).alias(name)).collect();
        Ok(LogicalPlan::Projection(Projection::try_new(columns, Arc::new(self.rows.clone()))?))
    }

    fn projected(&self, of: &Projection, kept: bool, names: Names) -> Result<Option<Made>> {
        if kept && has_unnest(&of.input)? && !of.expr.iter().all(is_column) {
            return Ok(None);
        }
        let Some(under) = self.through(&of.input, kept, names)? else { return Ok(None) };
        let (mut exprs, mut columns) = (self.outside(), Vec::new());
        for (expr, field) in of.expr.iter().zip(of.schema.fields()) {
            let name = match names {
                Names::Given => field.name().clone(),
                Names::Own => self.next_name(),
            };
            let inside = self.inside(expr.clone(), of.input.schema(), &under.columns)?;
            exprs.push(inside.unalias_nested().data.alias(&name));
            columns.push(Column::from_name(name));
        }
        let plan = LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(under.plan))?);
        Ok(Some(Made { plan, columns }))
    }

    fn unnested(&self, of: &Unnest, kept: bool) -> Result<Option<Made>> {
        // A list within what is unnested already has no row to be kept by.
        if kept && (has_unnest(&of.input)? || of.options.recursions.iter().any(|of| of.depth > 1)) {
            return Ok(None);
        }
        let Some(under) = self.through(&of.input, kept, Names::Given)? else { return Ok(None) };
        let mut options = of.options.clone();
        if kept {
            options.null_handling = NullHandling::PreserveAndExpandEmpty;
        }
        let unnest = Unnest::try_new(Arc::new(under.plan), of.exec_columns.clone(), options)?;
        let columns = of.schema.columns().into_iter().map(|column| Column::from_name(column.name));
        Ok(Some(Made { plan: LogicalPlan::Unnest(unnest), columns: columns.collect() }))
    }

    fn outside(&self) -> Vec<Expr> {
        self.names.iter().map(|name| Expr::Column(Column::from_name(name))).collect()
    }

    fn next_name(&self) -> String {
        let at = self.made.replace(self.made.get() + 1);
        format!("__inside_{}_{at}", self.level)
    }

    /// An expression in which the row outside is one of these, and the columns below are called as they are now.
    fn inside(&self, expr: Expr, below: &DFSchema, columns: &[Column]) -> Result<Expr> {
        let inside = expr.transform_up(|expr| {
            let found = match &expr {
                Expr::OuterReferenceColumn(_, column) => {
                    let at = self.rows.schema().maybe_index_of_column(column);
                    at.map(|at| Column::from_name(&self.names[at]))
                }
                Expr::Column(column) => {
                    below.maybe_index_of_column(column).map(|at| columns[at].clone())
                }
                _ => None,
            };
            Ok(match found {
                Some(column) => Transformed::yes(Expr::Column(column)),
                None => Transformed::no(expr),
            })
        });
        inside.map(|inside| inside.data)
    }
}

fn has_unnest(plan: &LogicalPlan) -> Result<bool> {
    plan.exists(|node| Ok(matches!(node, LogicalPlan::Unnest(_))))
}

/// Whether it is NULL where its row is of NULLs.
fn is_column(expr: &Expr) -> bool {
    match expr {
        Expr::Column(_) => true,
        Expr::Alias(alias) => is_column(&alias.expr),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;
    use datafusion::prelude::SessionContext;

    use super::*;

    /// Its rows in order, columns with a blank between them.
    async fn rows(sql: &str) -> Result<String> {
        let mut state = SessionContext::new().state();
        laterals(&mut state);
        let context = SessionContext::new_with_state(state);
        let lists = "CREATE TABLE t AS SELECT column1 AS id, column2 AS l FROM (VALUES (1, [10, 20]), (2, []), (3, NULL))";
        context.sql(lists).await?.collect().await?;
        let found = context.sql(sql).await?.collect().await?;
        let mut rows = Vec::new();
        for batch in &found {
            for row in 0..batch.num_rows() {
                let values = batch.columns().iter().map(|of| array_value_to_string(of, row));
                rows.push(values.collect::<Result<Vec<_>, _>>()?.join(" "));
            }
        }
        rows.sort();
        Ok(rows.join(", "))
    }

    #[tokio::test]
    async fn a_row_is_made_for_each_element() {
        for (from, expected) in [
            ("id, x FROM t CROSS JOIN UNNEST(t.l) AS u(x)", "1 10, 1 20"),
            ("id, x FROM t, UNNEST(l) AS u(x)", "1 10, 1 20"),
            ("t.id, u.id FROM t, UNNEST(l) AS u(id)", "1 10, 1 20"),
            ("id, x FROM t JOIN UNNEST(l) AS u(x) ON x > 10", "1 20"),
            ("id, x FROM t JOIN UNNEST(l) AS u(x) ON x = id * 20", "1 20"),
            ("id, x FROM t LEFT JOIN UNNEST(l) AS u(x) ON true", "1 10, 1 20, 2 , 3 "),
            ("id, x, y FROM t, UNNEST(l, [1]) AS u(x, y)", "1 10 1, 1 20 , 2  1, 3  1"),
            (
                "id, x, y FROM t, UNNEST(l) AS u(x), UNNEST(make_array(x, x + 1)) AS v(y)",
                "1 10 10, 1 10 11, 1 20 20, 1 20 21",
            ),
            ("count(*) FROM t, UNNEST(l)", "2"),
            (
                "z.u['c'], z.c FROM (SELECT named_struct('c', 5) AS u, c FROM t, LATERAL (SELECT unnest(l) AS c) AS u) AS z",
                "5 10, 5 20",
            ),
            ("t.*, x FROM t CROSS JOIN UNNEST(l) AS u(x) WHERE x < 20", "1 [10, 20] 10"),
            (
                "a.id, b.id, x FROM t AS a JOIN t AS b ON a.id = b.id, UNNEST(b.l) AS u(x)",
                "1 1 10, 1 1 20",
            ),
        ] {
            let found = rows(&format!("SELECT {from}")).await;
            assert_eq!(found.unwrap_or_else(|error| panic!("{from}: {error}")), expected, "{from}");
        }
    }

    #[tokio::test]
    async fn a_lateral_query_of_the_row_alone_is_answered() {
        for (from, expected) in [
            ("id, x FROM t, LATERAL (SELECT id + 1 AS x) u", "1 2, 2 3, 3 4"),
            ("id, x FROM t CROSS JOIN LATERAL (SELECT unnest(l) AS x) u", "1 10, 1 20"),
            ("id, x FROM t, LATERAL (SELECT id AS x WHERE id > 1) u", "2 2, 3 3"),
            ("id, x FROM t, LATERAL (SELECT x FROM UNNEST(l) AS v(x) WHERE x > id + 10) u", "1 20"),
            (
                "id, x, y FROM t, LATERAL (SELECT id * 2 AS x) u, LATERAL (SELECT x * 2 AS y) v",
                "1 2 4, 2 4 8, 3 6 12",
            ),
            ("id, x FROM t LEFT JOIN LATERAL (SELECT id + 1 AS x) u ON true", "1 2, 2 3, 3 4"),
        ] {
            let found = rows(&format!("SELECT {from}")).await;
            assert_eq!(found.unwrap_or_else(|error| panic!("{from}: {error}")), expected, "{from}");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_made_in_place_is_refused() {
        for from in [
            "id, x FROM t LEFT JOIN UNNEST(l) AS u(x) ON x > 10",
            "id, x FROM t LEFT JOIN LATERAL (SELECT coalesce(unnest(l), 0) AS x) u ON true",
            "id, x FROM t LEFT JOIN LATERAL (SELECT id AS x WHERE id > 1) u ON true",
            "id, x FROM t, LATERAL (SELECT sum(x) AS x FROM UNNEST(l) AS v(x)) u",
        ] {
            rows(&format!("SELECT {from}")).await.expect_err(from);
        }
    }
}
