//! GetTables and GetTableTypes.
//!
//! One broken table must not hide the others: DBeaver, Tableau and pandas list everything before
//! they do anything, so a table that cannot be read is listed with no columns and a line in the
//! log, and the names, which come from memory, never depend on its files. Whoever asks for the
//! columns of that table alone gets its error: no columns would be a wrong answer.

use std::sync::Arc;

use arrow_flight::sql::metadata::GetTablesBuilder;
use arrow_flight::sql::{CommandGetTableTypes, CommandGetTables};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::{DataFusionError, Result as DataFusionResult};
use datafusion::logical_expr::TableType;
use futures::StreamExt;
use squadron_planner::catalog::is_written;
use squadron_planner::wire_schema::Wire;
use tracing::warn;

use super::catalogs::{CatalogView, SchemaEntry};
use super::columns::{TableName, describe};
use super::pattern::Pattern;
use super::{MetadataError, Result};

/// How many tables are looked up at a time: enough to hide the latency of an object store, few
/// enough to leave connections for queries.
const LOOKUPS: usize = 16;

/// The answer to GetTables: one row for each table, ordered by catalog, schema, name and type.
///
/// The catalog is compared as it is (`""`: without a catalog, so none), schema and table as LIKE
/// patterns, types by their names in any case. With `include_schema` every table's columns are
/// looked up and told as an IPC message of the schema that a query of them has on the wire.
///
/// # Errors
/// [`MetadataError::Table`] when the columns of one named table are asked for and it cannot be read.
pub async fn tables(
    view: &CatalogView,
    command: &CommandGetTables,
    wire: Wire,
) -> Result<RecordBatch> {
    let (include_schema, mut rows) = (command.include_schema, rows(command.include_schema));
    // Owned: a stream of futures that borrow is not `Send` to the compiler, and so no RPC.
    let candidates = candidates(view, command);
    let alone = include_schema && candidates.len() == 1 && is_named(command);
    let mut found = futures::stream::iter(candidates)
        .map(move |(schema, name)| Table::look_up(schema, name, include_schema))
        .buffered(LOOKUPS);
    while let Some(looked_up) = found.next().await {
        let table = match looked_up {
            Ok(table) => table,
            Err(broken) if alone => return Err(broken.error()),
            Err(broken) => Some(broken.without_columns()),
        };
        if let Some(table) = table.filter(|it| it.kind.is_wanted(&command.table_types)) {
            table.append_to(&mut rows, wire)?;
        }
    }
    Ok(rows.build()?)
}

/// Whether the command's pattern for tables names one.
fn is_named(command: &CommandGetTables) -> bool {
    command.table_name_filter_pattern.as_ref().is_some_and(|pattern| !pattern.contains('%'))
}

/// The schema of GetTables, which has a fifth column with `include_schema`.
pub fn tables_schema(include_schema: bool) -> SchemaRef {
    rows(include_schema).schema()
}

/// The answer to GetTableTypes: every type that GetTables may report, in order.
pub fn table_types() -> Result<RecordBatch> {
    let mut rows = CommandGetTableTypes::default().into_builder();
    [Kind::System, Kind::Table, Kind::View].iter().for_each(|kind| rows.append(kind.name()));
    Ok(rows.build()?)
}

/// The schema of GetTableTypes.
pub fn table_types_schema() -> SchemaRef {
    CommandGetTableTypes::default().into_builder().schema()
}

/// An unfiltered builder: Arrow's LIKE is not ours (see `pattern`), nor is its match of types.
fn rows(include_schema: bool) -> GetTablesBuilder {
    CommandGetTables { include_schema, ..Default::default() }.into_builder()
}

/// The tables whose names the command asks for.
fn candidates(view: &CatalogView, command: &CommandGetTables) -> Vec<(Arc<SchemaEntry>, String)> {
    let schema_names = Pattern::new(command.db_schema_filter_pattern.as_deref());
    let table_names = Pattern::new(command.table_name_filter_pattern.as_deref());
    let of_schema = |schema: Arc<SchemaEntry>| {
        let names = schema.provider.table_names().into_iter();
        names.filter(|name| table_names.matches(name)).map(move |name| (Arc::clone(&schema), name))
    };
    view.schemas(command.catalog.as_deref())
        .into_iter()
        .filter(|schema| schema_names.matches(&schema.name))
        .flat_map(|schema| of_schema(Arc::new(schema)))
        .collect()
}

