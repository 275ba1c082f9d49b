//! A number of a statement that becomes a decimal is the one that is written.
//!
//! Problem: DataFusion reads `1.005` as the nearest DOUBLE, which is a little less, and as DECIMAL(10,2) that is 1.00; SQL
//! has 1.01. Official way: `datafusion.sql_parser.parse_float_as_decimal`, which makes decimals of all numbers with a
//! point. Here: what is cast to a decimal is cast by its digits. Numbers of more digits than a DOUBLE has are decimals from the
//! start (`statement/numbers.rs`), and become the nearest DOUBLE where they are to be one: DataFusion would round twice.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Result, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::{Expr, LogicalPlan, Projection};
use datafusion::optimizer::AnalyzerRule;

use super::rewritten;

#[derive(Debug)]
pub(super) struct AsWritten;

impl AnalyzerRule for AsWritten {
    fn name(&self) -> &str {
        "squadron_as_written"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let plan =
            rewritten(plan, |expr| match by_digits(&expr, literal).or_else(|| nearest(&expr)) {
                Some(number) => Transformed::yes(number),
                None => Transformed::no(expr),
            })?;
        plan.transform_up_with_subqueries(of_columns).map(|written| written.data)
    }
}

/// Those that one query names, and another, which inserts its rows, casts.
fn of_columns(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Projection(projection) = &node else { return Ok(Transformed::no(node)) };
    let LogicalPlan::Projection(below) = projection.input.as_ref() else {
        return Ok(Transformed::no(node));
    };
    let number_of = |expr: &Expr| match expr {
        Expr::Column(column) => {
            let at = below.schema.maybe_index_of_column(column)?;
            literal(&below.expr[at])
        }
        _ => None,
    };
    let written = |expr: &Expr| match expr {
        Expr::Alias(alias) => {
            let number = by_digits(&alias.expr, number_of)?;
            Some(number.alias_qualified(alias.relation.clone(), &alias.name))
        }
        expr => {
            let (relation, name) = expr.qualified_name();
            Some(by_digits(expr, number_of)?.alias_qualified(relation, name))
        }
    };
    if !projection.expr.iter().any(|expr| written(expr).is_some()) {
        return Ok(Transformed::no(node));
    }
    let columns = projection.expr.iter();
    let columns = columns.map(|expr| written(expr).unwrap_or_else(|| expr.clone())).collect();
    let input = Arc::clone(&projection.input);
    let projection = Projection::try_new(columns, input)?;
    Ok(Transformed::yes(LogicalPlan::Projection(projection)))
}

/// A number that is cast to a decimal, as that.
fn by_digits(expr: &Expr, number_of: impl Fn(&Expr) -> Option<f64>) -> Option<Expr> {
    let (number, to) = match expr {
        Expr::Cast(cast) => (&cast.expr, cast.field.data_type()),
        Expr::TryCast(cast) => (&cast.expr, cast.field.data_type()),
        _ => return None,
    };
    let number = number_of(number).filter(|_| to.is_decimal())?;
    // The shortest digits that are this number: those that were written.
    let digits = ScalarValue::from(number.to_string());
    // What has no place is told where it would have been cast.
    let decimal = digits.cast_to(to).ok().filter(|decimal| !decimal.is_null())?;
    Some(Expr::Literal(decimal, None))
}

/// A decimal of a statement that is cast to a DOUBLE, as that.
fn nearest(expr: &Expr) -> Option<Expr> {
    let Expr::Cast(cast) = expr else { return None };
    let (Expr::Cast(of), DataType::Float64) = (cast.expr.as_ref(), cast.field.data_type()) else {
        return None;
    };
    let (Expr::Literal(text, metadata), true) =
        (of.expr.as_ref(), of.field.data_type().is_decimal())
    else {
        return None;
    };
    let text = text.try_as_str()??;
    // What the decimal has no place for is not there.
    let decimal = ScalarValue::from(text).cast_to(of.field.data_type()).ok()?;
    let digits = decimal.cast_to(&DataType::Utf8).ok()?;
    let number: f64 = digits.try_as_str()??.parse().ok()?;
    Some(Expr::Literal(ScalarValue::from(number), metadata.clone()))
}

fn literal(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::Literal(ScalarValue::Float64(number), _) => *number,
        Expr::Alias(alias) => literal(&alias.expr),
        Expr::Negative(number) => literal(number).map(|number| -number),
        _ => None,
    }
}
