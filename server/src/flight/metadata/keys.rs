//! Primary and foreign keys, as tables are declared to have them.
//!
//! Tools ask for keys unasked (Tableau and SQLAlchemy for every table) and take an error for a
//! broken server: a table without any has an answer without rows. Names are compared as they are,
//! `""` means "without a catalog", or schema, and there are none.

use std::sync::Arc;

use arrow_flight::sql::{
    CommandGetCrossReference, CommandGetExportedKeys, CommandGetImportedKeys, CommandGetPrimaryKeys,
};
use datafusion::arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray, UInt8Array};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use squadron_planner::catalog::{DeclaredKey, KeyKind};

use super::Result;

/// NO ACTION, as the spec numbers it.
const NO_ACTION: u8 = 3;

/// The answer to GetPrimaryKeys: a row for each column of the keys, ordered by catalog, schema, table, name and place.
///
/// # Errors
/// That of encoding.
pub fn primary_keys(
    declared: &[DeclaredKey],
    command: &CommandGetPrimaryKeys,
) -> Result<RecordBatch> {
    let wanted = Wanted {
        catalog: command.catalog.as_deref(),
        schema: command.db_schema.as_deref(),
        table: &command.table,
    };
    let of = |key: &&DeclaredKey| {
        key.key.kind == KeyKind::Primary && wanted.is(&key.catalog, &key.schema, &key.table)
    };
    let columns = declared.iter().filter(of).flat_map(|key| {
        let columns = key.key.columns.iter().zip(1..);
        columns.map(move |(column, place)| (key, column.as_str(), place))
    });
    let columns: Vec<_> = columns.collect();
    let text = |of: fn(&DeclaredKey) -> &str| texts(columns.iter().map(|(key, _, _)| of(key)));
    let answer = RecordBatch::try_new(
        primary_keys_schema(),
        vec![
            text(|key| &key.catalog),
            text(|key| &key.schema),
            text(|key| &key.table),
            texts(columns.iter().map(|(_, column, _)| *column)),
            Arc::new(Int32Array::from_iter_values(columns.iter().map(|(_, _, place)| *place))),
            text(|key| &key.key.name),
        ],
    );
    Ok(answer?)
}

/// The answer to GetImportedKeys: what a table refers to, ordered by that.
///
/// # Errors
/// That of encoding.
pub fn imported_keys(
    declared: &[DeclaredKey],
    command: &CommandGetImportedKeys,
) -> Result<RecordBatch> {
    let wanted = Wanted {
        catalog: command.catalog.as_deref(),
        schema: command.db_schema.as_deref(),
        table: &command.table,
    };
    foreign_keys(
        declared,
        |row| row.referred(),
        |row| wanted.is(&row.key.catalog, &row.key.schema, &row.key.table),
    )
}

/// The answer to GetExportedKeys: what refers to a table, ordered by that.
///
/// # Errors
/// That of encoding.
pub fn exported_keys(
    declared: &[DeclaredKey],
    command: &CommandGetExportedKeys,
) -> Result<RecordBatch> {
    let wanted = Wanted {
        catalog: command.catalog.as_deref(),
        schema: command.db_schema.as_deref(),
        table: &command.table,
    };
    foreign_keys(
        declared,
        |row| row.referring(),
        |row| wanted.is(&row.key.catalog, row.schema, row.table),
    )
}

/// The answer to GetCrossReference: what one table refers to of another, ordered by that.
///
/// # Errors
/// That of encoding.
pub fn cross_reference(
    declared: &[DeclaredKey],
    command: &CommandGetCrossReference,
) -> Result<RecordBatch> {
    let referred = Wanted {
        catalog: command.pk_catalog.as_deref(),
        schema: command.pk_db_schema.as_deref(),
        table: &command.pk_table,
    };
    let referring = Wanted {
        catalog: command.fk_catalog.as_deref(),
        schema: command.fk_db_schema.as_deref(),
        table: &command.fk_table,
    };
    foreign_keys(
        declared,
        |row| row.referred(),
        |row| {
            referred.is(&row.key.catalog, row.schema, row.table)
                && referring.is(&row.key.catalog, &row.key.schema, &row.key.table)
        },
    )
}

/// Which table is asked for.
struct Wanted<'c> {
    catalog: Option<&'c str>,
    schema: Option<&'c str>,
    table: &'c str,
}

impl Wanted<'_> {
    fn is(&self, catalog: &str, schema: &str, table: &str) -> bool {
        let among = |wanted: Option<&str>, name: &str| wanted.is_none_or(|wanted| wanted == name);
        among(self.catalog, catalog) && among(self.schema, schema) && self.table == table
    }
}

