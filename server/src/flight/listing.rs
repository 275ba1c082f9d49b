//! Tables as flights: every table is a path that can be listed and asked for.

use std::sync::Arc;

use arrow_flight::{FlightDescriptor, FlightInfo};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{CatalogProviderList, SchemaProvider};
use squadron_planner::session::{CATALOG, SCHEMA};
use squadron_planner::wire_schema::Wire;
use tonic::Status;

use super::info;
use super::metadata::described;
use crate::query::{Caller, Queries};

/// Every table of every schema, as `[schema, table]`. A table that cannot be read is left out: its
/// own query says why.
pub async fn flights(queries: &Queries, caller: &Caller) -> Vec<Result<FlightInfo, Status>> {
    let engine = queries.planner().engine();
    engine.refresh_tables().await;
    let session = engine.session(caller.settings.clone());
    let wire = Wire::of(caller.settings.options());
    let catalogs = Arc::clone(session.catalog_list());
    let mut flights = Vec::new();
    for (name, schema) in schemas(catalogs.as_ref()) {
        let mut tables = schema.table_names();
        tables.sort();
        for table in tables {
            if let Some(columns) = columns(schema.as_ref(), &table, wire).await {
                let path = FlightDescriptor::new_path(vec![name.clone(), table]);
                flights.push(info::table(&columns, path));
            }
        }
    }
    flights
}

fn schemas(catalogs: &dyn CatalogProviderList) -> Vec<(String, Arc<dyn SchemaProvider>)> {
    let Some(catalog) = catalogs.catalog(CATALOG) else {
        return Vec::new();
    };
    let mut names = catalog.schema_names();
    names.sort();
    let found = names.into_iter().filter_map(|name| Some((name.clone(), catalog.schema(&name)?)));
    found.collect()
}

async fn columns(schema: &dyn SchemaProvider, table: &str, wire: Wire) -> Option<SchemaRef> {
    match schema.table(table).await {
        Ok(table) => table.map(|table| described(&wire.schema(&table.schema()))),
        Err(error) => {
            tracing::warn!(table, %error, "a table cannot be listed");
            None
        }
    }
}

/// The query that a path stands for: `[table]`, `[schema, table]` or `[catalog, schema, table]`.
///
/// # Errors
/// INVALID_ARGUMENT for any other path.
pub fn select_all(path: &[String]) -> Result<String, Status> {
    let names: [&str; 3] = match path {
        [table] => [CATALOG, SCHEMA, table],
        [schema, table] => [CATALOG, schema, table],
        [catalog, schema, table] => [catalog, schema, table],
        _ => {
            return Err(Status::invalid_argument(
                "a table's path is [table], [schema, table] or [catalog, schema, table]",
            ));
        }
    };
    let quoted = names.map(|name| format!("\"{}\"", name.replace('"', "\"\"")));
    Ok(format!("SELECT * FROM {}", quoted.join(".")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_quoted_name() {
        let path = |names: &[&str]| {
            select_all(&names.iter().map(ToString::to_string).collect::<Vec<_>>()).ok()
        };
        assert_eq!(path(&["t"]).unwrap(), r#"SELECT * FROM "squadron"."public"."t""#);
        assert_eq!(path(&["s", "a\"b"]).unwrap(), r#"SELECT * FROM "squadron"."s"."a""b""#);
        assert_eq!(path(&["c", "s", "t"]).unwrap(), r#"SELECT * FROM "c"."s"."t""#);
        assert!(path(&["a", "b", "c", "d"]).is_none());
    }
}
