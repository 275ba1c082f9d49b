//! A process's spill folder: locked while the process lives, with one quota for results.
//!
//! Operators spill into a folder inside it, so that what a killed process left of either goes when
//! the next one starts.
//!
//! Cleaners of `/tmp` remove what looks old, the folder or the lock in it, below a process that lives. Who
//! has a file open keeps it; for the next one a folder is made anew.

use std::fs::{self, DirEntry, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use uuid::Uuid;

use crate::results::ResultError;

const PREFIX: &str = "squadron-results-";
/// A folder that is not locked yet.
const NEW_PREFIX: &str = "squadron-new-results-";
const LOCK: &str = "lock";
/// Where operators spill.
const OPERATORS: &str = "operators";
/// A folder is locked and gets its final name within milliseconds, and one that has no lock any more goes
/// as soon. One that is so old was left by a process that ended in between.
const HALF_MADE: Duration = Duration::from_secs(3600);

/// This process's spill folder with its quota.
#[derive(Debug)]
pub struct SpillDir {
    parent: PathBuf,
    folder: Mutex<Folder>,
    used: AtomicU64,
    limit: u64,
}

/// A folder of this process.
#[derive(Debug)]
struct Folder {
    dir: PathBuf,
    /// Held for as long as the process lives.
    _lock: File,
    /// Removed by its owner, who makes no other.
    closed: bool,
}

impl SpillDir {
    /// Makes a folder of this process below `parent`, and removes those whose process is gone.
    ///
    /// # Errors
    /// When `parent` cannot be written.
    pub fn create(parent: &Path, limit: u64) -> io::Result<Arc<Self>> {
        remove_dead(parent);
        let folder = Mutex::new(Folder::make(parent)?);
        let parent = parent.to_owned();
        Ok(Arc::new(Self { parent, folder, used: AtomicU64::new(0), limit }))
    }

    /// Bytes on disk now.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// A folder for operators, which keep a quota of their own. As the one around it, it is made anew
    /// where somebody has removed it.
    ///
    /// # Errors
    /// When it cannot be made, or was removed for good.
    pub fn operators(&self) -> io::Result<PathBuf> {
        let operators = self.folder()?.join(OPERATORS);
        fs::create_dir_all(&operators)?;
        Ok(operators)
    }

    /// The folder, or another one where somebody has removed it or its lock.
    pub(super) fn folder(&self) -> io::Result<PathBuf> {
        let mut folder = self.folder.lock();
        if folder.closed {
            return Err(io::Error::other("its node is about to end"));
        }
        if folder.is_gone() {
            let lost = std::mem::replace(&mut *folder, Folder::make(&self.parent)?);
            tracing::warn!(dir = %lost.dir.display(), "somebody removed the spill folder: made anew");
            // Nobody would know it for a dead one's for as long as it looks new.
            let _ = fs::remove_dir_all(&lost.dir);
        }
        Ok(folder.dir.clone())
    }

    /// Below which its folder is.
    pub(super) fn parent(&self) -> &Path {
        &self.parent
    }

    pub(super) fn take(&self, bytes: u64) -> Result<(), ResultError> {
        let take = |used: u64| (used + bytes <= self.limit).then_some(used + bytes);
        let taken = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        taken.map(drop).map_err(|_| {
            ResultError::Exhausted(format!(
                "results waiting to be read fill the disk quota of {} bytes: read or close them, or raise --result-disk-limit",
                self.limit
            ))
        })
    }

    pub(super) fn give(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl SpillDir {
    /// Removes the folder for good: for a process that ends while connections still hold results.
    pub fn remove(&self) {
        let mut folder = self.folder.lock();
        folder.closed = true;
        match remove_lock_last(&folder.dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(dir = %folder.dir.display(), %error, "spill folder not removed");
            }
            _ => {}
        }
    }
}

impl Drop for SpillDir {
    fn drop(&mut self) {
        self.remove();
    }
}

impl Folder {
    fn make(parent: &Path) -> io::Result<Self> {
        fs::create_dir_all(parent)?;
        let name = Uuid::now_v7();
        // Under its final name a folder is always locked: another process that starts now would
        // take one without a holder for dead.
        let new = parent.join(format!("{NEW_PREFIX}{name}"));
        fs::create_dir(&new)?;
        let lock = File::create(new.join(LOCK))?;
        lock.lock()?;
        let dir = parent.join(format!("{PREFIX}{name}"));
        fs::rename(&new, &dir)?;
        Ok(Self { dir, _lock: lock, closed: false })
    }

    fn is_gone(&self) -> bool {
        matches!(self.dir.join(LOCK).try_exists(), Ok(false))
    }
}

/// Removes the folders whose lock nobody holds. Nothing here keeps a node from starting: another
/// process may be removing the same ones, and in a folder that users share some are not ours.
fn remove_dead(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    let now = SystemTime::now();
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let Some(name) = path.file_name().map(|name| name.to_string_lossy()) else { continue };
        if name.starts_with(PREFIX) {
            remove_if_dead(&path, now);
        } else if name.starts_with(NEW_PREFIX) {
            remove_if_half_made(&path, now);
        }
    }
}

/// Holds the lock until the folder is gone, so that only one remover believes it dead.
fn remove_if_dead(dir: &Path, now: SystemTime) {
    match File::open(dir.join(LOCK)) {
        Ok(lock) if lock.try_lock().is_ok() => remove_all(dir),
        // Whoever removed it ended before the folder was gone, or is about to be done.
        Err(error) if error.kind() == io::ErrorKind::NotFound => remove_if_half_made(dir, now),
        _ => {}
    }
}

/// It may have no lock yet, or one that is not taken yet: only its age tells.
fn remove_if_half_made(dir: &Path, now: SystemTime) {
    let made = fs::metadata(dir).and_then(|metadata| metadata.modified());
    let age = made.ok().and_then(|made| now.duration_since(made).ok());
    if age.is_some_and(|age| age >= HALF_MADE) {
        remove_all(dir);
    }
}

fn remove_all(dir: &Path) {
    match remove_lock_last(dir) {
        Ok(()) => tracing::info!(dir = %dir.display(), "removed what a process that is gone left"),
        Err(error) => tracing::warn!(dir = %dir.display(), %error, "an old folder not removed"),
    }
}

/// Whoever ends in the middle of it leaves a folder that the next start still knows for a dead one's.
fn remove_lock_last(dir: &Path) -> io::Result<()> {
    remove_but_lock(dir)?;
    fs::remove_dir_all(dir)
}

fn remove_but_lock(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name() != LOCK {
            remove_entry(&entry)?;
        }
    }
    Ok(())
}

