//! Reads CSV files as DataFusion does, and looks at their quotes on the way ([`Quotes`]).
//!
//! The opener alone differs from DataFusion's: its reader is built of the same options, is given its bytes as a
//! stream (that of a file asks for them itself), and what is wrong with them is told with the file's name.

use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::csv::ReaderBuilder;
use datafusion::arrow::csv::reader::Decoder;
use datafusion::arrow::error::ArrowError;
use datafusion::common::Result;
use datafusion::datasource::file_format::csv::CsvDecoder;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{CsvSource, FileOpenFuture, FileOpener, FileSource};
use datafusion::error::DataFusionError;
use datafusion_datasource::decoder::{DecoderDeserializer, deserialize_stream};
use futures::future::ready;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};

use super::super::bytes::bytes_of;
use super::super::checked::{Checked, Scan, Strict, told};
use super::moments::{self, Records};
use super::quotes::{Marks, Quotes};
use crate::error::PlannerError;

/// What opens files for one partition of a scan.
struct Opener {
    source: Checked<CsvSource>,
    scan: Scan,
}

/// What is read of one file, for messages.
struct Place {
    file: String,
    /// Where the first record was looked for, if not at the start.
    from: Option<u64>,
}

impl Strict for CsvSource {
    fn opener(source: &Checked<Self>, scan: Scan) -> Result<Arc<dyn FileOpener>> {
        Ok(Arc::new(Opener { source: source.clone(), scan }))
    }
}

// === impl Opener ===

impl Opener {
    fn marks(&self) -> Marks {
        let inner = &self.source.inner;
        Marks {
            delimiter: inner.delimiter(),
            quote: inner.quote(),
            escape: inner.escape(),
            line_breaks: inner.newlines_in_values(),
        }
    }

    /// What `CsvSource` gives its own opener.
    fn decoder(&self, header: bool) -> Decoder {
        let inner = &self.source.inner;
        let mut builder = ReaderBuilder::new(moments::as_read(inner.table_schema().file_schema()))
            .with_delimiter(inner.delimiter())
            .with_batch_size(self.source.batch_size)
            .with_header(header)
            .with_quote(inner.quote())
            .with_truncated_rows(inner.truncate_rows())
            .with_projection(self.scan.columns.clone());
        if let Some(terminator) = inner.terminator() {
            builder = builder.with_terminator(terminator);
        }
        if let Some(escape) = inner.escape() {
            builder = builder.with_escape(escape);
        }
        if let Some(comment) = inner.comment() {
            builder = builder.with_comment(comment);
        }
        builder.build_decoder()
    }
}

impl FileOpener for Opener {
    fn open(&self, file: PartitionedFile) -> Result<FileOpenFuture> {
        let from = file.range.as_ref().map(|range| range.start.unsigned_abs());
        let from = from.filter(|start| *start > 0);
        let place = Place { file: format!("{}{}", self.scan.url, file.object_meta.location), from };
        let header = self.source.inner.has_header() && from.is_none();
        let decoder = CsvDecoder::new(self.decoder(header));
        let records = Records::new(decoder, Arc::clone(&self.scan.schema), usize::from(header));
        let quotes = Quotes::new(self.marks());
        let (store, compression) = (Arc::clone(&self.scan.store), self.scan.compression);
        let terminator = self.source.inner.terminator().unwrap_or(b'\n');
        Ok(Box::pin(async move {
            let bytes = bytes_of(store, &file, terminator).await?;
            let place = Arc::new(place);
            let bytes = checked(compression.convert_stream(bytes)?, quotes, Arc::clone(&place));
            let batches = deserialize_stream(bytes, DecoderDeserializer::new(records));
            Ok(batches.map_err(move |error| place.explain(error)).boxed())
        }))
    }
}

/// The same bytes, until they are wrong.
fn checked(
    bytes: BoxStream<'static, Result<Bytes>>,
    quotes: Quotes,
    place: Arc<Place>,
) -> BoxStream<'static, Result<Bytes>> {
    let pieces = bytes.map_ok(Some).chain(futures::stream::once(ready(Ok(None))));
    let checked = pieces.scan(quotes, move |quotes, piece| {
        let looked = piece.and_then(|piece| {
            let looked = match &piece {
                Some(piece) => quotes.feed(piece),
                None => quotes.end(),
            };
            looked.map_err(|wrong| place.wrong(&wrong)).map(|()| piece)
        });
        ready(Some(looked))
    });
    checked.try_filter_map(|piece| ready(Ok(piece))).fuse().boxed()
}

// === impl Place ===

impl Place {
    fn wrong(&self, what: &str) -> DataFusionError {
        let Self { file, from } = self;
        let lines = from.map(|from| format!(" (counted from byte {from})"));
        let text = format!("{file} cannot be read as CSV: {what}{}", lines.unwrap_or_default());
        DataFusionError::from(PlannerError::BadData(text))
    }

    /// What the reader says, with the name of the file.
    fn explain(&self, error: ArrowError) -> DataFusionError {
        match error {
            ArrowError::CsvError(what) => self.wrong(&what.replace(" for line ", " in record ")),
            ArrowError::ParseError(what) => self.wrong(&counted_from_one(&what)),
            error => told(error),
        }
    }
}

/// What `arrow-csv` says of a value. Its lines are records, of which the first (a header counts) is 0.
fn counted_from_one(what: &str) -> String {
    let counted = what.split_once(" at line ").and_then(|(value, rest)| {
        let digits = rest.find(|byte: char| !byte.is_ascii_digit())?;
        let record: u64 = rest[..digits].parse().ok()?;
        Some(format!("{value} in record {}{}", record + 1, &rest[digits..]))
    });
    counted.unwrap_or_else(|| what.to_owned())
}
