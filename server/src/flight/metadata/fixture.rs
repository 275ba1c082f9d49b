//! Catalogs for the tests: what is in them, and tables that misbehave.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList,
    MemorySchemaProvider, SchemaProvider, TableProvider,
};
use datafusion::common::{Result, plan_err};
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::logical_expr::{LogicalPlanBuilder, UNNAMED_TABLE};

use super::CatalogView;

/// Two catalogs: `lake` with schemas `main`, `raw` and `r_w`, and `attic` with `main`.
///
/// `lake.main` has the tables `orders` and `order_lines` and the view `orders_view`; `attic.main`
/// has `orders`.
pub(super) fn catalogs() -> Arc<dyn CatalogProviderList> {
    let lake = MemoryCatalogProvider::new();
    let main = schema(&["orders", "order_lines"]);
    main.register_table("orders_view".into(), view()).unwrap();
    lake.register_schema("main", main).unwrap();
    lake.register_schema("raw", schema(&[])).unwrap();
    lake.register_schema("r_w", schema(&[])).unwrap();
    let attic = MemoryCatalogProvider::new();
    attic.register_schema("main", schema(&["orders"])).unwrap();
    let list = MemoryCatalogProviderList::new();
    list.register_catalog("lake".into(), Arc::new(lake));
    list.register_catalog("attic".into(), Arc::new(attic));
    Arc::new(list)
}

/// [`catalogs`] without `information_schema`.
pub(super) fn view_of_catalogs() -> CatalogView {
    CatalogView::new(catalogs(), false)
}

/// One catalog `c` with one schema `s`.
pub(super) fn view_of(schema: Arc<dyn SchemaProvider>) -> CatalogView {
    let catalog = MemoryCatalogProvider::new();
    catalog.register_schema("s", schema).unwrap();
    let list = MemoryCatalogProviderList::new();
    list.register_catalog("c".into(), Arc::new(catalog));
    CatalogView::new(Arc::new(list), false)
}

/// A schema with tables of the given names, each with columns `id` and `name`.
pub(super) fn schema(names: &[&str]) -> Arc<dyn SchemaProvider> {
    let schema = MemorySchemaProvider::new();
    for name in names {
        schema.register_table(name.to_string(), table()).unwrap();
    }
    Arc::new(schema)
}

fn table() -> Arc<dyn TableProvider> {
    let id = Field::new("id", DataType::Int64, false);
    let name = Field::new("name", DataType::Utf8View, true);
    Arc::new(EmptyTable::new(Arc::new(Schema::new(vec![id, name]))))
}

fn view() -> Arc<dyn TableProvider> {
    let scan = LogicalPlanBuilder::scan(UNNAMED_TABLE, provider_as_source(table()), None).unwrap();
    Arc::new(ViewTable::new(scan.build().unwrap(), None))
}

/// Tables `broken`, which cannot be read, `gone`, which no longer is, and `well`.
#[derive(Debug)]
pub(super) struct Faulty;

#[async_trait]
impl SchemaProvider for Faulty {
    fn table_names(&self) -> Vec<String> {
        ["well", "gone", "broken"].map(Into::into).into()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        match name {
            "broken" => plan_err!("the footer is truncated"),
            "gone" => Ok(None),
            _ => Ok(Some(table())),
        }
    }

    fn table_exist(&self, _: &str) -> bool {
        true
    }
}

/// A hundred tables that are slow to look up, and how many were looked up at once.
#[derive(Debug, Default)]
pub(super) struct Slow {
    now: AtomicUsize,
    pub(super) most: AtomicUsize,
}

#[async_trait]
impl SchemaProvider for Slow {
    fn table_names(&self) -> Vec<String> {
        (0..100).map(|number| format!("t{number:02}")).collect()
    }

    async fn table(&self, _: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        tokio::task::yield_now().await;
        self.now.fetch_sub(1, Ordering::SeqCst);
        Ok(Some(table()))
    }

    fn table_exist(&self, _: &str) -> bool {
        true
    }
}

/// The text columns of an answer, each row joined by dots.
pub(super) fn dotted(batch: &RecordBatch) -> Vec<String> {
    let text = |row| {
        let columns = batch.columns().iter().filter_map(|it| it.as_string_opt::<i32>());
        columns.map(move |it| it.value(row)).collect::<Vec<_>>().join(".")
    };
    (0..batch.num_rows()).map(text).collect()
}
