//! Results and operators of a node, for tests.

use std::fs;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use datafusion::execution::memory_pool::{
    GreedyMemoryPool, MemoryConsumer, MemoryPool, MemoryReservation,
};
use squadron_planner::deliver::PartKey;
use tempfile::TempDir;
use uuid::Uuid;

use super::{Guard, OperatorPool};
use crate::results::{
    Frame, Opening, QueryResult, ResultReader, ResultStore, SpillDir, StoreConfig,
};

pub(super) const MIB: usize = 1 << 20;

/// Of the node's memory; results may take half.
pub(super) const LIMIT: usize = 96 * MIB;

/// What of a node takes memory.
pub(super) struct Node {
    pub(super) store: Arc<ResultStore>,
    pub(super) operators: Arc<dyn MemoryPool>,
    pub(super) guard: Arc<Guard>,
    folder: TempDir,
}

impl Node {
    pub(super) fn new() -> Self {
        Self::with(Arc::new(GreedyMemoryPool::new(LIMIT)))
    }

    pub(super) fn with(pool: Arc<dyn MemoryPool>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let spill = SpillDir::create(&folder.path().join("spill"), u64::MAX).unwrap();
        let config = StoreConfig { pool: Arc::clone(&pool), memory_limit: LIMIT / 2, spill };
        let store = Arc::new(ResultStore::new(config));
        let guard = Arc::new(Guard::new(0));
        let operators = Arc::new(OperatorPool::new(pool, Arc::clone(&guard), Arc::clone(&store)));
        Self { store, operators, guard, folder }
    }

    pub(super) fn operator(&self, spills: bool) -> MemoryReservation {
        MemoryConsumer::new("operator").with_can_spill(spills).register(&self.operators)
    }

    /// A result of so many frames of a MiB, which is not complete.
    pub(super) async fn result(&self, frames: u8) -> (Arc<QueryResult>, PartKey) {
        let query = Uuid::now_v7();
        let opening = Opening {
            query,
            attempt: 0,
            lost: Vec::new(),
            staged: false,
            owner: "alice".into(),
            coordinator: "a".into(),
            schema: Bytes::from_static(b"schema"),
            keep: Duration::from_secs(60),
        };
        let result = self.store.open(opening).unwrap();
        let part = PartKey { query, attempt: 0, task: 0, partition: 0 };
        result.begin(part).unwrap();
        for number in 0..frames {
            result.append(part, frame(number)).await.unwrap();
        }
        (result, part)
    }

    pub(super) fn memory(&self) -> usize {
        self.store.usage().memory
    }

    pub(super) fn break_disk(&self) {
        let spill = self.folder.path().join("spill");
        fs::remove_dir_all(&spill).unwrap();
        fs::write(&spill, "a file").unwrap();
    }
}

pub(super) fn frame(number: u8) -> Frame {
    Frame::new(Bytes::from_static(b"h"), vec![number; MIB - 1].into(), 1)
}

pub(super) async fn rest(reader: &mut ResultReader, frames: Range<u8>) {
    for number in frames {
        assert_eq!(reader.next().await.unwrap(), Some(frame(number)));
    }
}
