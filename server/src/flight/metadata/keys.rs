//! Primary and foreign keys: none, said in the exact shape of the spec.
//!
//! Tools ask for keys unasked (Tableau and SQLAlchemy for every table) and take an error for a
//! broken server, so these answer from the first day. They become real with catalogs that know
//! constraints.

use std::sync::Arc;

use arrow_flight::sql::{
    CommandGetCrossReference, CommandGetExportedKeys, CommandGetImportedKeys, CommandGetPrimaryKeys,
};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};

/// The answer to GetPrimaryKeys: no rows.
pub fn primary_keys(_: &CommandGetPrimaryKeys) -> RecordBatch {
    RecordBatch::new_empty(primary_keys_schema())
}

/// The answer to GetImportedKeys: no rows.
pub fn imported_keys(_: &CommandGetImportedKeys) -> RecordBatch {
    RecordBatch::new_empty(foreign_keys_schema())
}

/// The answer to GetExportedKeys: no rows.
pub fn exported_keys(_: &CommandGetExportedKeys) -> RecordBatch {
    RecordBatch::new_empty(foreign_keys_schema())
}

/// The answer to GetCrossReference: no rows.
pub fn cross_reference(_: &CommandGetCrossReference) -> RecordBatch {
    RecordBatch::new_empty(foreign_keys_schema())
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
mod tests {
    use super::*;

    #[test]
    fn keys_answer_with_no_rows_in_the_promised_schema() {
        let table = || "t".to_string();
        let primary = CommandGetPrimaryKeys { table: table(), ..Default::default() };
        assert_eq!(primary_keys(&primary), RecordBatch::new_empty(primary_keys_schema()));

        let imported = CommandGetImportedKeys { table: table(), ..Default::default() };
        let exported = CommandGetExportedKeys { table: table(), ..Default::default() };
        let cross = CommandGetCrossReference { pk_table: table(), ..Default::default() };
        let none = RecordBatch::new_empty(foreign_keys_schema());
        assert_eq!(imported_keys(&imported), none);
        assert_eq!(exported_keys(&exported), none);
        assert_eq!(cross_reference(&cross), none);
    }
}
