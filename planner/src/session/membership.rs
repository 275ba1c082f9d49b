//! `x IN (subquery)` is NULL where SQL says so.
//!
//! Problem: `x IN (S)` is NULL, and not false, where no row of `S` is `x` but `x` or one of them is NULL. DataFusion 55
//! knows that for a condition of its own (`WHERE x NOT IN (S)`), and answers false wherever else it plans a mark
//! join: `WHERE x NOT IN (S) OR y`, `NOT (x IN (S) AND y)`, `(x IN (S)) IS NULL` give rows that SQL does not. Official
//! way: none. Here: where the two make a difference it is written out what `IN` means. Under AND and OR alone they
//! make none: there it stays a mark join.
//!
//! ```text
//!   x IN (S)  ──►  CASE WHEN x IN (S) THEN true
//!                       WHEN x IS NULL AND (count of S) > 0 OR (count of S where it is NULL) > 0 THEN NULL
//!                       ELSE false END                     S once more for each, or x = ANY (S) where S refers to x's row
//! ```

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result, ScalarValue, not_impl_err};
use datafusion::config::ConfigOptions;
use datafusion::execution::SessionState;
use datafusion::logical_expr::expr::{InSubquery, SetComparison, SetQuantifier};
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, Filter, LogicalPlan, LogicalPlanBuilder, Operator, lit, not,
    when,
};
use datafusion::optimizer::AnalyzerRule;

mod selected;

/// Has a session plan so.
pub(super) fn nulls_of_in(state: &mut SessionState) {
    state.add_analyzer_rule(Arc::new(NullsOfIn));
}

#[derive(Debug)]
struct NullsOfIn;

impl AnalyzerRule for NullsOfIn {
    fn name(&self) -> &str {
        "nulls_of_in"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let written = plan.transform_up_with_subqueries(|node| match node {
            LogicalPlan::Filter(mut filter) if has_total(&filter.predicate)? => {
                filter.predicate = filter.predicate.transform_up(of_totals)?.data;
                Ok(Transformed::yes(LogicalPlan::Filter(filter)))
            }
            other => Ok(Transformed::no(other)),
        });
        let written = written?.data.transform_up_with_subqueries(|node| match node {
            LogicalPlan::Filter(filter) if has_in(&filter.predicate)? => {
                let schema = Arc::clone(filter.input.schema());
                let conditions = split_conjunction_owned(filter.predicate);
                let conditions = conditions.into_iter().map(|each| condition(each, &schema));
                let conditions = conditions.collect::<Result<Vec<_>>>()?;
                let predicate = conjunction(conditions).unwrap_or_else(|| lit(true));
                Ok(Transformed::yes(LogicalPlan::Filter(Filter::try_new(predicate, filter.input)?)))
            }
            other => Ok(Transformed::no(other)),
        });
        let written = written?.data;
        written.apply_with_subqueries(|node| {
            node.apply_expressions(|expr| {
                expr.apply(|expr| refuse_lost_totals(expr).map(|()| TreeNodeRecursion::Continue))
            })
        })?;
        selected::columns_of(written)?
            .transform_up_with_subqueries(|node| {
                node.map_expressions(|expr| expr.transform_up(named_apart))
            })
            .map(|written| written.data)
    }
}

fn has_total(predicate: &Expr) -> Result<bool> {
    predicate.exists(|expr| {
        Ok(matches!(expr, Expr::Exists(exists) if is_total(&exists.subquery.subquery)))
    })
}

/// # Errors
/// `NotImplemented` for a condition over totals that depend on the row outside: of rows that have nothing to add up
/// DataFusion 55 loses the total.
fn refuse_lost_totals(expr: &Expr) -> Result<()> {
    let subquery = match expr {
        Expr::Exists(exists) => &exists.subquery,
        Expr::InSubquery(within) => &within.subquery,
        Expr::SetComparison(comparison) => &comparison.subquery,
        _ => return Ok(()),
    };
    if subquery.outer_ref_columns.is_empty() {
        return Ok(());
    }
    if skips(&subquery.subquery) {
        return not_impl_err!(
            "OFFSET in EXISTS, IN, ANY and ALL that refer to the query outside is not supported by this version: compare with a count, as in (SELECT count(*) …) > 1"
        );
    }
    if !is_of_total(&subquery.subquery) {
        return Ok(());
    }
    not_impl_err!(
        "EXISTS, IN, ANY and ALL over a total (count(*), max(x) without GROUP BY) that refers to the query outside are not supported by this version: compare with the total, as in (SELECT count(*) …) > 0"
    )
}

/// Whether rows are left out by OFFSET: DataFusion 55 forgets of it where it makes a join.
fn skips(rows: &LogicalPlan) -> bool {
    match rows {
        LogicalPlan::Limit(of) => of.skip.is_some() || skips(&of.input),
        LogicalPlan::Filter(of) => skips(&of.input),
        LogicalPlan::Sort(of) => skips(&of.input),
        LogicalPlan::Projection(of) => skips(&of.input),
        LogicalPlan::SubqueryAlias(of) => skips(&of.input),
        LogicalPlan::Distinct(of) => skips(of.input()),
        _ => false,
    }
}

