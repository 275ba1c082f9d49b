//! One version of a Delta table: its columns and its files.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use deltalake::kernel::{Action, Add, Metadata, Protocol, Remove};
use object_store::ObjectMeta;

use super::features::{self, Rules};
use super::log::decoded;
use super::types::arrow_schema;

/// One version of a table.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    /// Its number.
    pub(crate) version: u64,
    /// The object of the log that made it, as far as it is still there.
    pub(super) written: Option<ObjectMeta>,
    /// The columns, in the table's order.
    pub(crate) schema: SchemaRef,
    /// Those by which files are told apart, in their order.
    pub(crate) partition_by: Arc<[String]>,
    /// Its files, by path.
    pub(crate) files: Arc<BTreeMap<String, DataFile>>,
    /// What may be done with it.
    pub(crate) rules: Arc<Rules>,
    /// The same, as its log says it.
    pub(crate) protocol: Arc<Protocol>,
    /// What it is, as its log says it.
    pub(crate) metadata: Arc<Metadata>,
}

/// One file of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DataFile {
    /// Below the table's folder, as the log has it.
    pub(crate) path: String,
    pub(crate) size: u64,
    /// The values of the partition columns, as text. An empty one is NULL.
    pub(crate) values: HashMap<String, Option<String>>,
    /// How many rows it has, if its writer has said.
    pub(crate) rows: Option<u64>,
    pub(super) has_deletions: bool,
}

impl Snapshot {
    /// A version of these files.
    ///
    /// # Errors
    /// What keeps this version of the engine from reading it right.
    pub(super) fn new(
        version: u64,
        written: Option<ObjectMeta>,
        protocol: &Protocol,
        metadata: &Metadata,
        files: Vec<DataFile>,
    ) -> Result<Self, String> {
        let rules = Rules::of(protocol, metadata)?;
        let schema = arrow_schema(metadata)?;
        files.iter().try_for_each(DataFile::check)?;
        Ok(Self {
            version,
            written,
            schema,
            partition_by: metadata.partition_columns().to_vec().into(),
            files: Arc::new(files.into_iter().map(|file| (file.path.clone(), file)).collect()),
            rules: Arc::new(rules),
            protocol: Arc::new(protocol.clone()),
            metadata: Arc::new(metadata.clone()),
        })
    }

    /// The next version, which these actions made; `None` where they change what the table is, and it has to be read anew.
    ///
    /// # Errors
    /// As [`Snapshot::new`].
    pub(super) fn after(
        &self,
        actions: Vec<Action>,
        written: Option<ObjectMeta>,
    ) -> Result<Option<Self>, String> {
        let changes_table =
            |action: &Action| matches!(action, Action::Metadata(_) | Action::Protocol(_));
        if actions.iter().any(changes_table) {
            return Ok(None);
        }
        let mut next = Self { version: self.version + 1, written, ..self.clone() };
        let files = Arc::make_mut(&mut next.files);
        // A file may go and come with other deletions in one version.
        for action in &actions {
            if let Action::Remove(Remove { path, .. }) = action {
                files.remove(path);
            }
        }
        for action in actions {
            if let Action::Add(add) = action {
                let file = DataFile::of(add);
                file.check()?;
                files.insert(file.path.clone(), file);
            }
        }
        Ok(Some(next))
    }
}

impl DataFile {
    /// A file of this name, for tests.
    #[cfg(test)]
    pub(crate) fn named(path: &str) -> Self {
        Self::of(Add { path: path.to_owned(), ..Default::default() })
    }

    pub(super) fn of(add: Add) -> Self {
        let rows = add.stats.as_deref().and_then(rows_of);
        Self {
            path: add.path,
            size: add.size.try_into().unwrap_or_default(),
            values: add.partition_values,
            rows,
            has_deletions: add.deletion_vector.is_some(),
        }
    }

    /// # Errors
    /// What cannot be read right.
    fn check(&self) -> Result<(), String> {
        if self.has_deletions {
            return Err(features::unknown("deletionVectors", "read"));
        }
        let path = decoded(&self.path);
        let climbs = path.split('/').any(|part| part == "..");
        match climbs || path.starts_with('/') || path.contains("://") {
            true => Err(format!(
                "file '{path}' of the table is not in its folder (a shallow clone): such tables are not read"
            )),
            false => Ok(()),
        }
    }
}

/// The number of rows in the statistics of a file.
fn rows_of(stats: &str) -> Option<u64> {
    let stats: serde_json::Value = serde_json::from_str(stats).ok()?;
    stats.get("numRecords")?.as_u64()
}
