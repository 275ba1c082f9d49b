//! The rows of the tables of constraints: the keys that tables are declared to have.

use super::Shared;
use super::rows::{Cell, NONE, Row, number, text};
use crate::catalog::keys::{DeclaredKey, declared_keys};
use crate::catalog::store::KeyKind;

pub(super) const CONSTRAINTS: &[&str] = &[
    "constraint_catalog",
    "constraint_schema",
    "constraint_name",
    "table_catalog",
    "table_schema",
    "table_name",
    "constraint_type",
    "is_deferrable",
    "initially_deferred",
    "enforced",
];

pub(super) const KEY_COLUMNS: &[&str] = &[
    "constraint_catalog",
    "constraint_schema",
    "constraint_name",
    "table_catalog",
    "table_schema",
    "table_name",
    "column_name",
    "ordinal_position#",
    "position_in_unique_constraint#?",
];

pub(super) const REFERENCES: &[&str] = &[
    "constraint_catalog",
    "constraint_schema",
    "constraint_name",
    "unique_constraint_catalog?",
    "unique_constraint_schema?",
    "unique_constraint_name?",
    "match_option",
    "update_rule",
    "delete_rule",
];

pub(super) const OF_COLUMNS: &[&str] = &[
    "table_catalog",
    "table_schema",
    "table_name",
    "column_name",
    "constraint_catalog",
    "constraint_schema",
    "constraint_name",
];

pub(super) const OF_TABLES: &[&str] = &[
    "table_catalog",
    "table_schema",
    "table_name",
    "constraint_catalog",
    "constraint_schema",
    "constraint_name",
];

fn all(of: &Shared) -> Vec<DeclaredKey> {
    declared_keys(of.catalogs.as_ref())
}

/// Its whole name: keys are in the schemas of their tables.
fn named(key: &DeclaredKey) -> [Cell; 3] {
    [text(&key.catalog), text(&key.schema), text(&key.key.name)]
}

fn of_table(key: &DeclaredKey) -> [Cell; 3] {
    [text(&key.catalog), text(&key.schema), text(&key.table)]
}

pub(super) fn constraints(of: &Shared) -> Vec<Row> {
    let row = |key: &DeclaredKey| {
        let kind = match key.key.kind {
            KeyKind::Primary => "PRIMARY KEY",
            KeyKind::Unique => "UNIQUE",
            KeyKind::Foreign(_) => "FOREIGN KEY",
        };
        let mut row = named(key).to_vec();
        row.extend(of_table(key));
        row.extend([kind, "NO", "NO", "NO"].map(text));
        row
    };
    all(of).iter().map(row).collect()
}

pub(super) fn key_columns(of: &Shared) -> Vec<Row> {
    let rows = |key: &DeclaredKey| {
        let row = |(at, column): (usize, &String)| {
            let mut row = named(key).to_vec();
            row.extend(of_table(key));
            row.extend([text(column), number(at + 1), place(key, at)]);
            row
        };
        key.key.columns.iter().enumerate().map(row).collect::<Vec<_>>()
    };
    all(of).iter().flat_map(rows).collect()
}

/// Which column of the key that it refers to a column is.
fn place(key: &DeclaredKey, at: usize) -> Cell {
    let place = || {
        let column = key.key.reference()?.columns.get(at)?;
        key.referred.as_ref()?.columns.iter().position(|other| other == column)
    };
    place().map_or(Cell::Number(None), |at| number(at + 1))
}

pub(super) fn references(of: &Shared) -> Vec<Row> {
    let row = |key: &DeclaredKey| {
        let to = key.key.reference()?;
        let mut row = named(key).to_vec();
        match &key.referred {
            Some(referred) => {
                row.extend([&key.catalog, &to.schema, &referred.name].map(|of| text(of)));
            }
            None => row.extend([NONE, NONE, NONE]),
        }
        row.extend(["NONE", "NO ACTION", "NO ACTION"].map(text));
        Some(row)
    };
    all(of).iter().filter_map(row).collect()
}

/// What a constraint is about: its own columns, or those that a foreign key refers to.
fn about(key: &DeclaredKey) -> (&str, &str, &[String]) {
    match key.key.reference() {
        Some(to) => (&to.schema, &to.table, &to.columns),
        None => (&key.schema, &key.table, &key.key.columns),
    }
}

pub(super) fn of_columns(of: &Shared) -> Vec<Row> {
    let rows = |key: &DeclaredKey| {
        let (schema, table, columns) = about(key);
        let row = |column: &String| {
            let mut row = [key.catalog.as_str(), schema, table, column].map(text).to_vec();
            row.extend(named(key));
            row
        };
        columns.iter().map(row).collect::<Vec<_>>()
    };
    all(of).iter().flat_map(rows).collect()
}

pub(super) fn of_tables(of: &Shared) -> Vec<Row> {
    let row = |key: &DeclaredKey| {
        let (schema, table, _) = about(key);
        let mut row = [key.catalog.as_str(), schema, table].map(text).to_vec();
        row.extend(named(key));
        row
    };
    all(of).iter().map(row).collect()
}
