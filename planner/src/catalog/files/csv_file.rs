//! The columns of a CSV file, from its first records.
//!
//! Problem: DataFusion finds the ends of records with a search (`object_store` 0.13's
//! `newline_delimited_stream`) that looks for the last one from the end of each piece, where it cannot
//! know whether it is within quotes. With line breaks in values the pieces begin anywhere, and columns
//! of numbers are taken for text. Here the start of the file is one piece, cut behind a record.

mod checked;
mod moments;
mod quotes;

use bytes::{Bytes, BytesMut};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::datasource::file_format::csv::CsvFormat;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::error::DataFusionError;
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use quotes::{Marks, Quotes};
use std::sync::Arc;

/// Records that types are guessed from: DataFusion's own number.
const RECORDS: usize = 1000;

/// Enough for so many records of a usual size.
const START: usize = 1 << 20;

/// No record is longer than this.
const LONGEST: usize = 64 << 20;

/// The schema that the first records of a file suggest.
pub(crate) async fn schema(
    format: &CsvFormat,
    session: &dyn Session,
    store: &dyn ObjectStore,
    file: &ObjectMeta,
) -> Result<SchemaRef> {
    let start = start(format, store, file).await?;
    let records = format.options().schema_infer_max_rec.unwrap_or(RECORDS);
    let pieces = futures::stream::iter([Ok(start)]);
    let (schema, _) = format.infer_schema_from_stream(session, records, pieces).await?;
    Ok(Arc::new(schema))
}

/// The start of a file up to the end of a record, or all of a short one.
async fn start(format: &CsvFormat, store: &dyn ObjectStore, file: &ObjectMeta) -> Result<Bytes> {
    let options = format.options();
    let compression = FileCompressionType::from(options.compression);
    let bytes = store.get(&file.location).await?.into_stream().map_err(DataFusionError::from);
    let mut bytes = compression.convert_stream(bytes.boxed())?;
    let mut quotes = Quotes::new(Marks {
        delimiter: options.delimiter,
        quote: options.quote,
        escape: options.escape,
        line_breaks: true,
    });
    let (mut read, mut end) = (BytesMut::new(), None);
    while let Some(piece) = bytes.try_next().await? {
        let ended = quotes.feed_records(&piece).map_err(|wrong| exec_datafusion_err!("{wrong}"))?;
        end = ended.map(|ended| read.len() + ended).or(end);
        read.extend_from_slice(&piece);
        match end {
            Some(end) if read.len() >= START => return Ok(read.split_to(end).freeze()),
            None if read.len() >= LONGEST => {
                return Err(exec_datafusion_err!(
                    "its first {LONGEST} bytes have no end of a record: is a quote never closed?"
                ));
            }
            _ => {}
        }
    }
    quotes.end().map_err(|wrong| exec_datafusion_err!("{wrong}"))?;
    Ok(read.freeze())
}
