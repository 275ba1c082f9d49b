//! Intervals are refused where the engine would compare them by their parts.
//!
//! Problem: a month and 30 days are one length, and two values to whatever compares months, days and the rest: groups,
//! orders, joins by USING, `IN (SELECT …)`, `CASE x WHEN`, lists and structs that have intervals in them. Official way:
//! none. Here: `=`, `<` and their like, BETWEEN, IN lists and conditions of joins compare lengths
//! ([`spans`](super::spans)); everything else says that it does not know them.

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DFSchema, Result, not_impl_err};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::{
    BinaryExpr, Distinct, DistinctOn, Expr, ExprSchemable, LogicalPlan, SortExpr,
};
use datafusion::optimizer::AnalyzerRule;

use super::nested::COMPARING;

/// Whether values of a type are intervals, or have some in them.
fn has_intervals(of: &DataType) -> bool {
    let has = |field: &FieldRef| has_intervals(field.data_type());
    match of {
        DataType::Interval(_) => true,
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _)
        | DataType::RunEndEncoded(_, item) => has(item),
        DataType::Struct(fields) => fields.iter().any(has),
        DataType::Union(fields, _) => fields.iter().any(|(_, field)| has(field)),
        DataType::Dictionary(_, values) => has_intervals(values),
        _ => false,
    }
}

fn refused() -> Result<()> {
    not_impl_err!(
        "intervals in ORDER BY, GROUP BY, PARTITION BY, DISTINCT, USING, IN (SELECT …), CASE … WHEN, nullif, min() and max(), or compared within lists and structs, are not supported by this version: a month has no length; use the difference of two instants, or date_part('epoch', …)"
    )
}

/// Looks at one expression, and not at those within it.
///
/// # Errors
/// `NotImplemented` where intervals would be compared by their parts.
pub(super) fn refuse_intervals(expr: &Expr, schema: &DFSchema) -> Result<()> {
    let is_one = |expr: &Expr| expr.get_type(schema).is_ok_and(|of| has_intervals(&of));
    let is_key = |key: &SortExpr| is_one(&key.expr);
    let found = match expr {
        Expr::WindowFunction(call) => {
            let params = &call.params;
            params.partition_by.iter().any(is_one)
                || params.order_by.iter().any(is_key)
                || is_extreme(call.fun.name()) && params.args.iter().any(is_one)
        }
        Expr::AggregateFunction(call) => {
            let params = &call.params;
            let compares = is_extreme(call.func.name()) || params.distinct;
            params.order_by.iter().any(is_key) || compares && params.args.iter().any(is_one)
        }
        Expr::InSubquery(within) => is_one(&within.expr),
        Expr::SetComparison(any) => is_one(&any.expr),
        Expr::Case(case) => case.expr.as_deref().is_some_and(is_one),
        Expr::ScalarFunction(call) => compares(call.func.name()) && call.args.iter().any(is_one),
        // Those that are intervals themselves have been written otherwise.
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if op.supports_propagation() => {
            [left, right].into_iter().any(|side| is_within(side, schema))
        }
        Expr::InList(list) => is_within(&list.expr, schema),
        Expr::Between(between) => is_within(&between.expr, schema),
        _ => false,
    };
    if found { refused() } else { Ok(()) }
}

fn is_within(expr: &Expr, schema: &DFSchema) -> bool {
    let of = expr.get_type(schema);
    of.is_ok_and(|of| !matches!(of, DataType::Interval(_)) && has_intervals(&of))
}

fn is_extreme(function: &str) -> bool {
    matches!(function, "min" | "max")
}

fn compares(function: &str) -> bool {
    matches!(function, "nullif" | "greatest" | "least") || COMPARING.contains(&function)
}

/// Refuses plans that would sort intervals, or tell them apart.
#[derive(Debug)]
pub(super) struct NoIntervalsAsKeys;

impl AnalyzerRule for NoIntervalsAsKeys {
    fn name(&self) -> &str {
        "no_intervals_as_keys"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.apply_with_subqueries(|node| {
            if has_keys(node) {
                refused()?;
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(plan)
    }
}

fn has_keys(node: &LogicalPlan) -> bool {
    let is_one = |expr: &Expr, of: &DFSchema| expr.get_type(of).is_ok_and(|of| has_intervals(&of));
    match node {
        LogicalPlan::Sort(of) => of.expr.iter().any(|key| is_one(&key.expr, of.input.schema())),
        LogicalPlan::Aggregate(of) => {
            of.group_expr.iter().any(|key| is_one(key, of.input.schema()))
        }
        LogicalPlan::Distinct(Distinct::All(of)) => has_columns(of.schema()),
        LogicalPlan::Distinct(Distinct::On(DistinctOn { on_expr, sort_expr, input, .. })) => {
            let keys = sort_expr.iter().flatten().map(|key| &key.expr);
            on_expr.iter().chain(keys).any(|key| is_one(key, input.schema()))
        }
        LogicalPlan::RecursiveQuery(of) => of.is_distinct && has_columns(&of.schema),
        LogicalPlan::Join(join) => join.on.iter().any(|(left, right)| {
            is_one(left, join.left.schema()) || is_one(right, join.right.schema())
        }),
        _ => false,
    }
}

fn has_columns(schema: &DFSchema) -> bool {
    schema.fields().iter().any(|field| has_intervals(field.data_type()))
}
