//! How rows become the bytes of a file: Parquet, or text for people and programs that read no other.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::csv::WriterBuilder;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::json::LineDelimitedWriter;
use datafusion::parquet::arrow::AsyncArrowWriter;
use datafusion::parquet::arrow::async_writer::AsyncFileWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::errors::{ParquetError, Result};
use datafusion::parquet::file::properties::WriterProperties;

use super::Encoding;
use super::stats::{stats, stats_of_text};

/// Encoded bytes of a row group at most: what a writer holds in memory, and what a reader reads at once.
const ROW_GROUP_BYTES: usize = 32 << 20;

/// Bytes of text that go to the file at once.
const TEXT_BYTES: usize = 1 << 20;

/// Writes the rows of one file.
pub(super) enum Encoder {
    Parquet(Box<AsyncArrowWriter<Box<dyn AsyncFileWriter>>>),
    Text(TextFile),
}

impl Encoder {
    /// # Errors
    /// For columns that the encoding has no type for.
    pub(super) fn new(
        encoding: Encoding,
        target: Box<dyn AsyncFileWriter>,
        schema: &SchemaRef,
    ) -> Result<Self> {
        Ok(match encoding {
            Encoding::Parquet => {
                let writer =
                    AsyncArrowWriter::try_new(target, Arc::clone(schema), Some(properties()?))?;
                Self::Parquet(Box::new(writer))
            }
            Encoding::Csv(_) | Encoding::Json => {
                let mut file = TextFile { encoding, target, waiting: Vec::new(), written: 0 };
                if let Encoding::Csv(csv) = encoding
                    && csv.has_header
                {
                    // A file without rows has the names of its columns.
                    file.encode(&RecordBatch::new_empty(Arc::clone(schema)), true)?;
                }
                Self::Text(file)
            }
        })
    }

    pub(super) async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        match self {
            Self::Parquet(writer) => writer.write(batch).await,
            Self::Text(file) => {
                file.encode(batch, false)?;
                match file.waiting.len() < TEXT_BYTES {
                    true => Ok(()),
                    false => file.flush().await,
                }
            }
        }
    }

    pub(super) async fn flush(&mut self) -> Result<()> {
        match self {
            Self::Parquet(writer) => writer.flush().await,
            Self::Text(file) => file.flush().await,
        }
    }

    /// Bytes in memory.
    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Parquet(writer) => writer.memory_size(),
            Self::Text(file) => file.waiting.capacity(),
        }
    }

    /// Bytes of the file, about.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Parquet(writer) => (writer.bytes_written() + writer.in_progress_size()) as u64,
            Self::Text(file) => file.written + file.waiting.len() as u64,
        }
    }

    /// Ends the file, of so many rows: how many bytes it has, and what is known of its columns.
    pub(super) async fn finish(&mut self, rows: u64, schema: &SchemaRef) -> Result<(u64, String)> {
        match self {
            Self::Parquet(writer) => {
                let footer = writer.finish().await?;
                Ok((writer.bytes_written() as u64, stats(&footer, schema)))
            }
            Self::Text(file) => {
                file.flush().await?;
                file.target.complete().await?;
                Ok((file.written, stats_of_text(rows)))
            }
        }
    }
}

/// Lines of text.
pub(super) struct TextFile {
    encoding: Encoding,
    target: Box<dyn AsyncFileWriter>,
    waiting: Vec<u8>,
    written: u64,
}

impl TextFile {
    fn encode(&mut self, batch: &RecordBatch, header: bool) -> Result<()> {
        match self.encoding {
            Encoding::Csv(csv) => {
                let lines = WriterBuilder::new().with_header(header).with_delimiter(csv.delimiter);
                lines.build(&mut self.waiting).write(batch)?;
            }
            _ => LineDelimitedWriter::new(&mut self.waiting).write(batch)?,
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let bytes = std::mem::take(&mut self.waiting);
        self.written += bytes.len() as u64;
        self.target.write(bytes.into()).await
    }
}

/// zstd at its fastest is smaller than snappy and as fast to read.
fn properties() -> Result<WriterProperties> {
    let level = ZstdLevel::try_new(1).map_err(|error| ParquetError::General(error.to_string()))?;
    Ok(WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
        .set_created_by(format!("squadron {}", env!("CARGO_PKG_VERSION")))
        .build())
}
