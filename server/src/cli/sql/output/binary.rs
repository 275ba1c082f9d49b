//! Parquet and Arrow IPC, by the writers of their own crates.

use std::io::Write;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::ipc::writer::{FileWriter, StreamWriter};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::Compression;
use datafusion::parquet::file::properties::WriterProperties;

use super::{BatchWriter, Unwritable};

type Output = Box<dyn Write + Send>;

/// A row group is written when it holds this much, however few rows that is.
const ROW_GROUP_BYTES: usize = 128 << 20;

pub(super) fn parquet(
    file: Output,
    schema: &SchemaRef,
) -> Result<Box<dyn BatchWriter>, Unwritable> {
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties))?;
    Ok(Box::new(ParquetWriter(writer)))
}

pub(super) fn arrow_file(
    file: Output,
    schema: &SchemaRef,
) -> Result<Box<dyn BatchWriter>, Unwritable> {
    Ok(Box::new(ArrowFileWriter(FileWriter::try_new(file, schema)?)))
}

pub(super) fn arrow_stream(
    file: Output,
    schema: &SchemaRef,
) -> Result<Box<dyn BatchWriter>, Unwritable> {
    Ok(Box::new(ArrowStreamWriter(StreamWriter::try_new(file, schema)?)))
}

struct ParquetWriter(ArrowWriter<Output>);

impl BatchWriter for ParquetWriter {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), Unwritable> {
        self.0.write(batch)?;
        if self.0.in_progress_size() > ROW_GROUP_BYTES {
            self.0.flush()?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), Unwritable> {
        Ok(self.0.into_inner()?.flush()?)
    }
}

struct ArrowFileWriter(FileWriter<Output>);

impl BatchWriter for ArrowFileWriter {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), Unwritable> {
        Ok(self.0.write(batch)?)
    }

    fn finish(self: Box<Self>) -> Result<(), Unwritable> {
        Ok(self.0.into_inner()?.flush()?)
    }
}

struct ArrowStreamWriter(StreamWriter<Output>);

impl BatchWriter for ArrowStreamWriter {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), Unwritable> {
        Ok(self.0.write(batch)?)
    }

    fn finish(self: Box<Self>) -> Result<(), Unwritable> {
        Ok(self.0.into_inner()?.flush()?)
    }
}
