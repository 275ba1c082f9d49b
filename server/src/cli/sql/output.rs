//! Results on their way out: a writer per format over one place to write to.

mod binary;
mod csv;
mod destination;
mod json;
mod plan;
mod table;
#[cfg(test)]
mod tests;

use std::fmt::Display;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;

use super::failure::SqlError;
use super::format::Format;
pub(super) use destination::{Destination, SharedWriter};
pub(super) use table::draw;

/// Writes the batches of one result in one format.
trait BatchWriter: Send {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), Unwritable>;

    /// Whether another batch would be of any use.
    fn wants_more(&self) -> bool {
        true
    }

    /// Writes what is left, and flushes.
    fn finish(self: Box<Self>) -> Result<(), Unwritable>;
}

/// Why a writer gave up, in words: formats hide the error of the file below in their own.
struct Unwritable(String);

impl<E: Display> From<E> for Unwritable {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// One result being written.
pub(super) struct ResultWriter<'a> {
    destination: &'a Destination,
    format: Format,
    writer: Box<dyn BatchWriter>,
}

impl<'a> ResultWriter<'a> {
    /// Starts a result of `schema`. `max_rows` counts for tables only; 0 means all.
    pub(super) fn start(
        destination: &'a Destination,
        format: Format,
        max_rows: usize,
        schema: &SchemaRef,
    ) -> Result<Self, SqlError> {
        let file = destination.writer()?;
        let writer: Result<Box<dyn BatchWriter>, Unwritable> = match format {
            Format::Table if plan::is_plan(schema) => Ok(Box::new(plan::PlanWriter::new(file))),
            Format::Table => Ok(Box::new(table::TableWriter::new(file, schema, max_rows))),
            Format::Csv => Ok(Box::new(csv::CsvWriter::new(file, schema))),
            Format::Json => Ok(Box::new(json::JsonWriter::array(file))),
            Format::Ndjson => Ok(Box::new(json::JsonWriter::lines(file))),
            Format::Parquet => binary::parquet(file, schema),
            Format::Arrow if destination.is_file() => binary::arrow_file(file, schema),
            Format::Arrow => binary::arrow_stream(file, schema),
        };
        let writer = writer.map_err(|e| destination.explain(format, e.0))?;
        Ok(Self { destination, format, writer })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), SqlError> {
        let written = self.writer.write(batch);
        written.map_err(|e| self.destination.explain(self.format, e.0))
    }

    pub(super) fn wants_more(&self) -> bool {
        self.writer.wants_more()
    }

    pub(super) fn finish(self) -> Result<(), SqlError> {
        let finished = self.writer.finish();
        finished.map_err(|e| self.destination.explain(self.format, e.0))
    }
}
