//! Spark's `/` and `DIV`.
//!
//! Problem: `7 / 2` is 3 in DataFusion and 3.5 in Spark, a quotient of decimals has another scale there, and a zero below is
//! an error (or NULL, where `datafusion.execution.enable_ansi_mode` is off) in place of an infinity. Here: as in Spark's
//! `Divide` and `IntegralDivide`: decimals by their own rule, rounded half up, all else as DOUBLE.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Decimal128Array, Float64Array, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, i256};
use datafusion::arrow::error::ArrowError;
use datafusion::common::{Result, ScalarValue, exec_err, internal_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::decimals::{self, Digits, each, fitting, half_up, quotient, ten_to};
use super::{DIV, DIVIDE};

pub(super) const NAMES: [&str; 1] = ["try_divide"];

pub(super) fn functions() -> [ScalarUDF; 3] {
    [DIVIDE, DIV, "spark:try_divide"].map(|name| {
        let signature = Signature::user_defined(Volatility::Immutable);
        ScalarUDF::new_from_impl(Divide { name, signature })
    })
}

/// One of them. `try_divide` is `/`, and NULL where that is an error.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Divide {
    name: &'static str,
    signature: Signature,
}

impl Divide {
    fn is_whole(&self) -> bool {
        self.name == DIV
    }

    fn result(&self, digits: Option<[Digits; 2]>) -> DataType {
        match digits {
            _ if self.is_whole() => DataType::Int64,
            Some(digits) => {
                let (precision, scale) = quotient(digits);
                DataType::Decimal128(precision, scale)
            }
            None => DataType::Float64,
        }
    }
}

impl ScalarUDFImpl for Divide {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [left, right, written @ ..] = types else {
            return plan_err!("a division is of two values, not of {}", types.len());
        };
        for of in [left, right] {
            let is_number = of.is_numeric() || of.is_null() || of.is_string();
            if !is_number || (self.is_whole() && of.is_floating()) {
                return plan_err!("{of} cannot be divided in Spark's dialect: cast it to a number");
            }
        }
        let both = match decimals::both([left, right], [0, 0]) {
            Some(_) => [left.clone(), right.clone()],
            None if self.is_whole() => [DataType::Int64, DataType::Int64],
            None => [DataType::Float64, DataType::Float64],
        };
        Ok(both.into_iter().chain(written.iter().cloned()).collect())
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        internal_err!("a quotient has its type by the numbers that are written")
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let ([left, right], written) = decimals::of_call(&args)?;
        let result = self.result(decimals::both([&left, &right], written));
        Ok(Arc::new(Field::new(self.name, result, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let ansi =
            args.config_options.execution.enable_ansi_mode && self.name != "spark:try_divide";
        let [left, right, rest @ ..] = args.args.as_slice() else {
            return exec_err!("a division is of two values");
        };
        let all_one = [left, right].iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if all_one { 1 } else { args.number_rows };
        let (left, right) = (left.to_array(rows)?, right.to_array(rows)?);
        let scalars = [None, None].into_iter().chain(rest.iter().map(|arg| match arg {
            ColumnarValue::Scalar(value) => Some(value),
            ColumnarValue::Array(_) => None,
        }));
        let written = decimals::written(&scalars.collect::<Vec<_>>());
        let digits = decimals::both([left.data_type(), right.data_type()], written);
        let divided = divided([&left, &right], digits, args.return_field.data_type(), ansi)?;
        match all_one {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&divided, 0)?)),
            false => Ok(ColumnarValue::Array(divided)),
        }
    }
}

fn divided(
    sides: [&ArrayRef; 2],
    digits: Option<[Digits; 2]>,
    of: &DataType,
    ansi: bool,
) -> Result<ArrayRef> {
    let [left, right] = sides;
    match (digits, of) {
        (Some(digits), DataType::Decimal128(precision, scale)) => {
            of_decimals(sides, digits, (*precision, *scale), ansi)
        }
        (Some(digits), _) => whole_of_decimals(sides, digits, ansi),
        (None, DataType::Int64) => {
            let (left, right) = (cast(left, &DataType::Int64)?, cast(right, &DataType::Int64)?);
            whole(left.as_primitive(), right.as_primitive(), ansi)
        }
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

fn of_decimals(
    sides: [&ArrayRef; 2],
    digits: [Digits; 2],
    (precision, scale): Digits,
    ansi: bool,
) -> Result<ArrayRef> {
    let [_, s1, _, s2] = decimals::wide(digits);
    let quotients = each(sides, digits, ansi, |left, right| {
        if right == i256::ZERO {
            return by_zero(ansi);
        }
        let quotient = || {
            let above = left.checked_mul(ten_to(i16::from(scale) + s2)?)?;
            let below = right.checked_mul(ten_to(s1)?)?;
            fitting(half_up(above, below)?, precision)
        };
        Ok(quotient())
    })?;
    let quotients = Decimal128Array::from(quotients).with_precision_and_scale(precision, scale)?;
    Ok(Arc::new(quotients))
}

fn whole_of_decimals(sides: [&ArrayRef; 2], digits: [Digits; 2], ansi: bool) -> Result<ArrayRef> {
    let [_, s1, _, s2] = decimals::wide(digits);
    let quotients = each(sides, digits, ansi, |left, right| {
        if right == i256::ZERO {
            return by_zero(ansi);
        }
        let quotient = || {
            let above = left.checked_mul(ten_to(s2)?)?;
            let below = right.checked_mul(ten_to(s1)?)?;
            i64::try_from(above.checked_div(below)?.to_i128()?).ok()
        };
        Ok(quotient())
    })?;
    Ok(Arc::new(Int64Array::from(quotients)))
}
