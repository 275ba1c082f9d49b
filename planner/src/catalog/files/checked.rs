//! A file format of DataFusion's whose files are opened by a reader of ours, which is stricter than its own.
//!
//! Everything but the opener is the format's: the schema, the projection, the metrics, how a file is split.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{FieldRef, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::physical_plan::{FileOpener, FileScanConfig, FileSource};
use datafusion::datasource::projection::{ProjectionOpener, SplitProjection};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::DataFusionError;
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_plan::PhysicalExpr;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use object_store::ObjectStore;

/// A format whose files are opened by a reader of ours.
pub(crate) trait Strict: FileSource + Clone {
    /// The reader.
    ///
    /// # Errors
    /// When it cannot be made for these columns.
    fn opener(source: &Checked<Self>, scan: Scan) -> Result<Arc<dyn FileOpener>>;
}

/// A source of the files of `S` that is read strictly.
#[derive(Clone)]
pub(crate) struct Checked<S> {
    pub(super) inner: S,
    /// Rows of a batch at most.
    pub(super) batch_size: usize,
}

/// What a reader is made for.
pub(crate) struct Scan {
    /// The columns that are read of a file, by their places in it.
    pub(super) columns: Vec<usize>,
    /// The same as a schema.
    pub(super) schema: SchemaRef,
    pub(super) compression: FileCompressionType,
    pub(super) store: Arc<dyn ObjectStore>,
    /// Of the store, for messages.
    pub(super) url: String,
}

impl<S> Checked<S> {
    /// The same files, rows and columns as `inner` reads.
    pub(crate) fn new(inner: S) -> Self {
        Self { inner, batch_size: 0 }
    }
}

impl<S: Strict> FileSource for Checked<S> {
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
        let scan = Scan {
            columns: projection.file_indices.clone(),
            schema: Arc::new(schema.project(&projection.file_indices)?),
            compression: scan.file_compression_type,
            store,
            url: scan.object_store_url.to_string(),
        };
        ProjectionOpener::try_new(projection, S::opener(self, scan)?, schema)
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

/// A decoder's error that is none of its format: what the bytes' stream told, as it told it.
pub(super) fn told(error: ArrowError) -> DataFusionError {
    match error {
        ArrowError::ExternalError(told) => match told.downcast::<DataFusionError>() {
            Ok(told) => *told,
            Err(told) => DataFusionError::External(told),
        },
        error => error.into(),
    }
}

/// The batch of `schema` whose columns `decoded` makes of those that were read.
pub(super) fn decoded(
    read: &RecordBatch,
    schema: &SchemaRef,
    decoded: impl Fn(&ArrayRef, &FieldRef) -> Result<ArrayRef, ArrowError>,
) -> Result<RecordBatch, ArrowError> {
    let columns = read.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| decoded(column, field));
    let columns = columns.collect::<Result<_, _>>()?;
    let rows = RecordBatchOptions::new().with_row_count(Some(read.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &rows)
}
