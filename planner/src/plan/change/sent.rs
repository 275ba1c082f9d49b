//! Whether all of a value that a client sends has a place in the column that it goes to.
//!
//! What a statement says is cast, and a cast cuts a number as its author may know. What a client sends is data: a fraction
//! or nanoseconds that its column has no place for are refused.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float32Array, Float64Array, RecordBatch};
use datafusion::arrow::compute::kernels::numeric::add;
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use datafusion::arrow::error::ArrowError;
use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::{Distinct, Expr, LogicalPlan, cast, when};
use datafusion::sql::sqlparser::ast::{Expr as SqlExpr, Value};

use super::fields::refuse_lost;
use super::micros::is_finer;
use crate::{PlannerError, Result};

/// A column as one of another column's type: a fraction ends in an error where that is of integers.
pub(super) fn whole(value: Expr, from: &DataType, to: &DataType) -> Result<Expr> {
    let cut = cast(value.clone(), to.clone());
    if !(has_fractions(from) && to.is_integer()) {
        return Ok(cut);
    }
    // No integer is read from the text of a fraction, and the error has it.
    let refused = cast(cast(value.clone(), DataType::Utf8), to.clone());
    Ok(when(cast(cut.clone(), from.clone()).eq(value), cut).otherwise(refused)?)
}

fn has_fractions(data_type: &DataType) -> bool {
    match data_type {
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => *scale > 0,
        other => other.is_floating(),
    }
}

/// Of the parameters that become values of a plan's columns as they are, before they are bound.
///
/// # Errors
/// `Invalid` for a value that its column has no place for as a whole.
pub(super) fn refuse_cut_in(plan: &LogicalPlan, values: &[ScalarValue]) -> Result<()> {
    if values.is_empty() {
        return Ok(());
    }
    let mut columns = plan.schema().fields().iter().enumerate();
    columns.try_for_each(|(at, field)| {
        let mut sources = Vec::new();
        match plan {
            // What DataFusion casts for its column.
            LogicalPlan::Projection(projection) => {
                of_expr(uncast(&projection.expr[at]), &projection.input, &mut sources);
            }
            other => of_column(other, at, &mut sources),
        }
        sources.iter().try_for_each(|parameter| refuse(parameter, values, field))
    })
}

/// What an expression casts, if it does.
pub(super) fn uncast(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => uncast(&alias.expr),
        Expr::Cast(cast) => &cast.expr,
        other => other,
    }
}

/// The parameters that a plan's column may have for values.
fn of_column<'p>(plan: &'p LogicalPlan, at: usize, found: &mut Vec<&'p Placeholder>) {
    match plan {
        LogicalPlan::Projection(projection) => {
            of_expr(&projection.expr[at], &projection.input, found);
        }
        LogicalPlan::Values(rows) => {
            rows.values.iter().for_each(|row| found.extend(parameter(&row[at])));
        }
        LogicalPlan::Union(union) => {
            union.inputs.iter().for_each(|input| of_column(input, at, found));
        }
        LogicalPlan::SubqueryAlias(alias) => of_column(&alias.input, at, found),
        LogicalPlan::Filter(filter) => of_column(&filter.input, at, found),
        LogicalPlan::Sort(sort) => of_column(&sort.input, at, found),
        LogicalPlan::Limit(limit) => of_column(&limit.input, at, found),
        LogicalPlan::Distinct(Distinct::All(input)) => of_column(input, at, found),
        _ => {}
    }
}

fn of_expr<'p>(expr: &'p Expr, input: &'p LogicalPlan, found: &mut Vec<&'p Placeholder>) {
    match expr {
        Expr::Alias(alias) => of_expr(&alias.expr, input, found),
        Expr::Column(column) => {
            if let Some(at) = place(input.schema(), column) {
                of_column(input, at, found);
            }
        }
        other => found.extend(parameter(other)),
    }
}

fn place(schema: &DFSchema, column: &Column) -> Option<usize> {
    schema.maybe_index_of_column(column)
}

/// An expression that is a parameter.
pub(super) fn parameter(expr: &Expr) -> Option<&Placeholder> {
    match expr {
        Expr::Placeholder(parameter) => Some(parameter),
        _ => None,
    }
}

fn refuse(parameter: &Placeholder, values: &[ScalarValue], column: &Field) -> Result<()> {
    refuse_value(&parameter.id, values, column, &parameter.id)
}

/// Of a parameter that a column is set to.
///
/// # Errors
/// `Invalid` for a value that the column has no place for as a whole.
pub(super) fn refuse_cut(value: &SqlExpr, column: &Field, values: &[ScalarValue]) -> Result<()> {
    let SqlExpr::Value(value) = value else { return Ok(()) };
    let Value::Placeholder(id) = &value.value else { return Ok(()) };
    refuse_value(id, values, column, column.name())
}

fn refuse_value(id: &str, values: &[ScalarValue], column: &Field, name: &str) -> Result<()> {
    let number = id.trim_start_matches('$').parse::<usize>().unwrap_or_default();
    let Some(value) = number.checked_sub(1).and_then(|at| values.get(at)) else { return Ok(()) };
    refuse_lost(name, &value.data_type(), column.data_type())?;
    match is_cut(value, column.data_type()) {
        true => Err(finer(id, column.data_type())),
        false => Ok(()),
    }
}

fn is_cut(value: &ScalarValue, to: &DataType) -> bool {
    value.to_array().is_ok_and(|value| is_any_cut(&value, to))
}

