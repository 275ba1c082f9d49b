//! Every NaN is the same NaN.
//!
//! Problem: DataFusion orders and compares floating-point numbers by their bits: a NaN with its sign set, which is
//! what 0.0 / 0.0 makes on x86 (and so what files of pandas and C++ have), is less than all numbers and no other
//! NaN's equal; one without is greater than all. SQL knows one NaN, equal to itself and greater than all numbers
//! (PostgreSQL, Spark, DuckDB). Official way: none. Here: what is read from files, and what arithmetic and functions
//! make, is that one.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use datafusion::arrow::datatypes::{DataType, Float16Type, Float32Type, Float64Type};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, DFSchema, Result};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder};
use datafusion::optimizer::AnalyzerRule;

use super::same::Same;

/// The same numbers with that one in the place of all others.
pub(super) fn one_nan_in(column: ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Float16 => replaced::<Float16Type>(column, Half::NAN, |x| {
            x.is_nan() && x.to_bits() != Half::NAN.to_bits()
        }),
        DataType::Float32 => replaced::<Float32Type>(column, f32::NAN, |x| {
            x.is_nan() && x.to_bits() != f32::NAN.to_bits()
        }),
        DataType::Float64 => replaced::<Float64Type>(column, f64::NAN, |x| {
            x.is_nan() && x.to_bits() != f64::NAN.to_bits()
        }),
        _ => column,
    }
}

pub(super) type Half = <Float16Type as ArrowPrimitiveType>::Native;

fn replaced<T: ArrowPrimitiveType>(
    column: ArrayRef,
    nan: T::Native,
    is_other: impl Fn(T::Native) -> bool,
) -> ArrayRef {
    let values = column.as_primitive::<T>();
    // Without a way out: it runs at the speed of memory.
    if !values.values().iter().fold(false, |found, value| found | is_other(*value)) {
        return column;
    }
    let replaced: PrimitiveArray<T> =
        values.unary(|value| if is_other(value) { nan } else { value });
    Arc::new(replaced)
}

/// The same for what a function or a cast of text may make. `None` where it makes no floating-point numbers, or
/// they are that one already.
pub(super) fn one_nan_of(expr: &Expr, schema: &DFSchema) -> Option<Expr> {
    const OURS: [&str; 6] = [Same::OneNan.name(), "+", "-", "*", "/", "%"];
    let makes = match expr {
        Expr::ScalarFunction(call) => !OURS.contains(&call.func.name()),
        Expr::Cast(cast) => cast.expr.get_type(schema).ok()?.is_string(),
        Expr::TryCast(cast) => cast.expr.get_type(schema).ok()?.is_string(),
        _ => false,
    };
    if !makes || !expr.get_type(schema).ok()?.is_floating() {
        return None;
    }
    Some(Same::OneNan.call(expr.clone()))
}

/// Has every scan of a table give that one: what is above it may be planned into it, and then comes after.
#[derive(Debug)]
pub(super) struct OneNanInScans;

impl AnalyzerRule for OneNanInScans {
    fn name(&self) -> &str {
        "one_nan_in_scans"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let ones = plan.transform_up_with_subqueries(|node| match node {
            LogicalPlan::TableScan(scan) if has_floats(scan.projected_schema.as_ref()) => {
                ones(LogicalPlan::TableScan(scan)).map(Transformed::yes)
            }
            // In lists they are as they were read.
            LogicalPlan::Unnest(unnest) if has_floats(unnest.schema.as_ref()) => {
                ones(LogicalPlan::Unnest(unnest)).map(Transformed::yes)
            }
            other => Ok(Transformed::no(other)),
        });
        ones.map(|ones| ones.data)
    }
}

fn has_floats(schema: &DFSchema) -> bool {
    schema.fields().iter().any(|field| field.data_type().is_floating())
}

fn ones(plan: LogicalPlan) -> Result<LogicalPlan> {
    let schema = Arc::clone(plan.schema());
    let columns = schema.iter().map(|(relation, field)| {
        let column = Expr::Column(Column::new(relation.cloned(), field.name()));
        match field.data_type().is_floating() {
            true => Same::OneNan.call(column).alias_qualified(relation.cloned(), field.name()),
            false => column,
        }
    });
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}
