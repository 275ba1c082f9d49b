//! One change of the catalog.

use serde::{Deserialize, Serialize};

use super::Entry;

/// What a statement does to the catalog. All of a statement's changes are made together or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// There is a schema of this name.
    PutSchema {
        /// The schema.
        schema: String,
        /// What its maker says of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<String>,
    },
    /// There is no schema of this name, and nothing in it.
    DropSchema {
        /// The schema.
        schema: String,
    },
    /// A schema has this entry, in the place of one of the same name.
    Put {
        /// The schema.
        schema: String,
        /// The entry.
        entry: Entry,
    },
    /// A schema has no entry of this name.
    Drop {
        /// The schema.
        schema: String,
        /// The entry.
        name: String,
    },
}
