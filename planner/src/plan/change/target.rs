//! The table that a statement writes.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::catalog::CatalogProvider;
use datafusion::catalog::{MemoryCatalogProvider, MemorySchemaProvider};
use datafusion::common::ResolvedTableReference;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast::ObjectName;

use super::running::{FILE_BYTES, Running};
use crate::catalog::delta::{DeltaScan, DeltaTable, may_partition};
use crate::plan::ddl::full;
use crate::write::{Encoding, Layout, WriteSpec};
use crate::{PlannerError, Result};

/// The catalog of a run's own tables: names that no statement has.
pub(super) const OWN: &str = "$change";

/// Its schema.
pub(super) const OWN_SCHEMA: &str = "t";

/// A table, in the version that a run has found.
pub(super) struct Target {
    pub(super) name: ResolvedTableReference,
    pub(super) scan: DeltaScan,
}

impl Running {
    /// The table of this name.
    ///
    /// # Errors
    /// `NotFound`; `Unsupported` for one that is not written.
    pub(super) async fn target(&self, state: &SessionState, name: &ObjectName) -> Result<Target> {
        self.target_of(state, full(name, self.config())?).await
    }

    /// The table of this name, in whatever version.
    ///
    /// # Errors
    /// As [`Running::target`].
    pub(super) async fn table(&self, name: &ObjectName) -> Result<Arc<DeltaTable>> {
        let target = self.target(&self.session().await?, name).await?;
        Ok(Arc::clone(target.scan.table()))
    }

    /// The table of this full name.
    ///
    /// # Errors
    /// As [`Running::target`].
    pub(super) async fn target_of(
        &self,
        state: &SessionState,
        name: ResolvedTableReference,
    ) -> Result<Target> {
        let unknown = || {
            PlannerError::NotFound(format!("there is no table '{}.{}'", name.schema, name.table))
        };
        let catalog = state.catalog_list().catalog(&name.catalog).ok_or_else(unknown)?;
        let schema = catalog.schema(&name.schema).ok_or_else(unknown)?;
        let table = schema.table(&name.table).await?.ok_or_else(unknown)?;
        let Some(scan) = table.downcast_ref::<DeltaScan>() else {
            return Err(PlannerError::Unsupported(format!(
                "'{}.{}' is no table that is written so: it is a view, or of files without a log (a folder of Parquet files within --warehouse or --allow-location takes INSERT INTO, and nothing else); make a table with CREATE TABLE",
                name.schema, name.table
            )));
        };
        let scan = scan.clone();
        if let Some(why) = &scan.snapshot().rules.no_writing {
            return Err(PlannerError::Unsupported(format!(
                "'{}.{}': {why}",
                name.schema, name.table
            )));
        }
        let schema = &scan.snapshot().schema;
        let by =
            scan.snapshot().partition_by.iter().filter_map(|by| schema.field_with_name(by).ok());
        let mut unfit = by.filter(|field| !may_partition(field.data_type()));
        if let Some(field) = unfit.next() {
            return Err(PlannerError::Unsupported(format!(
                "'{}.{}' is partitioned by '{}', and values of type {} are not written there",
                name.schema,
                name.table,
                field.name(),
                field.data_type()
            )));
        }
        Ok(Target { name, scan })
    }

    /// How rows of such a table are written.
    pub(super) fn spec(&self, target: &Target) -> WriteSpec {
        let snapshot = target.scan.snapshot();
        let request = self.request();
        WriteSpec {
            query: request.query,
            attempt: request.attempt,
            location: target.scan.table().log().location().absolute(),
            schema: Arc::clone(&snapshot.schema),
            partition_by: Arc::clone(&snapshot.partition_by),
            layout: Layout::Table,
            file_bytes: FILE_BYTES,
            encoding: Encoding::Parquet,
        }
    }

    /// Makes some files of a table known to a session, as a table of this name in [`OWN`].
    pub(super) fn register(
        &self,
        state: &SessionState,
        name: &str,
        target: &Target,
        files: Option<&HashSet<String>>,
    ) -> Result<()> {
        let wanted = |path: &str| files.is_none_or(|files| files.contains(path));
        let scan = target.scan.with_files(self.config(), wanted);
        let catalog = match state.catalog_list().catalog(OWN) {
            Some(catalog) => catalog,
            None => {
                let catalog = Arc::new(MemoryCatalogProvider::new());
                catalog.register_schema(OWN_SCHEMA, Arc::new(MemorySchemaProvider::new()))?;
                state.catalog_list().register_catalog(OWN.to_owned(), Arc::clone(&catalog) as _);
                catalog
            }
        };
        let schema = catalog.schema(OWN_SCHEMA);
        let schema = schema.ok_or_else(|| PlannerError::Internal("no schema of a run".into()))?;
        schema.register_table(name.to_owned(), Arc::new(scan))?;
        Ok(())
    }
}

impl Target {
    /// # Errors
    /// `Invalid` for a table whose rows stay.
    pub(super) fn rows_may_go(&self) -> Result<()> {
        match self.scan.snapshot().rules.append_only {
            true => Err(PlannerError::Invalid(format!(
                "rows of '{}.{}' may only be added: it has delta.appendOnly",
                self.name.schema, self.name.table
            ))),
            false => Ok(()),
        }
    }

    /// Whether a plan reads the table beside the rows that it changes: by its name, or within a view.
    pub(super) fn is_read(&self, plan: &LogicalPlan) -> Result<bool> {
        let mut is_read = false;
        plan.apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(read) = node
                && read.table_name.catalog() != Some(OWN)
                && let Ok(provider) = source_as_provider(&read.source)
                && let Some(scan) = provider.downcast_ref::<DeltaScan>()
            {
                is_read |= Arc::ptr_eq(scan.table(), self.scan.table());
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(is_read)
    }
}
