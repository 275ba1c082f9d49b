//! Catalogs in which a table that cannot be read is left out rather than an error.
//!
//! `information_schema.columns` asks every table for its columns and stops at the first error: one
//! truncated file would hide all tables from a BI tool. Statements that look at `information_schema`
//! see the catalogs through these; all others get the broken table's own error.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProviderList, SchemaProvider, TableProvider,
};
use datafusion::common::Result;
use datafusion::datasource::TableType;
use datafusion::execution::SessionState;

use super::information::{INFORMATION_SCHEMA, InformationSchema};

/// Has a statement of this state see its catalogs so, with [`InformationSchema`] in each of them.
pub(crate) fn tolerate(state: &mut SessionState) {
    let plain = tolerant(state.catalog_list().as_ref(), None);
    let information = Arc::new(InformationSchema::of(state, plain));
    let with = tolerant(state.catalog_list().as_ref(), Some(&information));
    state.register_catalog_list(with);
    // DataFusion would answer with its own before it asks a catalog.
    state.config_mut().options_mut().catalog.information_schema = false;
}

fn tolerant(
    catalogs: &dyn CatalogProviderList,
    information: Option<&Arc<InformationSchema>>,
) -> Arc<dyn CatalogProviderList> {
    let list = MemoryCatalogProviderList::new();
    for name in catalogs.catalog_names() {
        if let Some(catalog) = catalogs.catalog(&name) {
            let information = information.cloned();
            list.register_catalog(name, Arc::new(TolerantCatalog { catalog, information }));
        }
    }
    Arc::new(list)
}

#[derive(Debug)]
struct TolerantCatalog {
    catalog: Arc<dyn CatalogProvider>,
    information: Option<Arc<InformationSchema>>,
}

impl CatalogProvider for TolerantCatalog {
    fn schema_names(&self) -> Vec<String> {
        self.catalog.schema_names()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        match &self.information {
            // As tools of ODBC write it.
            Some(information) if name.eq_ignore_ascii_case(INFORMATION_SCHEMA) => {
                Some(Arc::clone(information) as _)
            }
            _ => Some(Arc::new(TolerantSchema(self.catalog.schema(name)?))),
        }
    }
}

#[derive(Debug)]
pub(super) struct TolerantSchema(Arc<dyn SchemaProvider>);

impl TolerantSchema {
    /// The schema itself.
    pub(super) fn inner(&self) -> &dyn SchemaProvider {
        self.0.as_ref()
    }
}

#[async_trait]
impl SchemaProvider for TolerantSchema {
    fn table_names(&self) -> Vec<String> {
        self.0.table_names()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        match self.0.table(name).await {
            Ok(table) => Ok(table),
            Err(error) => {
                tracing::warn!(table = name, %error, "left out of information_schema");
                Ok(None)
            }
        }
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        self.0.table_type(name).await
    }

    fn table_exist(&self, name: &str) -> bool {
        self.0.table_exist(name)
    }
}
