//! The store's promises, with frames whose content says where they belong.

mod fencing;
mod leaving;
mod limits;
mod phases;
mod random;
mod reading;
mod runs;
mod spilling;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use datafusion::execution::memory_pool::{GreedyMemoryPool, MemoryPool};
use futures::FutureExt;
use squadron_planner::deliver::{PartKey, PartTotals};
use tempfile::TempDir;
use uuid::Uuid;

use super::*;

const KEEP: Duration = Duration::from_secs(60);

/// Bytes of a [`frame`].
const FRAME: usize = 1024;

/// Where a [`Fixture`] spills, below its folder.
const SPILL: &str = "spill";

/// A store over a folder that is gone when this is dropped.
struct Fixture {
    store: ResultStore,
    folder: TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self::with(1 << 20, 1 << 20)
    }

    fn with(memory: usize, disk: u64) -> Self {
        Self::limited(memory, disk, StoreLimits::default())
    }

    fn limited(memory: usize, disk: u64, limits: StoreLimits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(1 << 30));
        let spill = SpillDir::create(&folder.path().join(SPILL), disk).unwrap();
        let config = StoreConfig { pool, memory_limit: memory, spill };
        Self { store: ResultStore::with_limits(config, limits), folder }
    }

    fn open(&self) -> Arc<QueryResult> {
        self.store.open(opening(Uuid::new_v4())).unwrap()
    }

    /// A committed result of these parts.
    async fn committed(&self, parts: &[(u32, u32)]) -> Arc<QueryResult> {
        let result = self.open();
        for (part, frames) in parts {
            write(&result, *part, *frames).await;
        }
        commit(&result);
        result
    }

    fn spill_folder(&self) -> PathBuf {
        self.folder.path().join(SPILL)
    }

    /// The one folder of this process below the spill folder.
    fn store_folder(&self) -> PathBuf {
        let mut folders = fs::read_dir(self.spill_folder()).unwrap();
        folders.next().unwrap().unwrap().path()
    }

    /// From now on nothing can be written.
    fn break_disk(&self) {
        fs::remove_dir_all(self.spill_folder()).unwrap();
        fs::write(self.spill_folder(), "a file").unwrap();
    }

    fn memory(&self) -> usize {
        self.store.usage().memory
    }

    fn disk(&self) -> u64 {
        self.store.usage().disk
    }
}

fn opening(query: Uuid) -> Opening {
    Opening {
        query,
        attempt: 0,
        lost: Vec::new(),
        staged: false,
        owner: "alice".into(),
        coordinator: "a".into(),
        schema: Bytes::from_static(b"schema"),
        keep: KEEP,
    }
}

fn part(result: &QueryResult, partition: u32) -> PartKey {
    PartKey { query: result.opening().query, attempt: 0, task: 0, partition }
}

/// The frame `number` of a part: its header says which it is.
fn frame(partition: u32, number: u32) -> Frame {
    let header: Vec<u8> = [partition.to_le_bytes(), number.to_le_bytes()].concat();
    let body = vec![number as u8; FRAME - header.len()];
    Frame::new(header.into(), body.into(), 1)
}

fn name(frame: &Frame) -> (u32, u32) {
    let number = |at: usize| u32::from_le_bytes(frame.header[at..at + 4].try_into().unwrap());
    (number(0), number(4))
}

/// Begins a part, appends frames 0 to `frames`, seals it.
async fn write(result: &Arc<QueryResult>, partition: u32, frames: u32) -> PartTotals {
    let part = part(result, partition);
    result.begin(part).unwrap();
    for number in 0..frames {
        result.append(part, frame(partition, number)).await.unwrap();
    }
    result.seal(part).unwrap()
}

fn totals(partition: u32, frames: u32) -> PartTotals {
    let frames = (0..frames).map(|number| frame(partition, number));
    frames.fold(PartTotals::default(), |sum, frame| PartTotals {
        rows: sum.rows + frame.rows,
        frames: sum.frames + 1,
        bytes: sum.bytes + frame.bytes() as u64,
        checksum: chain(sum.checksum, &frame),
    })
}

fn manifest(result: &QueryResult, parts: &[(u32, u32)]) -> Vec<PartSummary> {
    let summary = |&(partition, frames): &(u32, u32)| PartSummary {
        part: part(result, partition),
        totals: totals(partition, frames),
    };
    parts.iter().map(summary).collect()
}

/// Commits what the result holds.
fn commit(result: &QueryResult) {
    let held = result.summaries();
    result.verify(0, &held).unwrap();
    result.commit(0).unwrap();
}

/// Everything a reader gets until its end.
async fn read(result: &Arc<QueryResult>) -> Result<Vec<Frame>, ResultError> {
    let mut reader = result.read().unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = reader.next().await? {
        frames.push(frame);
    }
    Ok(frames)
}

async fn names(result: &Arc<QueryResult>) -> Vec<(u32, u32)> {
    read(result).await.unwrap().iter().map(name).collect()
}

/// Whether a reader has nothing to give now.
fn waits(reader: &mut ResultReader) -> bool {
    reader.next().now_or_never().is_none()
}

fn broken() -> ResultError {
    ResultError::Unavailable("a worker is gone".into())
}

fn is_broken(error: &ResultError) -> bool {
    matches!(error, ResultError::Unavailable(text) if text == "a worker is gone")
}

fn after(time: Duration) -> Instant {
    Instant::now() + time
}
