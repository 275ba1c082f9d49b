//! What is known of each file of a scan: row counts, bounds, sort order.
//!
//! Kept in DataFusion's cache of file statistics, checked against size, time and schema of the file
//! each time. DataFusion's own listing table does the same, but takes partition values for never
//! NULL, so the statistics of partition columns are made here.

use super::layout::PlacedFile;
use super::ordering;
use crate::catalog::footers::{footer, summary};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, Result, ScalarValue, Statistics, TableReference};
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::FileGroup;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::execution::cache::cache_manager::{
    CachedFileMetadata, SchemaFingerprint, TableScopedPath,
};
use object_store::ObjectStore;
use std::sync::Arc;

/// What is needed to learn about files.
pub(crate) struct Collector<'c> {
    pub(crate) session: &'c dyn Session,
    pub(crate) store: &'c Arc<dyn ObjectStore>,
    pub(crate) reader: &'c dyn FileFormat,
    pub(crate) table: &'c TableReference,
    pub(crate) file_schema: &'c SchemaRef,
    pub(crate) fingerprint: &'c Arc<SchemaFingerprint>,
}

// === impl Collector ===

impl Collector<'_> {
    /// The file as DataFusion scans it, with all that is known of it.
    pub(crate) async fn describe(&self, file: PlacedFile) -> Result<PartitionedFile> {
        let known = match self.session.config().collect_statistics() {
            true => self.known(&file).await?,
            false => self.unknown(&file),
        };
        let mut statistics = known.statistics;
        if !file.values.is_empty() {
            let whole = Arc::make_mut(&mut statistics);
            let rows = whole.num_rows;
            whole.column_statistics.extend(file.values.iter().map(|value| constant(value, rows)));
        }
        let mut described = PartitionedFile::new_from_meta(file.meta)
            .with_partition_values(file.values)
            .with_ordering(known.ordering);
        // Not `with_statistics`, which would add columns for the partition values once more.
        described.statistics = Some(statistics);
        Ok(described)
    }

    async fn known(&self, file: &PlacedFile) -> Result<CachedFileMetadata> {
        let cache = self.session.runtime_env().cache_manager.get_file_statistic_cache();
        let key =
            TableScopedPath { table: Some(self.table.clone()), path: file.meta.location.clone() };
        let kept = cache.as_ref().and_then(|cache| cache.get(&key));
        if let Some(kept) = kept.filter(|kept| kept.is_valid_for(&file.meta, self.fingerprint)) {
            return Ok(kept);
        }
        let read = self.read(file).await?;
        if let Some(cache) = cache {
            cache.put(&key, read.clone());
        }
        Ok(read)
    }

    async fn read(&self, file: &PlacedFile) -> Result<CachedFileMetadata> {
        let schema = Arc::clone(self.file_schema);
        if self.reader.is::<ParquetFormat>() {
            return self.read_footer(file).await;
        }
        let reading =
            self.reader.infer_stats_and_ordering(self.session, self.store, schema, &file.meta);
        let read = reading.await?;
        Ok(self.metadata(file, read.statistics, read.ordering))
    }

    /// What DataFusion's reader would tell, of a footer whose bounds are bounds: it takes a column of equal ones
    /// for a constant, and answers `max` from them.
    async fn read_footer(&self, file: &PlacedFile) -> Result<CachedFileMetadata> {
        let hint = self.session.config_options().execution.parquet.metadata_size_hint;
        let kept = self.session.runtime_env().cache_manager.get_file_metadata_cache();
        let footer = footer(self.store.as_ref(), &file.meta, hint, kept).await?;
        let known = summary(&footer)?;
        let statistics =
            DFParquetMetadata::statistics_from_parquet_metadata(&known, self.file_schema)?;
        let ordering = ordering::of_file(&footer, self.file_schema)?;
        Ok(self.metadata(file, statistics, ordering))
    }

    fn unknown(&self, file: &PlacedFile) -> CachedFileMetadata {
        self.metadata(file, Statistics::new_unknown(self.file_schema), None)
    }

    fn metadata(
        &self,
        file: &PlacedFile,
        statistics: Statistics,
        ordering: Option<datafusion::physical_expr::LexOrdering>,
    ) -> CachedFileMetadata {
        let fingerprint = Arc::clone(self.fingerprint);
        CachedFileMetadata::new(file.meta.clone(), fingerprint, Arc::new(statistics), ordering)
    }
}

/// Gives every group the statistics of its files, and all of them together. `exact` is false if
/// files were left out.
pub(crate) fn summarize(
    groups: Vec<FileGroup>,
    schema: &SchemaRef,
    exact: bool,
) -> Result<(Vec<FileGroup>, Statistics)> {
    let groups: Vec<_> = groups
        .into_iter()
        .map(|group| {
            let files = group.iter().filter_map(|file| file.statistics.as_deref());
            let together = Statistics::try_merge_iter(files, schema)?;
            Ok(group.with_statistics(Arc::new(together)))
        })
        .collect::<Result<_>>()?;
    let together = groups.iter().filter_map(|group| group.file_statistics(None));
    let together = Statistics::try_merge_iter(together, schema)?;
    Ok((groups, if exact { together } else { together.to_inexact() }))
}

/// The statistics of a column that has one value throughout.
fn constant(value: &ScalarValue, rows: Precision<usize>) -> ColumnStatistics {
    let width = value.data_type().primitive_width();
    let bytes = width.map_or(Precision::Absent, |width| rows.multiply(&Precision::Exact(width)));
    let bound = match value.is_null() {
        true => Precision::Absent,
        false => Precision::Exact(value.clone()),
    };
    ColumnStatistics {
        null_count: if value.is_null() { rows } else { Precision::Exact(0) },
        max_value: bound.clone(),
        min_value: bound,
        distinct_count: Precision::Exact(usize::from(!value.is_null())),
        sum_value: Precision::Absent,
        byte_size: bytes,
    }
}
