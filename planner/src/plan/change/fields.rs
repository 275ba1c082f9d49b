//! Whether all of a value has a place in the column that it goes to.
//!
//! What a statement says is cast, and a cast cuts a number as its author may know. What a client sends is data: a fraction
//! or nanoseconds that its column has no place for are refused.
//!
//! Problem: a cast of a struct takes the fields of the same name, and leaves others out without a word. Official way: none.
//! Here: a value with a field that the column has not is refused, as a column is that the table has not.

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, cast, when};

use crate::{PlannerError, Result};

/// # Errors
/// `Invalid` for values of `from` with fields that `column`, of type `to`, has not.
pub(super) fn refuse_lost(column: &str, from: &DataType, to: &DataType) -> Result<()> {
    match (from, to) {
        (DataType::Struct(from), DataType::Struct(to)) => {
            for field in from {
                let same = |other: &&FieldRef| other.name() == field.name();
                let name = format!("{column}.{}", field.name());
                let Some(own) = to.iter().find(same) else {
                    let has: Vec<_> = to.iter().map(|own| own.name().as_str()).collect();
                    return Err(PlannerError::Invalid(format!(
                        "'{name}' has no place: the fields of '{column}' are {}",
                        has.join(", ")
                    )));
                };
                refuse_lost(&name, field.data_type(), own.data_type())?;
            }
            Ok(())
        }
        (
            DataType::List(from) | DataType::LargeList(from) | DataType::FixedSizeList(from, _),
            DataType::List(to) | DataType::LargeList(to),
        )
        | (DataType::Map(from, _), DataType::Map(to, _)) => {
            let (from, to) = (from.data_type(), to.data_type());
            match (from, to) {
                // Keys and values have their places, whatever they are called.
                (DataType::Struct(from), DataType::Struct(to)) if is_map(from, to) => {
                    let mut pairs = from.iter().zip(to);
                    pairs.try_for_each(|(from, to)| {
                        refuse_lost(column, from.data_type(), to.data_type())
                    })
                }
                _ => refuse_lost(column, from, to),
            }
        }
        _ => Ok(()),
    }
}

fn is_map(from: &[FieldRef], to: &[FieldRef]) -> bool {
    let is_entry = |fields: &[FieldRef]| matches!(fields, [key, _] if !key.is_nullable() && matches!(key.name().as_str(), "key" | "keys"));
    is_entry(from) && is_entry(to)
}

/// The same of what an expression casts.
pub(super) fn refuse_lost_by(expr: &Expr, column: &str, schema: &DFSchema) -> Result<()> {
    match expr {
        Expr::Alias(alias) => refuse_lost_by(&alias.expr, column, schema),
        Expr::Cast(cast) => {
            refuse_lost(column, &cast.expr.get_type(schema)?, cast.field.data_type())
        }
        _ => Ok(()),
    }
}

