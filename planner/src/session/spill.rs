//! The files that operators spill to: what is read from them is what was written, or an error.
//!
//! Problem: DataFusion 55 spills plain Arrow IPC and reads it without a look at the values, so that a bit
//! that a disk flips in a sorted run is a wrong answer with status OK. Official way: a backend of one's own
//! (`TempFileFactory`). Here: the same files as DataFusion's own backend makes, in a folder that goes with
//! the engine, with the same quota, but written in blocks that carry a checksum.
//!
//! No file tells its path: whoever opened it would read around the checksums.

mod block;
mod file;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::common::human_readable_size;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::disk_manager::DiskManagerMode;
use datafusion::execution::{SpillFile, TempFileFactory};
use parking_lot::Mutex;
use tempfile::{Builder, TempDir};

use file::CheckedFile;

use crate::PlannerError;
use crate::error::failed_disk;

/// How folders and files are called. A failure that names both is one of the disk, not of the data
/// (`crate::error`).
pub(crate) const NAMES: [&str; 2] = [FOLDER, FILE];
const FOLDER: &str = "squadron-operators-";
const FILE: &str = "squadron-spilled-";

/// Says below which folder operators spill, and makes that anew where somebody has removed it. Asked for
/// the first file, and when the folder that was made there is gone.
pub type SpillRoot = Arc<dyn Fn() -> io::Result<PathBuf> + Send + Sync>;

/// Where the operators of a node spill to, and how much.
#[derive(Clone)]
pub(super) struct Spill(Arc<Disk>);

struct Disk {
    root: Option<SpillRoot>,
    /// `None` until the first file, where the system says which folder.
    folder: Mutex<Option<Arc<TempDir>>>,
    quota: Quota,
}

impl Spill {
    /// A folder of its own below `root`, or below the system's for temporary files once something spills.
    pub(super) fn open(root: Option<SpillRoot>, limit: u64) -> Result<Self> {
        let quota = Quota { used: Arc::default(), limit };
        let disk = Disk { root, folder: Mutex::default(), quota };
        if disk.root.is_some() {
            disk.folder()?;
        }
        Ok(Self(Arc::new(disk)))
    }

    /// Has a disk manager make its files here.
    pub(super) fn mode(&self) -> DiskManagerMode {
        DiskManagerMode::Custom(Arc::clone(&self.0) as _)
    }

    /// Bytes on disk now.
    pub(super) fn used(&self) -> u64 {
        self.0.quota.used()
    }

    /// Where the files are, once there is such a place.
    pub(super) fn folder(&self) -> Option<PathBuf> {
        self.0.folder.lock().as_ref().map(|folder| folder.path().to_owned())
    }
}

impl fmt::Debug for Spill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spill").field("folder", &self.folder()).field("used", &self.used()).finish()
    }
}

impl Disk {
    /// The folder, or another one where somebody has removed it, as cleaners of `/tmp` do.
    fn folder(&self) -> Result<Arc<TempDir>> {
        let mut folder = self.folder.lock();
        if let Some(folder) = folder.as_ref().filter(|folder| folder.path().exists()) {
            return Ok(Arc::clone(folder));
        }
        let made = self.made().map(Arc::new);
        let made = made.map_err(|error| failed_disk(&error.to_string()))?;
        *folder = Some(Arc::clone(&made));
        Ok(made)
    }

    fn made(&self) -> io::Result<TempDir> {
        let mut builder = Builder::new();
        let builder = builder.prefix(FOLDER);
        match &self.root {
            Some(root) => builder.tempdir_in(root()?),
            None => builder.tempdir(),
        }
    }
}

impl TempFileFactory for Disk {
    fn create_temp_file(&self, _why: &str) -> Result<Arc<dyn SpillFile>> {
        let folder = self.folder()?;
        let named = Builder::new().prefix(FILE).tempfile_in(folder.path()).map_err(failed)?;
        Ok(Arc::new(CheckedFile::new(named, folder, self.quota.clone())))
    }
}

/// An error of the disk, with its kind: it may have a long way to go, on which only text is left of others.
fn failed(error: io::Error) -> DataFusionError {
    PlannerError::from(DataFusionError::IoError(error)).into()
}

/// How much of the disk may be taken, and is.
#[derive(Clone)]
struct Quota {
    used: Arc<AtomicU64>,
    limit: u64,
}

impl Quota {
    fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Its words are those of DataFusion, as are what is made of them (`crate::error`).
    fn take(&self, bytes: u64) -> io::Result<()> {
        let add = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= self.limit);
        let taken = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
        taken.map(drop).map_err(|_| {
            let limit = human_readable_size(usize::try_from(self.limit).unwrap_or(usize::MAX));
            io::Error::other(format!(
                "The used disk space during the spilling process has exceeded the allowable limit of {limit}. Please try increasing the config: `datafusion.runtime.max_temp_directory_size`."
            ))
        })
    }

    fn give(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