/// What a table is to a client.
///
/// The tables of `information_schema` are `SYSTEM TABLE`, not `VIEW` as DataFusion has them:
/// DBeaver folds that type away under "system objects", Tableau and Power BI ask for `TABLE` and
/// `VIEW` and so offer the user's own tables only, and whoever asks for all types has them still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    System,
    Table,
    View,
}

impl Kind {
    fn new(schema: &SchemaEntry, table_type: TableType) -> Self {
        match table_type {
            _ if schema.is_system() => Self::System,
            TableType::View => Self::View,
            // A temporary table is selected from like any other, which is all a tool asks for.
            TableType::Base | TableType::Temporary => Self::Table,
        }
    }

    /// The name JDBC and ODBC have for it. `TABLE`, because Power BI knows no `BASE TABLE`.
    fn name(self) -> &'static str {
        match self {
            Self::System => "SYSTEM TABLE",
            Self::Table => "TABLE",
            Self::View => "VIEW",
        }
    }

    /// Whether a command that asks for the types `wanted` means this one; none means all.
    fn is_wanted(self, wanted: &[String]) -> bool {
        wanted.is_empty() || wanted.iter().any(|name| self.is_called(name.trim()))
    }

    fn is_called(self, name: &str) -> bool {
        // Grafana asks for the name that information_schema has.
        let standard = self == Self::Table && name.eq_ignore_ascii_case("BASE TABLE");
        standard || name.eq_ignore_ascii_case(self.name())
    }
}

/// A table as it is told.
struct Table {
    schema: Arc<SchemaEntry>,
    name: String,
    kind: Kind,
    /// The table's own columns: none if they were not asked for or cannot be read.
    columns: SchemaRef,
    /// Whether statements change its rows, where its columns were asked for.
    is_written: bool,
}

impl Table {
    /// Looks the table up; `None` if it has gone since its name was listed.
    async fn look_up(
        schema: Arc<SchemaEntry>,
        name: String,
        columns: bool,
    ) -> Result<Option<Self>, Broken> {
        let found =
            if columns { with_columns(&schema, &name).await } else { bare(&schema, &name).await };
        match found {
            Ok(Some(Found { table_type, columns, is_written })) => {
                let kind = Kind::new(&schema, table_type);
                Ok(Some(Self { kind, schema, name, columns, is_written }))
            }
            Ok(None) => Ok(None),
            Err(why) => Err(Broken { schema, name, why }),
        }
    }

    fn append_to(&self, rows: &mut GetTablesBuilder, wire: Wire) -> Result<()> {
        let (catalog, schema) = (self.schema.catalog.as_str(), self.schema.name.as_str());
        let table = TableName { catalog, schema, table: &self.name, is_written: self.is_written };
        let columns = describe(&wire.schema(&self.columns), &self.columns, table);
        Ok(rows.append(catalog, schema, &self.name, self.kind.name(), &columns)?)
    }
}

/// A table that cannot be read.
struct Broken {
    schema: Arc<SchemaEntry>,
    name: String,
    why: DataFusionError,
}

impl Broken {
    fn error(self) -> MetadataError {
        MetadataError::Table { name: self.name, why: self.why.into() }
    }

    fn without_columns(self) -> Table {
        let Self { schema, name, why } = self;
        let (catalog, of) = (&schema.catalog, &schema.name);
        warn!(%catalog, schema = %of, table = %name, error = %why, "table is listed without columns");
        let kind = Kind::new(&schema, TableType::Base);
        let columns = SchemaRef::new(Schema::empty());
        Table { kind, schema, name, columns, is_written: false }
    }
}

/// What its catalog says of a table.
struct Found {
    table_type: TableType,
    columns: SchemaRef,
    is_written: bool,
}

async fn with_columns(schema: &SchemaEntry, name: &str) -> DataFusionResult<Option<Found>> {
    let table = schema.provider.table(name).await?;
    Ok(table.map(|it| Found {
        table_type: it.table_type(),
        columns: it.schema(),
        is_written: is_written(it.as_ref()),
    }))
}

/// Only the type, which many catalogs know without opening the table.
async fn bare(schema: &SchemaEntry, name: &str) -> DataFusionResult<Option<Found>> {
    let table_type = schema.provider.table_type(name).await?;
    let columns = SchemaRef::new(Schema::empty());
    Ok(table_type.map(|table_type| Found { table_type, columns, is_written: false }))
}

#[cfg(test)]
mod tests;
