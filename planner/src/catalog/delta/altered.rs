//! A table that is changed itself: its columns and its properties, in the words of its log.
//!
//! The metadata is edited and not made anew: what other engines keep in it (ids of columns, their own properties) stays.

use std::collections::HashSet;

use datafusion::arrow::datatypes::Schema;
use deltalake::kernel::{Action, Metadata, Protocol};
use serde_json::{Map, Value, json};

use super::types::{delta_schema, has_local_times};
use crate::catalog::COMMENT;

/// What becomes of a table.
#[derive(Debug, Clone)]
pub(crate) enum TableChange {
    /// It also has these columns, whose types are those that tables keep. Rows that are there have NULL in them.
    Add(Schema),
    /// A column may be NULL.
    MayBeNull(String),
    /// What is said of a column.
    Comment {
        /// The column.
        column: String,
        /// What is said.
        text: String,
    },
    /// Properties have these values.
    Set(Vec<(String, String)>),
    /// It has not these properties.
    Unset {
        /// Their names.
        names: Vec<String>,
        /// Whether they need not be there.
        or_not: bool,
    },
    /// It has a key more, which its log does not tell: a version that says the same again, for whoever changes its columns.
    Key,
}

impl TableChange {
    /// What Delta calls it.
    pub(crate) fn operation(&self) -> &'static str {
        match self {
            Self::Add(_) => "ADD COLUMNS",
            Self::MayBeNull(_) | Self::Comment { .. } => "CHANGE COLUMN",
            Self::Set(_) => "SET TBLPROPERTIES",
            Self::Unset { .. } => "UNSET TBLPROPERTIES",
            Self::Key => "ADD CONSTRAINT",
        }
    }
}

/// The actions that change a table so; none where it is so already.
///
/// # Errors
/// What cannot be.
pub(crate) fn altered(
    protocol: &Protocol,
    metadata: &Metadata,
    change: &TableChange,
) -> Result<Vec<Action>, String> {
    let before = value(metadata)?;
    let mut table = before.clone();
    let mut needs = Vec::new();
    match change {
        TableChange::Add(columns) => {
            if columns.fields().iter().any(|field| has_local_times(field.data_type())) {
                needs.push("timestampNtz");
            }
            with_columns(&mut table, |fields| add(fields, columns))?;
        }
        TableChange::MayBeNull(name) => {
            let nullable = |field: &mut Map<String, Value>| {
                field.insert("nullable".into(), Value::Bool(true));
            };
            with_columns(&mut table, |fields| column(fields, name).map(nullable))?;
        }
        TableChange::Comment { column: name, text } => {
            let comment = |field: &mut Map<String, Value>| {
                let said = field.entry("metadata").or_insert_with(|| json!({}));
                if let Some(said) = said.as_object_mut() {
                    said.insert(COMMENT.into(), Value::String(text.clone()));
                }
            };
            with_columns(&mut table, |fields| column(fields, name).map(comment))?;
        }
        TableChange::Set(properties) => {
            if properties.iter().any(|(name, _)| name == "delta.appendOnly") {
                needs.push("appendOnly");
            }
            for (name, value) in properties {
                configuration(&mut table)?.insert(name.clone(), Value::String(value.clone()));
            }
        }
        TableChange::Unset { names, or_not } => {
            for name in names {
                if configuration(&mut table)?.remove(name).is_none() && !or_not {
                    return Err(format!("the table has no property '{name}'"));
                }
            }
        }
        TableChange::Key => {}
    }
    let mut actions = Vec::new();
    if let Some(protocol) = with_features(protocol, &needs)? {
        actions.push(Action::Protocol(protocol));
    }
    if table != before || !actions.is_empty() || matches!(change, TableChange::Key) {
        let metadata = serde_json::from_value(table).map_err(|error| error.to_string())?;
        actions.push(Action::Metadata(metadata));
    }
    Ok(actions)
}

fn value(of: &impl serde::Serialize) -> Result<Value, String> {
    serde_json::to_value(of).map_err(|error| error.to_string())
}

