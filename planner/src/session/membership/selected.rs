//! `x IN (subquery)` and `EXISTS (subquery)` as a column that is selected.
//!
//! Problem: DataFusion 55 plans both as joins of a condition, and nowhere else: `SELECT x IN (SELECT …)` ends with an
//! error in its own words. Official way: none. Here: in SELECT they are written as counts, which may be selected;
//! elsewhere (totals, windows, ON) they are refused, with what to write.
//!
//! ```text
//!   EXISTS (S)  ──►  (count of S) > 0
//!   x IN (S)    ──►  CASE WHEN (count of S where it is x) > 0 THEN true
//!                         WHEN x IS NULL AND (count of S) > 0 OR (count of S where it is NULL) > 0 THEN NULL
//!                         ELSE false END
//! ```

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, ExprSchema, Result, ScalarValue, Spans, not_impl_err};
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::expr::{Exists, InSubquery, SetComparison, SetQuantifier};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    Expr, ExprSchemable, FetchType, LogicalPlan, LogicalPlanBuilder, Operator, Projection,
    SkipType, Subquery, ident, lit, when,
};

/// The same plan with those of its selected columns written so.
///
/// # Errors
/// `NotImplemented` for one that is neither a column that is selected nor a part of a condition.
pub(super) fn columns_of(plan: LogicalPlan) -> Result<LogicalPlan> {
    let written = plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Projection(projection) if has_any(&projection.expr)? => {
            let schema = Arc::clone(projection.input.schema());
            let names = NamePreserver::new_for_projection();
            let columns = projection.expr.into_iter().map(|column| {
                let name = names.save(&column);
                let written = column.transform_up(|expr| counted(expr, &schema))?;
                Ok(name.restore(written.data))
            });
            let columns = columns.collect::<Result<Vec<_>>>()?;
            let projection = Projection::try_new(columns, projection.input)?;
            Ok(Transformed::yes(LogicalPlan::Projection(projection)))
        }
        LogicalPlan::Filter(_) => Ok(Transformed::no(node)),
        other if has_any(&other.expressions())? => not_impl_err!(
            "IN, EXISTS, ANY and ALL (subquery) in ON, ORDER BY, GROUP BY, totals and windows are not supported by this version: make it a column first, as in SELECT … FROM (SELECT *, x IN (SELECT …) AS is_in FROM t)"
        ),
        other => Ok(Transformed::no(other)),
    });
    written.map(|written| written.data)
}

fn has_any(exprs: &[Expr]) -> Result<bool> {
    let mut found = false;
    for expr in exprs {
        expr.apply(|expr| {
            found |= matches!(expr, Expr::InSubquery(_) | Expr::Exists(_) | Expr::SetComparison(_));
            Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })?;
    }
    Ok(found)
}

fn counted(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let written = match expr {
        Expr::Exists(Exists { subquery, negated }) => {
            let rows = whatever_many(&subquery.subquery).clone();
            let rows = LogicalPlanBuilder::from(rows);
            let count = count_of(rows, subquery.outer_ref_columns)?;
            if negated { count.eq(lit(0_i64)) } else { count.gt(lit(0_i64)) }
        }
        Expr::InSubquery(within) => within_counted(within, schema)?,
        Expr::SetComparison(SetComparison { expr, subquery, op, quantifier }) => {
            let negated = match (op, quantifier) {
                (Operator::Eq, SetQuantifier::Any) => false,
                (Operator::NotEq, SetQuantifier::All) => true,
                _ => {
                    return not_impl_err!(
                        "{op} ANY and ALL (subquery) in SELECT are not supported by this version: compare with (SELECT min(x) …) or (SELECT max(x) …)"
                    );
                }
            };
            within_counted(InSubquery { expr, subquery, negated }, schema)?
        }
        other => return Ok(Transformed::no(other)),
    };
    Ok(Transformed::yes(written))
}

fn within_counted(within: InSubquery, schema: &DFSchema) -> Result<Expr> {
    let InSubquery { expr, subquery, negated } = within;
    let (rows, member) = member(&subquery)?;
    let can_be_null = rows.schema().field(0).is_nullable();
    let (outside, mut references) = from_within(expr.as_ref().clone(), schema)?;
    references.extend(subquery.outer_ref_columns.iter().cloned());
    let rows = || LogicalPlanBuilder::from(rows.clone());
    let of_its_own = || subquery.outer_ref_columns.clone();
    let found = count_of(rows().filter(member.clone().eq(outside))?, references)?;
    let mut unknown = None;
    if can_be_null {
        let to_null = count_of(rows().filter(member.is_null())?, of_its_own())?;
        unknown = Some(to_null.gt(lit(0_i64)));
    }
    if expr.nullable(schema)? {
        let any = count_of(rows(), of_its_own())?.gt(lit(0_i64));
        let of_null = expr.is_null().and(any);
        unknown = Some(match unknown {
            Some(to_null) => of_null.or(to_null),
            None => of_null,
        });
    }
    let mut written = when(found.gt(lit(0_i64)), lit(!negated));
    if let Some(unknown) = unknown {
        written = written.when(unknown, Expr::Literal(ScalarValue::Boolean(None), None));
    }
    written.otherwise(lit(negated))
}

/// The rows of a subquery under a name that no column outside has, and that column.
pub(super) fn member(subquery: &Subquery) -> Result<(LogicalPlan, Expr)> {
    const MEMBER: &str = "__squadron_member";
    let rows = subquery.subquery.as_ref();
    let column = Expr::Column(rows.schema().qualified_field(0).into());
    let rows = LogicalPlanBuilder::from(rows.clone()).project([column.alias(MEMBER)])?.build()?;
    Ok((rows, ident(MEMBER)))
}

/// An expression as it is written within a subquery, and the columns outside that it refers to.
fn from_within(expr: Expr, schema: &DFSchema) -> Result<(Expr, Vec<Expr>)> {
    let mut references = Vec::new();
    let outside = expr.transform_up(|expr| match expr {
        Expr::Column(column) => {
            let field = schema.field_from_column(&column)?;
            let reference = Expr::OuterReferenceColumn(Arc::clone(field), column);
            references.push(reference.clone());
            Ok(Transformed::yes(reference))
        }
        other => Ok(Transformed::no(other)),
    });
    Ok((outside?.data, references))
}

/// Rows without a LIMIT of one or more: whether there are any is the same.
fn whatever_many(rows: &LogicalPlan) -> &LogicalPlan {
    match rows {
        LogicalPlan::Limit(limit) => match (limit.get_skip_type(), limit.get_fetch_type()) {
            (Ok(SkipType::Literal(0)), Ok(FetchType::Literal(fetch))) if fetch != Some(0) => {
                whatever_many(&limit.input)
            }
            _ => rows,
        },
        other => other,
    }
}

/// A name that no total of the query itself has: where a join is made of it, both are its columns.
const COUNT: &str = "__squadron_rows";

/// The number of rows, as an expression of one value. The columns are those outside that the rows refer to.
pub(super) fn count_of(rows: LogicalPlanBuilder, outer_ref_columns: Vec<Expr>) -> Result<Expr> {
    let counted = rows.aggregate(Vec::<Expr>::new(), vec![count(lit(1_i64)).alias(COUNT)])?;
    let counted = counted.build()?;
    let subquery = Subquery { subquery: Arc::new(counted), outer_ref_columns, spans: Spans::new() };
    Ok(Expr::ScalarSubquery(subquery))
}
