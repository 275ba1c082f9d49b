//! What becomes of two types that meet.
//!
//! Problem, in DataFusion 55:
//! * A decimal and a floating-point number meet as DECIMAL(30, 15), in comparisons, `coalesce`, CASE and UNION: 1e-17
//!   is 0 there, and 1e20 an error. SQL's answer (PostgreSQL, Spark, DuckDB) is DOUBLE. Here: the decimal is cast to
//!   that first. Where the other is a constant that has the same value as a decimal (`price < 0.07`), it is that decimal
//!   ([`constants`]): the engine multiplies by a power of ten, and 4.15 comes out as 4.150000000000001.
//! * INTERSECT and EXCEPT give their columns the types of the first query: of integers and floating-point numbers that
//!   are equal, two may be one. Here: both sides get the type that UNION gives.
//! * CASE and UNION have the type of their first branch until the engine matches types, which it does after all that
//!   looks at them here and in `exact/`: 2.5 is counted, compared or rounded as an integer. Here: branches are of one
//!   type from the start (`meeting/branches.rs`), and what is above them has it.
//! * Where three branches of UNION ALL have a column of several types, filters find the columns of a branch by the names
//!   of the whole: of a join of tables with columns of one name, those of the first. Here: branches have columns of
//!   the names that the whole has.
//! * Times of day in two units do not meet in BETWEEN at all. Here: as nanoseconds.
//!
//! Official way: none.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::{Case, InList, InSubquery, SetComparison};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Between, BinaryExpr, Expr, ExprSchemable, Join, LogicalPlan, Subquery, cast,
};

mod branches;
mod constants;
mod far;
mod outside;
#[cfg(test)]
mod tests;

pub(super) use branches::common;
use branches::{branches, casted, is_set_operation, sides};
use outside::outside;

/// The same plan, before types are matched. Parameters have their values.
pub(crate) fn types_met(plan: LogicalPlan) -> Result<LogicalPlan> {
    let met = upwards(plan, |node| {
        let node = match node {
            LogicalPlan::Union(union) => branches(union)?,
            LogicalPlan::Join(join) => match is_set_operation(&join) {
                true => sides(join)?,
                false => keys(join),
            },
            other => Transformed::no(other),
        };
        node.transform_data(expressions)
    });
    met.map(|met| met.data)
}

/// A plan whose nodes are changed, the lowest first: what is above has the types of what is below.
fn upwards(
    plan: LogicalPlan,
    mut change: impl FnMut(LogicalPlan) -> Result<Transformed<LogicalPlan>>,
) -> Result<Transformed<LogicalPlan>> {
    let mut has_changed = false;
    plan.transform_up_with_subqueries(|node| {
        let node = match has_changed {
            true => outside(node.recompute_schema()?)?,
            false => Transformed::no(node),
        };
        let changed = node.transform_data(&mut change)?;
        has_changed |= changed.transformed;
        Ok(changed)
    })
}

fn expressions(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let schema = match &node {
        LogicalPlan::TableScan(scan) => scan.projected_schema.as_ref().clone(),
        node => merge_schema(&node.inputs()),
    };
    let names = NamePreserver::new(&node);
    let met = node.map_expressions(|expr| {
        let name = names.save(&expr);
        let met = expr.transform_up(|expr| {
            Ok(met(&expr, &schema).map_or_else(|| Transformed::no(expr), Transformed::yes))
        })?;
        Ok(met.update_data(|expr| name.restore(expr)))
    })?;
    match met.transformed {
        true => met.map_data(LogicalPlan::recompute_schema),
        false => Ok(met),
    }
}

/// Functions whose arguments become of one type.
const OF_ONE_TYPE: [&str; 5] = ["coalesce", "greatest", "least", "nullif", "nvl"];

fn met(expr: &Expr, schema: &DFSchema) -> Option<Expr> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if op.supports_propagation() => {
            let [left, right] = together([left, right], schema)?;
            Some(Expr::BinaryExpr(BinaryExpr::new(Box::new(left), *op, Box::new(right))))
        }
        Expr::Between(Between { expr, negated, low, high }) => {
            let [expr, low, high] = together([expr, low, high], schema)?.map(Box::new);
            Some(Expr::Between(Between { expr, negated: *negated, low, high }))
        }
        Expr::InList(InList { expr, list, negated }) => {
            let all = std::iter::once(expr.as_ref()).chain(list);
            let mut all = doubles(&all.collect::<Vec<_>>(), schema)?;
            let expr = Box::new(all.remove(0));
            Some(Expr::InList(InList { expr, list: all, negated: *negated }))
        }
        Expr::ScalarFunction(call) if OF_ONE_TYPE.contains(&call.func.name()) => {
            let args = doubles(&call.args.iter().collect::<Vec<_>>(), schema)?;
            Some(call.func.call(args))
        }
        Expr::Case(case) => of_case(case, schema),
        Expr::Cast(cast) => far::instant(cast).or_else(|| far::at_zone(cast, schema)),
        Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
            let (expr, subquery) = within(expr, subquery, schema)?;
            Some(Expr::InSubquery(InSubquery { expr, subquery, negated: *negated }))
        }
        Expr::SetComparison(of) => {
            let (expr, subquery) = within(&of.expr, &of.subquery, schema)?;
            Some(Expr::SetComparison(SetComparison { expr, subquery, ..of.clone() }))
        }
        _ => None,
    }
}

