//! What a table's columns say about themselves: field metadata of `table_schema`.
//!
//! JDBC's getColumns, ODBC's SQLColumns and ADBC's GetObjects are made from it. ODBC dereferences
//! it without a check, so every column has it. Numbers are decimal text, flags are `1` and `0`.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};

use squadron_planner::catalog::text_length;

use super::types::{is_case_sensitive, sql_type};

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

/// Columns of a result, or of a table, that are described in full: more would be a message of more than the 4 MiB that
/// many clients take, and with one such table they could list none.
const MOST_DESCRIBED: usize = 4_000;

/// Where Spark, Delta and Hive keep the comment of a column.
const COMMENT: &str = "comment";

/// The table that the columns belong to: its full name, and what becomes of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct TableName<'a> {
    pub(super) catalog: &'a str,
    pub(super) schema: &'a str,
    pub(super) table: &'a str,
    /// Whether statements change its rows.
    pub(super) is_written: bool,
}

/// The columns of `wire` with all that is known of them.
///
/// `source` is the table's own schema, from which comments are taken: they need not survive the
/// way to the wire schema. Metadata of the table as a whole is left out: no driver reads it, and
/// pandas keeps kilobytes of JSON there.
pub(super) fn describe(wire: &Schema, source: &Schema, table: TableName<'_>) -> Schema {
    let fields = wire.fields().iter().enumerate().map(|(index, field)| {
        let own = source.fields().get(index);
        let remarks = own.and_then(|it| it.metadata().get(COMMENT));
        let length = own.and_then(|it| text_length(it));
        // A result may have NULLs anywhere, a table has not.
        let nullable = own.is_none_or(|it| it.is_nullable());
        let described = describe_column(field, remarks, table).with_nullable(nullable);
        let length = length.map(|length| (PRECISION.to_owned(), length.to_string()));
        extend(described, length.into_iter())
    });
    let fields: Vec<_> = fields.collect();
    match fields.len() > MOST_DESCRIBED {
        true => Schema::new(fields.into_iter().map(essential).collect::<Vec<_>>()),
        false => Schema::new(fields),
    }
}

/// A column with what a driver cannot do without: of the rest ODBC assumes something, and ADBC asks for none.
fn essential(field: Field) -> Field {
    let mut metadata = field.metadata().clone();
    metadata.retain(|key, _| [TYPE_NAME, PRECISION, SCALE].contains(&key.as_str()));
    field.with_metadata(metadata)
}

fn describe_column(field: &Field, remarks: Option<&String>, table: TableName<'_>) -> Field {
    let facts = [
        (CATALOG_NAME, table.catalog),
        (SCHEMA_NAME, table.schema),
        (DB_SCHEMA_NAME, table.schema),
        (TABLE_NAME, table.table),
    ];
    let read_only = (IS_READ_ONLY, if table.is_written { "0" } else { "1" });
    let remarks = remarks.map(|text| (REMARKS, text.as_str()));
    let facts = facts.into_iter().chain([read_only]).chain(remarks);
    let owned = facts.map(|(key, value)| (key.to_string(), value.to_string()));
    extend(with_type_metadata(field), owned)
}

