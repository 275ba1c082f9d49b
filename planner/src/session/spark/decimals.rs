//! What Spark makes of two decimals: how many digits a result has, and how it is rounded.
//!
//! Problem: a sum, a product or a quotient of decimals may need more digits than the 38 that there are. Spark then gives up
//! digits behind the point, six of which stay whatever it costs before it (`DecimalType.adjustPrecisionScale`), where the
//! engine refuses or keeps all of them; and a whole number that stands in a statement has the digits that it has there
//! (`1.5 * 2` is one of two and one digit), all others those of their type.

use datafusion::arrow::array::{ArrayRef, AsArray, Decimal128Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, i256};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::ReturnFieldArgs;

/// Digits of the largest decimal.
const MOST: i16 = 38;
/// Of those behind the point, how many are kept.
const KEPT: i16 = 6;

/// Digits of a decimal, and how many of them are behind its point.
pub(super) type Digits = (u8, i8);

/// A type of so many digits, or where there are none of so many, of the most that there are.
pub(super) fn adjusted(precision: i16, scale: i16) -> Digits {
    let (precision, scale) = match precision <= MOST {
        true => (precision, scale),
        false => (MOST, (MOST - (precision - scale)).max(scale.min(KEPT))),
    };
    (precision as u8, scale as i8)
}

/// As numbers to calculate with.
pub(super) fn wide([(p1, s1), (p2, s2)]: [Digits; 2]) -> [i16; 4] {
    [i16::from(p1), i16::from(s1), i16::from(p2), i16::from(s2)]
}

/// Of a quotient (Spark's `Divide.resultDecimalType`).
pub(super) fn quotient(both: [Digits; 2]) -> Digits {
    let [p1, s1, p2, s2] = wide(both);
    let scale = KEPT.max(s1 + p2 + 1);
    adjusted(p1 - s1 + s2 + scale, scale)
}

/// The digits of two numbers, one of which is a decimal and the other one, too, or a whole number; `None` for all others.
/// `written` are those of numbers that stand in the statement, 0 for what does not.
pub(super) fn both(types: [&DataType; 2], written: [u8; 2]) -> Option<[Digits; 2]> {
    let is_one = types.iter().any(|of| is_decimal(of));
    let [left, right] = types;
    let left = digits(left, written[0])?;
    let right = digits(right, written[1])?;
    is_one.then_some([left, right])
}

pub(super) fn is_decimal(of: &DataType) -> bool {
    matches!(of, DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..))
}

/// As Spark's `DecimalType.forType` and `fromLiteral`.
fn digits(of: &DataType, written: u8) -> Option<Digits> {
    let digits = match of {
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s) => {
            return (*s >= 0).then_some((*p, *s));
        }
        of if of.is_integer() && written > 0 => written,
        DataType::Int8 | DataType::UInt8 => 3,
        DataType::Int16 | DataType::UInt16 => 5,
        DataType::Int32 | DataType::UInt32 => 10,
        DataType::Int64 | DataType::UInt64 => 20,
        DataType::Null => 1,
        _ => return None,
    };
    Some((digits, 0))
}

/// The digits that a statement says of each side (see [`both`]), which are the last arguments of a call.
pub(super) fn written(args: &[Option<&ScalarValue>]) -> [u8; 2] {
    let digits = |at: usize| match args.get(at) {
        Some(Some(ScalarValue::Int64(Some(digits)))) => u8::try_from(*digits).unwrap_or(0),
        _ => 0,
    };
    [digits(2), digits(3)]
}

/// The types of the two sides of a call, and the digits that are written.
pub(super) fn of_call(args: &ReturnFieldArgs) -> Result<([DataType; 2], [u8; 2])> {
    match args.arg_fields {
        [left, right, ..] => {
            let types = [left.data_type().clone(), right.data_type().clone()];
            Ok((types, written(args.scalar_arguments)))
        }
        other => exec_err!("an operator is of two values, and not of {}", other.len()),
    }
}

/// The values of decimals and whole numbers, as decimals of these digits.
fn values(of: &ArrayRef, (precision, scale): Digits) -> Result<Decimal128Array> {
    let decimals = cast(of, &DataType::Decimal128(precision, scale))?;
    Ok(decimals.as_primitive::<Decimal128Type>().clone())
}

/// Works something out of each row of two numbers; where that gives nothing it is NULL, or an error if `strict`.
pub(super) fn each<T>(
    sides: [&ArrayRef; 2],
    digits: [Digits; 2],
    strict: bool,
    work: impl Fn(i256, i256) -> Result<Option<T>>,
) -> Result<Vec<Option<T>>> {
    let (left, right) = (values(sides[0], digits[0])?, values(sides[1], digits[1])?);
    let of_row = |(left, right): (Option<i128>, Option<i128>)| match (left, right) {
        (Some(left), Some(right)) => {
            let worked = work(i256::from_i128(left), i256::from_i128(right))?;
            match worked {
                None if strict => exec_err!(
                    "a number is beyond its type DECIMAL: cast what it is made of to fewer digits, or to DOUBLE"
                ),
                worked => Ok(worked),
            }
        }
        _ => Ok(None),
    };
    left.iter().zip(right.iter()).map(of_row).collect()
}

/// `None` where there is no such number.
pub(super) fn ten_to(power: i16) -> Option<i256> {
    i256::from_i128(10).checked_pow(u32::try_from(power).ok()?)
}

/// `above / below`, away from zero where it is half.
pub(super) fn half_up(above: i256, below: i256) -> Option<i256> {
    let (quotient, rest) = (above.checked_div(below)?, above.checked_rem(below)?);
    let twice = rest.checked_abs()?.checked_add(rest.checked_abs()?)?;
    if twice < below.checked_abs()? {
        return Some(quotient);
    }
    let is_negative = above.is_negative() != below.is_negative();
    quotient.checked_add(if is_negative { i256::MINUS_ONE } else { i256::ONE })
}

/// The value of a decimal, if it has no more than so many digits.
pub(super) fn fitting(value: i256, precision: u8) -> Option<i128> {
    let fits = value.checked_abs()? < ten_to(i16::from(precision))?;
    fits.then(|| value.to_i128()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quotient_has_sparks_digits() {
        for (both, expected) in [
            ([(2, 1), (2, 1)], (8, 6)),
            ([(2, 1), (1, 0)], (7, 6)),
            ([(12, 2), (12, 2)], (27, 15)),
            ([(38, 10), (38, 10)], (38, 6)),
            ([(38, 2), (38, 2)], (38, 6)),
            ([(3, 0), (1, 0)], (9, 6)),
        ] {
            assert_eq!(quotient(both), expected, "{both:?}");
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
