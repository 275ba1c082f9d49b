//! Footers of Parquet files without the bounds that say less than DataFusion reads in them.
//!
//! Problem: a filter skips row groups and pages by their least and greatest values, and some of those do not
//! bound what is there. The format has writers leave NaN out, and DataFusion orders NaN behind all numbers (before
//! them with its sign set): `x > 5` is true for a NaN in a row group of bounds 1 and 4. Writers of before 2017
//! compared text by signed bytes, in fields that the format has since told readers to ignore (Spark 2 and Hive
//! left many such files). A Bloom filter of floating-point numbers knows -0.0 and 0.0 for two, and every NaN for
//! another. Official way: none (DataFusion 55 prunes by every bound that it finds; no reader knows
//! the count of NaNs yet that the format has since 2.12). Here: what looks at a footer is shown one without those
//! bounds, so that nothing is decided by them: which row groups are skipped, which pass a filter whole, in which
//! order they are read, what `min` is. Counts of NULLs stay. Where a chunk that may have NULLs does not say how many, which
//! DataFusion takes for none, nothing of it is shown.
//!
//! What is known of a file is known of all of its row groups ([`summary`]): DataFusion takes the bounds of those that have
//! some for those of the file (pyarrow leaves them out where a value is longer than 4 KiB), and a column whose bounds
//! are equal for a constant.
//!
//! Rule (parquet.thrift, `ColumnOrder` and `Statistics`): bounds and filters of floating-point numbers and of INT96 go; where
//! no order is written down, or they are in the fields of old, those of signed integers stay.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::metadata::{
    CachedParquetMetaData, DFParquetMetadata,
};
use datafusion::error::Result;
use datafusion::execution::cache::cache_manager::{CachedFileMetadataEntry, FileMetadataCache};
use datafusion::parquet::arrow::arrow_reader::ArrowReaderOptions;
use datafusion::parquet::arrow::async_reader::AsyncFileReader;
use datafusion::parquet::basic::{ColumnOrder, LogicalType, SortOrder, Type};
use datafusion::parquet::errors::Result as ParquetResult;
use datafusion::parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use datafusion::parquet::file::page_index::column_index::ColumnIndexMetaData;
use datafusion::parquet::file::statistics::Statistics;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::{ObjectMeta, ObjectStore};

/// Opens files as another factory does, and shows their footers without those bounds.
#[derive(Debug)]
pub(crate) struct Footers {
    files: Arc<dyn ParquetFileReaderFactory>,
    kept: Arc<FileMetadataCache>,
}

impl Footers {
    /// `kept` is where `files` keeps footers: without those bounds they are kept there too, so that it is done
    /// once for a file.
    pub(crate) fn new(
        files: Arc<dyn ParquetFileReaderFactory>,
        kept: Arc<FileMetadataCache>,
    ) -> Self {
        Self { files, kept }
    }
}

impl ParquetFileReaderFactory for Footers {
    fn create_reader(
        &self,
        partition: usize,
        file: PartitionedFile,
        size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let meta = file.object_meta.clone();
        let reader = self.files.create_reader(partition, file, size_hint, metrics)?;
        Ok(Box::new(Reader { reader, meta, kept: Arc::clone(&self.kept) }))
    }
}

/// One file of a scan.
struct Reader {
    reader: Box<dyn AsyncFileReader + Send>,
    meta: ObjectMeta,
    kept: Arc<FileMetadataCache>,
}

impl AsyncFileReader for Reader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        self.reader.get_bytes(range)
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        self.reader.get_byte_ranges(ranges)
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        async move {
            let footer = self.reader.get_metadata(options).await?;
            bounded(footer, &self.meta, self.kept.as_ref())
        }
        .boxed()
    }
}

/// The footer of a file, from `kept` where it is there.
///
/// # Errors
/// Whatever the store or the decoder says.
pub(crate) async fn footer(
    store: &dyn ObjectStore,
    file: &ObjectMeta,
    size_hint: Option<usize>,
    kept: Arc<FileMetadataCache>,
) -> Result<Arc<ParquetMetaData>> {
    let read = DFParquetMetadata::new(store, file)
        .with_metadata_size_hint(size_hint)
        .with_file_metadata_cache(Some(Arc::clone(&kept)));
    Ok(bounded(read.fetch_metadata().await?, file, kept.as_ref())?)
}

