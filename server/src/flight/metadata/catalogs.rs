//! Catalogs and schemas: what a session can see, and GetCatalogs and GetDbSchemas over it.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_flight::sql::metadata::{GetCatalogsBuilder, GetDbSchemasBuilder};
use arrow_flight::sql::{CommandGetCatalogs, CommandGetDbSchemas};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{CatalogProvider, CatalogProviderList, SchemaProvider};
use datafusion::config::ConfigOptions;
use datafusion::execution::SessionState;
use squadron_planner::catalog::{INFORMATION_SCHEMA, InformationSchema};

use super::Result;
use super::pattern::Pattern;

/// The catalogs of one session, with the `information_schema` where the session has one.
///
/// DataFusion keeps that schema out of the catalogs and resolves it by name when a query asks for
/// it, so a walk over the catalogs alone would hide tables that can be selected from.
#[derive(Debug, Clone)]
pub struct CatalogView {
    list: Arc<dyn CatalogProviderList>,
    information_schema: bool,
}

/// A schema of a catalog.
#[derive(Debug, Clone)]
pub(super) struct SchemaEntry {
    pub(super) catalog: String,
    pub(super) name: String,
    pub(super) provider: Arc<dyn SchemaProvider>,
}

impl CatalogView {
    /// The catalogs of `list`; `information_schema` says whether every catalog has one.
    pub fn new(list: Arc<dyn CatalogProviderList>, information_schema: bool) -> Self {
        Self { list, information_schema }
    }

    /// Names of the catalogs, in no order.
    fn catalogs(&self) -> Vec<String> {
        self.list.catalog_names()
    }

    /// The schemas of the catalogs that `catalog` lets through, in no order.
    ///
    /// A catalog or schema that goes away meanwhile is left out.
    pub(super) fn schemas(&self, catalog: Option<&str>) -> Vec<SchemaEntry> {
        self.catalogs()
            .into_iter()
            .filter(|name| catalog.is_none_or(|wanted| wanted == name))
            .filter_map(|name| Some((self.list.catalog(&name)?, name)))
            .flat_map(|(provider, name)| self.schemas_of(&name, provider.as_ref()))
            .collect()
    }

    fn schemas_of(&self, catalog: &str, provider: &dyn CatalogProvider) -> Vec<SchemaEntry> {
        let entry =
            |name: String, provider| SchemaEntry { catalog: catalog.into(), name, provider };
        provider
            .schema_names()
            .into_iter()
            .filter(|name| !(self.information_schema && name == INFORMATION_SCHEMA))
            .filter_map(|name| Some(entry(name.clone(), provider.schema(&name)?)))
            .chain(self.virtual_schema().map(|it| entry(INFORMATION_SCHEMA.into(), it)))
            .collect()
    }

    fn virtual_schema(&self) -> Option<Arc<dyn SchemaProvider>> {
        // Of it names and columns are told, which depend on no setting.
        let (list, options) = (Arc::clone(&self.list), ConfigOptions::default());
        let make = || InformationSchema::new(list, &options, HashMap::new());
        self.information_schema.then(|| Arc::new(make()) as _)
    }
}

impl From<&SessionState> for CatalogView {
    fn from(state: &SessionState) -> Self {
        Self::new(Arc::clone(state.catalog_list()), state.config().information_schema())
    }
}

impl SchemaEntry {
    /// Whether this is the `information_schema`.
    pub(super) fn is_system(&self) -> bool {
        self.name == INFORMATION_SCHEMA
    }
}

/// The answer to GetCatalogs: one row for each catalog, in order.
pub fn catalogs(view: &CatalogView) -> Result<RecordBatch> {
    let mut rows = GetCatalogsBuilder::new();
    view.catalogs().into_iter().for_each(|name| rows.append(name));
    Ok(rows.build()?)
}

/// The schema of GetCatalogs.
pub fn catalogs_schema() -> SchemaRef {
    CommandGetCatalogs::default().into_builder().schema()
}

/// The answer to GetDbSchemas: one row for each schema, ordered by catalog and schema.
///
/// The catalog is compared as it is (`""` means "without a catalog": there are none), the schema
/// as a LIKE pattern.
pub fn db_schemas(view: &CatalogView, command: &CommandGetDbSchemas) -> Result<RecordBatch> {
    let pattern = Pattern::new(command.db_schema_filter_pattern.as_deref());
    // Unfiltered: Arrow's LIKE is not ours, see `pattern`.
    let mut rows = CommandGetDbSchemas::default().into_builder();
    view.schemas(command.catalog.as_deref())
        .iter()
        .filter(|schema| pattern.matches(&schema.name))
        .for_each(|schema| rows.append(&schema.catalog, &schema.name));
    Ok(rows.build()?)
}

/// The schema of GetDbSchemas.
pub fn db_schemas_schema() -> SchemaRef {
    GetDbSchemasBuilder::new(None::<String>, None::<String>).schema()
}

#[cfg(test)]
mod tests;