fn configuration(table: &mut Value) -> Result<&mut Map<String, Value>, String> {
    let found = table.get_mut("configuration").and_then(Value::as_object_mut);
    found.ok_or_else(|| "a table without properties".into())
}

/// Changes the list of columns.
fn with_columns(
    table: &mut Value,
    change: impl FnOnce(&mut Vec<Value>) -> Result<(), String>,
) -> Result<(), String> {
    let broken = || "a table without columns".to_owned();
    let text = table.get("schemaString").and_then(Value::as_str).ok_or_else(broken)?;
    let mut schema: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let before = schema.clone();
    change(schema.get_mut("fields").and_then(Value::as_array_mut).ok_or_else(broken)?)?;
    // Written otherwise it would be another text.
    if schema != before {
        table["schemaString"] = Value::String(schema.to_string());
    }
    Ok(())
}

fn add(fields: &mut Vec<Value>, columns: &Schema) -> Result<(), String> {
    if columns.fields().is_empty() {
        return Ok(());
    }
    let name = |field: &Value| {
        field.get("name").and_then(Value::as_str).unwrap_or_default().to_lowercase()
    };
    let there: HashSet<_> = fields.iter().map(name).collect();
    let twice = columns.fields().iter().find(|field| there.contains(&field.name().to_lowercase()));
    if let Some(field) = twice {
        return Err(format!(
            "the table has a column '{}' already (upper and lower case are the same in a Delta table)",
            field.name()
        ));
    }
    let new = value(&delta_schema(columns)?)?;
    fields.extend(new.get("fields").and_then(Value::as_array).cloned().unwrap_or_default());
    Ok(())
}

fn column<'f>(fields: &'f mut [Value], name: &str) -> Result<&'f mut Map<String, Value>, String> {
    let of = |field: &Value| field.get("name").and_then(Value::as_str) == Some(name);
    let field = fields.iter_mut().find(|field| of(field)).and_then(Value::as_object_mut);
    field.ok_or_else(|| format!("the table has no column '{name}'"))
}