/// The same of the rows that an INSERT comes to.
pub(super) fn refuse_lost_in(plan: &LogicalPlan) -> Result<()> {
    match plan {
        LogicalPlan::Projection(projection) => {
            let columns = projection.expr.iter().zip(projection.schema.fields());
            for (expr, field) in columns {
                refuse_lost_by(expr, field.name(), projection.input.schema())?;
            }
            match projection.input.as_ref() {
                values @ LogicalPlan::Values(_) => refuse_lost_in(values),
                _ => Ok(()),
            }
        }
        LogicalPlan::Values(values) => {
            let none = DFSchema::empty();
            let rows = values.values.iter().flat_map(|row| row.iter().zip(values.schema.fields()));
            for (expr, field) in rows {
                refuse_lost_by(expr, field.name(), &none)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// A value that a client sends as one of a column's type: a fraction ends in an error where the column is of integers.
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

/// Whether instants have nanoseconds, which the others have not.
pub(super) fn is_finer(from: &DataType, to: &DataType) -> bool {
    use DataType::Timestamp;
    use TimeUnit::Nanosecond;
    matches!((from, to), (Timestamp(Nanosecond, _), Timestamp(unit, _)) if *unit != Nanosecond)
}

/// Of the values of a statement's parameters, before they are bound.
///
/// # Errors
/// `Invalid` for a fraction that goes to a column of integers, and for nanoseconds that go to one of microseconds.
pub(super) fn refuse_fractions(plan: &LogicalPlan, values: &[ScalarValue]) -> Result<()> {
    let (mut found, mut lost) = (None, None);
    plan.apply(|node| {
        let LogicalPlan::Values(rows) = node else { return Ok(TreeNodeRecursion::Continue) };
        for expr in rows.values.iter().flatten() {
            let Expr::Placeholder(Placeholder { id, field: Some(field) }) = expr else { continue };
            let number = id.trim_start_matches('$').parse::<usize>().unwrap_or_default();
            let value = number.checked_sub(1).and_then(|at| values.get(at));
            if value.is_some_and(|value| is_cut(value, field.data_type())) {
                found = Some((id.clone(), field.data_type().clone()));
            }
            let fields = value.map(|value| refuse_lost(id, &value.data_type(), field.data_type()));
            if let Some(Err(why)) = fields {
                lost.get_or_insert(why);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    match (found, lost) {
        (Some((parameter, of)), _) => Err(cut(&parameter, &of)),
        (None, Some(lost)) => Err(lost),
        (None, None) => Ok(()),
    }
}

/// Of a parameter that a column is set to.
///
/// # Errors
/// `Invalid` for a value that the column has no place for as a whole.
pub(super) fn refuse_cut(
    value: &datafusion::sql::sqlparser::ast::Expr,
    column: &Field,
    values: &[ScalarValue],
) -> Result<()> {
    use datafusion::sql::sqlparser::ast::{Expr as SqlExpr, Value};
    let SqlExpr::Value(value) = value else { return Ok(()) };
    let Value::Placeholder(id) = &value.value else { return Ok(()) };
    let number = id.trim_start_matches('$').parse::<usize>().unwrap_or_default();
    let Some(value) = number.checked_sub(1).and_then(|at| values.get(at)) else { return Ok(()) };
    refuse_lost(column.name(), &value.data_type(), column.data_type())?;
    match is_cut(value, column.data_type()) {
        true => Err(cut(id, column.data_type())),
        false => Ok(()),
    }
}

fn cut(parameter: &str, of: &DataType) -> PlannerError {
    PlannerError::Invalid(format!(
        "the value of parameter {parameter} has a fraction, and its column is of {of}: round it"
    ))
}

fn is_cut(value: &ScalarValue, to: &DataType) -> bool {
    let from = value.data_type();
    let back = || value.cast_to(to).and_then(|cut| cut.cast_to(&from));
    let may_be = has_fractions(&from) && to.is_integer() || is_finer(&from, to);
    may_be && back().is_ok_and(|back| back != *value)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn of(names: &[&str]) -> DataType {
        let field = |name: &&str| Field::new(*name, DataType::Int32, true);
        DataType::Struct(names.iter().map(field).collect())
    }

    fn list(item: DataType) -> DataType {
        DataType::List(Arc::new(Field::new("item", item, true)))
    }

    #[test]
    fn fields_that_a_column_has_not_are_refused_at_any_depth() {
        let within = |inner: DataType| DataType::Struct(vec![Field::new("a", inner, true)].into());
        for (from, to, lost) in [
            (of(&["x", "y"]), of(&["y", "x"]), None),
            (of(&["x"]), of(&["x", "y"]), None),
            (of(&["x", "z"]), of(&["x", "y"]), Some("'c.z'")),
            (within(of(&["z"])), within(of(&["x"])), Some("'c.a.z'")),
            (list(of(&["z"])), list(of(&["x"])), Some("'c.z'")),
            (DataType::Int32, of(&["x"]), None),
        ] {
            let refused = refuse_lost("c", &from, &to).err().map(|error| error.to_string());
            match lost {
                None => assert_eq!(refused, None, "{from} to {to}"),
                Some(name) => assert!(refused.unwrap().contains(name), "{from} to {to}"),
            }
        }
    }
}