/// One column of a foreign key, and what it refers to.
struct ReferenceRow<'k> {
    key: &'k DeclaredKey,
    column: &'k str,
    schema: &'k str,
    table: &'k str,
    referred: &'k str,
    place: i32,
}

impl<'k> ReferenceRow<'k> {
    fn all_of(key: &'k DeclaredKey) -> impl Iterator<Item = Self> {
        let reference = key.key.reference().into_iter();
        reference.flat_map(move |to| {
            let columns = key.key.columns.iter().zip(&to.columns).zip(1..);
            columns.map(move |((column, referred), place)| Self {
                key,
                column,
                schema: &to.schema,
                table: &to.table,
                referred,
                place,
            })
        })
    }

    /// The name of the key that it refers to.
    fn referred_name(&self) -> Option<&'k str> {
        self.key.referred.as_ref().map(|key| key.name.as_str())
    }

    /// By the table with the key, as the spec orders what is imported.
    fn referred(&self) -> (&str, &str, &str, Option<&str>, i32) {
        (&self.key.catalog, self.schema, self.table, self.referred_name(), self.place)
    }

    /// By the table that refers to it, as the spec orders what is exported.
    fn referring(&self) -> (&str, &str, &str, Option<&str>, i32) {
        let DeclaredKey { catalog, schema, table, key, .. } = self.key;
        (catalog, schema, table, Some(&key.name), self.place)
    }
}

type Order<'r> = (&'r str, &'r str, &'r str, Option<&'r str>, i32);

fn foreign_keys(
    declared: &[DeclaredKey],
    order: impl for<'r> Fn(&'r ReferenceRow<'_>) -> Order<'r>,
    is_wanted: impl Fn(&ReferenceRow<'_>) -> bool,
) -> Result<RecordBatch> {
    let mut rows: Vec<_> =
        declared.iter().flat_map(ReferenceRow::all_of).filter(|row| is_wanted(row)).collect();
    // Two keys that refer to one stay in the order of their own names.
    rows.sort_by(|one, other| order(one).cmp(&order(other)));
    let text = |of: for<'r> fn(&'r ReferenceRow<'_>) -> &'r str| texts(rows.iter().map(of));
    let rules = || Arc::new(UInt8Array::from(vec![NO_ACTION; rows.len()])) as ArrayRef;
    let answer = RecordBatch::try_new(
        foreign_keys_schema(),
        vec![
            text(|row| &row.key.catalog),
            text(|row| row.schema),
            text(|row| row.table),
            text(|row| row.referred),
            text(|row| &row.key.catalog),
            text(|row| &row.key.schema),
            text(|row| &row.key.table),
            text(|row| row.column),
            Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.place))),
            text(|row| &row.key.key.name),
            Arc::new(StringArray::from_iter(rows.iter().map(ReferenceRow::referred_name))),
            rules(),
            rules(),
        ],
    );
    Ok(answer?)
}

fn texts<'t>(of: impl Iterator<Item = &'t str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(of))
}

/// The schema of GetPrimaryKeys.
///
/// `FlightSql.proto` names the last two columns the other way round; Arrow's C++ and Java servers
/// and clients have had this order from the start, and they are what drivers were tried against.
pub fn primary_keys_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("catalog_name", DataType::Utf8, true),
        Field::new("db_schema_name", DataType::Utf8, true),
        Field::new("table_name", DataType::Utf8, false),
        Field::new("column_name", DataType::Utf8, false),
        Field::new("key_sequence", DataType::Int32, false),
        Field::new("key_name", DataType::Utf8, true),
    ]))
}

/// The schema of GetImportedKeys, GetExportedKeys and GetCrossReference.
pub fn foreign_keys_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("pk_catalog_name", DataType::Utf8, true),
        Field::new("pk_db_schema_name", DataType::Utf8, true),
        Field::new("pk_table_name", DataType::Utf8, false),
        Field::new("pk_column_name", DataType::Utf8, false),
        Field::new("fk_catalog_name", DataType::Utf8, true),
        Field::new("fk_db_schema_name", DataType::Utf8, true),
        Field::new("fk_table_name", DataType::Utf8, false),
        Field::new("fk_column_name", DataType::Utf8, false),
        Field::new("key_sequence", DataType::Int32, false),
        Field::new("fk_key_name", DataType::Utf8, true),
        Field::new("pk_key_name", DataType::Utf8, true),
        Field::new("update_rule", DataType::UInt8, false),
        Field::new("delete_rule", DataType::UInt8, false),
    ]))
}

#[cfg(test)]
mod tests;
