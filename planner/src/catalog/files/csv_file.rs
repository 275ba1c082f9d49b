//! The columns of a CSV file, from its first records.
//!
//! Problem: DataFusion finds the ends of records with a search (`object_store` 0.13's
//! `newline_delimited_stream`) that looks for the last one from the end of each piece, where it cannot
//! know whether it is within quotes. With line breaks in values the pieces begin anywhere, and columns
//! of numbers are taken for text. Here the start of the file is one piece, cut behind a record.

use bytes::{Bytes, BytesMut};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::datasource::file_format::csv::CsvFormat;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::error::DataFusionError;
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
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
    let (mut read, mut wanted) = (BytesMut::new(), START);
    while let Some(more) = bytes.try_next().await? {
        read.extend_from_slice(&more);
        if read.len() < wanted {
            continue;
        }
        if let Some(end) = last_end(&read, options.quote, options.escape) {
            return Ok(read.split_to(end).freeze());
        }
        if wanted >= LONGEST {
            return Err(exec_datafusion_err!(
                "its first {LONGEST} bytes have no end of a record: is a quote never closed?"
            ));
        }
        wanted *= 2;
    }
    Ok(read.freeze())
}

/// Where the last whole record ends.
fn last_end(bytes: &[u8], quote: u8, escape: Option<u8>) -> Option<usize> {
    let (mut quoted, mut escaped, mut end) = (false, false, None);
    for (index, byte) in bytes.iter().enumerate() {
        match *byte {
            _ if escaped => escaped = false,
            byte if Some(byte) == escape => escaped = true,
            // A doubled quote within quotes closes them and opens them again.
            byte if byte == quote => quoted = !quoted,
            b'\n' if !quoted => end = Some(index + 1),
            _ => {}
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_ends_at_a_line_break_outside_quotes() {
        for (text, whole) in [
            ("a,b\n1,2\n3", "a,b\n1,2\n"),
            ("a\n\"x\ny\"\n\"z\n", "a\n\"x\ny\"\n"),
            ("a\n\"x\"\"\ny\"\n4", "a\n\"x\"\"\ny\"\n"),
        ] {
            assert_eq!(last_end(text.as_bytes(), b'"', None), Some(whole.len()), "{text}");
        }
        assert_eq!(last_end(b"\"a\n", b'"', None), None);
        assert_eq!(last_end(b"\\\"a\nb", b'"', Some(b'\\')), Some(4));
    }
}
