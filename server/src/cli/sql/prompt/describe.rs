//! `\d`: the tables of the server, and the columns of one of them.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use parking_lot::RwLock;

use super::completion::Names;
use crate::cli::sql::failure::SqlError;
use crate::cli::sql::output::draw;
use crate::cli::sql::runner::Runner;

/// Lists every table, and takes the list for completion too.
pub(super) async fn tables(runner: &Runner, names: &RwLock<Names>) -> Result<(), SqlError> {
    let tables = Names::new(runner.client.tables().await?);
    let rows = tables.tables.iter().map(|table| {
        let schema = table.schema.clone().unwrap_or_default();
        let columns = table.columns.fields().len().to_string();
        [schema, table.name.clone(), table.kind.clone(), columns]
    });
    show(runner, ["schema", "table", "type", "columns"], rows);
    *names.write() = tables;
    Ok(())
}

/// Shows the columns of the table called `name`.
pub(super) async fn table(
    runner: &Runner,
    names: &RwLock<Names>,
    name: &str,
) -> Result<(), SqlError> {
    let tables = Names::new(runner.client.tables().await?);
    let Some(table) = tables.find(name) else {
        return Err(SqlError::Usage(format!("there is no table {name}; \\d lists them")));
    };
    let rows = table.columns.fields().iter().map(|field| {
        let null = if field.is_nullable() { "" } else { "not null" };
        [field.name().clone(), field.data_type().to_string(), null.to_owned()]
    });
    show(runner, ["column", "type", "null"], rows);
    *names.write() = tables;
    Ok(())
}

fn show<const N: usize>(
    runner: &Runner,
    titles: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) {
    let rows: Vec<_> = rows.collect();
    let columns = titles.into_iter().enumerate().map(|(at, title)| {
        let column = rows.iter().map(|row| Some(row[at].as_str())).collect::<StringArray>();
        (title, Arc::new(column) as ArrayRef)
    });
    let table = RecordBatch::try_from_iter(columns).and_then(|table| draw(&[table]));
    runner.console.print(&table.unwrap_or_else(|error| error.to_string()));
}
