//! One thing that has a name: what it is, as it is written in the catalog.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Key;

/// A table or a view of a schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name, exactly: quoting and case are as SQL understood them.
    pub name: String,
    /// Tells it from another one that had the name before.
    pub id: String,
    /// Who made it.
    pub owner: String,
    /// What its maker says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The keys that it is declared to have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<Key>,
    /// What it is.
    #[serde(flatten)]
    pub kind: EntryKind,
}

/// What may have a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A table that SQL has made and writes.
    Managed(Managed),
    /// Files that are somewhere, and stay there when the table is dropped.
    External(External),
    /// A query by name.
    View(Box<View>),
}

/// A Delta table in the warehouse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Managed {
    /// Its folder, below the warehouse: a warehouse may be in other places for other nodes.
    pub folder: String,
}

/// A table of files that were not written as such.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct External {
    /// Where they are: a folder or a file, in the words of a data location.
    pub location: String,
    /// What they have to be: `parquet`, `csv`, `json`, `arrow`, `delta`.
    pub format: String,
    /// What its maker chose for reading them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
}

/// A query by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The query, as its maker wrote it.
    pub query: String,
    /// What its maker called the columns, if at all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// The columns of the query when the view was made, each with its table: what its tables got since is not among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub of: Vec<String>,
    /// The catalog and schema in which its names are looked for: those of the maker's session.
    pub catalog: String,
    /// See `catalog`.
    pub schema: String,
}
