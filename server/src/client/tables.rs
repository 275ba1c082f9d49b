//! Tables and their columns, as the server lists them (CommandGetTables).

use arrow_flight::IpcMessage;
use arrow_flight::sql::CommandGetTables;
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use futures::TryStreamExt;
use std::sync::Arc;

use super::options::ReadOptions;
use super::{ClientError, FlightSqlClient};

/// A table of the server.
#[derive(Clone, Debug)]
pub struct Table {
    /// The catalog, where the server has any.
    pub catalog: Option<String>,
    /// The schema within the catalog, where the server has any.
    pub schema: Option<String>,
    /// The table's name.
    pub name: String,
    /// `TABLE`, `VIEW` and the like.
    pub kind: String,
    /// Names and types of the columns.
    pub columns: SchemaRef,
}

impl FlightSqlClient {
    /// Lists every table with its columns.
    ///
    /// Errors: as of any query; `Protocol` when the list lacks a column the protocol demands.
    pub async fn tables(&self) -> Result<Vec<Table>, ClientError> {
        let command = CommandGetTables { include_schema: true, ..Default::default() };
        let info = self.flight_info(command).await?;
        let mut batches = self.read_all(&info, ReadOptions::default())?;
        let mut tables = Vec::new();
        while let Some(batch) = batches.try_next().await? {
            tables.extend(tables_of(&batch).map_err(ClientError::Protocol)?);
        }
        Ok(tables)
    }
}

fn tables_of(batch: &RecordBatch) -> Result<Vec<Table>, String> {
    let (catalogs, schemas) = (text(batch, "catalog_name")?, text(batch, "db_schema_name")?);
    let (names, kinds) = (text(batch, "table_name")?, text(batch, "table_type")?);
    let columns = column(batch, "table_schema", &DataType::Binary)?;
    let columns = columns.as_binary::<i32>();
    let rows = 0..batch.num_rows();
    rows.map(|row| {
        Ok(Table {
            catalog: catalogs[row].clone(),
            schema: schemas[row].clone(),
            name: names[row].clone().unwrap_or_default(),
            kind: kinds[row].clone().unwrap_or_default(),
            columns: Arc::new(schema_of(columns.value(row))?),
        })
    })
    .collect()
}

fn schema_of(message: &[u8]) -> Result<Schema, String> {
    let message = IpcMessage(message.to_vec().into());
    Schema::try_from(message).map_err(|e| format!("unreadable table_schema: {e}"))
}

fn text(batch: &RecordBatch, name: &str) -> Result<Vec<Option<String>>, String> {
    let column = column(batch, name, &DataType::Utf8)?;
    Ok(column.as_string::<i32>().iter().map(|value| value.map(str::to_owned)).collect())
}

fn column(batch: &RecordBatch, name: &str, kind: &DataType) -> Result<Arc<dyn Array>, String> {
    let column = batch.column_by_name(name);
    let column = column.ok_or_else(|| format!("the list of tables lacks the column {name}"))?;
    cast(column, kind).map_err(|e| format!("column {name} of the list of tables: {e}"))
}
