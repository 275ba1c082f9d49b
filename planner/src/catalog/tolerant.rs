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

/// The same catalogs, tolerant.
pub(crate) fn tolerant(catalogs: &dyn CatalogProviderList) -> Arc<dyn CatalogProviderList> {
    let list = MemoryCatalogProviderList::new();
    for name in catalogs.catalog_names() {
        if let Some(catalog) = catalogs.catalog(&name) {
            list.register_catalog(name, Arc::new(TolerantCatalog(catalog)));
        }
    }
    Arc::new(list)
}

#[derive(Debug)]
struct TolerantCatalog(Arc<dyn CatalogProvider>);

impl CatalogProvider for TolerantCatalog {
    fn schema_names(&self) -> Vec<String> {
        self.0.schema_names()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        Some(Arc::new(TolerantSchema(self.0.schema(name)?)))
    }
}

#[derive(Debug)]
struct TolerantSchema(Arc<dyn SchemaProvider>);

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
