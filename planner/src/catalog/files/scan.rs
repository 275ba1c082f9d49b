//! The plan of a scan of some files: which of them, what is known of them, and how they are read.

use super::layout::PlacedFile;
use super::prune::{is_partition_filter, prune};
use super::statistics::{Collector, summarize};
use super::{detailed, ordering};
use datafusion::arrow::datatypes::FieldRef;
use datafusion::catalog::Session;
use datafusion::common::stats::Precision;
use datafusion::common::{Result, TableReference, project_schema};
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::cache::cache_manager::SchemaFingerprint;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use futures::{FutureExt, StreamExt, TryStreamExt};
use object_store::ObjectStore;
use std::sync::Arc;

/// What all files of a scan have in common.
pub(crate) struct FileScan<'s> {
    pub(crate) session: &'s dyn Session,
    pub(crate) store: &'s Arc<dyn ObjectStore>,
    pub(crate) store_url: &'s ObjectStoreUrl,
    pub(crate) reader: Arc<dyn FileFormat>,
    pub(crate) table: &'s TableReference,
    /// The columns of the files, and those by which they are told apart.
    pub(crate) schema: &'s TableSchema,
    pub(crate) fingerprint: &'s Arc<SchemaFingerprint>,
}

impl FileScan<'_> {
    /// The plan over those of `files` that may have rows for which all `filters` are true. The places of `projection`
    /// are those of the schema.
    pub(crate) async fn plan(
        self,
        files: Vec<PlacedFile>,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (session, columns) = (self.session, self.partition_columns());
        let (by_folder, others): (Vec<_>, Vec<_>) =
            filters.iter().cloned().partition(|filter| is_partition_filter(filter, columns));
        let files = prune(files, columns, by_folder, session)?;
        let mut files = self.describe(files).await?;
        let before = files.len();
        if let Some(limit) = limit.filter(|_| others.is_empty()) {
            files.truncate(enough_files(&files, limit));
        }
        let schema = self.schema.table_schema();
        if files.is_empty() {
            return Ok(Arc::new(EmptyExec::new(project_schema(schema, projection)?)));
        }
        let (exact, ordering) = (files.len() == before, ordering::common(&files));
        let groups = FileGroup::new(files).split_files(session.config().target_partitions().max(1));
        let (groups, statistics) = summarize(groups, schema, exact)?;
        let source = self.reader.file_source(self.schema.clone());
        let config = FileScanConfigBuilder::new(self.store_url.clone(), source)
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .with_output_ordering(ordering.into_iter().collect())
            .build();
        let plan = self.reader.create_physical_plan(session, config).await?;
        Ok(detailed::keep(plan))
    }

    fn partition_columns(&self) -> &[FieldRef] {
        self.schema.table_partition_cols()
    }

    async fn describe(&self, files: Vec<PlacedFile>) -> Result<Vec<PartitionedFile>> {
        let collector = Collector {
            session: self.session,
            store: self.store,
            reader: self.reader.as_ref(),
            table: self.table,
            file_schema: self.schema.file_schema(),
            fingerprint: self.fingerprint,
        };
        let concurrency = self.session.config_options().execution.meta_fetch_concurrency.get();
        futures::stream::iter(files.into_iter().map(|file| collector.describe(file).boxed()))
            .buffered(concurrency)
            .try_collect()
            .await
    }
}

/// How many of the first files are known to hold `limit` rows.
fn enough_files(files: &[PartitionedFile], limit: usize) -> usize {
    let mut rows = 0;
    for (at, file) in files.iter().enumerate() {
        match file.statistics.as_ref().map(|statistics| statistics.num_rows) {
            Some(Precision::Exact(more)) => rows += more,
            _ => return files.len(),
        }
        if rows >= limit {
            return at + 1;
        }
    }
    files.len()
}
