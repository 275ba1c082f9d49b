//! Spark's `/` and `DIV`.
//!
//! Problem: `7 / 2` is 3 in DataFusion and 3.5 in Spark, a quotient of decimals has another scale there, and a zero below is
//! an error (or NULL, where `datafusion.execution.enable_ansi_mode` is off) in place of an infinity. Here: as in Spark's
//! `Divide` and `IntegralDivide`: decimals by their own rule, rounded half up, all else as DOUBLE.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Decimal128Array, Float64Array, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, i256};
use datafusion::arrow::error::ArrowError;
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::{DIV, DIVIDE};

pub(super) fn functions() -> [ScalarUDF; 2] {
    [false, true].map(|whole| ScalarUDF::new_from_impl(Divide::new(whole)))
}

/// Digits of the largest decimal, and of those behind its point those that are kept whatever it costs before it
/// (Spark's `DecimalType.MAX_PRECISION` and `MINIMUM_ADJUSTED_SCALE`).
const MOST: u8 = 38;
const KEPT: i16 = 6;

/// One of them: `whole` is DIV.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Divide {
    whole: bool,
    signature: Signature,
}

impl Divide {
    fn new(whole: bool) -> Self {
        Self { whole, signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Divide {
    fn name(&self) -> &str {
        if self.whole { DIV } else { DIVIDE }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [left, right] = types else {
            return plan_err!("a division is of two values, not of {}", types.len());
        };
        for of in types {
            let is_number = of.is_numeric() || of.is_null() || (of.is_string() && !self.whole);
            if !is_number || (self.whole && of.is_floating()) {
                return plan_err!("{of} cannot be divided in Spark's dialect: cast it to a number");
            }
        }
        Ok(match (decimal(left, right), decimal(right, left)) {
            (Some(left), Some(right)) => vec![left, right],
            _ if self.whole => vec![DataType::Int64; 2],
            _ => vec![DataType::Float64; 2],
        })
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(match types {
            [DataType::Decimal128(p1, s1), DataType::Decimal128(p2, s2)] if !self.whole => {
                let (precision, scale) = quotient((*p1, *s1), (*p2, *s2));
                DataType::Decimal128(precision, scale)
            }
            _ if self.whole => DataType::Int64,
            _ => DataType::Float64,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let ansi = args.config_options.execution.enable_ansi_mode;
        let all_one = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [left, right] = arrays.as_slice() else {
            return exec_err!("a division is of two values");
        };
        let divided = divided(left, right, args.return_field.data_type(), ansi)?;
        match all_one {
            true => Ok(ColumnarValue::Scalar(datafusion::common::ScalarValue::try_from_array(
                &divided, 0,
            )?)),
            false => Ok(ColumnarValue::Array(divided)),
        }
    }
}

/// What a side becomes where both are decimals, or one is and the other a whole number.
fn decimal(of: &DataType, other: &DataType) -> Option<DataType> {
    let is_decimal = |of: &DataType| {
        matches!(
            of,
            DataType::Decimal32(..)
                | DataType::Decimal64(..)
                | DataType::Decimal128(..)
                | DataType::Decimal256(..)
        )
    };
    if !is_decimal(of) && !is_decimal(other) {
        return None;
    }
    // As Spark's `DecimalType.forType`.
    let digits = match of {
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s) => {
            return Some(DataType::Decimal128(*p, *s));
        }
        DataType::Int8 | DataType::UInt8 => 3,
        DataType::Int16 | DataType::UInt16 => 5,
        DataType::Int32 | DataType::UInt32 => 10,
        DataType::Int64 | DataType::UInt64 => 20,
        DataType::Null => 1,
        _ => return None,
    };
    Some(DataType::Decimal128(digits, 0))
}

/// Precision and scale of a quotient (Spark's `Divide.resultDecimalType`).
fn quotient((p1, s1): (u8, i8), (p2, s2): (u8, i8)) -> (u8, i8) {
    let [p1, s1, p2, s2] = [i16::from(p1), i16::from(s1), i16::from(p2), i16::from(s2)];
    let scale = KEPT.max(s1 + p2 + 1);
    let precision = p1 - s1 + s2 + scale;
    let most = i16::from(MOST);
    let (precision, scale) = match precision <= most {
        true => (precision, scale),
        false => {
            let before = precision - scale;
            (most, (most - before).max(scale.min(KEPT)))
        }
    };
    (precision as u8, scale as i8)
}

fn divided(left: &ArrayRef, right: &ArrayRef, of: &DataType, ansi: bool) -> Result<ArrayRef> {
    match (left.data_type(), of) {
        (DataType::Decimal128(..), DataType::Decimal128(precision, scale)) => {
            decimals(left, right, *precision, *scale, ansi)
        }
        (DataType::Decimal128(..), _) => whole_of_decimals(left, right, ansi),
        (DataType::Int64, _) => whole(left.as_primitive(), right.as_primitive(), ansi),
        _ => {
            let (left, right) = (cast(left, &DataType::Float64)?, cast(right, &DataType::Float64)?);
            doubles(left.as_primitive(), right.as_primitive(), ansi)
        }
    }
}

/// A zero below: an error, or NULL.
fn by_zero<T>(ansi: bool) -> Result<Option<T>> {
    match ansi {
        true => Err(ArrowError::DivideByZero.into()),
        false => Ok(None),
    }
}

fn doubles(left: &Float64Array, right: &Float64Array, ansi: bool) -> Result<ArrayRef> {
    let quotients = left.iter().zip(right).map(|pair| match pair {
        (Some(_), Some(0.0)) => by_zero(ansi),
        (Some(left), Some(right)) => Ok(Some(left / right)),
        _ => Ok(None),
    });
    Ok(Arc::new(quotients.collect::<Result<Float64Array>>()?))
}

fn whole(left: &Int64Array, right: &Int64Array, ansi: bool) -> Result<ArrayRef> {
    let quotients = left.iter().zip(right).map(|pair| match pair {
        (Some(_), Some(0)) => by_zero(ansi),
        (Some(left), Some(right)) => match left.checked_div(right) {
            None if ansi => exec_err!("{left} DIV {right} is beyond BIGINT"),
            quotient => Ok(Some(quotient.unwrap_or(left))),
        },
        _ => Ok(None),
    });
    Ok(Arc::new(quotients.collect::<Result<Int64Array>>()?))
}

/// Two decimals of a row, and how many digits each has behind its point.
struct Pair {
    left: i256,
    right: i256,
    scales: (u32, u32),
}

/// What is worked out of each row of two decimals.
fn rows<T>(
    left: &ArrayRef,
    right: &ArrayRef,
    ansi: bool,
    work: impl Fn(Pair) -> Option<T>,
) -> Result<Vec<Option<T>>> {
    let scale = |of: &ArrayRef| match of.data_type() {
        DataType::Decimal128(_, scale) => u32::try_from(*scale).unwrap_or(0),
        _ => 0,
    };
    let scales = (scale(left), scale(right));
    let (left, right): (&Decimal128Array, &Decimal128Array) =
        (left.as_primitive(), right.as_primitive());
    let of_row = |(left, right): (Option<i128>, Option<i128>)| match (left, right) {
        (Some(_), Some(0)) => by_zero(ansi),
        (Some(left), Some(right)) => {
            let pair = Pair { left: i256::from_i128(left), right: i256::from_i128(right), scales };
            match work(pair) {
                None if ansi => exec_err!("a quotient is beyond its type: cast to fewer digits"),
                quotient => Ok(quotient),
            }
        }
        _ => Ok(None),
    };
    left.iter().zip(right).map(of_row).collect()
}

fn ten_to(power: u32) -> Option<i256> {
    i256::from_i128(10).checked_pow(power)
}

fn decimals(
    left: &ArrayRef,
    right: &ArrayRef,
    precision: u8,
    scale: i8,
    ansi: bool,
) -> Result<ArrayRef> {
    let behind = u32::try_from(scale).unwrap_or(0);
    let largest = ten_to(u32::from(precision));
    let quotients = rows(left, right, ansi, |pair| {
        let above = pair.left.checked_mul(ten_to(behind + pair.scales.1)?)?;
        let below = pair.right.checked_mul(ten_to(pair.scales.0)?)?;
        let quotient = half_up(above, below)?;
        let fits = quotient.checked_abs()? < largest?;
        fits.then(|| quotient.to_i128()).flatten()
    })?;
    let quotients = Decimal128Array::from(quotients).with_precision_and_scale(precision, scale)?;
    Ok(Arc::new(quotients))
}

/// Away from zero where it is half.
fn half_up(above: i256, below: i256) -> Option<i256> {
    let (quotient, rest) = (above.checked_div(below)?, above.checked_rem(below)?);
    let twice = rest.checked_abs()?.checked_add(rest.checked_abs()?)?;
    if twice < below.checked_abs()? {
        return Some(quotient);
    }
    let is_negative = above.is_negative() != below.is_negative();
    quotient.checked_add(if is_negative { i256::MINUS_ONE } else { i256::ONE })
}

fn whole_of_decimals(left: &ArrayRef, right: &ArrayRef, ansi: bool) -> Result<ArrayRef> {
    let quotients = rows(left, right, ansi, |pair| {
        let above = pair.left.checked_mul(ten_to(pair.scales.1)?)?;
        let below = pair.right.checked_mul(ten_to(pair.scales.0)?)?;
        i64::try_from(above.checked_div(below)?.to_i128()?).ok()
    })?;
    Ok(Arc::new(Int64Array::from(quotients)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quotient_of_decimals_has_sparks_digits() {
        for (left, right, expected) in [
            ((2, 1), (2, 1), (8, 6)),
            ((12, 2), (12, 2), (27, 15)),
            ((38, 10), (38, 10), (38, 6)),
            ((38, 2), (38, 2), (38, 6)),
            ((3, 0), (1, 0), (9, 6)),
        ] {
            assert_eq!(quotient(left, right), expected, "{left:?} / {right:?}");
        }
    }

    #[test]
    fn half_is_away_from_zero() {
        for (above, below, expected) in
            [(5, 2, 3), (-5, 2, -3), (4, 3, 1), (-4, 3, -1), (-3, -2, 2), (1, 3, 0)]
        {
            let [above, below, expected] = [above, below, expected].map(i256::from_i128);
            assert_eq!(half_up(above, below), Some(expected));
        }
    }
}
