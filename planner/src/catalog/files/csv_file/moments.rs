//! Dates and instants of a CSV file, none of which is cut to what the first records have.
//!
//! Problem: a column of days in the first 1,000 records of a file is one of DATE, and `arrow-csv` cuts off the time that
//! later values have; of one of whole seconds it cuts off their fractions. Strict readers (DuckDB's) keep them.
//! Official way: none. Here: such columns are read as text, and a value that is finer than its column is an error.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::FormatOptions;
use datafusion::datasource::file_format::csv::CsvDecoder;
use datafusion_datasource::decoder::Decoder;

use super::super::checked::decoded;

/// The columns of a file as they are read: texts in the place of dates and instants.
pub(super) fn as_read(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| match is_of_time(field) {
        true => Arc::new(Field::new(field.name(), DataType::Utf8, field.is_nullable())),
        false => Arc::clone(field),
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn is_of_time(field: &FieldRef) -> bool {
    matches!(field.data_type(), DataType::Date32 | DataType::Timestamp(_, None))
}

/// Decodes records, and then the dates and instants in them.
#[derive(Debug)]
pub(super) struct Records {
    decoder: CsvDecoder,
    /// What is asked for of the file.
    schema: SchemaRef,
    /// Records before the next one.
    read: usize,
}

impl Records {
    /// `decoder` gives the columns of `schema` [`as_read`], after so many records.
    pub(super) fn new(decoder: CsvDecoder, schema: SchemaRef, read: usize) -> Self {
        Self { decoder, schema, read }
    }

    fn moments(&self, texts: &ArrayRef, field: &Field) -> Result<ArrayRef, ArrowError> {
        let of = field.data_type();
        let wrong = |row: usize, what: &str| {
            let (text, record) = (texts.as_string::<i32>().value(row), self.read + row + 1);
            ArrowError::CsvError(format!(
                "'{text}' of column {} in record {record} {what}",
                field.name()
            ))
        };
        let finer = |(row, text): (usize, Option<&str>)| is_finer(text?, of).then_some(row);
        if let Some(row) = texts.as_string::<i32>().iter().enumerate().find_map(finer) {
            return Err(wrong(
                row,
                &format!(
                    "is finer than {of}, as those of the first 1,000 records are: have one of these be as fine, or write the column as Parquet"
                ),
            ));
        }
        let cast = |texts: &ArrayRef| {
            let strict = CastOptions { safe: false, format_options: FormatOptions::default() };
            cast_with_options(texts, of, &strict)
        };
        cast(texts).map_err(|error| {
            let is_wrong = |row: &usize| cast(&texts.slice(*row, 1)).is_err();
            match (0..texts.len()).find(is_wrong) {
                Some(row) => {
                    wrong(row, &format!("is no {of}, as those of the first 1,000 records"))
                }
                None => error,
            }
        })
    }
}

impl Decoder for Records {
    fn decode(&mut self, bytes: &[u8]) -> Result<usize, ArrowError> {
        self.decoder.decode(bytes)
    }

    fn flush(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        let Some(read) = self.decoder.flush()? else { return Ok(None) };
        let batch = decoded(&read, &self.schema, |column, field| match is_of_time(field) {
            true => self.moments(column, field),
            false => Ok(Arc::clone(column)),
        })?;
        self.read += batch.num_rows();
        Ok(Some(batch))
    }

    fn can_flush_early(&self) -> bool {
        self.decoder.can_flush_early()
    }
}

/// Whether a text says more of a moment than a type keeps.
fn is_finer(text: &str, of: &DataType) -> bool {
    const DATE: usize = "2000-01-01".len();
    let digits = match of {
        DataType::Timestamp(TimeUnit::Second, _) => 0,
        DataType::Timestamp(TimeUnit::Millisecond, _) => 3,
        DataType::Timestamp(TimeUnit::Microsecond, _) => 6,
        DataType::Timestamp(TimeUnit::Nanosecond, _) => 9,
        _ => {
            let time = text.trim().as_bytes().get(DATE..).unwrap_or_default();
            return time.iter().any(|byte| (b'1'..=b'9').contains(byte));
        }
    };
    let Some((_, fraction)) = text.split_once('.') else { return false };
    let fraction = fraction.bytes().take_while(u8::is_ascii_digit);
    fraction.enumerate().any(|(at, digit)| at >= digits && digit != b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_off_makes_a_value_finer() {
        const SECONDS: DataType = DataType::Timestamp(TimeUnit::Second, None);
        const MILLISECONDS: DataType = DataType::Timestamp(TimeUnit::Millisecond, None);
        for (text, of, finer) in [
            ("2024-01-02", DataType::Date32, false),
            ("2024-01-02 00:00:00", DataType::Date32, false),
            ("2024-01-02 10:00:00", DataType::Date32, true),
            ("2024-01-02T00:00:00.001", DataType::Date32, true),
            ("2024-01-02 10:00:00", SECONDS, false),
            ("2024-01-02 10:00:00.000Z", SECONDS, false),
            ("2024-01-02 10:00:00.5+02:00", SECONDS, true),
            ("2024-01-02 10:00:00.12300", MILLISECONDS, false),
            ("2024-01-02 10:00:00.1234", MILLISECONDS, true),
        ] {
            assert_eq!(is_finer(text, &of), finer, "{text} {of}");
        }
    }
}