/// Of the values that a parameter has, a column of theirs.
///
/// # Errors
/// As [`refuse_cut_in`].
pub(super) fn refuse_any_cut(
    of: Option<&Placeholder>,
    values: &RecordBatch,
    to: &DataType,
) -> Result<()> {
    let Some(Placeholder { id, .. }) = of else { return Ok(()) };
    let Some(values) = values.column_by_name(id) else { return Ok(()) };
    refuse_lost(id, values.data_type(), to)?;
    match is_any_cut(values, to) {
        true => Err(finer(id, to)),
        false => Ok(()),
    }
}

/// Also of what is within them. What cannot be cast at all is told where it is.
fn is_any_cut(values: &ArrayRef, to: &DataType) -> bool {
    use DataType::{FixedSizeList, LargeList, List, Map, Struct, Timestamp};
    let of_each = |fields: &[ArrayRef], to: &Fields| {
        fields.iter().zip(to).any(|(values, to)| is_any_cut(values, to.data_type()))
    };
    match (values.data_type(), to) {
        (List(_), List(to) | LargeList(to)) => {
            is_any_cut(values.as_list::<i32>().values(), to.data_type())
        }
        (LargeList(_), List(to) | LargeList(to)) => {
            is_any_cut(values.as_list::<i64>().values(), to.data_type())
        }
        (FixedSizeList(..), List(to) | LargeList(to)) => {
            is_any_cut(values.as_fixed_size_list().values(), to.data_type())
        }
        (Struct(_), Struct(to)) => to.iter().any(|to| {
            let values = values.as_struct().column_by_name(to.name());
            values.is_some_and(|values| is_any_cut(values, to.data_type()))
        }),
        (Map(..), Map(to, _)) => match to.data_type() {
            Struct(to) => of_each(values.as_map().entries().columns(), to),
            _ => false,
        },
        (Timestamp(..), Timestamp(unit, _)) => *unit != TimeUnit::Nanosecond && is_finer(values),
        (from, to) => has_fractions(from) && to.is_integer() && is_fraction(values, to),
    }
}

fn is_fraction(values: &ArrayRef, to: &DataType) -> bool {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let cut = || {
        let cut = cast_with_options(values, to, &options)?;
        let back = cast_with_options(&cut, values.data_type(), &options)?;
        Ok::<_, ArrowError>(back.to_data() != without_negative_zero(values)?.to_data())
    };
    cut().unwrap_or_default()
}

/// It is the integer 0.
fn without_negative_zero(values: &ArrayRef) -> std::result::Result<ArrayRef, ArrowError> {
    match values.data_type() {
        DataType::Float32 => add(values, &Float32Array::new_scalar(0.0)),
        DataType::Float64 => add(values, &Float64Array::new_scalar(0.0)),
        _ => Ok(Arc::clone(values)),
    }
}

fn finer(id: &str, column: &DataType) -> PlannerError {
    PlannerError::Invalid(format!(
        "the value of parameter {id} is finer than its column, which is of {column}: round it"
    ))
}

#[cfg(test)]
mod tests {
    use datafusion::common::scalar::ScalarStructBuilder;

    use super::*;

    #[test]
    fn what_a_column_has_no_place_for_is_found() {
        let list = |values: Vec<ScalarValue>| {
            ScalarValue::List(ScalarValue::new_list_nullable(&values, &values[0].data_type()))
        };
        let at = |nanoseconds| ScalarValue::TimestampNanosecond(Some(nanoseconds), None);
        let instants = DataType::Timestamp(TimeUnit::Microsecond, None);
        let integers = DataType::new_list(DataType::Int32, true);
        let pair = |number: f64, nanoseconds| {
            let fields = ScalarStructBuilder::new()
                .with_scalar(Field::new("t", at(0).data_type(), true), at(nanoseconds))
                .with_scalar(Field::new("x", DataType::Float64, true), ScalarValue::from(number));
            fields.build().unwrap()
        };
        let fields = [("x", DataType::Int32), ("t", instants.clone())];
        let fields = fields.map(|(name, of)| Field::new(name, of, true));
        let fields = DataType::Struct(fields.to_vec().into());
        for (value, to, cut) in [
            (ScalarValue::from(1.5), DataType::Int32, true),
            (ScalarValue::from(-0.0), DataType::Int32, false),
            (ScalarValue::from(2f32), DataType::Int8, false),
            (ScalarValue::Float64(None), DataType::Int32, false),
            (ScalarValue::Decimal128(Some(150), 5, 2), DataType::Int32, true),
            (ScalarValue::Decimal128(Some(200), 5, 2), DataType::Int32, false),
            (ScalarValue::from(1.5), DataType::Decimal128(5, 0), false),
            (at(1_000), instants.clone(), false),
            (at(1_001), instants, true),
            (list(vec![ScalarValue::from(1.0), ScalarValue::from(1.5)]), integers.clone(), true),
            (list(vec![ScalarValue::from(1.0)]), integers, false),
            (list(vec![ScalarValue::from(-0.0)]), DataType::new_list(DataType::Int32, true), false),
            (pair(2.5, 0), fields.clone(), true),
            (pair(2.0, 1), fields.clone(), true),
            (pair(2.0, 1_000), fields, false),
            (
                ScalarValue::TimestampNanosecond(Some(1_000), Some("America/New_York".into())),
                DataType::Timestamp(TimeUnit::Microsecond, None),
                false,
            ),
            // Is told by the cast.
            (ScalarValue::from(1e300), DataType::Int32, false),
        ] {
            assert_eq!(is_cut(&value, &to), cut, "{value} {to}");
        }
    }
}
