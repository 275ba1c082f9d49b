//! 0.0 and -0.0 are one number, wherever DataFusion compares.
//!
//! Problem: in `=`, joins and GROUP BY DataFusion 55 takes them for one, as SQL does, and elsewhere for two: in lists
//! of `IN` that it hashes, in `CASE x WHEN` and `nullif`, in `count(DISTINCT x)`, and in what is ordered: PARTITION BY, `rank`, the second key of an ORDER BY. Official way: none. Here:
//! such expressions are written so that it compares with `=`, or finds only one of the two.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr::{
    AggregateFunction, Case, InList, WindowFunction, WindowFunctionParams,
};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Sort, SortExpr, when};
use datafusion::optimizer::AnalyzerRule;

use super::nested::{compared, holds_floats, one_number};
use super::order::split;
use super::order_keys::as_bytes;

/// The expression written so; `None` where nothing is to be done.
pub(super) fn written_out(expr: &Expr, schema: &DFSchema) -> Option<Expr> {
    if expr.is_volatile() {
        // What is written twice would be computed twice.
        return None;
    }
    match expr {
        Expr::InList(list) => in_ones(list, schema),
        Expr::Case(case) => searched(case, schema),
        Expr::ScalarFunction(call) if call.func.name() == "nullif" => unless(&call.args, schema),
        Expr::AggregateFunction(call) => {
            let params = &call.params;
            let args = ones(&params.args, schema).filter(|_| params.distinct);
            let keys = params.order_by.len();
            // Of DISTINCT values the engine takes no other keys than they are.
            let order_by = match params.distinct {
                true => ordered(&params.order_by, keys, schema),
                false => {
                    let ones = ordered(&params.order_by, keys.saturating_sub(1), schema);
                    as_bytes(ones.as_deref().unwrap_or(&params.order_by), schema).or(ones)
                }
            };
            if args.is_none() && order_by.is_none() {
                return None;
            }
            let mut params = params.clone();
            params.args = args.unwrap_or(params.args);
            params.order_by = order_by.unwrap_or(params.order_by);
            Some(Expr::AggregateFunction(AggregateFunction { func: call.func.clone(), params }))
        }
        Expr::WindowFunction(call) => {
            let params = &call.params;
            let partition_by = ones(&params.partition_by, schema);
            let order_by = in_one_order(&params.order_by, params.order_by.len(), schema);
            if partition_by.is_none() && order_by.is_none() {
                return None;
            }
            let partition_by = partition_by.unwrap_or_else(|| params.partition_by.clone());
            let order_by = order_by.unwrap_or_else(|| params.order_by.clone());
            let params = WindowFunctionParams { partition_by, order_by, ..params.clone() };
            let call = WindowFunction { fun: call.fun.clone(), params };
            Some(Expr::WindowFunction(Box::new(call)))
        }
        _ => None,
    }
}

/// A list that has one of the two has the other: what it is compared with, and all of it, gives the same one.
fn in_ones(list: &InList, schema: &DFSchema) -> Option<Expr> {
    let all = std::iter::once(list.expr.as_ref()).chain(&list.list);
    if !all.into_iter().any(|expr| one(expr, schema).is_some()) {
        return None;
    }
    let same = |expr: &Expr| one(expr, schema).unwrap_or_else(|| expr.clone());
    let items = list.list.iter().map(same).collect();
    Some(Expr::InList(InList { expr: Box::new(same(&list.expr)), list: items, ..list.clone() }))
}

/// `CASE x WHEN a …` as `CASE WHEN x = a …`.
fn searched(case: &Case, schema: &DFSchema) -> Option<Expr> {
    let base = case.expr.as_ref()?;
    let is_of_floats =
        |expr: &Expr| expr.get_type(schema).is_ok_and(|of| of.is_floating() || holds_floats(&of));
    if !is_of_floats(base) && !case.when_then_expr.iter().any(|(when, _)| is_of_floats(when)) {
        return None;
    }
    let equal = |when: &Expr| Box::new(equal(base, when, schema));
    let whens = case.when_then_expr.iter();
    let when_then_expr = whens.map(|(when, then)| (equal(when), then.clone())).collect();
    Some(Expr::Case(Case { expr: None, when_then_expr, else_expr: case.else_expr.clone() }))
}

fn equal(left: &Expr, right: &Expr, schema: &DFSchema) -> Expr {
    let equal = left.clone().eq(right.clone());
    compared(&equal, schema).unwrap_or(equal)
}

/// `nullif(x, y)` as `CASE WHEN x = y THEN NULL ELSE x END`.
fn unless(args: &[Expr], schema: &DFSchema) -> Option<Expr> {
    let [left, right] = args else { return None };
    let of = left.get_type(schema).ok().filter(|of| of.is_floating() || holds_floats(of))?;
    let null = Expr::Literal(ScalarValue::try_from(of).ok()?, None);
    when(equal(left, right, schema), null).otherwise(left.clone()).ok()
}

/// Expressions of which those of floating-point numbers give one of the two, if there are any.
pub(super) fn ones(exprs: &[Expr], schema: &DFSchema) -> Option<Vec<Expr>> {
    if !exprs.iter().any(|expr| one(expr, schema).is_some()) {
        return None;
    }
    Some(exprs.iter().map(|expr| one(expr, schema).unwrap_or_else(|| expr.clone())).collect())
}

fn one(expr: &Expr, schema: &DFSchema) -> Option<Expr> {
    let zero = match expr.get_type(schema).ok()? {
        DataType::Float32 => ScalarValue::Float32(Some(0.0)),
        DataType::Float64 => ScalarValue::Float64(Some(0.0)),
        other => return one_number(expr, &other),
    };
    // -0.0 + 0.0 is 0.0.
    Some(expr.clone() + Expr::Literal(zero, None))
}

/// The first so many keys of an order so, if there is one of floating-point numbers among them.
pub(super) fn ordered(keys: &[SortExpr], first: usize, schema: &DFSchema) -> Option<Vec<SortExpr>> {
    if !keys.iter().take(first).any(|key| one(&key.expr, schema).is_some()) {
        return None;
    }
    let keys = keys.iter().enumerate().map(|(at, key)| match one(&key.expr, schema) {
        Some(expr) if at < first => SortExpr { expr, ..key.clone() },
        _ => key.clone(),
    });
    Some(keys.collect())
}

/// The keys of an order that gives what SQL does, of numbers and of lists and structs.
fn in_one_order(keys: &[SortExpr], first: usize, schema: &DFSchema) -> Option<Vec<SortExpr>> {
    let ones = ordered(keys, first, schema);
    split(ones.as_deref().unwrap_or(keys), schema).or(ones)
}

/// The same for ORDER BY: of rows that differ in nothing but the two, the keys that follow tell which comes first.
#[derive(Debug)]
pub(super) struct OneZeroInOrder;

impl AnalyzerRule for OneZeroInOrder {
    fn name(&self) -> &str {
        "one_zero_in_order"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let ordered = plan.transform_up_with_subqueries(|node| match node {
            LogicalPlan::Sort(sort) => {
                let before_last = sort.expr.len().saturating_sub(1);
                Ok(match in_one_order(&sort.expr, before_last, sort.input.schema()) {
                    Some(expr) => Transformed::yes(LogicalPlan::Sort(Sort { expr, ..sort })),
                    None => Transformed::no(LogicalPlan::Sort(sort)),
                })
            }
            other => Ok(Transformed::no(other)),
        });
        ordered.map(|ordered| ordered.data)
    }
}
