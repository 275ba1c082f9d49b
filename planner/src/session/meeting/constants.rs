//! Floating-point constants beside decimals: the decimals that they were written as.
//!
//! `4.15` is a DOUBLE, and the decimal of the fewest digits that is read as that number is 4.15. A decimal column is
//! compared with it exactly, and rows of files are skipped by it. Constants of more digits than decimals have, and those that have
//! no type together with the decimals, are left: all become DOUBLE then.

use datafusion::arrow::datatypes::{DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Cast, Expr, TryCast, lit};

/// The same expressions with all floating-point numbers as decimals; `None` where one is no such constant.
pub(super) fn decimals(exprs: &[&Expr], types: &[DataType]) -> Option<Vec<Expr>> {
    let each = exprs.iter().zip(types).map(|(expr, of)| match of.is_floating() {
        true => decimal(expr).map(Known::Constant),
        false => Some(Known::Other((*expr).clone())),
    });
    let each = each.collect::<Option<Vec<_>>>()?;
    let made = each.iter().filter_map(|known| match known {
        Known::Constant(value) => Some(value.data_type()),
        Known::Other(_) => None,
    });
    have_a_type(types.iter().cloned().chain(made))
        .then(|| each.into_iter().map(Expr::from).collect())
}

enum Known {
    Constant(ScalarValue),
    Other(Expr),
}

impl From<Known> for Expr {
    fn from(known: Known) -> Self {
        match known {
            Known::Constant(value) => lit(value),
            Known::Other(expr) => expr,
        }
    }
}

/// Whether there is a decimal type that holds all decimals of these.
fn have_a_type(types: impl Iterator<Item = DataType>) -> bool {
    let (mut before, mut behind, mut most) = (0, 0, DECIMAL128_MAX_PRECISION);
    for of in types {
        let (precision, scale) = match of {
            DataType::Decimal32(precision, scale)
            | DataType::Decimal64(precision, scale)
            | DataType::Decimal128(precision, scale) => (precision, scale),
            DataType::Decimal256(precision, scale) => {
                most = DECIMAL256_MAX_PRECISION;
                (precision, scale)
            }
            // BIGINT has 19 digits, an unsigned one 20.
            of if of.is_integer() => (20, 0),
            _ => continue,
        };
        before = before.max(i16::from(precision) - i16::from(scale));
        behind = behind.max(i16::from(scale));
    }
    before + behind <= i16::from(most)
}

/// The decimal that a constant was written as. NULL is one of no digits.
fn decimal(expr: &Expr) -> Option<ScalarValue> {
    let number = match constant(expr)?.cast_to(&DataType::Float64).ok()? {
        ScalarValue::Float64(number) => number,
        _ => return None,
    };
    let Some(number) = number else { return Some(ScalarValue::Decimal128(None, 1, 0)) };
    // As short as it can be to be read as that number again, and without an exponent.
    let text = number.abs().to_string();
    let (whole, behind) = text.split_once('.').unwrap_or((&text, ""));
    if !number.is_finite() || whole.len() + behind.len() > usize::from(DECIMAL128_MAX_PRECISION) {
        return None;
    }
    let digits: i128 = format!("{whole}{behind}").parse().ok()?;
    let value = if number.is_sign_negative() { -digits } else { digits };
    let (precision, scale) = ((whole.len() + behind.len()) as u8, behind.len() as i8);
    Some(ScalarValue::Decimal128(Some(value), precision, scale))
}

fn constant(expr: &Expr) -> Option<ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Some(value.clone()),
        Expr::Negative(of) => constant(of)?.arithmetic_negate().ok(),
        Expr::Cast(Cast { expr, field }) | Expr::TryCast(TryCast { expr, field }) => {
            constant(expr)?.cast_to(field.data_type()).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::logical_expr::cast;

    fn of(number: f64) -> Option<(i128, u8, i8)> {
        match decimal(&lit(number)) {
            Some(ScalarValue::Decimal128(Some(value), precision, scale)) => {
                Some((value, precision, scale))
            }
            _ => None,
        }
    }

    #[test]
    fn a_constant_is_what_was_written() {
        assert_eq!(of(4.15), Some((415, 3, 2)));
        assert_eq!(of(-0.07), Some((-7, 3, 2)));
        assert_eq!(of(8.0), Some((8, 1, 0)));
        assert_eq!(of(-0.0), Some((0, 1, 0)));
        assert_eq!(of(0.059115343500130396), Some((59_115_343_500_130_396, 19, 18)));
        for number in [1e-38, 1e38, f64::NAN, f64::INFINITY] {
            assert_eq!(of(number), None, "{number}");
        }
    }

    #[test]
    fn what_has_no_type_together_is_left() {
        let column = cast(lit(1), DataType::Decimal128(38, 2));
        let types = [DataType::Decimal128(38, 2), DataType::Float64];
        assert!(decimals(&[&column, &lit(4.15)], &types).is_some());
        assert!(decimals(&[&column, &lit(4.157)], &types).is_none());
    }
}
