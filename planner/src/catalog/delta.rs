//! Delta tables: files of rows, and a log that says which of them are the table's.
//!
//! ```text
//! DeltaTables ── at(location) ──► DeltaTable ── newest() ──► Snapshot ── DeltaScan (a TableProvider)
//!   one per node                    its log, and             one version:      │
//!                                   what is known of it      schema, files     └─► files as any other scan of Parquet
//! ```
//!
//! The log's checkpoints are read by the crate `deltalake`; what comes after is read here, one small request for a
//! statement: is there a next version? Rows are read as those of every other table of files, so that scans of Delta
//! tables are cut into tasks in the same way.
//!
//! Rule (Delta protocol, PROTOCOL.md of delta-io/delta): who does not know a feature of a table must not read it, or not
//! write it. Those that are known are in [`features`].

mod altered;
mod features;
mod listed;
mod log;
mod provider;
mod snapshot;
mod types;
mod values;

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::execution::runtime_env::RuntimeEnv;
use parking_lot::Mutex;
use tokio_util::task::TaskTracker;

pub(crate) use altered::{TableChange, altered};
pub(crate) use log::DeltaLog;
pub use provider::is_written;
pub(crate) use provider::{DeltaScan, FILE_COLUMN, is_ageless};
pub(crate) use snapshot::{DataFile, Snapshot};
pub(crate) use types::{arrow_type, delta_schema, has_local_times, stored};
pub(crate) use values::{may_partition, partition_text, partition_value};

use super::error::CatalogError;
use super::location::DataLocation;

/// Commits that are read one by one; where there are more, a checkpoint is likely to be faster.
const MOST_STEPS: usize = 50;

/// The Delta tables that this node has looked at, by their places: one that is named in two ways is one.
#[derive(Debug)]
pub(crate) struct DeltaTables {
    runtime: Arc<RuntimeEnv>,
    tables: Mutex<HashMap<String, Arc<DeltaTable>>>,
}

/// One table's log, and what is known of it.
#[derive(Debug)]
pub(crate) struct DeltaTable {
    log: DeltaLog,
    /// Held while the log is read, so that of many statements at once only one reads it.
    known: tokio::sync::Mutex<Option<Arc<Snapshot>>>,
    /// Held by those who write the table on this node, one after the other: they would only be in each other's way.
    pub(crate) writing: tokio::sync::Mutex<()>,
    /// What goes on when no statement waits for it: commits that have begun, and what is done after them.
    pub(crate) tasks: TaskTracker,
}

impl DeltaTables {
    pub(crate) fn new(runtime: Arc<RuntimeEnv>) -> Self {
        Self { runtime, tables: Mutex::default() }
    }

    /// The table at a location, whether there is one or not.
    ///
    /// # Errors
    /// For a location whose store cannot be set up.
    pub(crate) fn at(&self, location: &DataLocation) -> Result<Arc<DeltaTable>, CatalogError> {
        let key = location.key();
        if let Some(known) = self.tables.lock().get(&key) {
            return Ok(Arc::clone(known));
        }
        let log = DeltaLog::new(location.clone(), &self.runtime)?;
        let (known, writing) = Default::default();
        let table = Arc::new(DeltaTable { log, known, writing, tasks: TaskTracker::new() });
        Ok(Arc::clone(self.tables.lock().entry(key).or_insert(table)))
    }
}

impl DeltaTable {
    /// Its log.
    pub(crate) fn log(&self) -> &DeltaLog {
        &self.log
    }

    /// The newest version.
    ///
    /// # Errors
    /// `NotFound` where there is no table; `InvalidData` for one that cannot be read by this version.
    pub(crate) async fn newest(&self) -> Result<Arc<Snapshot>, CatalogError> {
        let mut known = self.known.lock().await;
        let newest = match known.as_ref() {
            Some(snapshot) if self.log.still_has(snapshot).await? => {
                self.after(Arc::clone(snapshot)).await?
            }
            _ => None,
        };
        let newest = match newest {
            Some(newest) => newest,
            None => self.after_all(self.log.load().await?).await?,
        };
        *known = Some(Arc::clone(&newest));
        Ok(newest)
    }

    /// The newest version after this one; `None` where the log has to be read anew for it.
    async fn after(
        &self,
        mut snapshot: Arc<Snapshot>,
    ) -> Result<Option<Arc<Snapshot>>, CatalogError> {
        for _ in 0..MOST_STEPS {
            let Some(actions) = self.log.read(snapshot.version + 1).await? else {
                return Ok(Some(snapshot));
            };
            let written = self.log.meta(snapshot.version + 1).await?;
            let next = snapshot.after(actions, written);
            match next.map_err(|problem| self.log.invalid(problem))? {
                Some(next) => snapshot = Arc::new(next),
                None => return Ok(None),
            }
        }
        Ok(None)
    }

    /// What is written while a checkpoint is read is not in it.
    async fn after_all(&self, loaded: Snapshot) -> Result<Arc<Snapshot>, CatalogError> {
        let loaded = Arc::new(loaded);
        let newest = self.after(Arc::clone(&loaded)).await?;
        Ok(newest.unwrap_or(loaded))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_one_by_whatever_text_it_is_named() {
        let tables = DeltaTables::new(Arc::new(RuntimeEnv::default()));
        let at = |text: &str| tables.at(&DataLocation::warehouse(text).unwrap()).unwrap();
        for (one, other) in [("s3://lake/a/t", "s3://lake/a/t/"), ("/tmp/t", "file:///tmp/t/")] {
            assert!(Arc::ptr_eq(&at(one), &at(other)), "{one} {other}");
        }
        assert!(!Arc::ptr_eq(&at("s3://lake/a/t"), &at("s3://other/a/t")));
    }
}
