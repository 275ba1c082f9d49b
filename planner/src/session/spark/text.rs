//! Values as Spark writes them: `CAST(x AS STRING)`, and what `concat` joins.
//!
//! Problem: the engine writes `2024-02-29T12:34:56` and `1e20`, where Spark has `2024-02-29 12:34:56` and `1.0E20`, and has
//! no text for maps and structs. Here: as Spark's `ToPrettyString` and Java's `Double.toString` have it.

use std::fmt::Write;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringBuilder};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float32Type, Float64Type, TimestampMicrosecondType};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::super::clocks::{self, WALL};
use super::STRING;

pub(super) fn functions() -> [ScalarUDF; 1] {
    [ScalarUDF::new_from_impl(Text(Signature::user_defined(Volatility::Immutable)))]
}

/// The text of a value.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Text(Signature);

impl ScalarUDFImpl for Text {
    fn name(&self) -> &str {
        STRING
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [DataType::Interval(_) | DataType::Duration(_)] => {
                plan_err!("intervals have no text in Spark's dialect: use to_char or date_part")
            }
            [of] => Ok(vec![of.clone()]),
            _ => plan_err!("a text is that of one value"),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [of] = args.args.as_slice() else { return exec_err!("a text is that of one value") };
        let zone = clocks::of_session(&args.config_options);
        match of {
            ColumnarValue::Array(values) => Ok(ColumnarValue::Array(written(values, zone)?)),
            ColumnarValue::Scalar(value) => {
                let text = written(&value.to_array()?, zone)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&text, 0)?))
            }
        }
    }
}

/// The texts of values: instants in a session's zone.
pub(super) fn written(values: &ArrayRef, zone: &str) -> Result<ArrayRef> {
    if is_plain(values.data_type()) {
        return Ok(cast(values, &DataType::Utf8)?);
    }
    let mut texts = StringBuilder::new();
    let mut text = String::new();
    let writer = Writer::of(values, zone)?;
    for row in 0..values.len() {
        if values.is_null(row) {
            texts.append_null();
            continue;
        }
        text.clear();
        writer(row, &mut text)?;
        texts.append_value(&text);
    }
    Ok(Arc::new(texts.finish()))
}

/// What the engine writes as Spark does.
pub(super) fn is_plain(of: &DataType) -> bool {
    of.is_integer()
        || of.is_string()
        || matches!(
            of,
            DataType::Null
                | DataType::Boolean
                | DataType::Date32
                | DataType::Decimal32(..)
                | DataType::Decimal64(..)
                | DataType::Decimal128(..)
                | DataType::Decimal256(..)
                | DataType::Binary
                | DataType::LargeBinary
                | DataType::BinaryView
        )
}

/// Writes the value of a row, which is not NULL.
type Write1<'a> = Box<dyn Fn(usize, &mut String) -> Result<()> + 'a>;

struct Writer;

