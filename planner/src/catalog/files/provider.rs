//! DataFusion's view of the catalog, for one session.

use super::FilesCatalog;
use crate::catalog::SCHEMA_NAME;
use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, SchemaProvider, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::TableType;
use datafusion::prelude::SessionConfig;
use std::sync::Arc;

/// The catalog `squadron` of one session.
#[derive(Debug)]
pub(crate) struct SessionCatalog {
    catalog: FilesCatalog,
    public: Arc<dyn SchemaProvider>,
}

/// Its schema `public`: the tables found in files.
#[derive(Debug)]
struct FilesSchema {
    catalog: FilesCatalog,
    config: SessionConfig,
}

// === impl SessionCatalog ===

impl SessionCatalog {
    pub(crate) fn new(catalog: FilesCatalog, config: SessionConfig) -> Self {
        let public = Arc::new(FilesSchema { catalog: catalog.clone(), config });
        Self { catalog, public }
    }
}

impl CatalogProvider for SessionCatalog {
    fn schema_names(&self) -> Vec<String> {
        let others = self.catalog.shared.schemas.read();
        let others = others.keys().filter(|name| *name != SCHEMA_NAME).cloned();
        std::iter::once(SCHEMA_NAME.to_owned()).chain(others).collect()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        match name {
            SCHEMA_NAME => Some(Arc::clone(&self.public)),
            other => self.catalog.shared.schemas.read().get(other).cloned(),
        }
    }
}

// === impl FilesSchema ===

#[async_trait]
impl SchemaProvider for FilesSchema {
    fn table_names(&self) -> Vec<String> {
        self.catalog.entries().keys().cloned().collect()
    }

    /// An unknown name is no error: it may be a table function or a common table expression.
    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let table = self.catalog.table(name, &self.config).await?;
        Ok(table.map(|table| Arc::new(table) as Arc<dyn TableProvider>))
    }

    /// Without looking at the files: a broken table is listed like any other.
    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        Ok(self.table_exist(name).then_some(TableType::Base))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.catalog.entry(name).is_some()
    }
}
