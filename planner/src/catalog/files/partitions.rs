//! Partition columns, told from folder names as Hive, Spark and others write them:
//! `year=2024/city=K%C3%B6ln/`.
//!
//! A column is Int64 if all its values are integers, Date32 if all are ISO dates, else Utf8.
//! `__HIVE_DEFAULT_PARTITION__` stands for NULL, so partition columns are nullable.

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::ScalarValue;
use std::borrow::Cow;
use std::sync::Arc;

/// What the writers put for NULL.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// One `name=value` folder, decoded. A value is `None` for NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) name: String,
    value: Option<String>,
}

/// Reads folder names; those without `=` do not occur here (see `listing`).
pub(crate) fn pairs(folders: &[&str]) -> Vec<Pair> {
    let pairs = folders.iter().filter_map(|folder| folder.split_once('='));
    pairs
        .map(|(name, value)| Pair {
            name: decode(name).into_owned(),
            value: (value != NULL).then(|| decode(value).into_owned()),
        })
        .collect()
}

/// The partition columns of files whose folders are `rows`, which all have the same names.
pub(crate) fn columns(rows: &[Vec<Pair>]) -> Vec<FieldRef> {
    let names = rows.first().into_iter().flatten().map(|pair| &pair.name).enumerate();
    names
        .map(|(column, name)| {
            let values = rows.iter().filter_map(|row| row[column].value.as_deref());
            Arc::new(Field::new(name, common_type(values), true))
        })
        .collect()
}

/// The values of one file's folders as `columns` has them; the first pair that does not fit its
/// column is the error.
pub(crate) fn values(row: &[Pair], columns: &[FieldRef]) -> Result<Vec<ScalarValue>, Pair> {
    let cells = row.iter().zip(columns);
    cells
        .map(|(pair, column)| scalar(pair, column.data_type()).ok_or_else(|| pair.clone()))
        .collect()
}

fn scalar(pair: &Pair, data_type: &DataType) -> Option<ScalarValue> {
    match &pair.value {
        Some(text) if data_type == &DataType::Utf8 => Some(ScalarValue::Utf8(Some(text.clone()))),
        // No text is a string, but neither a number nor a date: there it can only mean NULL.
        Some(text) if !text.is_empty() => {
            ScalarValue::try_from_string(text.clone(), data_type).ok().filter(|v| !v.is_null())
        }
        _ => ScalarValue::try_from(data_type).ok(),
    }
}

fn common_type<'v>(values: impl Iterator<Item = &'v str>) -> DataType {
    let (mut any, mut integers, mut dates) = (false, true, true);
    for value in values.filter(|value| !value.is_empty()) {
        any = true;
        integers &= value.parse::<i64>().is_ok() && !value.starts_with('+');
        dates &= is_iso_date(value);
    }
    match any {
        true if integers => DataType::Int64,
        true if dates => DataType::Date32,
        _ => DataType::Utf8,
    }
}

/// Exactly `yyyy-mm-dd`, and a day that exists.
fn is_iso_date(text: &str) -> bool {
    let shape = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    let parsed = || ScalarValue::try_from_string(text.to_owned(), &DataType::Date32);
    shape && parsed().is_ok_and(|date| !date.is_null())
}

/// Undoes `%XX`; text that does not decode to UTF-8 stays as it is.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| byte == b'%').and_then(hex);
        bytes.push(code.unwrap_or(byte));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}

fn hex(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16);
    Some((digit(digits[0])? * 16 + digit(digits[1])?) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn type_of(values: &[&str]) -> DataType {
        let rows: Vec<_> = values.iter().map(|value| pairs(&[&format!("k={value}")])).collect();
        columns(&rows)[0].data_type().clone()
    }

    #[test]
    fn the_type_is_the_narrowest_that_fits_all_values() {
        assert_eq!(type_of(&["01", "-2", NULL]), DataType::Int64);
        assert_eq!(type_of(&["2024-02-29", "1970-01-01"]), DataType::Date32);
        assert_eq!(type_of(&["1", "x"]), DataType::Utf8);
        assert_eq!(type_of(&["2024-01-01", "1"]), DataType::Utf8);
        assert_eq!(type_of(&["2023-02-29"]), DataType::Utf8);
        assert_eq!(type_of(&[NULL]), DataType::Utf8);
    }

    #[test]
    fn names_and_values_are_percent_decoded() {
        let pair = &pairs(&["a%20b=K%C3%B6ln%2F1"])[0];
        assert_eq!((pair.name.as_str(), pair.value.as_deref()), ("a b", Some("Köln/1")));
        assert_eq!(pairs(&["k=100%"])[0].value.as_deref(), Some("100%"));
        assert_eq!(pairs(&["k=a=b"])[0].value.as_deref(), Some("a=b"));
    }

    #[test]
    fn an_empty_value_is_an_empty_string_or_no_number() {
        let texts = [pairs(&["k="]), pairs(&["k=x"])];
        let empty = values(&texts[0], &columns(&texts)).unwrap();
        assert_eq!(empty, [ScalarValue::Utf8(Some(String::new()))]);
        let numbers = [pairs(&["k="]), pairs(&["k=1"])];
        let null = values(&numbers[0], &columns(&numbers)).unwrap();
        assert_eq!(null, [ScalarValue::Int64(None)]);
    }

    #[test]
    fn a_value_that_does_not_fit_its_column_is_named() {
        let columns = columns(&[pairs(&["k=1"])]);
        assert_eq!(values(&pairs(&["k=x"]), &columns).unwrap_err().name, "k");
    }
}
