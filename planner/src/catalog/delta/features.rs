//! What may be done with a Delta table: its features, and which of them are known here.
//!
//! Where a feature is only allowed by the table's protocol and not used, a table is read and written as if it
//! were not there; one that is not known is refused by name.

use std::collections::HashMap;

use deltalake::kernel::{Metadata, Protocol};
use serde_json::Value;

use crate::catalog::{LENGTH, length_of};

/// Features that change nothing for who reads.
const READ: &[&str] =
    &["timestampNtz", "v2Checkpoint", "vacuumProtocolCheck", "deletionVectors", "columnMapping"];

/// Features that change nothing for who writes, or are looked for in the metadata.
const WRITTEN: &[&str] = &[
    "appendOnly",
    "invariants",
    "checkConstraints",
    "changeDataFeed",
    "generatedColumns",
    "identityColumns",
    "columnMapping",
    "timestampNtz",
    "v2Checkpoint",
    "vacuumProtocolCheck",
    "deletionVectors",
    "inCommitTimestamp",
    "allowColumnDefaults",
    "domainMetadata",
];

/// What of a table's metadata asks for more of a writer than is done here: a word of it, and what it is called.
const ASKS_WRITERS: &[(&str, &str)] = &[
    ("delta.invariants", "invariants"),
    ("delta.generationExpression", "generatedColumns"),
    ("delta.identity.start", "identityColumns"),
    ("CURRENT_DEFAULT", "allowColumnDefaults"),
];

/// What may be done with a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Why nobody may write here, if so.
    pub(crate) no_writing: Option<String>,
    /// Rows may come, and never go.
    pub(crate) append_only: bool,
}

impl Rules {
    /// # Errors
    /// Why it cannot be read.
    pub(super) fn of(protocol: &Protocol, metadata: &Metadata) -> Result<Self, String> {
        let protocol = serde_json::to_value(protocol).map_err(|error| error.to_string())?;
        let metadata_text = serde_json::to_value(metadata).map_err(|error| error.to_string())?;
        let columns = metadata_text.get("schemaString").and_then(Value::as_str).unwrap_or_default();
        let properties = metadata.configuration();
        readable(&protocol, properties)?;
        let no_writing = writable(&protocol, properties, columns).err();
        Ok(Self { no_writing, append_only: is_on(properties, "delta.appendOnly") })
    }
}

fn readable(protocol: &Value, properties: &HashMap<String, String>) -> Result<(), String> {
    if number(protocol, "minReaderVersion") > 3 {
        return Err(unknown("a reader version above 3", "read"));
    }
    if let Some(feature) = features(protocol, "readerFeatures").find(|name| !READ.contains(name)) {
        return Err(unknown(feature, "read"));
    }
    match properties.get("delta.columnMapping.mode") {
        Some(mode) if mode != "none" => Err(unknown("columnMapping", "read")),
        _ => Ok(()),
    }
}

fn writable(
    protocol: &Value,
    properties: &HashMap<String, String>,
    columns: &str,
) -> Result<(), String> {
    if number(protocol, "minWriterVersion") > 7 {
        return Err(unknown("a writer version above 7", "written"));
    }
    let mut listed = features(protocol, "writerFeatures");
    if let Some(feature) = listed.find(|name| !WRITTEN.contains(name)) {
        return Err(unknown(feature, "written"));
    }
    let asked = ASKS_WRITERS.iter().find(|(word, _)| columns.contains(word));
    if let Some((_, feature)) = asked {
        return Err(unknown(feature, "written"));
    }
    if has_other_lengths(columns) {
        return Err(unknown("CHAR, or VARCHAR within another type", "written"));
    }
    if properties.keys().any(|name| name.starts_with("delta.constraints.")) {
        return Err(unknown("checkConstraints", "written"));
    }
    let switched = [
        ("delta.enableChangeDataFeed", "changeDataFeed"),
        ("delta.enableInCommitTimestamps", "inCommitTimestamp"),
        ("delta.enableRowTracking", "rowTracking"),
    ];
    match switched.iter().find(|(property, _)| is_on(properties, property)) {
        Some((_, feature)) => Err(unknown(feature, "written")),
        None => Ok(()),
    }
}

/// Whether texts have a length that is not kept to: all but those of columns of VARCHAR.
fn has_other_lengths(columns: &str) -> bool {
    let all = columns.matches(LENGTH).count();
    let columns: Value = serde_json::from_str(columns).unwrap_or_default();
    let fields = columns.get("fields").and_then(Value::as_array).into_iter().flatten();
    let of = |field: &Value| field.get("metadata")?.get(LENGTH)?.as_str().and_then(length_of);
    fields.filter_map(of).count() != all
}

/// What is said of a feature that is not known.
pub(super) fn unknown(feature: &str, done: &str) -> String {
    format!("the Delta table uses {feature}, with which tables are not {done} by this version")
}

fn is_on(properties: &HashMap<String, String>, property: &str) -> bool {
    properties.get(property).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

fn number(protocol: &Value, name: &str) -> u64 {
    protocol.get(name).and_then(Value::as_u64).unwrap_or_default()
}

fn features<'p>(protocol: &'p Value, list: &str) -> impl Iterator<Item = &'p str> {
    let listed = protocol.get(list).and_then(Value::as_array);
    listed.into_iter().flatten().filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_columns_are_kept_to_and_others_are_not() {
        let field = |metadata: &str, data_type: &str| {
            format!(
                r#"{{"name":"a","type":{data_type},"nullable":true,"metadata":{{{metadata}}}}}"#
            )
        };
        let table =
            |fields: &[String]| format!(r#"{{"type":"struct","fields":[{}]}}"#, fields.join(","));
        let of = |said: &str| format!(r#""__CHAR_VARCHAR_TYPE_STRING":"{said}""#);
        let text = r#""string""#;
        let inner = table(&[field(&of("varchar(3)"), text)]);
        for (fields, others) in [
            (vec![field("", text), field(&of("varchar(3)"), text)], false),
            (vec![field(&of("char(3)"), text)], true),
            (vec![field(&of("array<varchar(3)>"), text)], true),
            (vec![field(&of("varchar(3)"), text), field("", &inner)], true),
        ] {
            assert_eq!(has_other_lengths(&table(&fields)), others, "{fields:?}");
        }
    }
}
