//! What an interval times a number is, or over one, in whole numbers.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, IntervalMonthDayNanoArray, PrimitiveArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    ArrowPrimitiveType, DataType, Decimal128Type, Decimal256Type, Float64Type, Int64Type,
    IntervalMonthDayNano, IntervalMonthDayNanoType, i256,
};
use datafusion::common::{Result, exec_err, internal_err};
use datafusion::logical_expr::Operator;

/// The products of each row; NULL where one of both is.
///
/// # Errors
/// `Execution` for what is beyond the type of `lengths`, for what is no number, and for a division by zero.
pub(super) fn products(
    lengths: &ArrayRef,
    operator: Operator,
    numbers: &ArrayRef,
) -> Result<ArrayRef> {
    match lengths.data_type() {
        DataType::Interval(_) => {
            let lengths = lengths.as_primitive::<IntervalMonthDayNanoType>();
            let products: IntervalMonthDayNanoArray =
                each(lengths, operator, numbers, |length, factor| factor.of_interval(length))?;
            Ok(Arc::new(products))
        }
        of @ DataType::Duration(_) => {
            let counts = cast(lengths, &DataType::Int64)?;
            let counts = counts.as_primitive::<Int64Type>();
            let products: Int64Array =
                each(counts, operator, numbers, |count, factor| factor.of_count(count))?;
            Ok(cast(&products, of)?)
        }
        other => internal_err!("{other} times a number"),
    }
}

fn each<T: ArrowPrimitiveType>(
    lengths: &PrimitiveArray<T>,
    operator: Operator,
    numbers: &ArrayRef,
    product: impl Fn(T::Native, Factor) -> Option<T::Native>,
) -> Result<PrimitiveArray<T>> {
    let row = |row: usize| {
        if lengths.is_null(row) || numbers.is_null(row) {
            return Ok(None);
        }
        let factor = Factor::at(numbers, row)?;
        let factor = match operator {
            Operator::Divide => factor.and_then(Factor::inverse),
            _ => factor,
        };
        match factor.and_then(|factor| product(lengths.value(row), factor)) {
            Some(product) => Ok(Some(product)),
            None => refused(operator, numbers, row),
        }
    };
    (0..lengths.len()).map(row).collect()
}

fn refused<T>(operator: Operator, numbers: &ArrayRef, row: usize) -> Result<T> {
    let number = datafusion::arrow::util::display::array_value_to_string(numbers, row)?;
    let is_zero =
        !number.is_empty() && number.bytes().all(|byte| matches!(byte, b'0' | b'.' | b'-'));
    match (operator, is_zero) {
        (Operator::Divide, true) => exec_err!("an interval is divided by zero"),
        (Operator::Divide, false) => {
            exec_err!("an interval over {number} is beyond what an interval holds")
        }
        _ => exec_err!("{number} times an interval is beyond what an interval holds"),
    }
}

/// A number as a fraction of whole numbers; the lower one is more than zero.
#[derive(Debug, Clone, Copy)]
struct Factor {
    upper: i256,
    lower: i256,
}

const DAYS_OF_A_MONTH: i256 = i256::from_i128(30);
const NANOSECONDS_OF_A_DAY: i256 = i256::from_i128(86_400_000_000_000);
const MICROSECOND: i256 = i256::from_i128(1_000);

/// The longest interval times less than this is no nanosecond.
const NOTHING: i32 = -26;

/// A nanosecond times more than this is longer than the longest interval.
const TOO_MUCH: i32 = 26;

impl Factor {
    /// `None` for what is no finite number.
    fn at(numbers: &ArrayRef, row: usize) -> Result<Option<Self>> {
        Ok(match numbers.data_type() {
            DataType::Int64 => {
                let whole = numbers.as_primitive::<Int64Type>().value(row);
                Some(Self { upper: i256::from_i128(whole.into()), lower: i256::ONE })
            }
            DataType::Float64 => Self::of_double(numbers.as_primitive::<Float64Type>().value(row)),
            DataType::Decimal128(_, scale) => {
                let digits = numbers.as_primitive::<Decimal128Type>().value(row);
                Self::of_digits(i256::from_i128(digits), -i32::from(*scale))
            }
            DataType::Decimal256(_, scale) => {
                let digits = numbers.as_primitive::<Decimal256Type>().value(row);
                Self::of_digits(digits, -i32::from(*scale))
            }
            other => return internal_err!("an interval times {other}"),
        })
    }

