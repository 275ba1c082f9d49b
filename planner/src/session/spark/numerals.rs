//! Numbers as texts: `format_number(x, digits)` and `conv(text, from, to)`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int32Type};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::ScalarUDF;

use super::decimals::is_decimal;
use super::plain::function;

/// Those that are called by name.
pub(super) const NAMES: [&str; 2] = ["format_number", "conv"];

pub(super) fn functions() -> [ScalarUDF; 2] {
    let text = |_: &[DataType]| DataType::Utf8;
    [
        function("spark:format_number", of_number, text, |args, _| formatted(&args[0], &args[1])),
        function("spark:conv", of_conv, text, |args, config| {
            converted(args, config.execution.enable_ansi_mode)
        }),
    ]
}

fn of_number(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [of, digits] if digits.is_integer() || digits.is_null() => {
            let of = match of {
                of if of.is_integer() => DataType::Decimal128(20, 0),
                of if is_decimal(of) => of.clone(),
                of if of.is_floating() || of.is_null() || of.is_string() => DataType::Float64,
                of => {
                    return plan_err!(
                        "format_number of {of} is not supported: cast it to a number"
                    );
                }
            };
            Ok(vec![of, DataType::Int32])
        }
        _ => plan_err!(
            "format_number takes a number and how many digits stand behind its point, and no pattern"
        ),
    }
}

/// A text is filled up to so many letters, and no more.
const MOST_DIGITS: usize = 10_000;

fn formatted(numbers: &ArrayRef, digits: &ArrayRef) -> Result<ArrayRef> {
    let digits = digits.as_primitive::<Int32Type>();
    let plain: Box<dyn Fn(usize, usize) -> String> = match numbers.data_type() {
        DataType::Float64 => {
            let numbers = numbers.as_primitive::<Float64Type>();
            Box::new(move |row, digits| double(numbers.value(row), digits))
        }
        _ => {
            let scale = match numbers.data_type() {
                DataType::Decimal32(_, s)
                | DataType::Decimal64(_, s)
                | DataType::Decimal128(_, s) => *s,
                _ => 0,
            };
            let numbers = cast(numbers, &DataType::Decimal128(38, scale))?;
            let numbers = numbers.as_primitive::<Decimal128Type>().clone();
            Box::new(move |row, digits| decimal(numbers.value(row), scale, digits))
        }
    };
    let texts = (0..numbers.len()).map(|row| {
        let is_there = numbers.is_valid(row) && digits.is_valid(row);
        let digits = usize::try_from(digits.value(row)).ok().filter(|_| is_there)?;
        Some((row, digits))
    });
    let texts = texts.map(|asked| match asked {
        // More digits than any number has: those behind them are zeros, of which there may be too many.
        Some((_, digits)) if digits > MOST_DIGITS => {
            exec_err!("format_number shows no more than {MOST_DIGITS} digits behind the point")
        }
        Some((row, digits)) => Ok(Some(grouped(&plain(row, digits)))),
        None => Ok(None),
    });
    Ok(Arc::new(texts.collect::<Result<StringArray>>()?))
}

/// With so many digits behind the point, of which those are zeros that Java does not write.
fn double(value: f64, digits: usize) -> String {
    let mut shown = format!("{value}");
    let behind = shown.split_once('.').map_or(0, |(_, behind)| behind.len());
    if !value.is_finite() || behind > digits {
        return format!("{value:.digits$}");
    }
    if behind == 0 && digits > 0 {
        shown.push('.');
    }
    shown.extend(std::iter::repeat_n('0', digits - behind));
    shown
}

/// With so many digits behind the point; half goes to the even neighbour.
fn decimal(value: i128, scale: i8, digits: usize) -> String {
    let scale = usize::try_from(scale).unwrap_or(0);
    let places = i32::try_from(digits).unwrap_or(i32::MAX);
    let rounded = super::round::to_even(value, places, scale as i8);
    let sign = if value < 0 { "-" } else { "" };
    let all = format!("{:0>width$}", rounded.unsigned_abs(), width = scale + 1);
    let (whole, behind) = all.split_at(all.len() - scale);
    let behind = format!("{behind:0<digits$}");
    match digits {
        0 => format!("{sign}{whole}"),
        digits => format!("{sign}{whole}.{}", &behind[..digits]),
    }
}

/// With a comma before each three digits.
fn grouped(plain: &str) -> String {
    match plain {
        "NaN" => return plain.to_owned(),
        "inf" => return "∞".to_owned(),
        "-inf" => return "-∞".to_owned(),
        _ => {}
    }
    let (sign, number) = match plain.strip_prefix('-') {
        Some(number) => ("-", number),
        None => ("", plain),
    };
    let (whole, behind) =
        number.split_once('.').map_or((number, ""), |(whole, behind)| (whole, behind));
    let mut text = sign.to_owned();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if !behind.is_empty() {
        text.push('.');
        text.push_str(behind);
    }
    text
}

