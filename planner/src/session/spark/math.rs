//! Logarithms and roots of numbers that may have none, and `nullifzero`.
//!
//! Spark's are NULL (a root is NaN) where the engine's are infinities or errors. Each takes its number once: a CASE over copies of
//! it would double with every call within a call.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array};
use datafusion::arrow::compute::kernels::cmp;
use datafusion::arrow::compute::nullif;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::ScalarUDF;

use super::plain::function;

/// Those that are called by name.
pub(super) const NAMES: [&str; 6] = ["ln", "log2", "log10", "log1p", "sqrt", "nullifzero"];

pub(super) fn functions() -> [ScalarUDF; 7] {
    let double = |_: &[DataType]| DataType::Float64;
    [
        function("spark:ln", doubles, double, |args, _| above(&args[0], 0.0, f64::ln)),
        function("spark:log2", doubles, double, |args, _| above(&args[0], 0.0, f64::log2)),
        function("spark:log10", doubles, double, |args, _| above(&args[0], 0.0, f64::log10)),
        function("spark:log1p", doubles, double, |args, _| above(&args[0], -1.0, f64::ln_1p)),
        function("spark:log", doubles, double, |args, _| of_base(&args[0], &args[1])),
        function("spark:sqrt", doubles, double, |args, _| {
            let roots: Float64Array = args[0].as_primitive::<Float64Type>().unary(f64::sqrt);
            Ok(Arc::new(roots))
        }),
        function(
            "spark:nullifzero",
            number,
            |types| types[0].clone(),
            |args, _| {
                let zero = ScalarValue::Int8(Some(0)).cast_to(args[0].data_type())?;
                Ok(nullif(&args[0], &cmp::eq(&args[0], &zero.to_scalar()?)?)?)
            },
        ),
    ]
}

fn doubles(types: &[DataType]) -> Result<Vec<DataType>> {
    let is_number = |of: &DataType| of.is_numeric() || of.is_null() || of.is_string();
    match types {
        [_] | [_, _] if types.iter().all(is_number) => Ok(vec![DataType::Float64; types.len()]),
        _ => plan_err!("a logarithm or a root is of a number"),
    }
}

fn number(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [of] if of.is_numeric() => Ok(vec![of.clone()]),
        [of] if of.is_string() || of.is_null() => Ok(vec![DataType::Float64]),
        _ => plan_err!("nullifzero takes one number"),
    }
}

/// NULL of what is not above a bound.
fn above(of: &ArrayRef, bound: f64, work: fn(f64) -> f64) -> Result<ArrayRef> {
    let each = of.as_primitive::<Float64Type>().iter();
    // What is no number is none of its logarithms, and not NULL.
    let each = each.map(|value| value.filter(|value| value.is_nan() || *value > bound).map(work));
    Ok(Arc::new(each.collect::<Float64Array>()))
}

fn of_base(base: &ArrayRef, of: &ArrayRef) -> Result<ArrayRef> {
    let [base, of] = [base, of].map(|side| side.as_primitive::<Float64Type>());
    let each = base.iter().zip(of).map(|(base, of)| {
        let [base, of] = [base, of].map(|side| side.filter(|side| side.is_nan() || *side > 0.0));
        Some(of?.ln() / base?.ln())
    });
    Ok(Arc::new(each.collect::<Float64Array>()))
}
