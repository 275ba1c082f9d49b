//! `round` of a decimal has one type, in the plan and where it runs.
//!
//! Problem: how many digits DataFusion 55's `round(x, n)` has depends on whether `n` is a constant of 32 bits by then.
//! Written, it is one of 64 bits: the plan compares what has four digits with what has one when it runs, and no row
//! joins. Official way: none. Here: the constant is of 32 bits from the start, and the type is written out.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, ExprSchemable, cast};

/// Such a call with its type; `None` for any other.
pub(super) fn rounded(call: &ScalarFunction, schema: &DFSchema) -> Option<Expr> {
    if call.func.name() != "round" || !call.args.first()?.get_type(schema).ok()?.is_decimal() {
        return None;
    }
    let mut call = call.clone();
    for digits in call.args.iter_mut().skip(1) {
        let Expr::Literal(value, metadata) = &*digits else { continue };
        if let Ok(narrow @ ScalarValue::Int32(Some(_))) = value.cast_to(&DataType::Int32) {
            *digits = Expr::Literal(narrow, metadata.clone());
        }
    }
    let call = Expr::ScalarFunction(call);
    let of = call.get_type(schema).ok()?;
    Some(cast(call, of))
}