/// The footer without those bounds, which is kept from now on.
fn bounded(
    footer: Arc<ParquetMetaData>,
    file: &ObjectMeta,
    kept: &FileMetadataCache,
) -> ParquetResult<Arc<ParquetMetaData>> {
    let Some(bounded) = without(&footer)? else { return Ok(footer) };
    let bounded = Arc::new(bounded);
    let entry = Arc::new(CachedParquetMetaData::new(Arc::clone(&bounded)));
    kept.put(&file.location, CachedFileMetadataEntry::new(file.clone(), entry));
    Ok(bounded)
}

/// `None` where there is nothing to take off.
fn without(footer: &ParquetMetaData) -> ParquetResult<Option<ParquetMetaData>> {
    let trusts: Vec<_> = (0..footer.file_metadata().schema_descr().num_columns())
        .map(|column| Trust::of(footer, column))
        .collect();
    let mut chunks =
        footer.row_groups().iter().flat_map(|group| group.columns().iter().zip(&trusts));
    if chunks.all(|(chunk, trust)| trust.allows(chunk)) {
        // What is in the index of pages is read by what the chunks say of it.
        return Ok(None);
    }
    let groups = footer.row_groups().iter().map(|group| stripped(group, &trusts));
    let groups = groups.collect::<ParquetResult<Vec<_>>>()?;
    let mut index = footer.column_index().cloned();
    for group in index.iter_mut().flatten() {
        let untold = group.iter_mut().zip(&trusts).filter(|(_, trust)| !trust.now);
        untold.for_each(|(column, _)| *column = ColumnIndexMetaData::NONE);
    }
    let builder = footer.clone().into_builder();
    Ok(Some(builder.set_row_groups(groups).set_column_index(index).build()))
}

/// Which of a column's bounds are bounds.
#[derive(Debug, Clone, Copy)]
struct Trust {
    /// Those in the fields of today, and in the index of pages.
    now: bool,
    /// Those in the fields of before there was an order for each type.
    old: bool,
    /// There may be NULLs.
    nullable: bool,
}

impl Trust {
    fn of(footer: &ParquetMetaData, column: usize) -> Self {
        let described = footer.file_metadata().schema_descr().column(column);
        let kind = described.physical_type();
        let nullable = described.max_def_level() > 0;
        let is_float = matches!(kind, Type::FLOAT | Type::DOUBLE)
            || described.logical_type_ref() == Some(&LogicalType::Float16);
        if is_float || kind == Type::INT96 {
            return Self { now: false, old: false, nullable };
        }
        let is_integer = matches!(kind, Type::INT32 | Type::INT64);
        let is_plain =
            kind == Type::BOOLEAN || is_integer && described.sort_order() == SortOrder::SIGNED;
        let now = match footer.file_metadata().column_order(column) {
            ColumnOrder::TYPE_DEFINED_ORDER(_) => true,
            ColumnOrder::UNDEFINED => is_plain,
            ColumnOrder::UNKNOWN => false,
        };
        Self { now, old: is_plain, nullable }
    }

    fn bounds(self, statistics: &Statistics) -> bool {
        if statistics.is_min_max_deprecated() { self.old } else { self.now }
    }

    /// Whether a chunk may have NULLs, and does not say how many.
    fn is_uncounted(self, chunk: &ColumnChunkMetaData) -> bool {
        let uncounted = |of: &Statistics| of.null_count_opt().is_none();
        self.nullable && chunk.statistics().is_some_and(uncounted)
    }

    /// Whether a chunk says nothing that is not to be trusted.
    fn allows(self, chunk: &ColumnChunkMetaData) -> bool {
        if self.is_uncounted(chunk) {
            return false;
        }
        let has_bounds = |of: &Statistics| of.min_bytes_opt().or(of.max_bytes_opt()).is_some();
        let misleads = |of: &Statistics| has_bounds(of) && !self.bounds(of);
        let has_index = chunk.column_index_offset().or(chunk.bloom_filter_offset()).is_some();
        !chunk.statistics().is_some_and(misleads) && (self.now || !has_index)
    }
}

