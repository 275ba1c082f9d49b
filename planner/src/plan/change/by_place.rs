//! Values without names of their fields, `(1, 'x')` and `struct(1, 'x')`, for a column that is a struct: by their places.
//!
//! Problem: DataFusion 55 calls such fields `c0`, `c1`, and casts structs by name. Official way: none. Here: the values are those
//! of the column's fields in their order, as in PostgreSQL and Spark, where there are as many.

use datafusion::arrow::datatypes::{DataType, Fields};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::functions::core::expr_fn::{get_field, named_struct};
use datafusion::logical_expr::{Cast, Expr, ExprSchemable, LogicalPlan, cast, lit, when};

use crate::Result;

/// The rows that an INSERT comes to, with such values as the column has them.
pub(super) fn in_place(plan: LogicalPlan) -> Result<LogicalPlan> {
    Ok(match plan {
        LogicalPlan::Projection(mut projection) => {
            let under = projection.input.schema().clone();
            let columns = projection.expr.into_iter().map(|expr| placed(expr, &under));
            projection.expr = columns.collect::<Result<_>>()?;
            if matches!(projection.input.as_ref(), LogicalPlan::Values(_)) {
                let values = std::sync::Arc::unwrap_or_clone(projection.input);
                projection.input = std::sync::Arc::new(in_place(values)?);
            }
            LogicalPlan::Projection(projection)
        }
        LogicalPlan::Values(mut values) => {
            let none = DFSchema::empty();
            for value in values.values.iter_mut().flatten() {
                *value = placed(std::mem::take(value), &none)?;
            }
            LogicalPlan::Values(values)
        }
        other => other,
    })
}

/// The same of what an expression casts.
pub(super) fn placed(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    Ok(match expr {
        Expr::Alias(mut alias) => {
            *alias.expr = placed(*alias.expr, schema)?;
            Expr::Alias(alias)
        }
        Expr::Cast(Cast { expr: of, field }) => {
            let from = of.get_type(schema)?;
            match (&from, field.data_type()) {
                (DataType::Struct(from), DataType::Struct(to)) if is_unnamed(from, to) => {
                    let named = named(&of, from, to)?;
                    Expr::Cast(Cast { expr: Box::new(named), field })
                }
                _ => Expr::Cast(Cast { expr: of, field }),
            }
        }
        other => other,
    })
}

/// Whether the fields of `from` have no names but their places, and there are as many as those of `to`.
fn is_unnamed(from: &Fields, to: &Fields) -> bool {
    let mut places = from.iter().enumerate();
    from.len() == to.len()
        && places.all(|(at, field)| *field.name() == format!("c{at}"))
        && from.iter().zip(to).any(|(from, to)| from.name() != to.name())
}

fn named(of: &Expr, from: &Fields, to: &Fields) -> Result<Expr> {
    let fields = from.iter().zip(to).flat_map(|(from, to)| {
        let value = get_field(of.clone(), from.name().as_str());
        [lit(to.name().as_str()), cast(value, to.data_type().clone())]
    });
    let named = named_struct(fields.collect());
    Ok(when(of.clone().is_null(), lit(ScalarValue::Null)).otherwise(named)?)
}