fn of_conv(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [of, from, to]
            if (of.is_string() || of.is_integer() || of.is_null())
                && [from, to].iter().all(|base| base.is_integer() || base.is_null()) =>
        {
            Ok(vec![DataType::Utf8, DataType::Int32, DataType::Int32])
        }
        _ => plan_err!("conv takes a number, the base that it has and the one that it is to have"),
    }
}

fn converted(args: &[ArrayRef], ansi: bool) -> Result<ArrayRef> {
    let texts = args[0].as_string::<i32>();
    let (from, to) = (args[1].as_primitive::<Int32Type>(), args[2].as_primitive::<Int32Type>());
    let each = texts.iter().zip(from).zip(to).map(|((text, from), to)| match (text, from, to) {
        (Some(text), Some(from), Some(to)) => in_base(text.trim_matches(' '), from, to, ansi),
        _ => Ok(None),
    });
    Ok(Arc::new(each.collect::<Result<StringArray>>()?))
}

/// As Spark's `NumberConverter`: numbers have 64 bits, and their sign where the base is below 0.
fn in_base(text: &str, from: i32, to: i32, ansi: bool) -> Result<Option<String>> {
    let bases = 2..=36;
    if text.is_empty() || !bases.contains(&from) || !bases.contains(&to.saturating_abs()) {
        return Ok(None);
    }
    let (from, base) = (from.unsigned_abs(), u64::from(to.unsigned_abs()));
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let mut value = Some(0_u64);
    for digit in digits.chars().map_while(|letter| letter.to_digit(from)) {
        let next = value.and_then(|value| value.checked_mul(u64::from(from)));
        value = next.and_then(|value| value.checked_add(u64::from(digit)));
    }
    let value = match value {
        Some(value) => value,
        None if ansi => return exec_err!("conv: {text} is beyond 64 bits"),
        None => u64::MAX,
    };
    // Beyond 63 bits it is below 0 already.
    let is_below = (value as i64) < 0;
    let (sign, mut rest) = match (to < 0, is_negative) {
        (false, false) => ("", value),
        (false, true) if is_below => ("", u64::MAX),
        (false, true) => ("", value.wrapping_neg()),
        (true, _) if is_below => ("-", value.wrapping_neg()),
        (true, true) => ("-", value),
        (true, false) => ("", value),
    };
    let mut digits = Vec::new();
    while rest > 0 || digits.is_empty() {
        digits.extend(char::from_digit((rest % base) as u32, base as u32));
        rest /= base;
    }
    let digits: String = digits.iter().rev().collect();
    Ok(Some(format!("{sign}{}", digits.to_uppercase())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (value, scale, digits, expected) in [
            (1_234_567_891, 3, 2, "1,234,567.89"),
            (5, 1, 0, "0"),
            (15, 1, 0, "2"),
            (-12_345, 1, 1, "-1,234.5"),
            (7, 0, 3, "7.000"),
            (5, 3, 2, "0.00"),
        ] {
            assert_eq!(grouped(&decimal(value, scale, digits)), expected, "{value}");
        }
    }

    #[test]
    fn doubles_have_the_digits_that_java_writes() {
        for (value, digits, expected) in [
            (0.1, 20, "0.10000000000000000000"),
            (123_456_789_012_345_678.0, 0, "123456789012345680"),
            (-1.5, 3, "-1.500"),
            (1e22, 1, "10000000000000000000000.0"),
            (1.005, 2, "1.00"),
            (0.125, 2, "0.12"),
            (2.0, 0, "2"),
            (f64::NAN, 2, "NaN"),
        ] {
            assert_eq!(double(value, digits), expected, "{value} {digits}");
        }
    }

    #[test]
    fn bases_are_changed() {
        for (text, from, to, expected) in [
            ("100", 2, 10, Some("4")),
            ("-10", 16, -10, Some("-16")),
            ("-1", 10, 16, Some("FFFFFFFFFFFFFFFF")),
            ("15", 10, 2, Some("1111")),
            ("-9223372036854775809", 10, 10, Some("18446744073709551615")),
            ("-9223372036854775809", 10, -10, Some("-9223372036854775807")),
            ("-0", 10, -10, Some("-0")),
            ("\t15", 10, 16, Some("0")),
            ("x", 10, 2, Some("0")),
            ("1", 1, 2, None),
            ("", 10, 2, None),
        ] {
            assert_eq!(in_base(text, from, to, true).unwrap().as_deref(), expected, "{text}");
        }
    }
}
