//! `round` and `bround`, of floating-point numbers by the digits that they are written with.
//!
//! Problem: 1.005 is a little less as a DOUBLE, and the engine makes 1.0 of `round(1.005, 2)`; Spark rounds the decimal that it is
//! written as (`BigDecimal(x.toString)`), to 1.01. And the engine has no `bround`, which takes the even neighbour where it is half.

use std::cmp::Ordering;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, AsArray, Decimal128Array, Float32Array, Float64Array, new_null_array,
};
use datafusion::arrow::compute::{CastOptions, cast, cast_with_options};
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, Field, FieldRef, Float32Type, Float64Type, i256,
};
use datafusion::common::{Result, ScalarValue, exec_err, internal_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::decimals::{fitting, is_decimal};

/// Those that are called by name.
pub(super) const NAMES: [&str; 1] = ["bround"];

pub(super) fn functions() -> [ScalarUDF; 4] {
    [
        ("spark:round", To::HalfUp),
        ("spark:bround", To::HalfEven),
        ("spark:ceil_to", To::Up),
        ("spark:floor_to", To::Down),
    ]
    .map(|(name, to)| {
        let signature = Signature::user_defined(Volatility::Immutable);
        ScalarUDF::new_from_impl(Round { name, to, signature })
    })
}

/// Which neighbour a number becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum To {
    /// The nearest, half away from zero.
    HalfUp,
    /// The nearest, half to the even one.
    HalfEven,
    Up,
    Down,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Round {
    name: &'static str,
    to: To,
    signature: Signature,
}

impl ScalarUDFImpl for Round {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let (of, places) = match types {
            [of] => (of, None),
            // As it is: cast it would be no constant any more, and the type of what is rounded comes of it.
            [of, places] if places.is_integer() || places.is_null() => (of, Some(places.clone())),
            _ => return plan_err!("{} takes a number, and how many digits stay", self.name),
        };
        let is_whole = matches!(self.to, To::Up | To::Down);
        let of = match of {
            of if of.is_string() || of.is_null() => DataType::Float64,
            of if of.is_integer() && is_whole => DataType::Decimal128(20, 0),
            of => of.clone(),
        };
        if is_whole && !is_decimal(&of) {
            return plan_err!("{} of {of} is not supported: cast it to DECIMAL", self.name);
        }
        Ok(std::iter::once(of).chain(places).collect())
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        internal_err!("a rounded number has its type by the digits that stay")
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let Some(of) = args.arg_fields.first().map(|of| of.data_type()) else {
            return plan_err!("{} takes a number", self.name);
        };
        let result = match digits(of) {
            None => of.clone(),
            Some((precision, scale)) => {
                let places = match args.scalar_arguments.get(1) {
                    None => Some(0),
                    Some(Some(places)) => count(places)?,
                    Some(None) => return no_constant(self.name),
                };
                let (precision, scale) = kept(precision, scale, places.unwrap_or(0));
                DataType::Decimal128(precision, scale)
            }
        };
        Ok(Arc::new(Field::new(self.name, result, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(first) = args.args.first() else {
            return exec_err!("{} takes a number", self.name);
        };
        let all_one = matches!(first, ColumnarValue::Scalar(_));
        let values = first.to_array(if all_one { 1 } else { args.number_rows })?;
        let places = match args.args.get(1) {
            None => Some(0),
            Some(ColumnarValue::Scalar(places)) => count(places)?,
            Some(ColumnarValue::Array(_)) => return no_constant(self.name),
        };
        let of = args.return_field.data_type();
        let rounded = match places {
            Some(places) => self.rounded(&values, places, of)?,
            None => new_null_array(of, values.len()),
        };
        match all_one {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&rounded, 0)?)),
            false => Ok(ColumnarValue::Array(rounded)),
        }
    }
}

fn no_constant<T>(name: &str) -> Result<T> {
    plan_err!("{name} takes a count of digits that stands in the statement")
}

fn count(places: &ScalarValue) -> Result<Option<i32>> {
    Ok(match places.cast_to(&DataType::Int32)? {
        ScalarValue::Int32(places) => places,
        _ => None,
    })
}

fn digits(of: &DataType) -> Option<(u8, i8)> {
    match of {
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s) => {
            Some((*p, *s))
        }
        _ => None,
    }
}

/// As Spark's `RoundBase.dataType`: one digit more before the point, for what is carried.
fn kept(precision: u8, scale: i8, places: i32) -> (u8, i8) {
    let before = i32::from(precision) - i32::from(scale) + 1;
    let (precision, scale) = match places < 0 {
        true => (before.max(1 - places), 0),
        false => (before + places.min(i32::from(scale)), places.min(i32::from(scale))),
    };
    (precision.min(38) as u8, scale as i8)
}

