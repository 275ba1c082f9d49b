//! A sink that keeps what it is given.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::Result;
use crate::deliver::{DeliverSpec, PartKey, PartTotals, PartWriter, Receipt, ResultSink};

/// What became of one part.
#[derive(Debug, Clone, Default)]
pub struct Part {
    /// Its batches.
    pub batches: Vec<RecordBatch>,
    /// Whether it was finished rather than abandoned.
    pub finished: bool,
}

/// Keeps parts in memory.
#[derive(Debug, Clone, Default)]
pub struct MemorySink {
    parts: Arc<Mutex<BTreeMap<PartKey, Part>>>,
    /// Told of every flush.
    pub flushed: Arc<Notify>,
    lost: u64,
}

impl MemorySink {
    /// Loses `lost` rows of every part: what no sink may do.
    pub fn losing(lost: u64) -> Self {
        Self { lost, ..Self::default() }
    }

    /// The parts so far.
    pub fn parts(&self) -> BTreeMap<PartKey, Part> {
        self.parts.lock().clone()
    }
}

#[async_trait]
impl ResultSink for MemorySink {
    async fn open(
        &self,
        part: PartKey,
        _: &DeliverSpec,
        _: SchemaRef,
    ) -> Result<Box<dyn PartWriter>> {
        self.parts.lock().insert(part, Part::default());
        Ok(Box::new(MemoryWriter { sink: self.clone(), part, waiting: false }))
    }
}

struct MemoryWriter {
    sink: MemorySink,
    part: PartKey,
    waiting: bool,
}

#[async_trait]
impl PartWriter for MemoryWriter {
    async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        self.waiting = true;
        self.sink.parts.lock().get_mut(&self.part).unwrap().batches.push(batch);
        Ok(())
    }

    fn is_waiting(&self) -> bool {
        self.waiting
    }

    async fn flush(&mut self) -> Result<()> {
        self.waiting = false;
        self.sink.flushed.notify_one();
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<Receipt> {
        let mut parts = self.sink.parts.lock();
        let part = parts.get_mut(&self.part).unwrap();
        part.finished = true;
        let rows: usize = part.batches.iter().map(RecordBatch::num_rows).sum();
        let totals = PartTotals {
            rows: rows as u64 - self.sink.lost,
            frames: part.batches.len() as u64,
            ..PartTotals::default()
        };
        Ok(Receipt { part: self.part, worker: "w".into(), peer: "p".into(), totals })
    }
}
