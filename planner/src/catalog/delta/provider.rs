//! A version of a Delta table, as DataFusion sees it.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::parsers::CompressionTypeVariant;
use datafusion::common::{Result, ScalarValue, TableReference, exec_datafusion_err};
use datafusion::datasource::file_format::parquet::transform_schema_to_view;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::cache::cache_manager::SchemaFingerprint;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionConfig;
use object_store::ObjectMeta;

use super::values::partition_value;
use super::{DataFile, DeltaTable, Snapshot};
use crate::catalog::files::format::{DataFormat, Kind, SchemaSettings};
use crate::catalog::files::layout::PlacedFile;
use crate::catalog::files::prune::is_partition_filter;
use crate::catalog::files::scan::FileScan;

/// The column of a change's own scans that says in which file a row is.
pub(crate) const FILE_COLUMN: &str = "__squadron_file";

/// Files of a Delta table are never written over, and their age is their writer's word for it: what stands for it says
/// that there is none to compare.
const AGELESS: Duration = Duration::from_secs(9_000_000_000);

const PARQUET: DataFormat =
    DataFormat { kind: Kind::Parquet, compression: CompressionTypeVariant::UNCOMPRESSED };

/// Whether an age says that there is none to compare.
pub(crate) fn is_ageless(meta: &ObjectMeta) -> bool {
    meta.last_modified.timestamp() == -(AGELESS.as_secs() as i64)
}

/// Whether statements change the rows of a table: it is one of a log, and the log lets us.
pub fn is_written(table: &dyn TableProvider) -> bool {
    let scan = table.downcast_ref::<DeltaScan>();
    scan.is_some_and(|scan| scan.snapshot.rules.no_writing.is_none())
}

/// Some files of one version of a table.
#[derive(Debug, Clone)]
pub(crate) struct DeltaScan {
    table: Arc<DeltaTable>,
    snapshot: Arc<Snapshot>,
    settings: SchemaSettings,
    reference: TableReference,
    /// The table's columns in its order, and after them [`FILE_COLUMN`] where it is asked for.
    schema: SchemaRef,
    /// The same with the partition columns last, as scans of files have them.
    placed: TableSchema,
    /// Where in `placed` the columns of `schema` are.
    places: Arc<[usize]>,
    fingerprint: Arc<SchemaFingerprint>,
    files: Arc<[DataFile]>,
}

impl DeltaScan {
    /// All of a version.
    pub(crate) fn new(
        table: Arc<DeltaTable>,
        snapshot: Arc<Snapshot>,
        reference: TableReference,
        config: &SessionConfig,
    ) -> Self {
        let files = snapshot.files.values().cloned().collect();
        Self::of(table, snapshot, reference, config, files, false)
    }

    fn of(
        table: Arc<DeltaTable>,
        snapshot: Arc<Snapshot>,
        reference: TableReference,
        config: &SessionConfig,
        files: Arc<[DataFile]>,
        with_file: bool,
    ) -> Self {
        let is_partition = |field: &FieldRef| snapshot.partition_by.contains(field.name());
        let columns = match config.options().execution.parquet.schema_force_view_types {
            true => viewed(&snapshot.schema, is_partition),
            false => Arc::clone(&snapshot.schema),
        };
        let (by_files, own): (Vec<_>, Vec<_>) =
            columns.fields().iter().cloned().partition(is_partition);
        let mut by_files = ordered(by_files, &snapshot.partition_by);
        let mut fields: Vec<FieldRef> = columns.fields().iter().cloned().collect();
        if with_file {
            let file = Arc::new(Field::new(FILE_COLUMN, DataType::Utf8, false));
            by_files.push(Arc::clone(&file));
            fields.push(file);
        }
        let file_schema = Arc::new(Schema::new(own));
        let fingerprint = Arc::new(SchemaFingerprint::from_schema(&file_schema));
        let placed = TableSchema::builder(file_schema).with_table_partition_cols(by_files).build();
        let place = |field: &FieldRef| placed.table_schema().index_of(field.name()).unwrap_or(0);
        let places = fields.iter().map(place).collect();
        Self {
            table,
            snapshot,
            settings: SchemaSettings::of(config.options()),
            reference,
            schema: Arc::new(Schema::new(fields)),
            placed,
            places,
            fingerprint,
            files,
        }
    }

    /// The table.
    pub(crate) fn table(&self) -> &Arc<DeltaTable> {
        &self.table
    }

    /// The version.
    pub(crate) fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// The same version with [`FILE_COLUMN`], of those files only that are wanted.
    pub(crate) fn with_files(&self, config: &SessionConfig, wanted: impl Fn(&str) -> bool) -> Self {
        let files = self.files.iter().filter(|file| wanted(&file.path)).cloned().collect();
        let (table, snapshot) = (Arc::clone(&self.table), Arc::clone(&self.snapshot));
        Self::of(table, snapshot, self.reference.clone(), config, files, true)
    }

    fn partition_columns(&self) -> &[FieldRef] {
        self.placed.table_partition_cols()
    }

    fn place(&self, file: &DataFile) -> Result<PlacedFile> {
        let value = |column: &FieldRef| match column.name() == FILE_COLUMN {
            true => Ok(ScalarValue::Utf8(Some(file.path.clone()))),
            false => {
                let text = file.values.get(column.name()).cloned().flatten();
                partition_value(text.as_deref(), column.data_type())
            }
        };
        let values = self.partition_columns().iter().map(value).collect::<Result<Vec<_>, _>>();
        let values = values
            .map_err(|problem| exec_datafusion_err!("{}: {problem}", self.table.log().show()))?;
        let meta = ObjectMeta {
            location: self.table.log().file(&file.path),
            last_modified: (UNIX_EPOCH - AGELESS).into(),
            size: file.size,
            e_tag: None,
            version: None,
        };
        Ok(PlacedFile { meta, values })
    }
}

/// Text and bytes of files in the form that is read fastest. Values of partition columns are constants.
fn viewed(schema: &SchemaRef, is_partition: impl Fn(&FieldRef) -> bool) -> SchemaRef {
    let views = transform_schema_to_view(schema);
    let fields = schema.fields().iter().zip(views.fields());
    let fields = fields.map(|(own, view)| Arc::clone(if is_partition(own) { own } else { view }));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn ordered(mut fields: Vec<FieldRef>, names: &[String]) -> Vec<FieldRef> {
    fields.sort_by_key(|field| names.iter().position(|name| name == field.name()));
    fields
}

#[async_trait]
impl TableProvider for DeltaScan {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let answer = |filter: &&Expr| match is_partition_filter(filter, self.partition_columns()) {
            true => TableProviderFilterPushDown::Exact,
            false => TableProviderFilterPushDown::Inexact,
        };
        Ok(filters.iter().map(answer).collect())
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let log = self.table.log();
        let scan = FileScan {
            session,
            store: log.store(),
            store_url: log.location().store_url(),
            reader: PARQUET.reader(session, &self.settings),
            table: &self.reference,
            schema: &self.placed,
            fingerprint: &self.fingerprint,
        };
        let files = self.files.iter().map(|file| self.place(file)).collect::<Result<_>>()?;
        let projection: Vec<usize> = match projection {
            Some(projection) => projection.iter().map(|at| self.places[*at]).collect(),
            None => self.places.to_vec(),
        };
        scan.plan(files, Some(&projection), filters, limit).await
    }
}
