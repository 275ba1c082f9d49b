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
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::file_format::csv::CsvDecoder;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{
    CsvSource, FileOpenFuture, FileOpener, FileScanConfig, FileSource,
};
use datafusion::datasource::projection::{ProjectionOpener, SplitProjection};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::DataFusionError;
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_plan::PhysicalExpr;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion_datasource::decoder::{DecoderDeserializer, deserialize_stream};
use futures::future::ready;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectStore;

use super::super::bytes::bytes_of;
use super::moments::{self, Records};
use super::quotes::{Marks, Quotes};
use crate::error::PlannerError;

/// A source of CSV files whose quotes are looked at.
#[derive(Clone)]
pub(crate) struct CheckedCsv {
    inner: CsvSource,
    batch_size: usize,
}

/// What opens files for one partition of a scan.
struct Opener {
    source: CheckedCsv,
    columns: Vec<usize>,
    compression: FileCompressionType,
    store: Arc<dyn ObjectStore>,
    url: String,
}

/// What is read of one file, for messages.
struct Place {
    file: String,
    /// Where the first record was looked for, if not at the start.
    from: Option<u64>,
}

// === impl CheckedCsv ===

impl CheckedCsv {
    /// The same files, rows and columns as `inner` reads.
    pub(crate) fn new(inner: CsvSource) -> Self {
        Self { inner, batch_size: 0 }
    }

    fn marks(&self) -> Marks {
        Marks {
            delimiter: self.inner.delimiter(),
            quote: self.inner.quote(),
            escape: self.inner.escape(),
            line_breaks: self.inner.newlines_in_values(),
        }
    }

    /// What `CsvSource` gives its own opener.
    fn decoder(&self, columns: Vec<usize>, header: bool) -> Decoder {
        let inner = &self.inner;
        let mut builder = ReaderBuilder::new(moments::as_read(inner.table_schema().file_schema()))
            .with_delimiter(inner.delimiter())
            .with_batch_size(self.batch_size)
            .with_header(header)
            .with_quote(inner.quote())
            .with_truncated_rows(inner.truncate_rows())
            .with_projection(columns);
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

impl FileSource for CheckedCsv {
    fn create_file_opener(
        &self,
        store: Arc<dyn ObjectStore>,
        scan: &FileScanConfig,
        _partition: usize,
    ) -> Result<Arc<dyn FileOpener>> {
        let schema = self.inner.table_schema().file_schema();
        let projection = match self.inner.projection() {
            Some(projection) => SplitProjection::new(schema, projection),
            None => SplitProjection::unprojected(self.inner.table_schema()),
        };
        let opener = Opener {
            source: self.clone(),
            columns: projection.file_indices.clone(),
            compression: scan.file_compression_type,
            store,
            url: scan.object_store_url.to_string(),
        };
        ProjectionOpener::try_new(projection, Arc::new(opener), schema)
    }

    fn table_schema(&self) -> &TableSchema {
        self.inner.table_schema()
    }

    fn with_batch_size(&self, batch_size: usize) -> Arc<dyn FileSource> {
        Arc::new(Self { batch_size, ..self.clone() })
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        self.inner.projection()
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        self.inner.metrics()
    }

    fn file_type(&self) -> &str {
        self.inner.file_type()
    }

    fn supports_repartitioning(&self) -> bool {
        self.inner.supports_repartitioning()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.inner.apply_expressions(f)
    }
}

// === impl Opener ===

impl FileOpener for Opener {
    fn open(&self, file: PartitionedFile) -> Result<FileOpenFuture> {
        let from = file.range.as_ref().map(|range| range.start.unsigned_abs());
        let from = from.filter(|start| *start > 0);
        let place = Place { file: format!("{}{}", self.url, file.object_meta.location), from };
        let header = self.source.inner.has_header() && from.is_none();
        let decoder = CsvDecoder::new(self.source.decoder(self.columns.clone(), header));
        let schema = self.source.table_schema().file_schema().project(&self.columns)?;
        let records = Records::new(decoder, Arc::new(schema), usize::from(header));
        let quotes = Quotes::new(self.source.marks());
        let (store, compression) = (Arc::clone(&self.store), self.compression);
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
            // What the bytes' stream told, as it told it.
            ArrowError::ExternalError(told) => match told.downcast::<DataFusionError>() {
                Ok(told) => *told,
                Err(told) => DataFusionError::External(told),
            },
            error => error.into(),
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
