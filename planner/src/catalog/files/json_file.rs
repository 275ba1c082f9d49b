//! Reads JSON files as DataFusion does, but no number with a fraction as an integer.
//!
//! Problem: a column of whole numbers in the first 1,000 records of a file is one of integers, and the reader of
//! `arrow-json` cuts off what later numbers have behind the point: 1.9 is 1. Strict readers (DuckDB's) refuse such
//! files. Official way: none. Here: what is to be an integer is read as text, and is one or an error; `5.0` and
//! `1e3` are.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, GenericListArray, Int64Array, OffsetSizeTrait, RecordBatch,
    StructArray,
};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::json::ReaderBuilder;
use datafusion::arrow::json::reader::Decoder as Reader;
use datafusion::common::Result;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileOpenFuture, FileOpener, JsonSource};
use datafusion::error::DataFusionError;
use datafusion_datasource::decoder::{Decoder, DecoderDeserializer, deserialize_stream};
use futures::{StreamExt, TryStreamExt};

use super::bytes::bytes_of;
use super::checked::{self, Checked, Scan, Strict, told};
use crate::error::PlannerError;

/// What opens files for one partition of a scan.
struct Opener {
    scan: Scan,
    batch_size: usize,
}

impl Strict for JsonSource {
    fn opener(source: &Checked<Self>, scan: Scan) -> Result<Arc<dyn FileOpener>> {
        Ok(Arc::new(Opener { scan, batch_size: source.batch_size }))
    }
}

impl FileOpener for Opener {
    fn open(&self, file: PartitionedFile) -> Result<FileOpenFuture> {
        let Scan { schema, compression, store, url, .. } = &self.scan;
        let name = format!("{url}{}", file.object_meta.location);
        let (store, compression) = (Arc::clone(store), *compression);
        let fields = schema.fields().iter().map(as_read);
        let reader = ReaderBuilder::new(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
            .with_batch_size(self.batch_size)
            .with_coerce_primitive(true)
            .build_decoder()?;
        let records = Records { reader, schema: Arc::clone(schema) };
        Ok(Box::pin(async move {
            let bytes = compression.convert_stream(bytes_of(store, &file, b'\n').await?)?.fuse();
            let batches = deserialize_stream(bytes, DecoderDeserializer::new(records));
            Ok(batches.map_err(move |error| explain(&name, error)).boxed())
        }))
    }
}

/// What is wrong with a file, with its name.
fn explain(file: &str, error: ArrowError) -> DataFusionError {
    match error {
        ArrowError::JsonError(what) | ArrowError::ParseError(what) => DataFusionError::from(
            PlannerError::BadData(format!("{file} cannot be read as JSON: {what}")),
        ),
        error => told(error),
    }
}

/// Decodes records, and then the integers in them.
#[derive(Debug)]
struct Records {
    reader: Reader,
    schema: SchemaRef,
}

impl Decoder for Records {
    fn decode(&mut self, bytes: &[u8]) -> Result<usize, ArrowError> {
        self.reader.decode(bytes)
    }

    fn flush(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        let read = self.reader.flush()?;
        read.map(|read| checked::decoded(&read, &self.schema, decoded)).transpose()
    }

    fn can_flush_early(&self) -> bool {
        false
    }
}

/// The same field with texts in the place of integers.
fn as_read(field: &FieldRef) -> FieldRef {
    let read = match field.data_type() {
        DataType::Int64 => DataType::Utf8,
        DataType::List(item) => DataType::List(as_read(item)),
        DataType::LargeList(item) => DataType::LargeList(as_read(item)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(as_read).collect()),
        _ => return Arc::clone(field),
    };
    Arc::new(Field::new(field.name(), read, field.is_nullable()))
}

/// What was read, with integers in the place of such texts.
fn decoded(read: &ArrayRef, field: &FieldRef) -> Result<ArrayRef, ArrowError> {
    Ok(match field.data_type() {
        DataType::Int64 => Arc::new(integers(read, field.name())?),
        DataType::List(item) => Arc::new(list::<i32>(read, item)?),
        DataType::LargeList(item) => Arc::new(list::<i64>(read, item)?),
        DataType::Struct(fields) => {
            let read = read.as_struct();
            let columns = read.columns().iter().zip(fields);
            let columns = columns.map(|(column, field)| decoded(column, field));
            let (columns, nulls) = (columns.collect::<Result<_, _>>()?, read.nulls().cloned());
            Arc::new(StructArray::try_new_with_length(fields.clone(), columns, nulls, read.len())?)
        }
        _ => Arc::clone(read),
    })
}

fn list<O: OffsetSizeTrait>(
    read: &ArrayRef,
    item: &FieldRef,
) -> Result<GenericListArray<O>, ArrowError> {
    let read = read.as_list::<O>();
    let values = decoded(read.values(), item)?;
    let (offsets, nulls) = (read.offsets().clone(), read.nulls().cloned());
    GenericListArray::try_new(Arc::clone(item), offsets, values, nulls)
}

fn integers(read: &ArrayRef, column: &str) -> Result<Int64Array, ArrowError> {
    let integer = |text: &str| {
        let whole = text.parse().ok().or_else(|| whole(text));
        whole.ok_or_else(|| {
            ArrowError::JsonError(format!(
                "{text:?} of {column} is no whole number of 64 bits, as those of the first 1,000 records are: have one of these be such as well, or write the column as Parquet"
            ))
        })
    };
    read.as_string::<i32>().iter().map(|text| text.map(integer).transpose()).collect()
}

/// Numbers that are written with a point or an exponent and are whole. Beyond 2^53 such a text may be of another one.
fn whole(text: &str) -> Option<i64> {
    const EXACT: f64 = (1_u64 << 53) as f64;
    let number: f64 = text.parse().ok()?;
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(field: DataType, text: &str) -> Result<ArrayRef, String> {
        let schema = Arc::new(Schema::new(vec![Field::new("a", field, true)]));
        let fields = schema.fields().iter().map(as_read);
        let read = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let reader = ReaderBuilder::new(read).with_coerce_primitive(true).build_decoder();
        let mut records = Records { reader: reader.unwrap(), schema };
        records.decode(text.as_bytes()).map_err(|error| error.to_string())?;
        let batch = records.flush().map_err(|error| error.to_string())?.unwrap();
        Ok(Arc::clone(batch.column(0)))
    }

    #[test]
    fn whole_numbers_are_read_however_they_are_written() {
        let text = r#"{"a":1}{"a":-9223372036854775808}{"a":5.0}{"a":1e3}{"a":null}{}{"a":"7"}"#;
        let column = read(DataType::Int64, text).unwrap();
        let right = [Some(1), Some(i64::MIN), Some(5), Some(1000), None, None, Some(7)].to_vec();
        assert_eq!(column.as_ref(), &Int64Array::from(right));
    }

    #[test]
    fn what_is_no_whole_number_is_told() {
        for text in ["1.9", "9223372036854775808", "1e300", "true", "\"\"", "9007199254740994.0"] {
            let told = read(DataType::Int64, &format!("{{\"a\":{text}}}")).unwrap_err();
            assert!(told.contains("is no whole number of 64 bits"), "{text}: {told}");
        }
        let item = Arc::new(Field::new("item", DataType::Int64, true));
        let inner = DataType::Struct(vec![Field::new("b", DataType::List(item), true)].into());
        assert!(read(inner.clone(), r#"{"a":{"b":[1,2.7]}}"#).is_err());
        let column = read(inner, r#"{"a":{"b":[1,null]}}{"a":null}{"a":{"b":null}}"#).unwrap();
        assert_eq!((column.len(), column.null_count()), (3, 1));
    }
}
