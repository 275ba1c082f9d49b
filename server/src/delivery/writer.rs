//! One part on its way from an operator to a peer.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use squadron_planner::deliver::{PartKey, PartTotals, PartWriter, Receipt};
use squadron_planner::{PlannerError, Result};

use super::{FrameEncoder, OnTheWay};
use crate::flight::peers::PartPut;
use crate::results::{Frame, QueryResult, chain};

/// Where a part's frames go.
pub(super) enum Outlet {
    /// This node's own store.
    Local(Arc<QueryResult>),
    /// Another peer.
    Remote(PartPut, #[expect(dead_code, reason = "counts as load until dropped")] OnTheWay),
    /// Nowhere: the frames are only counted.
    Counted,
}

/// Encodes batches and passes the frames on, counting what it passes.
pub(super) struct FrameWriter {
    part: PartKey,
    worker: String,
    peer: String,
    encoder: FrameEncoder,
    outlet: Outlet,
    totals: PartTotals,
}

impl FrameWriter {
    pub(super) fn new(
        part: PartKey,
        worker: String,
        peer: String,
        encoder: FrameEncoder,
        outlet: Outlet,
    ) -> Self {
        Self { part, worker, peer, encoder, outlet, totals: PartTotals::default() }
    }

    async fn send_all(&mut self, frames: Vec<Frame>) -> Result<()> {
        for frame in frames {
            self.send(frame).await?;
        }
        Ok(())
    }

    /// The local store counts for itself and there is no wire in between: what it counted is taken
    /// over when the part is sealed, so that memory is not hashed twice.
    async fn send(&mut self, frame: Frame) -> Result<()> {
        match &mut self.outlet {
            Outlet::Local(result) => Ok(result.append(self.part, frame).await?),
            Outlet::Remote(put, _) => {
                count(&mut self.totals, &frame);
                Ok(put.send(frame).await?)
            }
            Outlet::Counted => {
                count(&mut self.totals, &frame);
                Ok(())
            }
        }
    }

    async fn seal(&mut self) -> Result<PartTotals> {
        match &mut self.outlet {
            Outlet::Local(result) => Ok(result.seal(self.part)?),
            Outlet::Remote(put, _) => {
                let confirmed = put.finish(self.totals).await?;
                self.agree(confirmed)
            }
            Outlet::Counted => Ok(self.totals),
        }
    }

    fn agree(&self, confirmed: PartTotals) -> Result<PartTotals> {
        match confirmed == self.totals {
            true => Ok(confirmed),
            false => Err(PlannerError::Internal(format!(
                "{}: {} sent {:?} but {} received {confirmed:?}",
                self.part, self.worker, self.totals, self.peer
            ))),
        }
    }
}

fn count(totals: &mut PartTotals, frame: &Frame) {
    totals.rows += frame.rows;
    totals.frames += 1;
    totals.bytes += frame.bytes() as u64;
    totals.checksum = chain(totals.checksum, frame);
}

#[async_trait]
impl PartWriter for FrameWriter {
    async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        let frames = self.encoder.push(batch)?;
        self.send_all(frames).await
    }

    fn is_waiting(&self) -> bool {
        self.encoder.is_waiting()
    }

    async fn flush(&mut self) -> Result<()> {
        let frames = self.encoder.flush()?;
        self.send_all(frames).await
    }

    async fn finish(mut self: Box<Self>) -> Result<Receipt> {
        self.flush().await?;
        let totals = self.seal().await?;
        Ok(Receipt { part: self.part, worker: self.worker, peer: self.peer, totals })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::datatypes::Schema;
    use uuid::Uuid;

    #[test]
    fn a_peer_that_confirms_something_else_is_not_believed() {
        let part = PartKey { query: Uuid::nil(), attempt: 0, task: 0, partition: 0 };
        let encoder = FrameEncoder::new(Arc::new(Schema::empty()), 1024).unwrap();
        let writer = FrameWriter::new(part, "w".into(), "p".into(), encoder, Outlet::Counted);
        assert!(writer.agree(PartTotals::default()).is_ok());
        let error = writer.agree(PartTotals { rows: 1, ..Default::default() }).unwrap_err();
        assert!(matches!(error, PlannerError::Internal(_)));
    }
}
