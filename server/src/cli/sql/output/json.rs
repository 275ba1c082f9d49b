//! JSON: one array, or one object per line. Nulls are written, so that every object is complete.

use std::io::Write;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::json::writer::{JsonArray, JsonFormat, LineDelimited};
use datafusion::arrow::json::{Writer, WriterBuilder};

use super::{BatchWriter, Unwritable};

pub(super) struct JsonWriter<F: JsonFormat> {
    writer: Writer<Box<dyn Write + Send>, F>,
    /// What ends the last line.
    tail: &'static str,
}

impl JsonWriter<JsonArray> {
    pub(super) fn array(file: Box<dyn Write + Send>) -> Self {
        Self { writer: WriterBuilder::new().with_explicit_nulls(true).build(file), tail: "\n" }
    }
}

impl JsonWriter<LineDelimited> {
    pub(super) fn lines(file: Box<dyn Write + Send>) -> Self {
        Self { writer: WriterBuilder::new().with_explicit_nulls(true).build(file), tail: "" }
    }
}

impl<F: JsonFormat + Send> BatchWriter for JsonWriter<F> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), Unwritable> {
        Ok(self.writer.write(batch)?)
    }

    fn finish(mut self: Box<Self>) -> Result<(), Unwritable> {
        self.writer.finish()?;
        let mut file = self.writer.into_inner();
        file.write_all(self.tail.as_bytes())?;
        Ok(file.flush()?)
    }
}