fn together<const N: usize>(exprs: [&Expr; N], schema: &DFSchema) -> Option<[Expr; N]> {
    <[Expr; N]>::try_from(doubles(&exprs, schema)?).ok()
}

/// The same with decimals cast, if there is a floating-point number among them.
fn doubles(exprs: &[&Expr], schema: &DFSchema) -> Option<Vec<Expr>> {
    let types = exprs.iter().map(|expr| expr.get_type(schema).ok());
    let types = types.collect::<Option<Vec<_>>>()?;
    let mut of = exprs.iter().zip(&types);
    let is_float = of.any(|(_, of)| of.is_floating());
    if !is_float || !types.iter().any(DataType::is_decimal) {
        return times(exprs, &types).or_else(|| far::met(exprs, &types));
    }
    if let Some(decimals) = constants::decimals(exprs, &types) {
        return Some(decimals);
    }
    let each = exprs.iter().zip(&types).map(|(expr, of)| double((*expr).clone(), of));
    Some(each.collect())
}

/// The same as nanoseconds, if they are times of day in different units.
fn times(exprs: &[&Expr], types: &[DataType]) -> Option<Vec<Expr>> {
    let is_time = |of: &&DataType| matches!(of, DataType::Time32(_) | DataType::Time64(_));
    let mut units = types.iter().filter(is_time);
    let first = units.next()?;
    if units.all(|unit| unit == first) {
        return None;
    }
    let each = exprs.iter().zip(types).map(|(expr, of)| match is_time(&of) {
        true => cast((*expr).clone(), DataType::Time64(TimeUnit::Nanosecond)),
        false => (*expr).clone(),
    });
    Some(each.collect())
}

fn double(expr: Expr, of: &DataType) -> Expr {
    if of.is_decimal() { cast(expr, DataType::Float64) } else { expr }
}

/// What CASE compares, and what it gives.
fn of_case(case: &Case, schema: &DFSchema) -> Option<Expr> {
    let (whens, thens): (Vec<_>, Vec<_>) =
        case.when_then_expr.iter().map(|(when, then)| (when.as_ref(), then.as_ref())).unzip();
    let compared: Vec<_> = case.expr.iter().map(AsRef::as_ref).chain(whens.clone()).collect();
    let given: Vec<_> = thens.iter().copied().chain(case.else_expr.as_deref()).collect();
    let cloned = |exprs: Vec<&Expr>| exprs.into_iter().cloned().collect::<Vec<_>>();
    let compared_met = case.expr.as_ref().and_then(|_| doubles(&compared, schema));
    let given_met = doubles(&given, schema);
    let is_met = compared_met.is_some() || given_met.is_some();
    let given = given_met.unwrap_or_else(|| cloned(given));
    let (given, is_one) = match of_one_type(&given, schema) {
        Some(given) => (given, true),
        None => (given, false),
    };
    if !is_met && !is_one {
        return None;
    }
    let mut compared = compared_met.unwrap_or_else(|| cloned(compared)).into_iter();
    let mut given = given.into_iter();
    let expr = case.expr.as_ref().and_then(|_| compared.next()).map(Box::new);
    let pairs = compared.zip(given.by_ref());
    let when_then_expr = pairs.map(|(when, then)| (Box::new(when), Box::new(then))).collect();
    let else_expr = given.next().map(Box::new);
    Some(Expr::Case(Case { expr, when_then_expr, else_expr }))
}

/// What CASE gives, in the type that it has in the end: until then it would have that of the first of them.
fn of_one_type(given: &[Expr], schema: &DFSchema) -> Option<Vec<Expr>> {
    let types = given.iter().map(|expr| expr.get_type(schema).ok());
    let types = types.collect::<Option<Vec<_>>>()?;
    let of = common(types.iter())?;
    let each = given.iter().zip(&types).map(|(expr, is)| match *is == of {
        true => expr.clone(),
        false => cast(expr.clone(), of.clone()),
    });
    Some(each.collect())
}

fn within(expr: &Expr, subquery: &Subquery, schema: &DFSchema) -> Option<(Box<Expr>, Subquery)> {
    let of = expr.get_type(schema).ok()?;
    let rows = subquery.subquery.as_ref();
    let member = rows.schema().fields().first()?.data_type().clone();
    if !(of.is_floating() && member.is_decimal() || of.is_decimal() && member.is_floating()) {
        return None;
    }
    let expr = Box::new(double(expr.clone(), &of));
    let to = member.is_decimal().then_some(DataType::Float64);
    let rows = casted(rows.clone(), &[to]).ok()?;
    Some((expr, subquery.with_plan(Arc::new(rows))))
}

/// Both sides of the equalities that a join is by.
fn keys(mut join: Join) -> Transformed<LogicalPlan> {
    let mut has_changed = false;
    for (left, right) in &mut join.on {
        let of_left = left.get_type(join.left.schema()).ok();
        let of_right = right.get_type(join.right.schema()).ok();
        let (Some(of_left), Some(of_right)) = (of_left, of_right) else { continue };
        if of_left.is_floating() && of_right.is_decimal() {
            *right = double(right.clone(), &of_right);
            has_changed = true;
        }
        if of_right.is_floating() && of_left.is_decimal() {
            *left = double(left.clone(), &of_left);
            has_changed = true;
        }
    }
    Transformed::new_transformed(LogicalPlan::Join(join), has_changed)
}
