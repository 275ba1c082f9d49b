//! Types by the names that SQL has for them, wherever a statement says one: in a cast, a column or within another type.
//!
//! Problem: DataFusion 55 has no MAP, knows bytes as BYTEA alone, takes FLOAT(53), which is a DOUBLE, for a REAL, and counts
//! the nanoseconds of TIMESTAMP, which end in 2262. Official way: a `TypePlanner`. Here: such a one, by the list of names that
//! casts have (`statement/types.rs`); TIMESTAMP has microseconds, as in the standard, PostgreSQL, DuckDB and Spark.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::config::ConfigOptions;
use datafusion::common::{Result, TableReference, not_impl_err, plan_err};
use datafusion::logical_expr::planner::{ContextProvider, TypePlanner};
use datafusion::logical_expr::{AggregateUDF, HigherOrderUDF, ScalarUDF, TableSource, WindowUDF};
use datafusion::sql::planner::SqlToRel;
use datafusion::sql::sqlparser::ast::{
    ColumnDef, DataType as SqlType, Ident, TimezoneInfo as Zone,
};

use crate::statement::types::same;

/// Plans them.
#[derive(Debug)]
pub(super) struct Types;

impl TypePlanner for Types {
    fn plan_type_field(&self, sql_type: &SqlType) -> Result<Option<FieldRef>> {
        let planned = match sql_type {
            SqlType::Map(key, value) => map(key, value)?,
            // With a zone it is the session's, which is not known here: `statement/types.rs`.
            SqlType::Timestamp(None, none @ (Zone::None | Zone::WithoutTimeZone)) => {
                one(&SqlType::Timestamp(Some(MICROSECONDS), *none))?
            }
            other => match same(other) {
                Some(same) => one(&same)?,
                None => return Ok(None),
            },
        };
        Ok(Some(Arc::new(Field::new("", planned, true))))
    }
}

/// Digits of a second that TIMESTAMP has where it says none.
const MICROSECONDS: u64 = 6;

fn one(of: &SqlType) -> Result<DataType> {
    Ok(planned(&[("x", of)])?.field(0).data_type().clone())
}

fn map(key: &SqlType, value: &SqlType) -> Result<DataType> {
    let parts = planned(&[("key", key), ("value", value)])?;
    let [key, value] = parts.fields().as_ref() else { return plan_err!("a map of no pairs") };
    let key = key.as_ref().clone().with_nullable(false);
    let pair = DataType::Struct([Arc::new(key), Arc::clone(value)].into());
    Ok(DataType::Map(Arc::new(Field::new("entries", pair, false)), false))
}

/// Columns of these types.
fn planned(columns: &[(&str, &SqlType)]) -> Result<Schema> {
    let column = |(name, data_type): &(&str, &SqlType)| ColumnDef {
        name: Ident::new(*name),
        data_type: (*data_type).clone(),
        options: Vec::new(),
    };
    SqlToRel::new(&Nothing::default()).build_schema(columns.iter().map(column).collect())
}

/// What a planner knows that plans nothing but types.
#[derive(Default)]
struct Nothing(ConfigOptions);

impl ContextProvider for Nothing {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        not_impl_err!("table {name} in a type")
    }

    fn get_type_planner(&self) -> Option<Arc<dyn TypePlanner>> {
        Some(Arc::new(Types))
    }

    fn get_function_meta(&self, _: &str) -> Option<Arc<ScalarUDF>> {
        None
    }

    fn get_higher_order_meta(&self, _: &str) -> Option<Arc<HigherOrderUDF>> {
        None
    }

    fn get_aggregate_meta(&self, _: &str) -> Option<Arc<AggregateUDF>> {
        None
    }

    fn get_window_meta(&self, _: &str) -> Option<Arc<WindowUDF>> {
        None
    }

    fn get_variable_type(&self, _: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        &self.0
    }

    fn udf_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udaf_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udwf_names(&self) -> Vec<String> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use datafusion::execution::SessionStateBuilder;
    use datafusion::prelude::SessionContext;

    use super::*;

    #[tokio::test]
    async fn columns_have_the_types_that_their_names_stand_for() {
        let state = SessionStateBuilder::new_with_default_features()
            .with_type_planner(Arc::new(Types))
            .build();
        let context = SessionContext::new_with_state(state);
        for (given, expected) in [
            ("VARBINARY", "Binary"),
            ("BLOB", "Binary"),
            ("FLOAT(53)", "Float64"),
            ("FLOAT(24)", "Float32"),
            ("FLOAT", "Float32"),
            ("TIMESTAMP", "Timestamp(µs)"),
            ("DATETIME", "Timestamp(µs)"),
            ("TIMESTAMP(9)", "Timestamp(ns)"),
            ("ARRAY<TIMESTAMP>", "List(Timestamp(µs))"),
            (
                "MAP(VARCHAR, INT)",
                r#"Map("entries": non-null Struct("key": non-null Utf8View, "value": Int32), unsorted)"#,
            ),
            ("ARRAY<BLOB>", "List(Binary)"),
            ("STRUCT<a BLOB>", r#"Struct("a": Binary)"#),
        ] {
            let sql = format!("CREATE TABLE t (a {given})");
            context.sql(&sql).await.unwrap_or_else(|error| panic!("{given}: {error}"));
            let table = context.table("t").await.unwrap();
            assert_eq!(table.schema().field(0).data_type().to_string(), expected, "{given}");
            context.sql("DROP TABLE t").await.unwrap();
        }
    }
}