/// The protocol with features that it needs and has not.
fn with_features(protocol: &Protocol, needs: &[&str]) -> Result<Option<Protocol>, String> {
    let before = value(protocol)?;
    let number = |name: &str| before.get(name).and_then(Value::as_u64).unwrap_or_default();
    let (reader, writer) = (number("minReaderVersion"), number("minWriterVersion"));
    let listed = |name: &str| -> Vec<String> {
        let listed = before.get(name).and_then(Value::as_array);
        let names = listed.into_iter().flatten().filter_map(Value::as_str);
        names.map(str::to_owned).collect()
    };
    let mut readers = match reader {
        0 | 1 => Vec::new(),
        2 => vec!["columnMapping".to_owned()],
        _ => listed("readerFeatures"),
    };
    // Until version 7 each has what those before it had.
    let of_versions: [(u64, &[&str]); 5] = [
        (2, &["appendOnly", "invariants"]),
        (3, &["checkConstraints"]),
        (4, &["changeDataFeed", "generatedColumns"]),
        (5, &["columnMapping"]),
        (6, &["identityColumns"]),
    ];
    let mut writers = match writer {
        7.. => listed("writerFeatures"),
        version => {
            let known = of_versions.iter().filter(|(since, _)| *since <= version);
            known.flat_map(|(_, names)| names.iter().map(|name| (*name).to_owned())).collect()
        }
    };
    let mut changed = false;
    for need in needs {
        for (list, is_meant) in [(&mut writers, true), (&mut readers, *need == "timestampNtz")] {
            if is_meant && !list.iter().any(|name| name == need) {
                list.push((*need).to_owned());
                changed = true;
            }
        }
    }
    if !changed {
        return Ok(None);
    }
    let mut after = json!({
        "minReaderVersion": reader.max(1), "minWriterVersion": 7, "writerFeatures": writers,
    });
    if !readers.is_empty() {
        after["minReaderVersion"] = json!(3);
        after["readerFeatures"] = json!(readers);
    }
    serde_json::from_value(after).map(Some).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::{DataType, Field, TimeUnit};

    use super::*;

    fn protocol(text: &str) -> Protocol {
        serde_json::from_str(text).unwrap()
    }

    fn old() -> Protocol {
        protocol(r#"{"minReaderVersion":1,"minWriterVersion":2}"#)
    }

    /// A table `a INT NOT NULL`, of which another engine has said something.
    fn metadata() -> Metadata {
        let columns = json!({"type": "struct", "fields": [
            {"name": "a", "type": "integer", "nullable": false, "metadata": {"theirs": 7}},
        ]});
        serde_json::from_value(json!({
            "id": "1", "name": null, "description": "said", "format": {"provider": "parquet", "options": {}},
            "schemaString": columns.to_string(), "partitionColumns": [], "createdTime": 5,
            "configuration": {"owner": "x"},
        }))
        .unwrap()
    }

    fn changed(change: TableChange) -> Vec<Action> {
        altered(&old(), &metadata(), &change).unwrap()
    }

    /// The metadata after a change of it alone.
    fn table(change: TableChange) -> Value {
        let actions = changed(change);
        let [Action::Metadata(metadata)] = actions.as_slice() else { panic!("{actions:?}") };
        value(metadata).unwrap()
    }

    fn fields(table: &Value) -> Value {
        let columns: Value = serde_json::from_str(table["schemaString"].as_str().unwrap()).unwrap();
        columns["fields"].clone()
    }

    fn of_type(data_type: DataType) -> TableChange {
        TableChange::Add(Schema::new(vec![Field::new("b", data_type, true)]))
    }

    #[test]
    fn a_column_is_added_behind_those_that_stay() {
        let table = table(of_type(DataType::Int64));
        let fields = fields(&table);
        assert_eq!(fields[0]["metadata"]["theirs"], 7);
        assert_eq!((&fields[1]["name"], &fields[1]["type"]), (&json!("b"), &json!("long")));
        assert_eq!((&table["id"], &table["createdTime"]), (&json!("1"), &json!(5)));
    }

    #[test]
    fn a_column_that_is_there_is_refused_in_any_case() {
        let change = TableChange::Add(Schema::new(vec![Field::new("A", DataType::Int32, true)]));
        assert!(altered(&old(), &metadata(), &change).unwrap_err().contains("'A'"));
    }

    #[test]
    fn a_type_that_old_readers_do_not_know_says_so() {
        let actions = changed(of_type(DataType::Timestamp(TimeUnit::Microsecond, None)));
        let [Action::Protocol(protocol), Action::Metadata(_)] = actions.as_slice() else {
            panic!("{actions:?}")
        };
        assert_eq!(
            value(protocol).unwrap(),
            json!({
                "minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["timestampNtz"],
                "writerFeatures": ["appendOnly", "invariants", "timestampNtz"],
            })
        );
        assert_eq!(with_features(protocol, &["timestampNtz"]).unwrap(), None);
    }

    #[test]
    fn a_column_may_be_null_and_is_commented() {
        let table = table(TableChange::MayBeNull("a".into()));
        assert_eq!(fields(&table)[0]["nullable"], true);
        let (column, text) = ("a".to_owned(), "one".to_owned());
        let table = self::table(TableChange::Comment { column, text });
        assert_eq!(fields(&table)[0]["metadata"], json!({"theirs": 7, "comment": "one"}));
        let none = TableChange::MayBeNull("x".into());
        assert!(altered(&old(), &metadata(), &none).unwrap_err().contains("'x'"));
    }

    #[test]
    fn properties_come_and_go() {
        let set = |name: &str, value: &str| TableChange::Set(vec![(name.into(), value.into())]);
        assert_eq!(table(set("delta.appendOnly", "true"))["configuration"]["owner"], "x");
        assert!(changed(set("owner", "x")).is_empty());
        let unset = |name: &str, or_not| TableChange::Unset { names: vec![name.into()], or_not };
        assert_eq!(table(unset("owner", false))["configuration"], json!({}));
        assert!(changed(unset("nope", true)).is_empty());
        assert!(altered(&old(), &metadata(), &unset("nope", false)).is_err());
    }
}
