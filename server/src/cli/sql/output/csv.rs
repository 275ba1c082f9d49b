//! CSV with a header line. Lists, structs and maps become JSON text, which CSV has no form for.

use std::io::Write;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StringBuilder};
use datafusion::arrow::csv::{Writer, WriterBuilder};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::json::writer::{EncoderOptions, make_encoder};

use super::{BatchWriter, Unwritable};

pub(super) struct CsvWriter {
    writer: Writer<Box<dyn Write + Send>>,
    flat: SchemaRef,
    /// The header of a result without batches is still owed.
    untouched: bool,
}

impl CsvWriter {
    pub(super) fn new(file: Box<dyn Write + Send>, schema: &SchemaRef) -> Self {
        let fields = schema.fields().iter().map(flat_field);
        let flat = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Self { writer: WriterBuilder::new().build(file), flat, untouched: true }
    }
}

impl BatchWriter for CsvWriter {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), Unwritable> {
        self.untouched = false;
        let columns = batch.columns().iter().zip(batch.schema_ref().fields());
        let columns = columns.map(|(column, field)| flat_column(field, column));
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let columns = columns.collect::<Result<_, _>>()?;
        let flat = RecordBatch::try_new_with_options(self.flat.clone(), columns, &options)?;
        Ok(self.writer.write(&flat)?)
    }

    fn finish(mut self: Box<Self>) -> Result<(), Unwritable> {
        if self.untouched {
            self.writer.write(&RecordBatch::new_empty(self.flat.clone()))?;
        }
        Ok(self.writer.into_inner().flush()?)
    }
}

fn flat_field(field: &FieldRef) -> FieldRef {
    match field.data_type().is_nested() {
        true => Arc::new(Field::new(field.name(), DataType::Utf8, true)),
        false => Arc::new(field.as_ref().clone().with_nullable(true)),
    }
}

fn flat_column(field: &FieldRef, column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    if !field.data_type().is_nested() {
        return Ok(Arc::clone(column));
    }
    let options = EncoderOptions::default().with_explicit_nulls(true);
    let mut encoder = make_encoder(field, column.as_ref(), &options)?;
    let mut texts = StringBuilder::new();
    let mut text = Vec::new();
    for row in 0..column.len() {
        if encoder.is_null(row) {
            texts.append_null();
            continue;
        }
        text.clear();
        encoder.encode(row, &mut text);
        texts.append_value(String::from_utf8_lossy(&text));
    }
    Ok(Arc::new(texts.finish()))
}
