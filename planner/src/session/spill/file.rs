//! One spill file: written block by block, read up to what has been written.
//!
//! A repartitioning reads a file while it is written. How much of it there is is therefore known here and
//! not asked of the file system, so that an end that was cut off is no end.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::common::runtime::SpawnedTask;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SpillFile, SpillWriter};
use futures::{Stream, stream};
use parking_lot::Mutex;
use tempfile::{NamedTempFile, TempDir};
use uuid::Uuid;

use super::block::{Block, HEADER, Header, MOST, Place};
use super::{Quota, failed};
use crate::PlannerError;

/// A file of checked blocks. Gone once neither it, a writer nor a reader is there any more.
pub(super) struct CheckedFile(Arc<Inner>);

struct Inner {
    id: u64,
    named: NamedTempFile,
    /// Where the next block goes. A block that could not be written is not there.
    end: Mutex<u64>,
    quota: Quota,
    /// After the file that is in it.
    _folder: Arc<TempDir>,
}

impl CheckedFile {
    pub(super) fn new(named: NamedTempFile, folder: Arc<TempDir>, quota: Quota) -> Self {
        let id = Uuid::new_v4().as_u64_pair().0;
        Self(Arc::new(Inner { id, named, end: Mutex::new(0), quota, _folder: folder }))
    }
}

impl SpillFile for CheckedFile {
    fn size(&self) -> Option<u64> {
        Some(*self.0.end.lock())
    }

    fn read_stream(&self) -> Result<Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>> {
        let next = |(file, offset): (Arc<Inner>, u64)| async move {
            // As stock: a thread is taken for each read and not for a file's lifetime, since a merge
            // reads more files at a time than there may be threads.
            // Here, and not on that thread: an allocator keeps what is freed by others for the thread that took it, and
            // a merge that reads many files would have a little kept by each of many threads.
            let room = vec![0; file.room(offset)];
            let read = SpawnedTask::spawn_blocking(move || {
                let block = file.read(offset, room)?;
                Ok(block.map(|(bytes, offset)| (bytes, (file, offset))))
            });
            read.await.unwrap_or_else(|error| Err(DataFusionError::ExecutionJoin(Box::new(error))))
        };
        Ok(Box::pin(stream::try_unfold((Arc::clone(&self.0), 0), next)))
    }

    fn open_writer(&self) -> Result<Box<dyn SpillWriter>> {
        Ok(Box::new(CheckedWriter { file: Arc::clone(&self.0), block: Block::new() }))
    }
}

impl Inner {
    /// Writes a block after those that are there.
    fn append(&self, block: &mut Block) -> io::Result<()> {
        let size = block.size();
        let mut end = self.end.lock();
        self.quota.take(size)?;
        let sealed = block.sealed(Place { file: self.id, offset: *end });
        if let Err(error) = self.file().write_all_at(sealed, *end) {
            self.quota.give(size);
            return Err(self.named(error));
        }
        *end += size;
        Ok(())
    }

    /// The most bytes that the block at an offset has.
    fn room(&self, offset: u64) -> usize {
        let rest = self.end.lock().saturating_sub(offset + HEADER as u64);
        usize::try_from(rest).unwrap_or(MOST).min(MOST)
    }

    /// The block at an offset, in this room, and where the next is; `None` at the end.
    fn read(&self, offset: u64, mut bytes: Vec<u8>) -> Result<Option<(Bytes, u64)>> {
        let end = *self.end.lock();
        if offset == end {
            return Ok(None);
        }
        let mut header = [0; HEADER];
        self.read_exact(&mut header, offset)?;
        let header = Header::read(header);
        let begin = offset + HEADER as u64;
        let fits = |length: &usize| *length <= MOST && begin + *length as u64 <= end;
        let length = header.length().filter(fits).ok_or_else(|| self.changed(offset))?;
        bytes.resize(length, 0);
        self.read_exact(&mut bytes, begin)?;
        if !header.fits(Place { file: self.id, offset }, &bytes) {
            return Err(self.changed(offset));
        }
        Ok(Some((bytes.into(), begin + length as u64)))
    }

    fn read_exact(&self, bytes: &mut [u8], offset: u64) -> Result<()> {
        let read = self.file().read_exact_at(bytes, offset);
        read.map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => self.changed(offset),
            _ => failed(self.named(error)),
        })
    }

    fn file(&self) -> &File {
        self.named.as_file()
    }

    fn changed(&self, offset: u64) -> DataFusionError {
        let path = self.named.path().display();
        let text = format!(
            "what an operator spilled was changed on disk ({path} at byte {offset}): look after that disk, and run the query again"
        );
        PlannerError::Corrupt(text).into()
    }

    /// With the file's name, by which it is told that it was this disk.
    fn named(&self, error: io::Error) -> io::Error {
        io::Error::new(error.kind(), format!("{error} at path {:?}", self.named.path()))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.quota.give(*self.end.get_mut());
    }
}

/// Collects bytes to blocks.
struct CheckedWriter {
    file: Arc<Inner>,
    block: Block,
}

impl CheckedWriter {
    fn write_block(&mut self) -> io::Result<()> {
        if !self.block.is_empty() {
            self.file.append(&mut self.block)?;
            self.block.clear();
        }
        Ok(())
    }
}

impl Write for CheckedWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.block.is_full() {
            self.write_block()?;
        }
        Ok(self.block.push(bytes))
    }

    /// Whoever reads while the file is written waits for what was flushed.
    fn flush(&mut self) -> io::Result<()> {
        self.write_block()
    }
}

impl SpillWriter for CheckedWriter {
    fn finish(&mut self) -> Result<()> {
        self.write_block().map_err(failed)
    }
}
