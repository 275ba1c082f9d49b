//! A process that the system kills for its memory: in a group of its own that has no memory to give.
//!
//! What the process has already stays with the group that it was in. The first page more that it touches is
//! one too many, and the system ends it where it is, as it does on a machine whose memory is full.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;

/// Where the system keeps the groups (version 1, whose memory is a tree of its own).
const GROUPS: &str = "/sys/fs/cgroup/memory";

/// A page: less cannot be had.
const LIMIT: &str = "4096";

/// A group of processes, below that of this one. Gone on drop, once its processes are.
pub struct Group(PathBuf);

impl Group {
    /// An empty one.
    ///
    /// # Errors
    /// Where the system does not let it.
    pub fn make() -> Result<Self> {
        let own = fs::read_to_string("/proc/self/cgroup")?;
        let own = own.lines().find_map(|line| line.split_once(":memory:"));
        let (_, own) = own.ok_or("no groups with a memory of their own")?;
        let parent = Path::new(GROUPS).join(own.trim_start_matches('/'));
        let folder = tempfile::Builder::new().prefix("squadron-").tempdir_in(parent)?;
        let group = Self(folder.keep());
        fs::write(group.0.join("memory.limit_in_bytes"), LIMIT)?;
        Ok(group)
    }

    /// Takes a process in.
    ///
    /// # Errors
    /// When it is not there, or the system does not let it.
    pub fn take(&self, process: u32) -> Result<()> {
        Ok(fs::write(self.0.join("cgroup.procs"), process.to_string())?)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Its files are the system's and go with it.
        if let Err(error) = fs::remove_dir(&self.0) {
            eprintln!("the group {} is left: {error}", self.0.display());
        }
    }
}
