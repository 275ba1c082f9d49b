//! Numbers within lists, structs and maps are compared as numbers by themselves are.
//!
//! Problem: arrow compares values of such types by the bits of the floating-point numbers in them, so that `[0.0]` is
//! not `[-0.0]` and a NaN of one file is not that of another, in `=`, in GROUP BY and in functions that look for an
//! element. Official way: none. Here: what is compared is given as [`Same::OneNumber`] first, which has one NaN and one
//! zero; what is only shown stays as it is.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayData, ArrayRef, AsArray, PrimitiveArray, make_array};
use datafusion::arrow::datatypes::{
    ArrowPrimitiveType, DataType, FieldRef, Float16Type, Float32Type, Float64Type,
};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, DFSchema, Result};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr::{AggregateFunction, InSubquery, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    Aggregate, BinaryExpr, Distinct, DistinctOn, Expr, ExprSchemable, Join, LogicalPlan,
    LogicalPlanBuilder,
};
use datafusion::optimizer::AnalyzerRule;

use super::nan::Half;
use super::nan::one_nan_in;
use super::order_keys::as_bytes;
use super::same::Same;
use super::zeros::{ones, ordered};

/// Whether values of a type have floating-point numbers in them, and are none themselves.
pub(super) fn holds_floats(of: &DataType) -> bool {
    let has = |field: &FieldRef| field.data_type().is_floating() || holds_floats(field.data_type());
    match of {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _)
        | DataType::RunEndEncoded(_, item) => has(item),
        DataType::Struct(fields) => fields.iter().any(has),
        DataType::Union(fields, _) => fields.iter().any(|(_, field)| has(field)),
        DataType::Dictionary(_, values) => values.is_floating() || holds_floats(values),
        _ => false,
    }
}

/// Functions that compare what is in a list with something, or with each other.
pub(super) const COMPARING: [&str; 19] = [
    "array_distinct",
    "array_except",
    "array_has",
    "array_has_all",
    "array_has_any",
    "array_intersect",
    "array_max",
    "array_min",
    "array_position",
    "array_positions",
    "array_remove",
    "array_remove_all",
    "array_remove_n",
    "array_replace",
    "array_replace_all",
    "array_replace_n",
    "array_sort",
    "array_union",
    "arrays_overlap",
];

/// A name that no column has beside which it is looked for.
const MEMBER: &str = "__squadron_member";

/// A comparison of such values as one of [`Same::OneNumber`]s; `None` for everything else.
pub(super) fn compared(expr: &Expr, schema: &DFSchema) -> Option<Expr> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if op.supports_propagation() => {
            let both = numbers(&[left.as_ref().clone(), right.as_ref().clone()], schema)?;
            let [left, right] = <[Expr; 2]>::try_from(both).ok()?;
            Some(Expr::BinaryExpr(BinaryExpr::new(Box::new(left), *op, Box::new(right))))
        }
        Expr::InSubquery(within) => {
            let expr = Box::new(nested(&within.expr, schema)?);
            let rows = within.subquery.subquery.as_ref();
            let (relation, field) = rows.schema().qualified_field(0);
            let member = Expr::Column((relation, field).into());
            let member = one_number(&member, field.data_type()).unwrap_or(member).alias(MEMBER);
            let rows = LogicalPlanBuilder::from(rows.clone()).project([member]).ok()?;
            let subquery = within.subquery.with_plan(Arc::new(rows.build().ok()?));
            Some(Expr::InSubquery(InSubquery { expr, subquery, negated: within.negated }))
        }
        Expr::ScalarFunction(call) if COMPARING.contains(&call.func.name()) => {
            numbers(&call.args, schema)?;
            let args = ones(&call.args, schema)?;
            Some(Expr::ScalarFunction(ScalarFunction { func: Arc::clone(&call.func), args }))
        }
        Expr::AggregateFunction(call) if matches!(call.func.name(), "min" | "max") => {
            let args = numbers(&call.params.args, schema)?;
            let mut params = call.params.clone();
            params.args = args;
            Some(Expr::AggregateFunction(AggregateFunction {
                func: Arc::clone(&call.func),
                params,
            }))
        }
        _ => None,
    }
}

/// Expressions of which those of such types are given as that, if there are any.
fn numbers(exprs: &[Expr], schema: &DFSchema) -> Option<Vec<Expr>> {
    let given = |expr: &Expr| one_number(expr, &expr.get_type(schema).ok()?);
    if !exprs.iter().any(|expr| given(expr).is_some()) {
        return None;
    }
    Some(exprs.iter().map(|expr| given(expr).unwrap_or_else(|| expr.clone())).collect())
}

/// The expression as [`Same::OneNumber`], if it is of such a type and not given as that already.
pub(in super::super) fn one_number(expr: &Expr, of: &DataType) -> Option<Expr> {
    let is_given = Same::OneNumber.called(expr).is_some();
    (holds_floats(of) && !is_given).then(|| Same::OneNumber.call(expr.clone()))
}

