//! What a table's columns say about themselves: field metadata of `table_schema`.
//!
//! JDBC's getColumns, ODBC's SQLColumns and ADBC's GetObjects are made from it. ODBC dereferences
//! it without a check, so every column has it. Numbers are decimal text, flags are `1` and `0`.

use std::collections::HashMap;

use datafusion::arrow::datatypes::{Field, Schema};

use super::types::{is_case_sensitive, sql_type};
use crate::flight::sql_info::READ_ONLY;

const TYPE_NAME: &str = "ARROW:FLIGHT:SQL:TYPE_NAME";
const PRECISION: &str = "ARROW:FLIGHT:SQL:PRECISION";
const SCALE: &str = "ARROW:FLIGHT:SQL:SCALE";
const CATALOG_NAME: &str = "ARROW:FLIGHT:SQL:CATALOG_NAME";
/// What every implementation reads, in C++, Java and Go.
const SCHEMA_NAME: &str = "ARROW:FLIGHT:SQL:SCHEMA_NAME";
/// What `FlightSql.proto` calls it.
const DB_SCHEMA_NAME: &str = "ARROW:FLIGHT:SQL:DB_SCHEMA_NAME";
const TABLE_NAME: &str = "ARROW:FLIGHT:SQL:TABLE_NAME";
const IS_AUTO_INCREMENT: &str = "ARROW:FLIGHT:SQL:IS_AUTO_INCREMENT";
const IS_CASE_SENSITIVE: &str = "ARROW:FLIGHT:SQL:IS_CASE_SENSITIVE";
const IS_READ_ONLY: &str = "ARROW:FLIGHT:SQL:IS_READ_ONLY";
const IS_SEARCHABLE: &str = "ARROW:FLIGHT:SQL:IS_SEARCHABLE";
const REMARKS: &str = "ARROW:FLIGHT:SQL:REMARKS";

/// Where Spark, Delta and Hive keep the comment of a column.
const COMMENT: &str = "comment";

/// Full name of the table that the columns belong to.
#[derive(Debug, Clone, Copy)]
pub(super) struct TableName<'a> {
    pub(super) catalog: &'a str,
    pub(super) schema: &'a str,
    pub(super) table: &'a str,
}

/// The columns of `wire` with all that is known of them.
///
/// `source` is the table's own schema, from which comments are taken: they need not survive the
/// way to the wire schema. Metadata of the table as a whole is left out: no driver reads it, and
/// pandas keeps kilobytes of JSON there.
pub(super) fn describe(wire: &Schema, source: &Schema, table: TableName<'_>) -> Schema {
    let fields = wire.fields().iter().enumerate().map(|(index, field)| {
        let remarks = source.fields().get(index).and_then(|it| it.metadata().get(COMMENT));
        describe_column(field, remarks, table)
    });
    Schema::new(fields.collect::<Vec<_>>())
}

fn describe_column(field: &Field, remarks: Option<&String>, table: TableName<'_>) -> Field {
    let flag = |set: bool| if set { "1" } else { "0" };
    let case_sensitive = is_case_sensitive(sql_type(field.data_type()));
    let facts = [
        (CATALOG_NAME, table.catalog),
        (SCHEMA_NAME, table.schema),
        (DB_SCHEMA_NAME, table.schema),
        (TABLE_NAME, table.table),
        (IS_AUTO_INCREMENT, flag(false)),
        (IS_CASE_SENSITIVE, flag(case_sensitive)),
        (IS_READ_ONLY, flag(READ_ONLY)),
        (IS_SEARCHABLE, flag(true)),
    ];
    let facts = facts.into_iter().chain(remarks.map(|text| (REMARKS, text.as_str())));
    let owned = facts.map(|(key, value)| (key.to_string(), value.to_string()));
    extend(with_type_metadata(field), owned)
}

/// The field with the SQL name and the size of its type in its metadata.
///
/// For the columns of results too: without a size ODBC cuts text at 1,024 letters. (Never add
/// remarks to those: JDBC shows them in place of the column's name.)
pub fn with_type_metadata(field: &Field) -> Field {
    let sql = sql_type(field.data_type());
    let facts = [
        (TYPE_NAME, sql.name.to_string()),
        (PRECISION, sql.precision.to_string()),
        (SCALE, sql.scale.to_string()),
    ];
    extend(field.clone(), facts.into_iter().map(|(key, value)| (key.to_string(), value)))
}

fn extend(field: Field, facts: impl Iterator<Item = (String, String)>) -> Field {
    let mut metadata: HashMap<_, _> = field.metadata().clone();
    metadata.extend(facts);
    field.with_metadata(metadata)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::DataType;

    use super::*;

    const TABLE: TableName<'_> = TableName { catalog: "c", schema: "s", table: "t" };

    fn described(field: Field) -> HashMap<String, String> {
        let schema = Schema::new(vec![field]);
        describe(&schema, &schema, TABLE).field(0).metadata().clone()
    }

    #[test]
    fn every_fact_is_there() {
        let found = described(Field::new("price", DataType::Decimal128(15, 2), true));
        let expected = [
            ("TYPE_NAME", "DECIMAL"),
            ("PRECISION", "15"),
            ("SCALE", "2"),
            ("CATALOG_NAME", "c"),
            ("SCHEMA_NAME", "s"),
            ("DB_SCHEMA_NAME", "s"),
            ("TABLE_NAME", "t"),
            ("IS_AUTO_INCREMENT", "0"),
            ("IS_CASE_SENSITIVE", "0"),
            ("IS_READ_ONLY", "1"),
            ("IS_SEARCHABLE", "1"),
        ];
        let expected =
            expected.map(|(key, value)| (format!("ARROW:FLIGHT:SQL:{key}"), value.into()));
        assert_eq!(found, HashMap::from(expected));
    }

    #[test]
    fn text_has_sizes_and_letter_case() {
        let found = described(Field::new("name", DataType::Utf8, true));
        assert_eq!(found[PRECISION], "65536");
        assert_eq!(found[SCALE], "0");
        assert_eq!(found[IS_CASE_SENSITIVE], "1");
    }

    #[test]
    fn a_comment_of_the_source_becomes_remarks() {
        let comment = HashMap::from([("comment".to_string(), "net, in EUR".to_string())]);
        let wire = Schema::new(vec![Field::new("price", DataType::Int32, true)]);
        let source = Schema::new(vec![wire.field(0).clone().with_metadata(comment)]);
        let found = describe(&wire, &source, TABLE);
        assert_eq!(found.field(0).metadata()[REMARKS], "net, in EUR");
    }

    #[test]
    fn a_result_column_has_its_type_and_keeps_its_metadata() {
        let own = HashMap::from([("k".to_string(), "v".to_string())]);
        let field = Field::new("a", DataType::Int64, true).with_metadata(own);
        let found = with_type_metadata(&field);
        assert_eq!(found.metadata()["k"], "v");
        assert_eq!(found.metadata()[TYPE_NAME], "BIGINT");
        assert_eq!(found.metadata().len(), 4);
    }
}