impl Round {
    fn rounded(&self, values: &ArrayRef, places: i32, result: &DataType) -> Result<ArrayRef> {
        let to_even = self.to == To::HalfEven;
        let digit = |value: f64| at_digit(value, places, to_even);
        if let (Some((precision, scale)), Some((most, behind))) =
            (digits(values.data_type()), digits(result))
        {
            let values = cast(values, &DataType::Decimal128(precision, scale))?;
            let of_one = |value: i128| {
                let rounded = whole(value, places, scale, self.to);
                let fewer = 10_i128.pow(u32::from(scale.abs_diff(behind)));
                let rounded = if scale >= behind { rounded / fewer } else { rounded * fewer };
                match fitting(i256::from_i128(rounded), most) {
                    Some(rounded) => Ok(rounded),
                    None => exec_err!("a rounded number is beyond DECIMAL({most}, {behind})"),
                }
            };
            let values = values.as_primitive::<Decimal128Type>().iter();
            let rounded = values.map(|value| value.map(of_one).transpose());
            let rounded = rounded.collect::<Result<Decimal128Array>>()?;
            return Ok(Arc::new(rounded.with_precision_and_scale(most, behind)?));
        }
        Ok(match values.data_type() {
            DataType::Float64 => {
                let rounded: Float64Array = values.as_primitive::<Float64Type>().unary(digit);
                Arc::new(rounded)
            }
            DataType::Float32 => {
                let values = values.as_primitive::<Float32Type>();
                let rounded: Float32Array = values.unary(|value| digit(f64::from(value)) as f32);
                Arc::new(rounded)
            }
            of if of.is_integer() => {
                let wide = cast(values, &DataType::Decimal128(38, 0))?;
                let wide = wide.as_primitive::<Decimal128Type>();
                let rounded: Decimal128Array = wide.unary(|value| whole(value, places, 0, self.to));
                let rounded = rounded.with_precision_and_scale(38, 0)?;
                // What is beyond the type is an error.
                let options = CastOptions { safe: false, ..CastOptions::default() };
                cast_with_options(&rounded, of, &options)?
            }
            of => return exec_err!("{} of {of} is not supported: cast it to DOUBLE", self.name),
        })
    }
}

/// See [`whole`]: half to the even neighbour.
pub(super) fn to_even(value: i128, places: i32, scale: i8) -> i128 {
    whole(value, places, scale, To::HalfEven)
}

/// A number of `scale` digits behind its point, rounded to `places` of them.
fn whole(value: i128, places: i32, scale: i8, to: To) -> i128 {
    let power = i32::from(scale).saturating_sub(places);
    if power <= 0 {
        return value;
    }
    let Some(unit) = 10_i128.checked_pow(power.unsigned_abs()) else { return 0 };
    let (quotient, rest) = (value.div_euclid(unit), value.rem_euclid(unit));
    let half = rest.cmp(&(unit / 2));
    let goes_up = match to {
        To::Up => rest > 0,
        To::Down => false,
        To::HalfUp if value < 0 => half == Ordering::Greater,
        To::HalfUp => half != Ordering::Less,
        To::HalfEven => half == Ordering::Greater || (half.is_eq() && quotient % 2 != 0),
    };
    (quotient + i128::from(goes_up)) * unit
}

/// A number as it is written, rounded to so many digits behind its point.
fn at_digit(value: f64, places: i32, to_even: bool) -> f64 {
    if !value.is_finite() || value == 0.0 {
        return value + 0.0;
    }
    let shown = format!("{:e}", value.abs());
    let (digits, exponent) = shown.split_once('e').unwrap_or((&shown, "0"));
    let digits: Vec<u8> =
        digits.bytes().filter(u8::is_ascii_digit).map(|digit| digit - b'0').collect();
    let exponent: i64 = exponent.parse().unwrap_or(0);
    let kept = exponent + 1 + i64::from(places);
    if kept >= digits.len() as i64 {
        return value;
    }
    let Ok(kept) = usize::try_from(kept) else { return 0.0 };
    let is_half = digits[kept] == 5 && digits[kept + 1..].iter().all(|digit| *digit == 0);
    let is_odd = kept > 0 && digits[kept - 1] % 2 == 1;
    let goes_up = match to_even && is_half {
        true => is_odd,
        false => digits[kept] >= 5,
    };
    let last = digits[..kept].iter().fold(0_u128, |number, digit| number * 10 + u128::from(*digit));
    let rounded = format!("{}e{}", last + u128::from(goes_up), -i64::from(places));
    rounded.parse::<f64>().unwrap_or(value).copysign(value) + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_digits_stay_as_are_asked_for() {
        for (of, places, expected) in [
            ((10, 3), 2, (10, 2)),
            ((10, 3), 0, (8, 0)),
            ((10, 3), -2, (8, 0)),
            ((2, 1), 5, (3, 1)),
        ] {
            assert_eq!(kept(of.0, of.1, places), expected, "{of:?} {places}");
        }
    }

    #[test]
    fn numbers_are_rounded_as_they_are_written() {
        for (value, places, expected) in [
            (1.005, 2, 1.01),
            (2.5, 0, 3.0),
            (-2.5, 0, -3.0),
            (0.4, 0, 0.0),
            (0.5, 0, 1.0),
            (0.04, 0, 0.0),
            (125.0, -1, 130.0),
            (4.0, -1, 0.0),
            (1e20, 3, 1e20),
            (9.99, 1, 10.0),
        ] {
            assert_eq!(at_digit(value, places, false), expected, "{value} {places}");
        }
        for (value, places, expected) in
            [(2.5, 0, 2.0), (3.5, 0, 4.0), (0.5, 0, 0.0), (2.51, 0, 3.0)]
        {
            assert_eq!(at_digit(value, places, true), expected, "{value}");
        }
        assert_eq!(whole(-25, 0, 1, To::HalfUp), -30);
        assert_eq!(whole(-25, 0, 1, To::Up), -20);
        for (value, places, scale, expected) in
            [(25, 0, 1, 20), (35, 0, 1, 40), (-25, 0, 1, -20), (25, -1, 0, 20), (7, 2, 0, 7)]
        {
            assert_eq!(whole(value, places, scale, To::HalfEven), expected, "{value}");
        }
    }
}