/// The columns of a result with what is known of their types: FlightInfo, GetSchema, Prepare and DoGet tell it.
pub fn described(schema: &Schema) -> SchemaRef {
    let fields = schema.fields();
    if fields.len() > MOST_DESCRIBED {
        return Arc::new(schema.clone());
    }
    let fields = fields.iter().map(|field| with_type_metadata(field));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The field with the SQL name and the size of its type in its metadata, and what can be done with it.
///
/// For the columns of results too: without a size ODBC cuts text at 1,024 letters, and JDBC says DECIMAL(0, 0).
/// (Never add remarks to those: JDBC shows them in place of the column's name.)
fn with_type_metadata(field: &Field) -> Field {
    let sql = sql_type(field.data_type());
    let flag = |set: bool| if set { "1" } else { "0" }.to_string();
    let facts = [
        (TYPE_NAME, sql.name.to_string()),
        (PRECISION, sql.precision.to_string()),
        (SCALE, sql.scale.to_string()),
        (IS_AUTO_INCREMENT, flag(false)),
        (IS_CASE_SENSITIVE, flag(is_case_sensitive(sql))),
        // Results are: rows change by statements. A table says more (`describe`).
        (IS_READ_ONLY, flag(true)),
        (IS_SEARCHABLE, flag(true)),
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

    const TABLE: TableName<'_> =
        TableName { catalog: "c", schema: "s", table: "t", is_written: false };

    fn of_table(field: Field) -> HashMap<String, String> {
        let schema = Schema::new(vec![field]);
        describe(&schema, &schema, TABLE).field(0).metadata().clone()
    }

    #[test]
    fn every_fact_is_there() {
        let found = of_table(Field::new("price", DataType::Decimal128(15, 2), true));
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
    fn columns_of_a_table_that_statements_write_are_not_read_only() {
        let schema = Schema::new(vec![Field::new("a", DataType::Int64, true)]);
        let written = describe(&schema, &schema, TableName { is_written: true, ..TABLE });
        assert_eq!(written.field(0).metadata()[IS_READ_ONLY], "0");
    }

    #[test]
    fn text_has_sizes_and_letter_case() {
        let found = of_table(Field::new("name", DataType::Utf8, true));
        assert_eq!(found[PRECISION], "65536");
        assert_eq!(found[SCALE], "0");
        assert_eq!(found[IS_CASE_SENSITIVE], "1");
    }

    #[test]
    fn a_text_of_a_length_has_that() {
        let length = ("__CHAR_VARCHAR_TYPE_STRING".to_string(), "varchar(20)".to_string());
        let field = Field::new("name", DataType::Utf8View, true);
        let found = of_table(field.with_metadata(HashMap::from([length])));
        assert_eq!(found[PRECISION], "20");
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
        assert_eq!(found.metadata().len(), 8);
    }

    #[test]
    fn a_result_is_described_without_remarks() {
        let comment = HashMap::from([("comment".to_string(), "net".to_string())]);
        let price = Field::new("price", DataType::Decimal128(15, 2), true).with_metadata(comment);
        let found = described(&Schema::new(vec![price]));
        let found = found.field(0).metadata();
        assert_eq!((found[PRECISION].as_str(), found[SCALE].as_str()), ("15", "2"));
        assert_eq!(found[IS_SEARCHABLE], "1");
        assert!(!found.contains_key(REMARKS));
    }

    #[test]
    fn a_result_of_very_many_columns_stays_readable() {
        let field = Arc::new(Field::new("a", DataType::Int64, true));
        let wide = Schema::new(vec![field; MOST_DESCRIBED + 1]);
        assert_eq!(*described(&wide), wide);
    }

    #[test]
    fn a_table_of_very_many_columns_tells_their_types() {
        let field = Arc::new(Field::new("price", DataType::Decimal128(15, 2), true));
        let wide = Schema::new(vec![field; MOST_DESCRIBED + 1]);
        let found = describe(&wide, &wide, TABLE);
        let found = found.field(MOST_DESCRIBED).metadata();
        assert_eq!((found[TYPE_NAME].as_str(), found.len()), ("DECIMAL", 3));
    }

    #[test]
    fn a_tables_column_may_be_null_where_the_table_says_so() {
        let source = Schema::new(vec![
            Field::new("a", DataType::Int64, false),
            Field::new("b", DataType::Int64, true),
        ]);
        let wire = squadron_planner::wire_schema::wire_schema(&source);
        let found = describe(&wire, &source, TABLE);
        assert_eq!((found.field(0).is_nullable(), found.field(1).is_nullable()), (false, true));
    }
}
