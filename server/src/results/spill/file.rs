//! The spill file of one result.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use uuid::Uuid;

use super::SpillDir;
use crate::results::{Frame, ResultError};

/// Where a spilled frame is.
#[derive(Debug, Clone, Copy)]
pub(in crate::results) struct Place {
    offset: u64,
    pub(in crate::results) header: usize,
    pub(in crate::results) body: usize,
    rows: u64,
    checksum: u64,
}

impl Place {
    /// Bytes of header and body.
    pub(in crate::results) fn bytes(&self) -> usize {
        self.header + self.body
    }
}

/// The spill file of one result, removed on drop.
#[derive(Debug)]
pub(in crate::results) struct SpillFile {
    dir: Arc<SpillDir>,
    path: PathBuf,
    file: File,
    /// Where the next frame goes. A place that could not be written stays a hole.
    end: AtomicU64,
    /// What the quota was charged for this file.
    charged: AtomicU64,
}

impl SpillFile {
    pub(in crate::results) fn create(dir: &Arc<SpillDir>) -> Result<Self, ResultError> {
        let folder = dir.folder().map_err(|error| failed(dir.parent(), &error))?;
        let path = folder.join(format!("{}.frames", Uuid::now_v7()));
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path);
        let file = file.map_err(|error| failed(&path, &error))?;
        let (end, charged) = (AtomicU64::new(0), AtomicU64::new(0));
        Ok(Self { dir: Arc::clone(dir), path, file, end, charged })
    }

    /// Writes one frame. Blocks: call it where blocking is allowed.
    pub(in crate::results) fn write(&self, frame: &Frame) -> Result<Place, ResultError> {
        let bytes = frame.bytes() as u64;
        self.dir.take(bytes)?;
        let offset = self.end.fetch_add(bytes, Ordering::Relaxed);
        let body = offset + frame.header.len() as u64;
        let written = self.file.write_all_at(&frame.header, offset);
        let written = written.and_then(|()| self.file.write_all_at(&frame.body, body));
        if let Err(error) = written {
            self.dir.give(bytes);
            return Err(failed(&self.path, &error));
        }
        self.charged.fetch_add(bytes, Ordering::Relaxed);
        let (header, body) = (frame.header.len(), frame.body.len());
        Ok(Place { offset, header, body, rows: frame.rows, checksum: frame.checksum })
    }

    /// Reads one frame back and checks it. Blocks.
    pub(in crate::results) fn read(&self, place: Place) -> Result<Frame, ResultError> {
        let mut bytes = vec![0; place.bytes()];
        self.fill(place, 0, &mut bytes)?;
        let mut header = Bytes::from(bytes);
        let body = header.split_off(place.header);
        let frame = Frame::new(header, body, place.rows);
        self.compare(place, frame.checksum)?;
        Ok(frame)
    }

    /// Reads what a frame has from byte `from` on. Blocks.
    pub(in crate::results) fn fill(
        &self,
        place: Place,
        from: usize,
        bytes: &mut [u8],
    ) -> Result<(), ResultError> {
        let read = self.file.read_exact_at(bytes, place.offset + from as u64);
        read.map_err(|error| match error.kind() {
            // It was all written: somebody has cut it.
            io::ErrorKind::UnexpectedEof => self.changed(),
            _ => failed(&self.path, &error),
        })
    }

    /// Holds the checksum of what was read against that of what was written.
    pub(in crate::results) fn compare(&self, place: Place, sum: u64) -> Result<(), ResultError> {
        match sum == place.checksum {
            true => Ok(()),
            false => Err(self.changed()),
        }
    }

    fn changed(&self) -> ResultError {
        ResultError::Corrupt(format!(
            "a spilled result changed on disk ({}): check the disk, run the query again",
            self.path.display()
        ))
    }
}

impl Drop for SpillFile {
    fn drop(&mut self) {
        self.dir.give(self.charged.load(Ordering::Relaxed));
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(file = %self.path.display(), %error, "spill file not removed");
            }
            _ => {}
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

    fn spill(limit: u64) -> (tempfile::TempDir, Arc<SpillDir>, SpillFile) {
        let parent = tempfile::tempdir().unwrap();
        let dir = SpillDir::create(parent.path(), limit).unwrap();
        let file = SpillFile::create(&dir).unwrap();
        (parent, dir, file)
    }

    #[test]
    fn frames_come_back_as_they_went() {
        let (_parent, _dir, file) = spill(1 << 20);
        let places: Vec<_> = (0..5).map(|fill| file.write(&frame(fill)).unwrap()).collect();
        for (fill, place) in places.into_iter().enumerate() {
            assert_eq!(file.read(place).unwrap(), frame(fill as u8));
        }
    }

    #[test]
    fn the_quota_holds_and_is_given_back() {
        let (_parent, dir, file) = spill(1500);
        file.write(&frame(1)).unwrap();
        assert!(matches!(file.write(&frame(2)), Err(ResultError::Exhausted(_))));
        drop(file);
        assert_eq!(dir.used(), 0);
    }

    /// `/dev/full` is a disk without space.
    #[test]
    fn a_write_that_fails_does_not_use_up_the_quota() {
        let (_parent, dir, mut file) = spill(1500);
        file.file = OpenOptions::new().write(true).open("/dev/full").unwrap();
        for _ in 0..3 {
            assert!(matches!(file.write(&frame(1)), Err(ResultError::Disk(_))));
        }
        assert_eq!(dir.used(), 0);
    }

    #[test]
    fn a_changed_byte_is_an_error() {
        let (_parent, _dir, file) = spill(1 << 20);
        let place = file.write(&frame(1)).unwrap();
        file.file.write_all_at(&[9], 500).unwrap();
        assert!(matches!(file.read(place), Err(ResultError::Corrupt(_))));
    }

    #[test]
    fn a_cut_file_is_an_error() {
        let (_parent, _dir, file) = spill(1 << 20);
        let place = file.write(&frame(1)).unwrap();
        file.file.set_len(20).unwrap();
        assert!(matches!(file.read(place), Err(ResultError::Corrupt(_))));
    }
}
