//! JSON as Jackson writes it.

use std::fmt::Write;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringBuilder};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Result, exec_err};
use datafusion::config::ConfigOptions;

use super::read::Json;
use crate::session::clocks;
use crate::session::spark::text::{double, written as text_of};

/// Writes a value behind what is there.
pub(super) fn json(value: &Json, text: &mut String) {
    match value {
        Json::Null => text.push_str("null"),
        Json::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Json::Whole(digits) => text.push_str(digits),
        Json::Fraction(number) => {
            // A String takes whatever is written.
            let _ = double(*number, text);
        }
        Json::Text(of) => quoted(of, text),
        Json::List(items) => {
            text.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                json(item, text);
            }
            text.push(']');
        }
        Json::Object(fields) => {
            text.push('{');
            for (at, (name, value)) in fields.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                quoted(name, text);
                text.push(':');
                json(value, text);
            }
            text.push('}');
        }
    }
}

fn quoted(of: &str, text: &mut String) {
    text.push('"');
    for letter in of.chars() {
        match letter {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            letter if u32::from(letter) < 0x20 => {
                let _ = write!(text, "\\u{:04X}", u32::from(letter));
            }
            letter => text.push(letter),
        }
    }
    text.push('"');
}

/// The texts of structs, maps and lists.
pub(super) fn written(values: &ArrayRef, config: &ConfigOptions) -> Result<ArrayRef> {
    let mut texts = StringBuilder::new();
    for row in 0..values.len() {
        if values.is_null(row) {
            texts.append_null();
            continue;
        }
        let mut text = String::new();
        json(&of_value(values, row, config)?, &mut text);
        texts.append_value(text);
    }
    Ok(Arc::new(texts.finish()))
}

fn of_value(values: &ArrayRef, row: usize, config: &ConfigOptions) -> Result<Json> {
    if values.is_null(row) || values.data_type().is_null() {
        return Ok(Json::Null);
    }
    let one = values.slice(row, 1);
    let text = |of: &ArrayRef| -> Result<String> {
        let texts = text_of(of, clocks::of_session(config))?;
        Ok(texts.as_string::<i32>().value(0).to_owned())
    };
    Ok(match values.data_type() {
        DataType::Boolean => Json::Bool(values.as_boolean().value(row)),
        of if of.is_integer() || of.is_decimal() => Json::Whole(text(&one)?),
        of if of.is_floating() => {
            let shown = text(&one)?;
            match shown.as_str() {
                "NaN" | "Infinity" | "-Infinity" => Json::Text(shown),
                _ => Json::Whole(shown),
            }
        }
        of if of.is_string() => Json::Text(text(&one)?),
        DataType::Date32 => Json::Text(text(&one)?),
        DataType::Timestamp(..) => Json::Text(instant(&one, clocks::of_session(config))?),
        DataType::Struct(fields) => {
            let columns = values.as_struct().columns();
            let mut each = Vec::new();
            for (field, column) in fields.iter().zip(columns) {
                match of_value(column, row, config)? {
                    Json::Null => {}
                    value => each.push((field.name().clone(), value)),
                }
            }
            Json::Object(each)
        }
        DataType::List(_) => {
            let items = values.as_list::<i32>().value(row);
            let each = (0..items.len()).map(|at| of_value(&items, at, config));
            Json::List(each.collect::<Result<_>>()?)
        }
        DataType::Map(..) => {
            let entries = values.as_map().value(row);
            let names = text_of(entries.column(0), clocks::of_session(config))?;
            let names = names.as_string::<i32>();
            let each = (0..entries.len()).map(|at| {
                Ok((names.value(at).to_owned(), of_value(entries.column(1), at, config)?))
            });
            Json::Object(each.collect::<Result<_>>()?)
        }
        of => return exec_err!("to_json of {of} is not supported: cast it to STRING"),
    })
}

/// With milliseconds and the zone, which is that of UTC.
fn instant(of: &ArrayRef, zone: &str) -> Result<String> {
    if !["+00:00", "UTC", "Z"].contains(&zone) {
        return exec_err!(
            "to_json of a timestamp is not supported in the zone {zone}: date_format makes a text of it"
        );
    }
    let micros = cast(of, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
    match micros.as_primitive::<TimestampMicrosecondType>().value_as_datetime(0) {
        Some(instant) => Ok(instant.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()),
        None => exec_err!("an instant is beyond the calendar"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted() {
        let mut text = String::new();
        json(&Json::Text("a\"\u{1}/é\n".to_owned()), &mut text);
        assert_eq!(text, "\"a\\\"\\u0001/é\\n\"");
    }
}
