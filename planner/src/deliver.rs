//! Delivery as the planner sees it: parts, receipts, and the sink they go to.
//!
//! [`DeliverExec`] sits at the root of the last worker stage. It hands every batch of its input to
//! a [`ResultSink`] and gives back one *receipt* row per partition, so only receipts travel to the
//! coordinator:
//!
//! ```text
//!   coordinator   DistributedExec ◄── receipts (a few hundred bytes a part)
//!   ───────────────────▲──────────────────────────────────────────────────
//!   workers        DeliverExec ──► ResultSink ──► the nearest peer's store
//!                      ▲
//!                  the query's own root
//! ```
//!
//! What a sink does with the batches (frames, sockets, files) is not this crate's business.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use uuid::Uuid;

use crate::Result;

mod codec;
mod exec;
mod planner;
mod receipt;
#[cfg(test)]
mod tests;

pub use codec::DeliverCodec;
pub use exec::DeliverExec;
pub use planner::DeliverPlanner;
pub use receipt::{Receipt, receipt_schema};

/// Names the delivered output of one partition of one attempt of one query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartKey {
    /// The query.
    pub query: Uuid,
    /// Which run of it: a retry carries a higher number, and parts of older ones are dropped.
    pub attempt: u32,
    /// The task of the last stage (0 when the coordinator runs it).
    pub task: u32,
    /// The partition within the task.
    pub partition: u32,
}

impl fmt::Display for PartKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { query, attempt, task, partition } = self;
        write!(f, "part {task}.{partition} of query {query} (attempt {attempt})")
    }
}

/// What was counted of a part, the same at its producer, at its peer and in the manifest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PartTotals {
    /// Rows.
    pub rows: u64,
    /// Frames (encoded record batches).
    pub frames: u64,
    /// Bytes of all frames, header and body.
    pub bytes: u64,
    /// XXH3 of all frames in order.
    pub checksum: u64,
}

impl fmt::Display for PartTotals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, frames, bytes, checksum } = self;
        write!(f, "{rows} rows in {frames} batches of {bytes} bytes (checksum {checksum:016x})")
    }
}

/// Where and how the parts of a query are delivered: fixed by the coordinator, carried in the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliverSpec {
    /// The query.
    pub query: Uuid,
    /// Which run of it.
    pub attempt: u32,
    /// Node ids of the peers that may be given parts, never empty.
    pub targets: Arc<[String]>,
    /// Nothing is kept or sent, the parts are only encoded and counted (EXPLAIN ANALYZE).
    pub counted_only: bool,
    /// Target bytes of one frame.
    pub frame_bytes: usize,
}

/// Takes the parts of results: the door from the engine to the rest of the node.
#[async_trait]
pub trait ResultSink: Send + Sync + fmt::Debug {
    /// Opens one part for writing. `schema` is the wire schema that every batch will have.
    ///
    /// # Errors
    /// `Unavailable` when no target can be reached; `Internal` when the part was opened before.
    async fn open(
        &self,
        part: PartKey,
        spec: &DeliverSpec,
        schema: SchemaRef,
    ) -> Result<Box<dyn PartWriter>>;
}

/// Writes one part. Dropped before [`finish`](PartWriter::finish), the part is abandoned and its
/// query cannot commit.
#[async_trait]
pub trait PartWriter: Send {
    /// Takes the next batch, waiting while the peer cannot.
    ///
    /// # Errors
    /// When the peer refused or was lost, or its store is full.
    async fn write(&mut self, batch: RecordBatch) -> Result<()>;

    /// Whether rows were taken that have not left yet, waiting to be joined with more.
    fn is_waiting(&self) -> bool;

    /// Lets what is waiting leave.
    ///
    /// # Errors
    /// As [`write`](PartWriter::write).
    async fn flush(&mut self) -> Result<()>;

    /// Seals the part; returns once the peer has confirmed the same totals.
    ///
    /// # Errors
    /// As [`write`](PartWriter::write), and `Internal` when the peer counted something else.
    async fn finish(self: Box<Self>) -> Result<Receipt>;
}

/// The sink of a session: set as an extension of its `SessionConfig`, read by [`DeliverExec`].
#[derive(Debug, Clone)]
pub struct SinkHandle(pub Arc<dyn ResultSink>);
