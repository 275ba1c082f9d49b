//! One table of files, as DataFusion sees it.
//!
//! Why not DataFusion's `ListingTable`: there partition values are never NULL, files are listed anew
//! for each plan (after the listing that found the schema still valid), and an error
//! does not say which file it is about. Reading itself is DataFusion's, format by format.

use super::format::{DataFormat, Kind, SchemaSettings};
use super::layout::Layout;
use super::listing::{Listing, Place};
use super::prune::is_partition_filter;
use super::scan::FileScan;
use super::schema::Inference;
use super::sound::refuse_unreadable;
use super::source::Source;
use crate::catalog::error::CatalogError;
use crate::catalog::location::DataLocation;
use async_trait::async_trait;
use datafusion::arrow::datatypes::{FieldRef, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, TableReference};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::cache::cache_manager::SchemaFingerprint;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use std::sync::Arc;

/// What was worked out for one state of a table's files, and is true as long as they stay.
#[derive(Debug)]
pub(crate) struct Resolved {
    source: Arc<Source>,
    pub(crate) settings: SchemaSettings,
    pub(crate) listing: Listing,
    layout: Layout,
    schema: TableSchema,
    fingerprint: Arc<SchemaFingerprint>,
    reference: TableReference,
}

/// A [`Resolved`] table, for one statement: all of its plans read the files of one listing.
#[derive(Debug)]
pub(crate) struct FilesTable {
    resolved: Arc<Resolved>,
}

// === impl Resolved ===

impl Resolved {
    /// Works out what a listing holds, reading what has to be read of every file.
    pub(crate) async fn new(
        source: Arc<Source>,
        reference: TableReference,
        listing: Listing,
        settings: SchemaSettings,
        session: &dyn Session,
    ) -> Result<Self, CatalogError> {
        let layout = Layout::of(source.site(), &listing)?;
        let reader = layout.format.reader(session, &settings);
        let inference = Inference {
            session,
            store: &source.store,
            location: &source.location,
            format: layout.format,
            reader: reader.as_ref(),
        };
        let file_schema = inference.schema(&layout.files, &layout.columns).await?;
        Ok(Self {
            fingerprint: Arc::new(SchemaFingerprint::from_schema(&file_schema)),
            schema: TableSchema::builder(file_schema)
                .with_table_partition_cols(layout.columns.clone())
                .build(),
            source,
            settings,
            listing,
            layout,
            reference,
        })
    }

    pub(crate) fn format(&self) -> DataFormat {
        self.layout.format
    }
}

// === impl FilesTable ===

impl FilesTable {
    /// A table whose listing is true now.
    pub(crate) fn new(resolved: Arc<Resolved>) -> Self {
        Self { resolved }
    }

    /// Its folder and the columns that the names of folders in it tell, if its files are Parquet in a folder.
    pub(crate) fn parquet_folder(&self) -> Option<(DataLocation, Vec<String>)> {
        let source = &self.resolved.source;
        let is_parquet = self.resolved.format().kind == Kind::Parquet;
        let is_folder = matches!(source.place, Place::Folder(_));
        let columns = self.columns().iter().map(|field| field.name().clone());
        (is_parquet && is_folder).then(|| (source.place(), columns.collect()))
    }

    fn columns(&self) -> &[FieldRef] {
        &self.resolved.layout.columns
    }

    fn refuse_unreadable(&self, projection: Option<&Vec<usize>>, filters: &[Expr]) -> Result<()> {
        let schema = self.resolved.schema.table_schema();
        let projected = |at| projection.is_none_or(|projection| projection.contains(&at));
        let is_read = |at: usize, name: &String| {
            let mut columns = filters.iter().flat_map(Expr::column_refs);
            projected(at) || columns.any(|column| column.name == *name)
        };
        let read = schema.fields().iter().enumerate();
        let read = read.filter(|(at, field)| is_read(*at, field.name()));
        let table = self.resolved.reference.table();
        refuse_unreadable(table, read.map(|(_, field)| field.as_ref()))
    }
}

#[async_trait]
impl TableProvider for FilesTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.resolved.schema.table_schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let answer = |filter: &&Expr| match is_partition_filter(filter, self.columns()) {
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
        self.refuse_unreadable(projection, filters)?;
        let resolved = &self.resolved;
        let scan = FileScan {
            session,
            store: &resolved.source.store,
            store_url: resolved.source.location.store_url(),
            reader: resolved.layout.format.reader(session, &resolved.settings),
            table: &resolved.reference,
            schema: &resolved.schema,
            fingerprint: &resolved.fingerprint,
        };
        scan.plan(resolved.layout.files.clone(), projection, filters, limit).await
    }
}
