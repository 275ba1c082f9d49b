//! Tests of the catalog over real files, through SQL as a session would send it.

mod changes;
mod codec;
mod delta;
mod errors;
mod formats;
mod http;
mod names;
mod partitions;
mod remote;
mod schemas;
mod sound;
mod speed;

use super::{CATALOG_NAME, CatalogError, DataLocation, FilesCatalog, Named, SCHEMA_NAME};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::display::FormatOptions;
use datafusion::arrow::util::pretty::pretty_format_batches_with_options;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::physical_plan::displayable;
use datafusion::prelude::{SessionConfig, SessionContext};
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

/// A folder of data files, gone when dropped.
struct Data {
    dir: TempDir,
}

/// A catalog over data, and what a session needs to query it.
struct Tables {
    catalog: FilesCatalog,
    runtime: Arc<RuntimeEnv>,
}

// === impl Data ===

impl Data {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// A path in the folder; the folders above it exist.
    fn path(&self, name: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn folder(&self, name: &str) {
        std::fs::create_dir_all(self.dir.path().join(name)).unwrap();
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    /// Writes the rows of a query as one Parquet file.
    async fn parquet(&self, name: &str, sql: &str) {
        let rows = SessionContext::new().sql(sql).await.unwrap();
        let schema = Arc::clone(rows.schema().inner());
        let file = std::fs::File::create(self.path(name)).unwrap();
        let mut writer = ArrowWriter::try_new(file, schema, None).unwrap();
        for batch in rows.collect().await.unwrap() {
            writer.write(&batch).unwrap();
        }
        writer.close().unwrap();
    }

    /// Writes the rows of a query with DataFusion's own writer of that format.
    async fn copy(&self, name: &str, format: &str, options: &str, sql: &str) {
        let path = self.path(name);
        let copy = format!("COPY ({sql}) TO '{}' STORED AS {format} {options}", path.display());
        SessionContext::new().sql(&copy).await.unwrap().collect().await.unwrap();
    }

    fn location(&self, name: &str) -> DataLocation {
        self.dir.path().join(name).to_str().unwrap().parse().unwrap()
    }

    /// A catalog over the whole folder.
    async fn open(&self) -> Tables {
        Tables::open(vec![self.location("")]).await.unwrap()
    }
}

// === impl Tables ===

impl Tables {
    async fn open(locations: Vec<DataLocation>) -> Result<Self, CatalogError> {
        let runtime = Arc::new(RuntimeEnv::default());
        let catalog = FilesCatalog::open(locations, Arc::clone(&runtime)).await?;
        Ok(Self { catalog, runtime })
    }

    fn session(&self) -> SessionContext {
        self.session_with(SessionConfig::new())
    }

    fn session_with(&self, config: SessionConfig) -> SessionContext {
        let config = config
            .with_target_partitions(4)
            .with_create_default_catalog_and_schema(false)
            .with_default_catalog_and_schema(CATALOG_NAME, SCHEMA_NAME);
        let catalog = Named::new(self.catalog.clone(), None).for_session(&config);
        let session = SessionContext::new_with_config_rt(config, Arc::clone(&self.runtime));
        session.register_catalog(CATALOG_NAME, catalog);
        session
    }

    fn names(&self) -> Vec<String> {
        self.catalog.describe().into_iter().map(|table| table.name).collect()
    }

    async fn batches(&self, sql: &str) -> Result<Vec<RecordBatch>> {
        self.session().sql(sql).await?.collect().await
    }

    /// The rows of a query as lines of `a | b`, without the frame.
    async fn rows(&self, sql: &str) -> Vec<String> {
        lines(&self.batches(sql).await.unwrap())
    }

    /// The columns of a table as `name: type`.
    async fn columns(&self, table: &str) -> String {
        let rows = self.session().sql(&format!("SELECT * FROM {table}")).await.unwrap();
        let fields = rows.schema().fields().iter();
        let columns: Vec<_> =
            fields.map(|field| format!("{}: {}", field.name(), field.data_type())).collect();
        columns.join(", ")
    }

    /// The physical plan of a query.
    async fn plan(&self, sql: &str) -> String {
        let rows = self.session().sql(sql).await.unwrap();
        let plan = rows.create_physical_plan().await.unwrap();
        displayable(plan.as_ref()).indent(false).to_string()
    }

    async fn failure(&self, sql: &str) -> DataFusionError {
        match self.batches(sql).await {
            Ok(rows) => panic!("{sql} should fail but gives {:?}", lines(&rows)),
            Err(error) => error,
        }
    }

    /// The message of the catalog error that a query ends with.
    async fn catalog_error(&self, sql: &str) -> String {
        let error = self.failure(sql).await;
        match CatalogError::find_in(&error) {
            Some(error) => error.to_string(),
            None => panic!("not a catalog error: {error}"),
        }
    }
}

fn lines(batches: &[RecordBatch]) -> Vec<String> {
    let options = FormatOptions::new().with_null("NULL");
    let table = pretty_format_batches_with_options(batches, &options).unwrap().to_string();
    let rows = table.lines().filter(|line| line.starts_with('|')).skip(1);
    rows.map(|row| {
        let cells = row.trim_matches('|').split('|').map(str::trim);
        cells.collect::<Vec<_>>().join(" | ")
    })
    .collect()
}

/// Text that must all occur in a message.
fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "'{part}' is not in: {message}");
    }
}
