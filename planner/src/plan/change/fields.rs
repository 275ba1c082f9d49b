//! Whether all fields of a value have a place in the column that it goes to.
//!
//! Problem: a cast of a struct takes the fields of the same name, and leaves others out without a word. Official way: none.
//! Here: a value with a field that the column has not is refused, as a column is that the table has not.

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::DFSchema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};

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
                        "'{name}' has no place: the fields of '{column}' are {}; name them as in named_struct('a', 1)",
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::datatypes::Field;

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