/// The same lists (structs, maps) with one NaN and one zero in them.
pub(super) fn one_number_in(column: ArrayData) -> Result<ArrayData> {
    if column.data_type().is_floating() {
        return Ok(one_zero_in(one_nan_in(make_array(column))).to_data());
    }
    if !holds_floats(column.data_type()) {
        return Ok(column);
    }
    let children = column.child_data().iter().cloned().map(one_number_in);
    let children = children.collect::<Result<Vec<_>>>()?;
    Ok(column.into_builder().child_data(children).build()?)
}

/// -0.0 + 0.0 is 0.0, and every other number plus 0.0 is itself.
fn one_zero_in(column: ArrayRef) -> ArrayRef {
    fn added<T: ArrowPrimitiveType>(
        column: &ArrayRef,
        plus: fn(T::Native) -> T::Native,
    ) -> ArrayRef {
        let added: PrimitiveArray<T> = column.as_primitive::<T>().unary(plus);
        Arc::new(added)
    }
    match column.data_type() {
        DataType::Float16 => added::<Float16Type>(&column, |x| x + Half::ZERO),
        DataType::Float32 => added::<Float32Type>(&column, |x| x + 0.0),
        DataType::Float64 => added::<Float64Type>(&column, |x| x + 0.0),
        _ => column,
    }
}

/// Has rows be grouped, told apart and matched by such values.
#[derive(Debug)]
pub(super) struct OneNumberInKeys;

impl AnalyzerRule for OneNumberInKeys {
    fn name(&self) -> &str {
        "one_number_in_keys"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(keys).map(|keyed| keyed.data)
    }
}

fn keys(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    match plan {
        LogicalPlan::Aggregate(of) if has_any(&of.group_expr, of.input.schema()) => {
            let names = NamePreserver::new_for_projection();
            let group_expr = of.group_expr.iter().map(|key| {
                let given = nested(key, of.input.schema()).unwrap_or_else(|| key.clone());
                names.save(key).restore(given)
            });
            let group_expr = group_expr.collect();
            let schema = Arc::clone(&of.schema);
            Aggregate::try_new_with_schema(of.input, group_expr, of.aggr_expr, schema)
                .map(|of| Transformed::yes(LogicalPlan::Aggregate(of)))
        }
        LogicalPlan::Distinct(Distinct::All(input)) if has_columns(&input) => {
            let input = Arc::new(projected(Arc::unwrap_or_clone(input))?);
            Ok(Transformed::yes(LogicalPlan::Distinct(Distinct::All(input))))
        }
        LogicalPlan::Distinct(Distinct::On(of)) => Ok(on(of)),
        LogicalPlan::Join(mut join) if joins_by_any(&join) => {
            for (left, right) in &mut join.on {
                *left = nested(left, join.left.schema()).unwrap_or_else(|| left.clone());
                *right = nested(right, join.right.schema()).unwrap_or_else(|| right.clone());
            }
            Ok(Transformed::yes(LogicalPlan::Join(join)))
        }
        other => Ok(Transformed::no(other)),
    }
}

fn nested(expr: &Expr, schema: &DFSchema) -> Option<Expr> {
    one_number(expr, &expr.get_type(schema).ok()?)
}

/// Not those of GROUPING SETS, which are made columns by [`sets`](super::super::sets).
fn has_any(exprs: &[Expr], schema: &DFSchema) -> bool {
    exprs.iter().any(|expr| nested(expr, schema).is_some())
}

fn joins_by_any(join: &Join) -> bool {
    join.on.iter().any(|(left, right)| {
        nested(left, join.left.schema()).is_some() || nested(right, join.right.schema()).is_some()
    })
}

fn has_columns(input: &LogicalPlan) -> bool {
    input.schema().fields().iter().any(|field| holds_floats(field.data_type()))
}

fn projected(input: LogicalPlan) -> Result<LogicalPlan> {
    let schema = Arc::clone(input.schema());
    let columns = schema.iter().map(|(relation, field)| {
        let column = Expr::Column(Column::new(relation.cloned(), field.name()));
        match one_number(&column, field.data_type()) {
            Some(given) => given.alias_qualified(relation.cloned(), field.name()),
            None => column,
        }
    });
    LogicalPlanBuilder::from(input).project(columns)?.build()
}

/// DISTINCT ON takes the first row of each key in an order that the key is part of: numbers by themselves, too.
fn on(of: DistinctOn) -> Transformed<LogicalPlan> {
    let schema = of.input.schema();
    let on_expr = ones(&of.on_expr, schema);
    let sort_expr = of.sort_expr.as_ref().and_then(|keys| {
        let ones = ordered(keys, keys.len(), schema);
        as_bytes(ones.as_deref().unwrap_or(keys), schema).or(ones)
    });
    if on_expr.is_none() && sort_expr.is_none() {
        return Transformed::no(LogicalPlan::Distinct(Distinct::On(of)));
    }
    let on_expr = on_expr.unwrap_or_else(|| of.on_expr.clone());
    let sort_expr = sort_expr.or_else(|| of.sort_expr.clone());
    Transformed::yes(LogicalPlan::Distinct(Distinct::On(DistinctOn { on_expr, sort_expr, ..of })))
}