fn stripped(group: &RowGroupMetaData, trusts: &[Trust]) -> ParquetResult<RowGroupMetaData> {
    let mut builder = group.clone().into_builder();
    let chunks = builder.take_columns().into_iter().zip(trusts).map(|(chunk, trust)| {
        if trust.allows(&chunk) {
            return Ok(chunk);
        }
        let uncounted = trust.is_uncounted(&chunk);
        let counts = chunk.statistics().filter(|of| !trust.bounds(of)).map(counts);
        let mut builder = chunk.into_builder();
        if uncounted {
            builder = builder.clear_statistics();
        } else if let Some(counts) = counts {
            builder = builder.set_statistics(counts);
        }
        if !trust.now || uncounted {
            // Where it is read later, it is not read.
            builder = builder.set_column_index_offset(None).set_column_index_length(None);
            builder = builder.set_bloom_filter_offset(None).set_bloom_filter_length(None);
        }
        builder.build()
    });
    let chunks = chunks.collect::<ParquetResult<Vec<_>>>()?;
    builder.set_column_metadata(chunks).build()
}

/// What is to be summed up of a footer that was shown: of each column what all of its chunks say.
///
/// # Errors
/// Whatever the decoder says.
pub(crate) fn summary(footer: &ParquetMetaData) -> ParquetResult<Cow<'_, ParquetMetaData>> {
    let groups = footer.row_groups();
    let columns = 0..footer.file_metadata().schema_descr().num_columns();
    let known: Vec<_> = columns.map(|column| Known::of(groups, column)).collect();
    if known.iter().all(|known| *known == Known::All) {
        return Ok(Cow::Borrowed(footer));
    }
    let groups = groups.iter().map(|group| {
        let mut builder = group.clone().into_builder();
        let chunks = builder.take_columns().into_iter().zip(&known).map(|(chunk, known)| {
            let counted = chunk.statistics().map(counts);
            match (known, counted) {
                (Known::All, _) | (_, None) => Ok(chunk),
                (Known::Counts, Some(counted)) => {
                    chunk.into_builder().set_statistics(counted).build()
                }
                (Known::Nothing, _) => chunk.into_builder().clear_statistics().build(),
            }
        });
        let chunks = chunks.collect::<ParquetResult<Vec<_>>>()?;
        builder.set_column_metadata(chunks).build()
    });
    let groups = groups.collect::<ParquetResult<Vec<_>>>()?;
    Ok(Cow::Owned(footer.clone().into_builder().set_row_groups(groups).build()))
}

/// What all chunks of a column say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Known {
    Nothing,
    /// How many NULLs there are.
    Counts,
    /// Bounds, too, or that there is nothing but NULLs.
    All,
}

impl Known {
    /// [`Known::All`] also where no chunk says more than the others.
    fn of(groups: &[RowGroupMetaData], column: usize) -> Self {
        let chunks = groups.iter().filter(|group| group.num_rows() > 0);
        let chunks = chunks.map(|group| group.column(column));
        let known = chunks.clone().map(Self::of_chunk).min().unwrap_or(Self::All);
        let says_more = |of: &Statistics| {
            known == Self::Nothing || of.min_bytes_opt().or(of.max_bytes_opt()).is_some()
        };
        let mut chunks = chunks;
        match chunks.any(|chunk| chunk.statistics().is_some_and(says_more)) {
            true => known,
            false => Self::All,
        }
    }

    fn of_chunk(chunk: &ColumnChunkMetaData) -> Self {
        let Some(of) = chunk.statistics() else { return Self::Nothing };
        let values = u64::try_from(chunk.num_values()).ok();
        let bounded = of.min_bytes_opt().is_some() && of.max_bytes_opt().is_some();
        match bounded || values.is_some() && of.null_count_opt() == values {
            true => Self::All,
            false => Self::Counts,
        }
    }
}

/// The same without bounds.
fn counts(of: &Statistics) -> Statistics {
    let (distinct, nulls) = (of.distinct_count_opt(), of.null_count_opt());
    match of {
        Statistics::Boolean(_) => Statistics::boolean(None, None, distinct, nulls, false),
        Statistics::Int32(_) => Statistics::int32(None, None, distinct, nulls, false),
        Statistics::Int64(_) => Statistics::int64(None, None, distinct, nulls, false),
        Statistics::Int96(_) => Statistics::int96(None, None, distinct, nulls, false),
        Statistics::Float(_) => Statistics::float(None, None, distinct, nulls, false),
        Statistics::Double(_) => Statistics::double(None, None, distinct, nulls, false),
        Statistics::ByteArray(_) => Statistics::byte_array(None, None, distinct, nulls, false),
        Statistics::FixedLenByteArray(_) => {
            Statistics::fixed_len_byte_array(None, None, distinct, nulls, false)
        }
    }
}

#[cfg(test)]
mod tests;