impl Writer {
    fn of<'v>(values: &'v ArrayRef, zone: &str) -> Result<Write1<'v>> {
        Ok(match values.data_type() {
            DataType::Float64 => {
                let values = values.as_primitive::<Float64Type>();
                Box::new(move |row, text| Ok(double(values.value(row), text)?))
            }
            DataType::Float32 => {
                let values = values.as_primitive::<Float32Type>();
                Box::new(move |row, text| Ok(float(values.value(row), text)?))
            }
            DataType::Timestamp(..) => Self::of_instants(values, zone)?,
            DataType::List(_) => {
                let lists = values.as_list::<i32>();
                let inner = Self::of(lists.values(), zone)?;
                let items = lists.values();
                let offsets = lists.value_offsets();
                Box::new(move |row, text| {
                    text.push('[');
                    for at in offsets[row] as usize..offsets[row + 1] as usize {
                        if at > offsets[row] as usize {
                            text.push_str(", ");
                        }
                        or_null(items, at, &inner, text)?;
                    }
                    text.push(']');
                    Ok(())
                })
            }
            DataType::Struct(_) => {
                let columns = values.as_struct().columns();
                let writers = columns.iter().map(|column| Self::of(column, zone));
                let writers = writers.collect::<Result<Vec<_>>>()?;
                Box::new(move |row, text| {
                    text.push('{');
                    for (at, (column, writer)) in columns.iter().zip(&writers).enumerate() {
                        if at > 0 {
                            text.push_str(", ");
                        }
                        or_null(column, row, writer, text)?;
                    }
                    text.push('}');
                    Ok(())
                })
            }
            DataType::Map(..) => {
                let maps = values.as_map();
                let (keys, items) = (maps.keys(), maps.values());
                let (key, item) = (Self::of(keys, zone)?, Self::of(items, zone)?);
                let offsets = maps.value_offsets();
                Box::new(move |row, text| {
                    text.push('{');
                    for at in offsets[row] as usize..offsets[row + 1] as usize {
                        if at > offsets[row] as usize {
                            text.push_str(", ");
                        }
                        key(at, text)?;
                        text.push_str(" -> ");
                        or_null(items, at, &item, text)?;
                    }
                    text.push('}');
                    Ok(())
                })
            }
            of if is_plain(of) => {
                let format = FormatOptions::default();
                let shown = ArrayFormatter::try_new(values.as_ref(), &format)?;
                Box::new(move |row, text| Ok(write!(text, "{}", shown.value(row))?))
            }
            of => return exec_err!("{of} has no text in Spark's dialect"),
        })
    }

    fn of_instants<'v>(values: &ArrayRef, zone: &str) -> Result<Write1<'v>> {
        let micros = match values.data_type() {
            DataType::Timestamp(_, Some(_)) => clocks::shown(values, zone)?,
            _ => cast(values, &WALL)?,
        };
        Ok(Box::new(move |row, text| {
            let micros = micros.as_primitive::<TimestampMicrosecondType>();
            let Some(instant) = micros.value_as_datetime(row) else {
                return exec_err!("an instant is beyond the calendar");
            };
            write!(text, "{}", instant.format("%Y-%m-%d %H:%M:%S"))?;
            let fraction = micros.value(row).rem_euclid(1_000_000);
            if fraction > 0 {
                let digits = format!("{fraction:06}");
                write!(text, ".{}", digits.trim_end_matches('0'))?;
            }
            Ok(())
        }))
    }
}

fn or_null(values: &ArrayRef, at: usize, writer: &Write1<'_>, text: &mut String) -> Result<()> {
    match values.is_null(at) {
        true => {
            text.push_str("null");
            Ok(())
        }
        false => writer(at, text),
    }
}

/// As Java's `Double.toString`, with the shortest digits, which it has since Java 19: those before it write more of some.
pub(super) fn double(value: f64, text: &mut String) -> std::fmt::Result {
    let size = value.abs();
    if value.is_nan() {
        text.push_str("NaN");
    } else if value.is_infinite() {
        text.push_str(if value > 0.0 { "Infinity" } else { "-Infinity" });
    } else if size == 0.0 || (1e-3..1e7).contains(&size) {
        write!(text, "{value:?}")?;
    } else {
        scientific(&format!("{value:e}"), text)?;
    }
    Ok(())
}

fn float(value: f32, text: &mut String) -> std::fmt::Result {
    let size = value.abs();
    if value.is_finite() && size != 0.0 && !(1e-3..1e7).contains(&size) {
        return scientific(&format!("{value:e}"), text);
    }
    match value.is_finite() {
        true => write!(text, "{value:?}"),
        false => double(f64::from(value), text),
    }
}

/// `1e20` as `1.0E20`.
fn scientific(shown: &str, text: &mut String) -> std::fmt::Result {
    let (digits, exponent) = shown.split_once('e').unwrap_or((shown, "0"));
    let point = if digits.contains('.') { "" } else { ".0" };
    write!(text, "{digits}{point}E{exponent}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_written_as_by_java() {
        for (value, expected) in [
            (1.0, "1.0"),
            (1e7, "1.0E7"),
            (9_999_999.5, "9999999.5"),
            (1.25e-4, "1.25E-4"),
            (0.001, "0.001"),
            (-0.0, "-0.0"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            let mut text = String::new();
            double(value, &mut text).unwrap();
            assert_eq!(text, expected);
        }
    }
}
