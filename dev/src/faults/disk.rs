//! Disks that can be full, and bytes on them that change.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::Result;

/// What a disk of a node holds: enough for all of its results.
const SIZE: &str = "size=256m";

const BALLAST: &str = "ballast";

/// A small file system of its own for each node to spill to.
pub struct Disks {
    folders: Vec<PathBuf>,
    /// After they are unmounted.
    _parent: TempDir,
}

impl Disks {
    /// As many as there are nodes.
    ///
    /// # Errors
    /// Where the system does not let it: then no disk can be full.
    pub fn mount(nodes: usize) -> Result<Self> {
        let parent = tempfile::Builder::new().prefix("squadron-disks-").tempdir()?;
        let mut disks = Self { folders: Vec::new(), _parent: parent };
        for node in 0..nodes {
            let folder = disks._parent.path().join(node.to_string());
            fs::create_dir(&folder)?;
            let mut mount = Command::new("mount");
            mount.args(["-t", "tmpfs", "-o", SIZE, "squadron-disk"]).arg(&folder);
            let output = mount.output()?;
            if !output.status.success() {
                return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned().into());
            }
            disks.folders.push(folder);
        }
        Ok(disks)
    }

    /// Where a node spills to.
    pub fn folder(&self, node: usize) -> PathBuf {
        self.folders[node].join("spill")
    }

    /// Leaves no room on a node's disk.
    ///
    /// # Errors
    /// When it cannot be written to for another reason.
    pub fn fill(&self, node: usize) -> Result<()> {
        let mut ballast = File::create(self.folders[node].join(BALLAST))?;
        let mut piece = 1 << 20;
        let zeros = vec![0; piece];
        while piece > 0 {
            match ballast.write(&zeros[..piece]) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => piece /= 2,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Gives the room back.
    pub fn empty(&self) {
        for folder in &self.folders {
            // Where it is not there, there is room.
            let _ = fs::remove_file(folder.join(BALLAST));
        }
    }
}

impl Drop for Disks {
    fn drop(&mut self) {
        for folder in &self.folders {
            // Lazily: a process that was killed a moment ago may still have files open.
            let unmounted = Command::new("umount").arg("--lazy").arg(folder).status();
            if !unmounted.is_ok_and(|status| status.success()) {
                eprintln!("{} stays mounted", folder.display());
            }
        }
    }
}

/// The files below a node's spill folder, without the locks.
pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        match path.is_dir() {
            true => found.extend(files(&path)),
            false if path.file_name().is_some_and(|name| name == "lock") => {}
            false => found.push(path),
        }
    }
    found
}

/// Changes a byte in every few KB of the spilled frames below a folder; gives how many.
pub(super) fn corrupt(folder: &Path) -> Result<usize> {
    const EVERY: u64 = 64 << 10;
    let mut changed = 0;
    let frames = |path: &PathBuf| path.extension().is_some_and(|name| name == "frames");
    for path in files(folder).into_iter().filter(frames) {
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            Ok(file) => file,
            // Its result was let go of since it was looked for.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error.into()),
        };
        for at in (1000..file.metadata()?.len()).step_by(EVERY as usize) {
            let mut byte = [0];
            file.read_exact_at(&mut byte, at)?;
            file.write_all_at(&[!byte[0]], at)?;
            changed += 1;
        }
    }
    Ok(changed)
}
