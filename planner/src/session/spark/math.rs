//! Logarithms and roots of numbers that may have none, `nullifzero`, and shares of a whole.
//!
//! Spark's are NULL (a root is NaN) where the engine's are infinities or errors. Each takes its number once: a CASE over copies of
//! it would double with every call within a call.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array};
use datafusion::arrow::compute::kernels::cmp;
use datafusion::arrow::compute::nullif;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::ScalarUDF;

use super::SHARE;
use super::plain::function;
use super::row::normal;

/// Those that are called by name.
pub(super) const NAMES: [&str; 6] = ["ln", "log2", "log10", "log1p", "sqrt", "nullifzero"];

pub(super) fn functions() -> [ScalarUDF; 8] {
    let double = |_: &[DataType]| DataType::Float64;
    [
        function("spark:ln", one, double, |args, _| above(&args[0], 0.0, f64::ln)),
        function("spark:log2", one, double, |args, _| above(&args[0], 0.0, f64::log2)),
        function("spark:log10", one, double, |args, _| above(&args[0], 0.0, f64::log10)),
        function("spark:log1p", one, double, |args, _| above(&args[0], -1.0, f64::ln_1p)),
        function("spark:log", two, double, |args, _| of_base(&args[0], &args[1])),
        function("spark:sqrt", one, double, |args, _| {
            let roots: Float64Array = args[0].as_primitive::<Float64Type>().unary(f64::sqrt);
            Ok(Arc::new(roots))
        }),
        function(
            "spark:nullifzero",
            number,
            |types| types[0].clone(),
            |args, _| {
                let zero = ScalarValue::Int8(Some(0)).cast_to(args[0].data_type())?;
                // A zero may have a sign.
                Ok(nullif(&args[0], &cmp::eq(&normal(&args[0])?, &zero.to_scalar()?)?)?)
            },
        ),
        function(SHARE, one, double, |args, _| share(&args[0])),
    ]
}

fn one(types: &[DataType]) -> Result<Vec<DataType>> {
    doubles::<1>(types)
}

fn two(types: &[DataType]) -> Result<Vec<DataType>> {
    doubles::<2>(types)
}

fn doubles<const COUNT: usize>(types: &[DataType]) -> Result<Vec<DataType>> {
    let is_number = |of: &DataType| of.is_numeric() || of.is_null() || of.is_string();
    match types.len() == COUNT && types.iter().all(is_number) {
        true => Ok(vec![DataType::Float64; COUNT]),
        false => plan_err!(
            "a logarithm, a root or a share is of one number, and log(base, number) of two"
        ),
    }
}

/// A part of all rows that is one.
fn share(of: &ArrayRef) -> Result<ArrayRef> {
    let mut shares = of.as_primitive::<Float64Type>().iter().flatten();
    match shares.find(|share| !(0.0..=1.0).contains(share)) {
        Some(share) => exec_err!("a percentile is of a share from 0 to 1, and not of {share}"),
        None => Ok(Arc::clone(of)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_takes_as_many_numbers_as_it_has() {
        assert!(one(&[DataType::Int32]).is_ok());
        assert!(one(&[DataType::Int32, DataType::Int32]).is_err());
        assert!(two(&[DataType::Float64]).is_err());
        assert!(two(&[DataType::Float64, DataType::Utf8]).is_ok());
    }

    #[test]
    fn a_share_is_no_more_than_the_whole() {
        for (given, expected) in [(0.0, true), (1.0, true), (1.5, false), (-0.5, false)] {
            let of: ArrayRef = Arc::new(Float64Array::from(vec![Some(given), None]));
            assert_eq!(share(&of).is_ok(), expected, "{given}");
        }
    }
}
