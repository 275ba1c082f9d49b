//! Rows become files: what a statement that writes does in the last stage, where a query delivers.
//!
//! ```text
//!   coordinator   CommitExec ◄── receipts: which files, of how many rows, with which bounds
//!   ───────────────────▲─────────────────────────────────────────────────────────────────
//!   workers         WriteExec ──► files in the table's folder, which no log names yet
//!                      ▲
//!                  the statement's own rows
//! ```
//!
//! Files of a run that is not committed are nobody's: no reader sees them. Where there is no log their names are hidden
//! (a point before them), and the coordinator takes it away from all of them in the end.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

mod checks;
mod codec;
mod encoder;
mod exec;
mod file;
mod folder;
mod receipt;
mod rows;
mod seen;
mod stats;

pub use codec::WriteCodec;
pub use exec::WriteExec;
pub(crate) use folder::{Folder, publish_files};
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
    /// What the files are of.
    pub layout: Layout,
    /// A file is closed when it has so many bytes.
    pub file_bytes: u64,
    /// What the files are written in.
    pub encoding: Encoding,
}

/// How rows are written in a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Parquet: all that a table is made of.
    #[default]
    Parquet,
    /// Lines of values.
    Csv(Csv),
    /// Lines of JSON, an object each.
    Json,
}

/// Lines of values, as other programs read them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Csv {
    /// What is between two values.
    pub delimiter: u8,
    /// Whether the first line has the names of the columns.
    pub has_header: bool,
}

impl Default for Csv {
    fn default() -> Self {
        Self { delimiter: b',', has_header: true }
    }
}

impl Encoding {
    /// What the name of such a file ends in.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Parquet => ".parquet",
            Self::Csv(_) => ".csv",
            Self::Json => ".json",
        }
    }
}

/// What files are written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// A table with a log, which names them and the values of their partition columns.
    Table,
    /// A folder without a log: the values are in the names of folders, as Hive has them, and names are hidden until the
    /// whole statement's files get theirs.
    Folder,
    /// The same, with one file at least: what has no rows has columns.
    Copy,
    /// One file in a folder.
    File,
}

impl Layout {
    /// Whether no log tells what belongs to it.
    pub(crate) fn is_plain(self) -> bool {
        self != Self::Table
    }
}

/// Removes files that nobody will name. That they stay does no harm.
pub(crate) async fn remove_files(folder: &Folder, files: &[WrittenFile]) {
    for file in files {
        folder.remove(&file.path).await;
    }
}

/// Files that are whole, of something that has not come to its end: dropped before, they are removed. Whoever commits them
/// claims them first, since nobody may remove what perhaps is committed.
pub(crate) struct Unclaimed {
    folder: Folder,
    files: Vec<WrittenFile>,
}

impl Unclaimed {
    /// None yet.
    pub(crate) fn new(folder: Folder) -> Self {
        Self { folder, files: Vec::new() }
    }

    fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    pub(crate) fn add(&mut self, files: impl IntoIterator<Item = WrittenFile>) {
        self.files.extend(files);
    }

    /// The files so far.
    pub(crate) fn files(&self) -> &[WrittenFile] {
        &self.files
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
