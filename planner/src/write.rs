//! Rows become files: what a statement that writes does in the last stage, where a query delivers.
//!
//! ```text
//!   coordinator   CommitExec ◄── receipts: which files, of how many rows, with which bounds
//!   ───────────────────▲─────────────────────────────────────────────────────────────────
//!   workers         WriteExec ──► Parquet files in the table's folder, which no log names yet
//!                      ▲
//!                  the statement's own rows
//! ```
//!
//! Files of a run that is not committed are nobody's: no reader sees them.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

mod checks;
mod codec;
mod exec;
mod file;
mod receipt;
mod rows;
mod seen;
mod stats;

use crate::catalog::delta::DeltaLog;
use file::Folder;

pub use codec::WriteCodec;
pub use exec::WriteExec;
pub(crate) use receipt::{WriteReceipt, check_receipts};
pub(crate) use seen::first_missing;

/// What is written where: fixed by the coordinator, carried in the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteSpec {
    /// The query.
    pub query: Uuid,
    /// Which run of it.
    pub attempt: u32,
    /// The folder, as any node understands it.
    pub location: String,
    /// The columns of the files and those that tell them apart, in the order of the rows' own.
    pub schema: SchemaRef,
    /// The columns by which files are told apart: their values are not in the files.
    pub partition_by: Arc<[String]>,
    /// Whether those values are in the names of folders, as Hive has them; else the log has them alone.
    pub in_folders: bool,
    /// A file is closed when it has so many bytes.
    pub file_bytes: u64,
}

/// Removes files that no log will name. That they stay does no harm.
pub(crate) async fn remove_files(log: &DeltaLog, files: &[WrittenFile]) {
    let folder = Folder { location: log.location().clone(), store: Arc::clone(log.store()) };
    for file in files {
        folder.remove(&file.path).await;
    }
}

/// Files that are whole, of something that has not come to its end: dropped before, they are removed.
pub(crate) struct Unclaimed {
    folder: Folder,
    files: Vec<WrittenFile>,
}

impl Unclaimed {
    fn new(folder: Folder) -> Self {
        Self { folder, files: Vec::new() }
    }

    /// Of a table.
    pub(crate) fn of(log: &DeltaLog) -> Self {
        Self::new(Folder { location: log.location().clone(), store: Arc::clone(log.store()) })
    }

    pub(crate) fn add(&mut self, files: impl IntoIterator<Item = WrittenFile>) {
        self.files.extend(files);
    }

    /// They are somebody's now.
    pub(crate) fn claim(&mut self) -> Vec<WrittenFile> {
        std::mem::take(&mut self.files)
    }
}

impl Drop for Unclaimed {
    fn drop(&mut self) {
        let files = self.claim();
        if let (false, Ok(runtime)) = (files.is_empty(), tokio::runtime::Handle::try_current()) {
            let folder = self.folder.clone();
            runtime.spawn(async move {
                for file in files {
                    folder.remove(&file.path).await;
                }
            });
        }
    }
}

/// One file that was written, whole and on the disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WrittenFile {
    /// Below the table's folder.
    pub(crate) path: String,
    pub(crate) size: u64,
    pub(crate) rows: u64,
    /// The values of the partition columns, as text.
    pub(crate) values: BTreeMap<String, Option<String>>,
    /// What is known of its columns, as Delta has it.
    pub(crate) stats: String,
}
