//! Instants that are compared by their day, compared as instants.
//!
//! `CAST(t AS DATE) = d` is `t >= d AND t < d + 1`, by which rows of files may be skipped. Of instants without a time
//! zone: the day of others depends on it.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::{Between, Cast, Expr, ExprSchemable, Operator, lit};

use super::a_second;
use super::instants::{SECONDS_OF_A_DAY, constant, instant};

/// The comparison written so; `None` for everything else, and where there is no such comparison.
pub(super) fn of_days(expr: &Expr, schema: &DFSchema) -> Option<Expr> {
    match expr {
        Expr::BinaryExpr(of) => match by_day(&of.left, schema) {
            Some(at) => compared(at, of.op, &of.right, schema),
            None => compared(by_day(&of.right, schema)?, of.op.swap()?, &of.left, schema),
        },
        Expr::Between(Between { expr, negated, low, high }) => {
            let at = by_day(expr, schema)?;
            let from = compared(at, Operator::GtEq, low, schema)?;
            let within = from.and(compared(at, Operator::LtEq, high, schema)?);
            Some(if *negated { !within } else { within })
        }
        _ => None,
    }
}

/// The instant whose day is taken.
fn by_day<'e>(expr: &'e Expr, schema: &DFSchema) -> Option<&'e Expr> {
    let Expr::Cast(Cast { expr, field }) = expr else { return None };
    let is_instant = matches!(expr.get_type(schema), Ok(DataType::Timestamp(_, None)));
    (*field.data_type() == DataType::Date32 && is_instant && !expr.is_volatile())
        .then_some(expr.as_ref())
}

fn compared(at: &Expr, op: Operator, with: &Expr, schema: &DFSchema) -> Option<Expr> {
    let ScalarValue::Date32(Some(day)) = constant(with)? else { return None };
    let DataType::Timestamp(unit, _) = at.get_type(schema).ok()? else { return None };
    let begin = |day: i64| {
        let units = day.checked_mul(SECONDS_OF_A_DAY)?.checked_mul(a_second(unit))?;
        Some(lit(instant(Some(units), unit, None)))
    };
    let [begin, end] = [begin(i64::from(day))?, begin(i64::from(day) + 1)?];
    let at = || at.clone();
    Some(match op {
        Operator::Eq => at().gt_eq(begin).and(at().lt(end)),
        Operator::NotEq => at().lt(begin).or(at().gt_eq(end)),
        Operator::Lt => at().lt(begin),
        Operator::LtEq => at().lt(end),
        Operator::Gt => at().gt_eq(end),
        Operator::GtEq => at().gt_eq(begin),
        _ => return None,
    })
}
