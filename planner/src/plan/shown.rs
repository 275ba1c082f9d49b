//! The statement that makes a table or a view, for SHOW CREATE.
//!
//! A view has the query of its maker. A table of a log is shown as it is now, with what ALTER TABLE has made of it: its columns,
//! what tells its files apart, what is said of it, and the keys that it is declared to have.

use std::collections::BTreeMap;

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::ResolvedTableReference;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::{RESERVED_FOR_COLUMN_ALIAS, RESERVED_FOR_TABLE_ALIAS};
use datafusion::sql::sqlparser::parser::Parser;

use crate::catalog::delta::DeltaScan;
use crate::catalog::{COMMENT, Entry, External, Key, KeyKind, text_length};
use crate::statement::known_property;
use crate::wire_schema::sql_name;

/// A view of this query.
pub(super) fn view(name: &ResolvedTableReference, columns: &Schema, query: &str) -> String {
    let columns: Vec<_> = columns.fields().iter().map(|field| quoted(field.name())).collect();
    format!("CREATE VIEW {} ({}) AS {query}", full(name), columns.join(", "))
}

/// Files that are somewhere.
pub(super) fn external(name: &ResolvedTableReference, of: &External) -> String {
    let format = of.format.to_uppercase();
    let mut statement = format!(
        "CREATE EXTERNAL TABLE {} STORED AS {format} LOCATION {}",
        full(name),
        text(&of.location)
    );
    if !of.options.is_empty() {
        let said = of.options.iter().map(|(name, value)| format!("{} {}", text(name), text(value)));
        statement += &format!(" OPTIONS ({})", said.collect::<Vec<_>>().join(", "));
    }
    statement
}

/// A table of a log.
pub(super) fn table(name: &ResolvedTableReference, entry: &Entry, of: &DeltaScan) -> String {
    let snapshot = of.snapshot();
    let columns = snapshot.schema.fields().iter().map(|field| column(field));
    let keys = entry.keys.iter().map(key);
    let parts: Vec<_> = columns.chain(keys).collect();
    let mut statement = format!("CREATE TABLE {} (\n  {}\n)", full(name), parts.join(",\n  "));
    if !snapshot.partition_by.is_empty() {
        statement += &format!("\nPARTITIONED BY ({})", names(&snapshot.partition_by));
    }
    if let Some(comment) = &entry.comment {
        statement += &format!("\nCOMMENT {}", text(comment));
    }
    let all = snapshot.metadata.configuration().iter();
    // Those that every table has are none of its maker's.
    let properties: BTreeMap<_, _> =
        all.filter(|(name, _)| known_property("CREATE TABLE", name).is_ok()).collect();
    if !properties.is_empty() {
        let set = properties.iter().map(|(key, value)| format!("{} = {}", text(key), text(value)));
        statement += &format!("\nTBLPROPERTIES ({})", set.collect::<Vec<_>>().join(", "));
    }
    statement
}

fn column(field: &Field) -> String {
    let data_type = match text_length(field) {
        Some(length) => format!("VARCHAR({length})"),
        None => type_name(field.data_type()),
    };
    let mut column = format!("{} {data_type}", quoted(field.name()));
    if !field.is_nullable() {
        column += " NOT NULL";
    }
    if let Some(comment) = field.metadata().get(COMMENT) {
        column += &format!(" COMMENT {}", text(comment));
    }
    column
}

/// As CREATE TABLE takes it, with what is within.
pub(super) fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::List(item) => format!("ARRAY<{}>", type_name(item.data_type())),
        DataType::Struct(fields) => {
            let field = |field: &std::sync::Arc<Field>| {
                format!("{} {}", quoted(field.name()), type_name(field.data_type()))
            };
            format!("STRUCT<{}>", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| type_name(part.data_type())).collect();
                format!("MAP({})", parts.join(", "))
            }
            other => type_name(other),
        },
        other => sql_name(other),
    }
}

fn key(key: &Key) -> String {
    let kind = match &key.kind {
        KeyKind::Primary => format!("PRIMARY KEY ({})", names(&key.columns)),
        KeyKind::Unique => format!("UNIQUE ({})", names(&key.columns)),
        KeyKind::Foreign(to) => format!(
            "FOREIGN KEY ({}) REFERENCES {}.{} ({})",
            names(&key.columns),
            quoted(&to.schema),
            quoted(&to.table),
            names(&to.columns)
        ),
    };
    format!("CONSTRAINT {} {kind} NOT ENFORCED", quoted(&key.name))
}

fn names(columns: &[String]) -> String {
    columns.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
}

fn full(name: &ResolvedTableReference) -> String {
    format!("{}.{}", quoted(&name.schema), quoted(&name.table))
}

fn text(of: &str) -> String {
    format!("'{}'", of.replace('\'', "''"))
}

/// Whether it is a name wherever names are, and no word of the language.
fn is_read(name: &str) -> bool {
    let mut words = RESERVED_FOR_COLUMN_ALIAS.iter().chain(RESERVED_FOR_TABLE_ALIAS);
    if words.any(|word| format!("{word:?}").eq_ignore_ascii_case(name)) {
        return false;
    }
    let table =
        format!("CREATE TABLE {name}.{name} ({name} INT, CONSTRAINT {name} UNIQUE ({name}))");
    let query = format!("SELECT {name} FROM {name}.{name}");
    let Ok(parsed) = Parser::parse_sql(&GenericDialect {}, &format!("{table}; {query}")) else {
        return false;
    };
    parsed.iter().map(ToString::to_string).eq([table, query])
}

/// As SQL takes it.
fn quoted(name: &str) -> String {
    let is_plain = name.starts_with(|letter: char| letter.is_ascii_lowercase())
        && name
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
    match is_plain && is_read(name) {
        true => name.to_owned(),
        false => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_where_they_must_be() {
        assert_eq!(["a_1", "A", "a b", "1"].map(quoted), ["a_1", "\"A\"", "\"a b\"", "\"1\""]);
        for word in ["primary", "check", "unique", "constraint", "select", "from"] {
            assert_eq!(quoted(word), format!("\"{word}\""));
        }
        assert_eq!(
            ["id", "name", "comment", "year"].map(quoted),
            ["id", "name", "comment", "year"]
        );
    }
}
