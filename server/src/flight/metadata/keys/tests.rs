//! Of keys that are given: what is asked for, and in which order.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int32Type;
use squadron_planner::catalog::{Key, Reference};

use super::*;

fn key(table: &str, name: &str, columns: &[&str], kind: KeyKind) -> DeclaredKey {
    let columns = columns.iter().map(|name| (*name).to_owned()).collect();
    DeclaredKey {
        catalog: "lake".into(),
        schema: "main".into(),
        table: table.into(),
        key: Key { name: name.into(), columns, kind },
        referred: None,
    }
}

fn foreign(table: &str, name: &str, columns: &[&str], to: &DeclaredKey) -> DeclaredKey {
    let reference = Reference {
        schema: to.schema.clone(),
        table: to.table.clone(),
        columns: to.key.columns.clone(),
    };
    let referred = Some(to.key.clone());
    DeclaredKey { referred, ..key(table, name, columns, KeyKind::Foreign(reference)) }
}

/// Orders with a key of two columns, which lines refer to, and returns twice.
fn declared() -> Vec<DeclaredKey> {
    let orders = key("orders", "orders_pk", &["year", "number"], KeyKind::Primary);
    let lines = foreign("lines", "lines_fk", &["year", "number"], &orders);
    let back = foreign("returns", "back_fk", &["year", "number"], &orders);
    let anew = foreign("returns", "anew_fk", &["new_year", "new_number"], &orders);
    let unique = key("orders", "orders_key", &["code"], KeyKind::Unique);
    vec![lines, orders, unique, anew, back]
}

fn named(table: &str) -> (Option<String>, Option<String>, String) {
    (Some("lake".into()), Some("main".into()), table.into())
}

fn imported(table: &str) -> RecordBatch {
    let (catalog, db_schema, table) = named(table);
    imported_keys(&declared(), &CommandGetImportedKeys { catalog, db_schema, table }).unwrap()
}

fn exported(table: &str) -> RecordBatch {
    let (catalog, db_schema, table) = named(table);
    exported_keys(&declared(), &CommandGetExportedKeys { catalog, db_schema, table }).unwrap()
}

/// Some columns of an answer, each row joined by dots.
fn shown(batch: &RecordBatch, columns: &[&str]) -> Vec<String> {
    let cell = |row: usize| {
        move |name: &&str| {
            let column = batch.column_by_name(name).unwrap();
            match column.as_string_opt::<i32>() {
                Some(texts) => texts.value(row).to_owned(),
                None => column.as_primitive::<Int32Type>().value(row).to_string(),
            }
        }
    };
    let row = |row| columns.iter().map(cell(row)).collect::<Vec<_>>().join(".");
    (0..batch.num_rows()).map(row).collect()
}

#[test]
fn primary_keys_are_those_of_the_table_alone() {
    let (catalog, db_schema, table) = named("orders");
    let command = CommandGetPrimaryKeys { catalog, db_schema, table };
    let answer = primary_keys(&declared(), &command).unwrap();
    let columns =
        ["catalog_name", "db_schema_name", "table_name", "column_name", "key_sequence", "key_name"];
    let expected = ["lake.main.orders.year.1.orders_pk", "lake.main.orders.number.2.orders_pk"];
    assert_eq!(shown(&answer, &columns), expected);
}

#[test]
fn names_narrow_where_they_are_given() {
    for (catalog, db_schema, rows) in [
        (None, None, 2),
        (Some("lake"), None, 2),
        (None, Some("main"), 2),
        (Some(""), None, 0),
        (None, Some(""), 0),
        (None, Some("ma%"), 0),
        (Some("attic"), Some("main"), 0),
    ] {
        let (catalog, db_schema) = (catalog.map(str::to_owned), db_schema.map(str::to_owned));
        let command = CommandGetPrimaryKeys { catalog, db_schema, table: "orders".into() };
        assert_eq!(primary_keys(&declared(), &command).unwrap().num_rows(), rows, "{command:?}");
    }
}

#[test]
fn what_is_imported_is_ordered_by_what_it_refers_to() {
    let columns =
        ["pk_key_name", "key_sequence", "pk_column_name", "fk_key_name", "fk_column_name"];
    let expected = [
        "orders_pk.1.year.anew_fk.new_year",
        "orders_pk.1.year.back_fk.year",
        "orders_pk.2.number.anew_fk.new_number",
        "orders_pk.2.number.back_fk.number",
    ];
    assert_eq!(shown(&imported("returns"), &columns), expected);
}

#[test]
fn what_is_exported_is_ordered_by_what_refers_to_it() {
    let columns = ["fk_table_name", "fk_key_name", "key_sequence"];
    let expected = [
        "lines.lines_fk.1",
        "lines.lines_fk.2",
        "returns.anew_fk.1",
        "returns.anew_fk.2",
        "returns.back_fk.1",
        "returns.back_fk.2",
    ];
    assert_eq!(shown(&exported("orders"), &columns), expected);
    assert_eq!(exported("lines").num_rows(), 0);
}

#[test]
fn a_cross_reference_is_between_two_tables() {
    let command = |pk: &str, fk: &str| CommandGetCrossReference {
        pk_table: pk.into(),
        fk_table: fk.into(),
        ..Default::default()
    };
    let answer = cross_reference(&declared(), &command("orders", "lines")).unwrap();
    let columns = ["pk_table_name", "fk_table_name", "key_sequence"];
    assert_eq!(shown(&answer, &columns), ["orders.lines.1", "orders.lines.2"]);
    assert_eq!(cross_reference(&declared(), &command("lines", "orders")).unwrap().num_rows(), 0);
}

#[test]
fn nothing_is_done_when_a_row_is_changed() {
    let answer = imported("lines");
    for rule in ["update_rule", "delete_rule"] {
        let rules = answer.column_by_name(rule).unwrap();
        let rules = rules.as_primitive::<datafusion::arrow::datatypes::UInt8Type>();
        assert_eq!(rules.values(), &[NO_ACTION; 2]);
    }
}

#[test]
fn what_has_no_keys_answers_without_rows_in_the_promised_schema() {
    assert_eq!(imported("orders"), RecordBatch::new_empty(foreign_keys_schema()));
    let none = CommandGetPrimaryKeys { table: "lines".into(), ..Default::default() };
    let answer = primary_keys(&declared(), &none).unwrap();
    assert_eq!(answer, RecordBatch::new_empty(primary_keys_schema()));
}