/// A total, or what is made of one.
fn is_of_total(rows: &LogicalPlan) -> bool {
    match rows {
        LogicalPlan::Filter(of) => is_of_total(&of.input),
        LogicalPlan::Limit(of) => is_of_total(&of.input),
        LogicalPlan::Sort(of) => is_of_total(&of.input),
        LogicalPlan::Projection(of) => is_of_total(&of.input),
        LogicalPlan::SubqueryAlias(of) => is_of_total(&of.input),
        other => is_total(other),
    }
}

/// A total is there if there is nothing to add up: `EXISTS (SELECT count(*) …)` is true, and DataFusion 55 makes a
/// semi join of it.
fn of_totals(expr: Expr) -> Result<Transformed<Expr>> {
    Ok(match expr {
        Expr::Exists(exists) if is_total(&exists.subquery.subquery) => {
            Transformed::yes(lit(!exists.negated))
        }
        other => Transformed::no(other),
    })
}

fn is_total(rows: &LogicalPlan) -> bool {
    match rows {
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        LogicalPlan::Projection(of) => is_total(&of.input),
        LogicalPlan::SubqueryAlias(of) => is_total(&of.input),
        LogicalPlan::Sort(of) => of.fetch.is_none() && is_total(&of.input),
        _ => false,
    }
}

fn has_in(predicate: &Expr) -> Result<bool> {
    predicate.exists(|expr| Ok(matches!(expr, Expr::InSubquery(_))))
}

/// A condition of its own: DataFusion plans a semi join for it, or an anti join that knows of NULL.
fn condition(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    match expr {
        Expr::InSubquery(within) => member_or_not(within, schema),
        Expr::Not(inner) => match *inner {
            Expr::InSubquery(within) => {
                member_or_not(InSubquery { negated: !within.negated, ..within }, schema)
            }
            inner => everywhere(not(inner), schema),
        },
        other => mattering(other, schema),
    }
}

/// Its anti joins lose rows where the subquery refers to the row outside by more than `=`, and do not know of NULL
/// where the left side is a constant.
fn member_or_not(within: InSubquery, schema: &DFSchema) -> Result<Expr> {
    match within.negated {
        true if !within.subquery.outer_ref_columns.is_empty() => Ok(compared(within)),
        true if !within.expr.any_column_refs() => written_out(within, schema),
        _ => Ok(Expr::InSubquery(within)),
    }
}

/// `x <> ALL (S)` for `x NOT IN (S)`, `x = ANY (S)` for `x IN (S)`.
fn compared(within: InSubquery) -> Expr {
    let InSubquery { expr, subquery, negated } = within;
    let (op, quantifier) = match negated {
        true => (Operator::NotEq, SetQuantifier::All),
        false => (Operator::Eq, SetQuantifier::Any),
    };
    Expr::SetComparison(SetComparison { expr, subquery, op, quantifier })
}

/// `x = ANY (S)` becomes a condition within `S`, where a column of `S` that has the name of `x` would be taken for it
/// (DataFusion 55).
fn named_apart(expr: Expr) -> Result<Transformed<Expr>> {
    let Expr::SetComparison(mut comparison) = expr else { return Ok(Transformed::no(expr)) };
    let (rows, _) = selected::member(&comparison.subquery)?;
    comparison.subquery = comparison.subquery.with_plan(Arc::new(rows));
    Ok(Transformed::yes(Expr::SetComparison(comparison)))
}

/// Below AND and OR alone, NULL is as good as false.
fn mattering(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) => {
            let left = Box::new(mattering(*left, schema)?);
            let right = Box::new(mattering(*right, schema)?);
            Ok(Expr::BinaryExpr(BinaryExpr { left, op, right }))
        }
        Expr::InSubquery(within) if !within.negated => Ok(Expr::InSubquery(within)),
        other => everywhere(other, schema),
    }
}

fn everywhere(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    let written = expr.transform_up(|expr| match expr {
        Expr::InSubquery(within) => written_out(within, schema).map(Transformed::yes),
        other => Ok(Transformed::no(other)),
    });
    written.map(|written| written.data)
}

fn written_out(within: InSubquery, schema: &DFSchema) -> Result<Expr> {
    let InSubquery { expr, subquery, negated } = within;
    let (column, field) = subquery.subquery.schema().qualified_field(0);
    let (is_null, has_null) = (expr.nullable(schema)?, field.is_nullable());
    let member = Expr::Column((column, field).into());
    if !is_null && !has_null {
        return Ok(Expr::InSubquery(InSubquery { expr, subquery, negated }));
    }
    if !subquery.outer_ref_columns.is_empty() {
        return Ok(compared(InSubquery { expr, subquery, negated }));
    }
    let rows = || LogicalPlanBuilder::from(subquery.subquery.as_ref().clone());
    let of_null = expr.as_ref().clone().is_null().and(some(rows())?);
    let to_null = some(rows().filter(member.is_null())?)?;
    let unknown = match (is_null, has_null) {
        (true, true) => of_null.or(to_null),
        (true, false) => of_null,
        _ => to_null,
    };
    let found = Expr::InSubquery(InSubquery { expr, subquery, negated: false });
    when(found, lit(!negated))
        .when(unknown, Expr::Literal(ScalarValue::Boolean(None), None))
        .otherwise(lit(negated))
}

/// Whether there are rows, as an expression of one value.
fn some(rows: LogicalPlanBuilder) -> Result<Expr> {
    Ok(selected::count_of(rows, Vec::new())?.gt(lit(0_i64)))
}

#[cfg(test)]
mod tests;