    /// `digits` times ten to that power.
    fn of_digits(digits: i256, power: i32) -> Option<Self> {
        let ten = |power: u32| i256::from_i128(10).checked_pow(power);
        match u32::try_from(power) {
            Ok(power) => Some(Self { upper: digits.checked_mul(ten(power)?)?, lower: i256::ONE }),
            Err(_) => Some(Self { upper: digits, lower: ten(power.unsigned_abs())? }),
        }
    }

    /// The decimal that it is written as.
    fn of_double(number: f64) -> Option<Self> {
        let text = format!("{number:e}");
        let (digits, power) = text.split_once('e')?;
        let power: i32 = power.parse().ok()?;
        match power {
            power if power < NOTHING => return Some(Self { upper: i256::ZERO, lower: i256::ONE }),
            power if power > TOO_MUCH => return Self::of_digits(i256::ONE, TOO_MUCH),
            _ => {}
        }
        let fraction = digits.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let digits: i128 = digits.replace('.', "").parse().ok()?;
        Self::of_digits(i256::from_i128(digits), power - i32::try_from(fraction).ok()?)
    }

    fn inverse(self) -> Option<Self> {
        let Self { upper, lower } = self;
        match upper == i256::ZERO {
            true => None,
            false if upper.is_negative() => {
                Some(Self { upper: lower.checked_neg()?, lower: upper.checked_neg()? })
            }
            false => Some(Self { upper: lower, lower: upper }),
        }
    }

    /// Whole ones, and how many of the lower number are left.
    fn times(self, count: i256) -> Option<(i256, i256)> {
        self.shared(count.checked_mul(self.upper)?)
    }

    fn shared(self, upper: i256) -> Option<(i256, i256)> {
        Some((upper.checked_div(self.lower)?, upper.checked_rem(self.lower)?))
    }

    fn of_interval(self, interval: IntervalMonthDayNano) -> Option<IntervalMonthDayNano> {
        let IntervalMonthDayNano { months, days, nanoseconds } = interval;
        let whole = |part: i64| i256::from_i128(part.into());
        let (months, left) = self.times(whole(months.into()))?;
        let left = left.checked_mul(DAYS_OF_A_MONTH)?;
        let days = whole(days.into()).checked_mul(self.upper)?.checked_add(left)?;
        let (mut days, left) = self.shared(days)?;
        let of_day = left.checked_mul(NANOSECONDS_OF_A_DAY)?;
        let rest = whole(nanoseconds).checked_mul(self.upper)?.checked_add(of_day)?;
        let mut rest = self.rounded(rest)?;
        // Half a microsecond less than a day is one.
        let of_day = self.rounded(of_day)?;
        if of_day == NANOSECONDS_OF_A_DAY || of_day == NANOSECONDS_OF_A_DAY.checked_neg()? {
            rest = rest.checked_sub(of_day)?;
            days = days.checked_add(of_day.checked_div(NANOSECONDS_OF_A_DAY)?)?;
        }
        Some(IntervalMonthDayNano::new(
            months.to_i128()?.try_into().ok()?,
            days.to_i128()?.try_into().ok()?,
            rest.to_i128()?.try_into().ok()?,
        ))
    }

    /// The whole number where there is one, or that of microseconds which is nearest.
    fn rounded(self, upper: i256) -> Option<i256> {
        let (whole, left) = self.shared(upper)?;
        match left == i256::ZERO {
            true => Some(whole),
            false => nearest(upper, self.lower.checked_mul(MICROSECOND)?)?.checked_mul(MICROSECOND),
        }
    }

    fn of_count(self, count: i64) -> Option<i64> {
        let upper = i256::from_i128(count.into()).checked_mul(self.upper)?;
        nearest(upper, self.lower)?.to_i128()?.try_into().ok()
    }
}

/// Halves go away from zero.
fn nearest(upper: i256, lower: i256) -> Option<i256> {
    let (whole, left) = (upper.checked_div(lower)?, upper.checked_rem(lower)?);
    let twice = left.checked_mul(i256::from_i128(2))?;
    let one = match (twice >= lower, twice <= lower.checked_neg()?) {
        (true, _) => i256::ONE,
        (_, true) => i256::MINUS_ONE,
        _ => i256::ZERO,
    };
    whole.checked_add(one)
}
