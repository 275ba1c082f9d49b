//! Spark's `%`, `mod`, `pmod` and `try_mod`.
//!
//! Problem: a rest by a zero is NaN of the engine's DOUBLE and an error in Spark (NULL with
//! `datafusion.execution.enable_ansi_mode` off), and a rest of decimals has other digits there.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Decimal128Array, Float64Array, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type, i256};
use datafusion::arrow::error::ArrowError;
use datafusion::common::{Result, ScalarValue, exec_err, internal_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::decimals::{self, Digits, adjusted, each, fitting, ten_to};
use super::{MOD, plain};

/// Those that are called by name.
pub(super) const NAMES: [&str; 3] = ["mod", "pmod", "try_mod"];

pub(super) fn functions() -> [ScalarUDF; 3] {
    [MOD, "spark:pmod", "spark:try_mod"].map(|name| {
        let signature = Signature::user_defined(Volatility::Immutable);
        ScalarUDF::new_from_impl(Modulo { name, signature })
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Modulo {
    name: &'static str,
    signature: Signature,
}

impl Modulo {
    /// Whether a rest is never below zero.
    fn is_positive(&self) -> bool {
        self.name == "spark:pmod"
    }
}

/// As Spark's `Remainder.resultDecimalType`.
fn digits_of(both: [Digits; 2]) -> Digits {
    let [p1, s1, p2, s2] = decimals::wide(both);
    let scale = s1.max(s2);
    adjusted((p1 - s1).min(p2 - s2) + scale, scale)
}

/// What both sides are, where none is a decimal beside an exact number.
fn met(left: &DataType, right: &DataType) -> DataType {
    let number = |of: &DataType, other: &DataType| match of {
        of if of.is_null() => other.clone(),
        of if of.is_string() && other.is_integer() => DataType::Int64,
        of if of.is_string() => DataType::Float64,
        other => other.clone(),
    };
    let (left, right) = (number(left, right), number(right, left));
    match (left.is_integer() && right.is_integer(), left == right) {
        (true, _) => plain::met([&left, &right]).unwrap_or(DataType::Int64),
        (_, true) if left == DataType::Float32 => DataType::Float32,
        _ => DataType::Float64,
    }
}

impl ScalarUDFImpl for Modulo {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [left, right, written @ ..] = types else {
            return plan_err!("a rest is of two numbers, not of {}", types.len());
        };
        for of in [left, right] {
            if !(of.is_numeric() || of.is_null() || of.is_string()) {
                return plan_err!("{of} cannot be divided in Spark's dialect: cast it to a number");
            }
        }
        let both = match decimals::both([left, right], [0, 0]) {
            Some(_) => [left.clone(), right.clone()],
            None => [met(left, right), met(left, right)],
        };
        Ok(both.into_iter().chain(written.iter().cloned()).collect())
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        internal_err!("a rest has its type by the numbers that are written")
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let ([left, right], written) = decimals::of_call(&args)?;
        let result = match decimals::both([&left, &right], written) {
            Some(digits) => {
                let (precision, scale) = digits_of(digits);
                DataType::Decimal128(precision, scale)
            }
            None => met(&left, &right),
        };
        Ok(Arc::new(Field::new(self.name, result, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let ansi = args.config_options.execution.enable_ansi_mode && self.name != "spark:try_mod";
        let [left, right, rest @ ..] = args.args.as_slice() else {
            return exec_err!("a rest is of two numbers");
        };
        let all_one = [left, right].iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if all_one { 1 } else { args.number_rows };
        let (left, right) = (left.to_array(rows)?, right.to_array(rows)?);
        let scalars = [None, None].into_iter().chain(rest.iter().map(|arg| match arg {
            ColumnarValue::Scalar(value) => Some(value),
            ColumnarValue::Array(_) => None,
        }));
        let written = decimals::written(&scalars.collect::<Vec<_>>());
        let of = args.return_field.data_type();
        let rests = match (decimals::both([left.data_type(), right.data_type()], written), of) {
            (Some(digits), DataType::Decimal128(precision, scale)) => {
                self.of_decimals([&left, &right], digits, (*precision, *scale), ansi)?
            }
            (_, of) if of.is_integer() => self.of_whole(&left, &right, of, ansi)?,
            (_, of) => self.of_doubles(&left, &right, of, ansi)?,
        };
        match all_one {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&rests, 0)?)),
            false => Ok(ColumnarValue::Array(rests)),
        }
    }
}

/// By a zero: an error, or NULL.
fn by_zero<T>(ansi: bool) -> Result<Option<T>> {
    match ansi {
        true => Err(ArrowError::DivideByZero.into()),
        false => Ok(None),
    }
}

impl Modulo {
    fn of_whole(
        &self,
        left: &ArrayRef,
        right: &ArrayRef,
        of: &DataType,
        ansi: bool,
    ) -> Result<ArrayRef> {
        let (left, right) = (cast(left, &DataType::Int64)?, cast(right, &DataType::Int64)?);
        let both = left.as_primitive::<Int64Type>().iter().zip(right.as_primitive::<Int64Type>());
        let rests = both.map(|pair| match pair {
            (Some(_), Some(0)) => by_zero(ansi),
            (Some(left), Some(right)) => {
                let rest = left.wrapping_rem(right);
                Ok(Some(match self.is_positive() && rest < 0 {
                    true => rest.wrapping_add(right).wrapping_rem(right),
                    false => rest,
                }))
            }
            _ => Ok(None),
        });
        let rests: ArrayRef = Arc::new(rests.collect::<Result<Int64Array>>()?);
        Ok(cast(&rests, of)?)
    }

    fn of_doubles(
        &self,
        left: &ArrayRef,
        right: &ArrayRef,
        of: &DataType,
        ansi: bool,
    ) -> Result<ArrayRef> {
        let (left, right) = (cast(left, &DataType::Float64)?, cast(right, &DataType::Float64)?);
        let both =
            left.as_primitive::<Float64Type>().iter().zip(right.as_primitive::<Float64Type>());
        let rests = both.map(|pair| match pair {
            (Some(_), Some(0.0)) => by_zero(ansi),
            (Some(left), Some(right)) => Ok(Some(match self.is_positive() && left % right < 0.0 {
                true => (left % right + right) % right,
                false => left % right,
            })),
            _ => Ok(None),
        });
        let rests: ArrayRef = Arc::new(rests.collect::<Result<Float64Array>>()?);
        Ok(cast(&rests, of)?)
    }

    fn of_decimals(
        &self,
        sides: [&ArrayRef; 2],
        digits: [Digits; 2],
        (precision, scale): Digits,
        ansi: bool,
    ) -> Result<ArrayRef> {
        let [_, s1, _, s2] = decimals::wide(digits);
        let most = s1.max(s2);
        let rests = each(sides, digits, ansi, |left, right| {
            if right == i256::ZERO {
                return by_zero(ansi);
            }
            let rest = || {
                let left = left.checked_mul(ten_to(most - s1)?)?;
                let right = right.checked_mul(ten_to(most - s2)?)?;
                let rest = left.checked_rem(right)?;
                let rest = match self.is_positive() && rest.is_negative() {
                    true => rest.checked_add(right)?.checked_rem(right)?,
                    false => rest,
                };
                fitting(rest.checked_div(ten_to(most - i16::from(scale))?)?, precision)
            };
            Ok(rest())
        })?;
        let rests = Decimal128Array::from(rests).with_precision_and_scale(precision, scale)?;
        Ok(Arc::new(rests))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rest_has_sparks_digits() {
        for (both, expected) in
            [([(2, 1), (1, 0)], (2, 1)), ([(15, 2), (1, 0)], (3, 2)), ([(10, 2), (5, 3)], (5, 3))]
        {
            assert_eq!(digits_of(both), expected, "{both:?}");
        }
    }
}
