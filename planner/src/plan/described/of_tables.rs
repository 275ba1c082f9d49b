//! What Spark's SHOW PARTITIONS, SHOW TBLPROPERTIES and DESCRIBE EXTENDED tell of a table.
//!
//! A statement of that dialect comes here as a SHOW of a setting that has one of these names (`statement/spark/ddl.rs`).

use std::collections::BTreeSet;

use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast::{Ident, ObjectName, Statement as SqlStatement};

use super::super::shown::type_name;
use super::{found, reference, rows};
use crate::catalog::delta::{DeltaScan, Snapshot};
use crate::wire_schema::Wire;
use crate::{PlannerError, Result};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Partitions,
    Properties,
    Extended,
}

/// What a statement asks for, and of which table.
pub(super) fn asked(statement: &SqlStatement) -> Option<(Asked, ObjectName)> {
    let SqlStatement::ShowVariable { variable } = statement else { return None };
    let (what, name) = variable.split_first()?;
    let what = match what.value.as_str() {
        "spark: partitions" => Asked::Partitions,
        "spark: properties" => Asked::Properties,
        "spark: extended" => Asked::Extended,
        _ => return None,
    };
    let parts: Vec<Ident> = name.to_vec();
    (!parts.is_empty()).then(|| (what, ObjectName::from(parts)))
}

/// # Errors
/// `NotFound` for a name that nothing has, `Unsupported` for what has none of it.
pub(super) async fn told(
    state: &SessionState,
    what: Asked,
    name: &ObjectName,
) -> Result<LogicalPlan> {
    let (name, table, _) = found(state, reference(name)).await?;
    let snapshot = table.downcast_ref::<DeltaScan>().map(|scan| scan.snapshot());
    match (what, snapshot) {
        (Asked::Partitions, Some(snapshot)) if !snapshot.partition_by.is_empty() => {
            rows([("partition", partitions(snapshot))])
        }
        (Asked::Partitions, _) => Err(PlannerError::Invalid(format!(
            "SHOW PARTITIONS: '{}' is no table that is PARTITIONED BY columns",
            name.table
        ))),
        (Asked::Properties, Some(snapshot)) => {
            let (keys, values) = properties(snapshot).into_iter().unzip();
            rows([("key", keys), ("value", values)])
        }
        (Asked::Properties, None) => Err(PlannerError::Unsupported(format!(
            "SHOW TBLPROPERTIES: '{}' is no Delta table, and has no properties",
            name.table
        ))),
        (Asked::Extended, snapshot) => {
            let told = Wire::of(state.config().options()).schema(&table.schema());
            let mut all: Vec<(String, String)> = told
                .fields()
                .iter()
                .map(|field| (field.name().clone(), type_name(field.data_type())))
                .collect();
            let kind = match (table.get_table_definition(), snapshot) {
                (Some(_), _) => "view",
                (None, Some(_)) => "delta",
                (None, None) => "files",
            };
            all.push((String::new(), String::new()));
            let mut more = |key: &str, value: String| all.push((key.to_owned(), value));
            more("# Detailed Table Information", String::new());
            more("Catalog", name.catalog.to_string());
            more("Database", name.schema.to_string());
            more("Table", name.table.to_string());
            more("Provider", kind.to_owned());
            if let Some(query) = table.get_table_definition() {
                more("View Text", query.to_owned());
            }
            if let Some(snapshot) = snapshot {
                more("Version", snapshot.version.to_string());
                more("Partition Columns", snapshot.partition_by.join(", "));
                more("Comment", snapshot.metadata.description().unwrap_or_default().to_owned());
                let shown = properties(snapshot).into_iter();
                let shown: Vec<_> = shown.map(|(key, value)| format!("{key}={value}")).collect();
                more("Table Properties", format!("[{}]", shown.join(",")));
            }
            let (names, types) = all.into_iter().unzip();
            rows([("col_name", names), ("data_type", types)])
        }
    }
}

/// Those that files of the table have, as Spark writes them.
fn partitions(snapshot: &Snapshot) -> Vec<String> {
    let of_file = |values: &std::collections::HashMap<String, Option<String>>| {
        let parts = snapshot.partition_by.iter().map(|column| {
            let value = values.get(column).cloned().flatten();
            format!("{column}={}", value.as_deref().unwrap_or("__HIVE_DEFAULT_PARTITION__"))
        });
        parts.collect::<Vec<_>>().join("/")
    };
    let all: BTreeSet<_> = snapshot.files.values().map(|file| of_file(&file.values)).collect();
    all.into_iter().collect()
}

fn properties(snapshot: &Snapshot) -> Vec<(String, String)> {
    let mut all: Vec<_> = snapshot
        .metadata
        .configuration()
        .iter()
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    all.sort();
    all
}
