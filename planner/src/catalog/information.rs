//! `information_schema`, as SQL has it and tools read it.
//!
//! Problem: that of DataFusion 55 lists every table as a view, counts columns from 0, names types of Arrow that no result
//! has (`Utf8View`), lists settings by names that SET does not take and functions that are of the engine's inside, and has
//! none of the tables of constraints, which tools read when they look for keys. Official way: none. Here: a schema of our
//! own, whose rows are made when they are read. Functions come from DataFusion's; constraints are the keys that tables are
//! declared to have.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::information_schema::InformationSchemaProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::catalog::{CatalogProviderList, SchemaProvider, TableFunction, TableProvider};
use datafusion::common::Result;
use datafusion::config::ConfigOptions;
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::{TableType, ViewTable, provider_as_source};
use datafusion::execution::{SessionState, TaskContext};
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::prelude::{col, lit};
use std::collections::HashMap;

use crate::session::INNER;
use crate::session::spark::SPARK;

mod constraints;
mod rows;

/// The schema's name.
pub const INFORMATION_SCHEMA: &str = "information_schema";

/// The schema over the catalogs of a session.
#[derive(Debug)]
pub struct InformationSchema {
    of: Arc<Shared>,
    functions: InformationSchemaProvider,
}

/// What its rows are made from.
#[derive(Debug)]
struct Shared {
    catalogs: Arc<dyn CatalogProviderList>,
    options: ConfigOptions,
}

impl InformationSchema {
    /// Over these catalogs, which have no such schema themselves.
    pub fn new(
        catalogs: Arc<dyn CatalogProviderList>,
        options: &ConfigOptions,
        table_functions: HashMap<String, Arc<TableFunction>>,
    ) -> Self {
        let functions = InformationSchemaProvider::new(Arc::clone(&catalogs));
        let functions = functions.with_table_functions(table_functions);
        Self { of: Arc::new(Shared { catalogs, options: options.clone() }), functions }
    }

    /// Over catalogs as a session of this state sees them.
    pub(crate) fn of(state: &SessionState, catalogs: Arc<dyn CatalogProviderList>) -> Self {
        Self::new(catalogs, state.config().options(), state.table_functions().clone())
    }
}

/// Tables whose rows are made here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    CatalogName,
    Columns,
    ConstraintColumns,
    ConstraintTables,
    KeyColumns,
    References,
    Schemata,
    Settings,
    TableConstraints,
    Tables,
    Views,
}

const MADE: [(&str, Made); 11] = [
    ("columns", Made::Columns),
    ("constraint_column_usage", Made::ConstraintColumns),
    ("constraint_table_usage", Made::ConstraintTables),
    ("df_settings", Made::Settings),
    ("information_schema_catalog_name", Made::CatalogName),
    ("key_column_usage", Made::KeyColumns),
    ("referential_constraints", Made::References),
    ("schemata", Made::Schemata),
    ("table_constraints", Made::TableConstraints),
    ("tables", Made::Tables),
    ("views", Made::Views),
];

/// Tables of functions, which DataFusion makes.
const OF_FUNCTIONS: [&str; 2] = ["parameters", "routines"];

/// Tables without rows: nothing has a CHECK or a grant. Columns with a `#` are numbers, those with a `?` may be NULL.
const EMPTY: [(&str, &[&str]); 2] = [
    (
        "check_constraints",
        &["constraint_catalog", "constraint_schema", "constraint_name", "check_clause?"],
    ),
    (
        "table_privileges",
        &[
            "grantor",
            "grantee",
            "table_catalog",
            "table_schema",
            "table_name",
            "privilege_type",
            "is_grantable",
            "with_hierarchy",
        ],
    ),
];

fn schema_of(columns: &[&str]) -> SchemaRef {
    let field = |column: &&str| {
        let name = column.trim_end_matches(['#', '?']);
        let of = if column.contains('#') { DataType::Int64 } else { DataType::Utf8 };
        Field::new(name, of, column.contains('?'))
    };
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

/// Names of all its tables, in order.
fn names() -> Vec<String> {
    let made = MADE.iter().map(|(name, _)| *name);
    let empty = EMPTY.iter().map(|(name, _)| *name);
    let mut names: Vec<_> = made.chain(empty).chain(OF_FUNCTIONS).map(str::to_owned).collect();
    names.sort();
    names
}

#[async_trait]
impl SchemaProvider for InformationSchema {
    fn table_names(&self) -> Vec<String> {
        names()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        // Tools of ODBC write it in capitals, in quotes.
        let name = name.to_lowercase();
        if let Some((_, made)) = MADE.iter().find(|(known, _)| *known == name) {
            let schema = made.schema();
            let rows = Arc::new(Rows { made: *made, schema, of: Arc::clone(&self.of) });
            let schema = Arc::clone(rows.schema());
            return Ok(Some(Arc::new(StreamingTable::try_new(schema, vec![rows])?)));
        }
        if let Some((_, columns)) = EMPTY.iter().find(|(known, _)| *known == name) {
            return Ok(Some(Arc::new(EmptyTable::new(schema_of(columns)))));
        }
        match OF_FUNCTIONS.contains(&name.as_str()) {
            true => self.functions(&name).await,
            false => Ok(None),
        }
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        Ok(self.table_exist(name).then_some(TableType::View))
    }

    fn table_exist(&self, name: &str) -> bool {
        names().contains(&name.to_lowercase())
    }
}

impl InformationSchema {
    /// DataFusion's, without what is of the inside.
    async fn functions(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some(all) = self.functions.table(name).await? else { return Ok(None) };
        let inner = INNER.iter().map(|name| lit(*name)).collect();
        let plan = LogicalPlanBuilder::scan(name, provider_as_source(all), None)?
            .filter(col("specific_name").in_list(inner, true))?
            .filter(col("specific_name").not_like(lit(format!("{SPARK}%"))))?
            .build()?;
        Ok(Some(Arc::new(ViewTable::new(plan, None))))
    }
}

/// The rows of one table.
#[derive(Debug)]
struct Rows {
    made: Made,
    schema: SchemaRef,
    of: Arc<Shared>,
}

impl PartitionStream for Rows {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (made, of) = (self.made, Arc::clone(&self.of));
        let batch = futures::stream::once(async move { made.rows(&of).await });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batch))
    }
}