/// A result may let go of its file meanwhile.
fn remove_entry(entry: &DirEntry) -> io::Result<()> {
    let removed = match entry.file_type()?.is_dir() {
        true => fs::remove_dir_all(entry.path()),
        false => fs::remove_file(entry.path()),
    };
    removed.or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::thread;

    fn create(parent: &Path) -> Arc<SpillDir> {
        SpillDir::create(parent, 1).unwrap()
    }

    fn path(dir: &SpillDir) -> PathBuf {
        dir.folder.lock().dir.clone()
    }

    #[test]
    fn only_folders_of_the_dead_are_removed() {
        let parent = tempfile::tempdir().unwrap();
        let alive = create(parent.path());
        let dead = parent.path().join(format!("{PREFIX}dead"));
        fs::create_dir(&dead).unwrap();
        File::create(dead.join(LOCK)).unwrap();
        let other = parent.path().join("somebody-elses");
        fs::create_dir(&other).unwrap();

        let _mine = create(parent.path());

        assert!(!dead.exists());
        assert!(path(&alive).exists());
        assert!(other.exists());
    }

    #[test]
    fn what_operators_of_the_dead_spilled_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        let dead = parent.path().join(format!("{PREFIX}dead"));
        let spilled = dead.join(OPERATORS).join("datafusion-abc");
        fs::create_dir_all(&spilled).unwrap();
        fs::write(spilled.join("sorted"), "rows").unwrap();
        File::create(dead.join(LOCK)).unwrap();
        create(parent.path());
        assert!(!dead.exists());
    }

    #[test]
    fn a_folder_that_was_never_finished_is_removed_when_it_is_old() {
        let parent = tempfile::tempdir().unwrap();
        let half_made = parent.path().join(format!("{NEW_PREFIX}abc"));
        fs::create_dir(&half_made).unwrap();
        File::create(half_made.join(LOCK)).unwrap();
        let now = SystemTime::now();
        remove_if_half_made(&half_made, now + HALF_MADE / 2);
        assert!(half_made.exists(), "somebody may be making it");
        remove_if_half_made(&half_made, now + HALF_MADE * 2);
        assert!(!half_made.exists());
    }

    #[test]
    fn a_folder_that_has_lost_its_lock_is_removed_when_it_is_old() {
        let parent = tempfile::tempdir().unwrap();
        let dead = parent.path().join(format!("{PREFIX}dead"));
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join("a.frames"), "rows").unwrap();
        let now = SystemTime::now();
        remove_if_dead(&dead, now + HALF_MADE / 2);
        assert!(dead.exists(), "somebody may be removing it");
        remove_if_dead(&dead, now + HALF_MADE * 2);
        assert!(!dead.exists());
    }

    #[test]
    fn the_lock_is_removed_last() {
        let parent = tempfile::tempdir().unwrap();
        let mine = create(parent.path());
        fs::write(mine.operators().unwrap().join("sorted"), "rows").unwrap();
        fs::write(path(&mine).join("a.frames"), "rows").unwrap();
        remove_but_lock(&path(&mine)).unwrap();
        let left: Vec<_> = fs::read_dir(path(&mine)).unwrap().collect();
        assert!(matches!(left.as_slice(), [Ok(lock)] if lock.file_name() == LOCK));
    }

    #[test]
    fn operators_spill_inside_the_locked_folder() {
        let parent = tempfile::tempdir().unwrap();
        let mine = create(parent.path());
        let operators = mine.operators().unwrap();
        assert!(operators.is_dir() && operators.starts_with(path(&mine)));
    }

    #[test]
    fn a_folder_that_somebody_removed_is_made_anew() {
        let parent = tempfile::tempdir().unwrap();
        let below = parent.path().join("below");
        let mine = create(&below);
        fs::remove_dir_all(&below).unwrap();
        assert!(mine.operators().unwrap().is_dir());
        create(&below);
        assert!(path(&mine).join(LOCK).exists(), "it is locked");
    }

    #[test]
    fn a_folder_without_its_lock_is_given_up() {
        let parent = tempfile::tempdir().unwrap();
        let mine = create(parent.path());
        let lost = path(&mine);
        fs::remove_file(lost.join(LOCK)).unwrap();
        assert!(mine.folder().unwrap().join(LOCK).exists());
        assert!(!lost.exists());
    }

    #[test]
    fn a_folder_that_its_owner_removed_stays_away() {
        let parent = tempfile::tempdir().unwrap();
        let mine = create(parent.path());
        mine.remove();
        assert!(mine.operators().is_err());
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }

    #[test]
    fn nodes_that_start_together_leave_each_other_alone() {
        let parent = tempfile::tempdir().unwrap();
        let start = Barrier::new(8);
        let dirs: Vec<_> = thread::scope(|scope| {
            let node = || {
                start.wait();
                (0..20).map(|_| create(parent.path())).collect::<Vec<_>>()
            };
            let nodes: Vec<_> = (0..8).map(|_| scope.spawn(node)).collect();
            nodes.into_iter().flat_map(|node| node.join().unwrap()).collect()
        });
        assert!(dirs.iter().all(|dir| path(dir).join(LOCK).exists()));
    }

    #[test]
    fn what_cannot_be_removed_keeps_nobody_from_starting() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join(format!("{PREFIX}a-file")), "").unwrap();
        fs::create_dir(parent.path().join(format!("{PREFIX}without-lock"))).unwrap();
        create(parent.path());
    }

    #[test]
    fn the_folder_goes_with_its_owner() {
        let parent = tempfile::tempdir().unwrap();
        drop(create(parent.path()));
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }
}
