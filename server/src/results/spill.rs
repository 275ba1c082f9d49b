//! Frames on disk: one folder a process, one file a result, frames as received.
//!
//! The folder is locked while its process lives; at start, folders of dead processes are removed,
//! so nothing is left behind however a node ends.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use uuid::Uuid;

use super::{Frame, ResultError};

const PREFIX: &str = "squadron-results-";
const LOCK: &str = "lock";

/// This process's spill folder with its quota.
#[derive(Debug)]
pub struct SpillDir {
    dir: PathBuf,
    used: AtomicU64,
    limit: u64,
    /// Held for as long as the process lives.
    _lock: File,
}

impl SpillDir {
    /// Makes a folder of this process below `parent`, and removes those whose process is gone.
    ///
    /// # Errors
    /// When `parent` cannot be written.
    pub fn create(parent: &Path, limit: u64) -> io::Result<Arc<Self>> {
        fs::create_dir_all(parent)?;
        remove_dead(parent)?;
        let dir = parent.join(format!("{PREFIX}{}", Uuid::now_v7()));
        fs::create_dir(&dir)?;
        let lock = File::create(dir.join(LOCK))?;
        lock.lock()?;
        Ok(Arc::new(Self { dir, used: AtomicU64::new(0), limit, _lock: lock }))
    }

    /// Bytes on disk now.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: u64) -> Result<(), ResultError> {
        let take = |used: u64| (used + bytes <= self.limit).then_some(used + bytes);
        let taken = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        taken.map(drop).map_err(|_| {
            ResultError::Exhausted(format!(
                "results waiting to be read fill the disk quota of {} bytes: read or close them, or raise --result-disk-limit",
                self.limit
            ))
        })
    }
}

impl Drop for SpillDir {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.dir) {
            tracing::warn!(dir = %self.dir.display(), %error, "spill folder not removed");
        }
    }
}

/// Removes the folders whose lock nobody holds.
fn remove_dead(parent: &Path) -> io::Result<()> {
    for entry in fs::read_dir(parent)? {
        let path = entry?.path();
        let ours = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX));
        if ours && is_dead(&path) {
            tracing::info!(dir = %path.display(), "removing results of a process that is gone");
            fs::remove_dir_all(&path)?;
        }
    }
    Ok(())
}

fn is_dead(dir: &Path) -> bool {
    match File::open(dir.join(LOCK)) {
        Ok(lock) => lock.try_lock().is_ok(),
        // A folder without its lock: its process died between the two, or is just between them.
        Err(_) => false,
    }
}

/// Where a spilled frame is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    offset: u64,
    header: usize,
    body: usize,
    rows: u64,
    checksum: u64,
}

/// The spill file of one result, removed on drop.
#[derive(Debug)]
pub(super) struct SpillFile {
    dir: Arc<SpillDir>,
    path: PathBuf,
    file: File,
    end: AtomicU64,
}

impl SpillFile {
    pub(super) fn create(dir: &Arc<SpillDir>) -> Result<Self, ResultError> {
        let path = dir.dir.join(format!("{}.frames", Uuid::now_v7()));
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path);
        let file = file.map_err(|error| failed(&path, &error))?;
        Ok(Self { dir: Arc::clone(dir), path, file, end: AtomicU64::new(0) })
    }

    /// Writes one frame. Blocks: call it where blocking is allowed.
    pub(super) fn write(&self, frame: &Frame) -> Result<Place, ResultError> {
        let bytes = frame.bytes() as u64;
        self.dir.take(bytes)?;
        let offset = self.end.fetch_add(bytes, Ordering::Relaxed);
        let body = offset + frame.header.len() as u64;
        let written = self.file.write_all_at(&frame.header, offset);
        let written = written.and_then(|()| self.file.write_all_at(&frame.body, body));
        written.map_err(|error| failed(&self.path, &error))?;
        let (header, body) = (frame.header.len(), frame.body.len());
        Ok(Place { offset, header, body, rows: frame.rows, checksum: frame.checksum })
    }

    /// Reads one frame back and checks it. Blocks.
    pub(super) fn read(&self, place: Place) -> Result<Frame, ResultError> {
        let mut bytes = vec![0; place.header + place.body];
        let read = self.file.read_exact_at(&mut bytes, place.offset);
        read.map_err(|error| failed(&self.path, &error))?;
        let mut header = Bytes::from(bytes);
        let body = header.split_off(place.header);
        let frame = Frame::new(header, body, place.rows);
        match frame.checksum == place.checksum {
            true => Ok(frame),
            false => Err(ResultError::Corrupt(format!(
                "a spilled result changed on disk ({}): check the disk, run the query again",
                self.path.display()
            ))),
        }
    }
}

impl Drop for SpillFile {
    fn drop(&mut self) {
        self.dir.used.fetch_sub(self.end.load(Ordering::Relaxed), Ordering::Relaxed);
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(file = %self.path.display(), %error, "spill file not removed");
        }
    }
}

fn failed(path: &Path, error: &io::Error) -> ResultError {
    ResultError::Disk(format!(
        "the result store's disk failed ({}: {error}): free space there, or set --spill-dir",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(fill: u8) -> Frame {
        Frame::new(vec![fill; 10].into(), vec![fill; 1000].into(), 3)
    }

    #[test]
    fn frames_come_back_as_they_went() {
        let parent = tempfile::tempdir().unwrap();
        let dir = SpillDir::create(parent.path(), 1 << 20).unwrap();
        let file = SpillFile::create(&dir).unwrap();
        let places: Vec<_> = (0..5).map(|fill| file.write(&frame(fill)).unwrap()).collect();
        for (fill, place) in places.into_iter().enumerate() {
            assert_eq!(file.read(place).unwrap(), frame(fill as u8));
        }
    }

    #[test]
    fn the_quota_holds_and_is_given_back() {
        let parent = tempfile::tempdir().unwrap();
        let dir = SpillDir::create(parent.path(), 1500).unwrap();
        let file = SpillFile::create(&dir).unwrap();
        file.write(&frame(1)).unwrap();
        assert!(matches!(file.write(&frame(2)), Err(ResultError::Exhausted(_))));
        drop(file);
        assert_eq!(dir.used(), 0);
    }

    #[test]
    fn a_changed_byte_is_an_error() {
        let parent = tempfile::tempdir().unwrap();
        let dir = SpillDir::create(parent.path(), 1 << 20).unwrap();
        let file = SpillFile::create(&dir).unwrap();
        let place = file.write(&frame(1)).unwrap();
        file.file.write_all_at(&[9], 500).unwrap();
        assert!(matches!(file.read(place), Err(ResultError::Corrupt(_))));
    }

    #[test]
    fn only_folders_of_the_dead_are_removed() {
        let parent = tempfile::tempdir().unwrap();
        let alive = SpillDir::create(parent.path(), 1).unwrap();
        let dead = parent.path().join(format!("{PREFIX}dead"));
        fs::create_dir(&dead).unwrap();
        File::create(dead.join(LOCK)).unwrap();
        let other = parent.path().join("somebody-elses");
        fs::create_dir(&other).unwrap();

        let _mine = SpillDir::create(parent.path(), 1).unwrap();

        assert!(!dead.exists());
        assert!(alive.dir.exists());
        assert!(other.exists());
    }
}
