//! Decimals have no more digits than their type.
//!
//! Problem: what two decimals make has a digit more than they, up to 38 (of 128 bits, and 76 of 256), and the bits hold one
//! more than that: DataFusion 55 answers 100000000000000000000000000000000000000 as a DECIMAL(38, 0), which no client can
//! read. Official way: none. Here: where the type of an answer is full, each answer is looked at.

use datafusion::arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray};
use datafusion::arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType, Decimal128Type, Decimal256Type,
    DecimalType,
};
use datafusion::arrow::error::ArrowError;

/// Whether answers of a type may be beyond it.
pub(super) fn is_full(answer: &DataType) -> bool {
    match answer {
        DataType::Decimal128(precision, _) => *precision == DECIMAL128_MAX_PRECISION,
        DataType::Decimal256(precision, _) => *precision == DECIMAL256_MAX_PRECISION,
        _ => false,
    }
}

/// # Errors
/// `ArithmeticOverflow` for a decimal of more digits than its type has.
pub(super) fn fitting(answers: ArrayRef) -> Result<ArrayRef, ArrowError> {
    match answers.data_type() {
        DataType::Decimal128(precision, scale) => {
            check::<Decimal128Type>(&answers, *precision, *scale)?;
        }
        DataType::Decimal256(precision, scale) => {
            check::<Decimal256Type>(&answers, *precision, *scale)?;
        }
        _ => {}
    }
    Ok(answers)
}

fn check<T: DecimalType + ArrowPrimitiveType>(
    answers: &ArrayRef,
    precision: u8,
    scale: i8,
) -> Result<(), ArrowError> {
    let answers = answers.as_primitive::<T>();
    let fits = |answer: &T::Native| T::is_valid_decimal_precision(*answer, precision);
    // What stands where a row is NULL is anything.
    if answers.values().iter().all(fits) {
        return Ok(());
    }
    match answers.iter().flatten().find(|answer| !fits(answer)) {
        None => Ok(()),
        Some(answer) => {
            let answer = T::format_decimal(answer, u8::MAX, scale);
            Err(ArrowError::ArithmeticOverflow(format!("the answer {answer}")))
        }
    }
}
