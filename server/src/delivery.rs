//! Delivery: each part of a result goes to the nearest peer, which keeps and serves it.
//!
//! ```text
//!   DeliverExec ─ batches ─► FrameEncoder ─ frames ─┬─► this node's own store      (no wire)
//!                                                   └─► one DoPut to another peer
//! ```
//!
//! Invariants:
//! * A batch is encoded once, here; from here on only frames move.
//! * A part is finished only when the peer has confirmed the totals that were counted here.
//! * A writer waits for its peer (memory, disk, the wire), never for the client that reads.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use parking_lot::Mutex;
use squadron_cluster::Member;
use squadron_cluster::Members;
use squadron_cluster::nearness;
use squadron_planner::deliver::{DeliverSpec, PartKey, PartWriter, ResultSink};
use squadron_planner::{PlannerError, Result};
use tokio::sync::watch;

use crate::flight::peers::Peers;
use crate::results::ResultStore;

mod encode;
#[cfg(test)]
mod tests;
mod writer;

pub use encode::{FrameEncoder, schema_header};
use writer::{FrameWriter, Outlet};

/// Sends the parts that this node produces to the peers that will serve them.
#[derive(Debug)]
pub struct Delivery {
    me: Member,
    members: watch::Receiver<Arc<Members>>,
    store: Arc<ResultStore>,
    peers: Arc<Peers>,
    /// Parts on their way from here to each peer.
    load: Arc<Mutex<HashMap<String, u64>>>,
}

impl Delivery {
    /// Delivery from node `me` into its own `store` or over `peers`.
    pub fn new(
        me: Member,
        members: watch::Receiver<Arc<Members>>,
        store: Arc<ResultStore>,
        peers: Arc<Peers>,
    ) -> Self {
        Self { me, members, store, peers, load: Arc::default() }
    }

    /// The nearest live member among `targets`.
    fn nearest(&self, targets: &[String]) -> Result<Member> {
        let members = Arc::clone(&self.members.borrow());
        let live = targets.iter().filter_map(|id| members.get(id));
        let load = self.load.lock();
        let loaded = live.map(|peer| (&**peer, load.get(&peer.node_id).copied().unwrap_or(0)));
        let nearest = nearness::order(&self.me, loaded).first().map(|peer| (*peer).clone());
        nearest.ok_or_else(|| {
            PlannerError::Unavailable(format!(
                "none of the peers [{}] that were to hold the result can be reached",
                targets.join(", ")
            ))
        })
    }

    async fn outlet(&self, part: PartKey, peer: &Member) -> Result<Outlet> {
        if peer.node_id != self.me.node_id {
            let put = self.peers.put(peer, part).await?;
            return Ok(Outlet::Remote(put, OnTheWay::new(&self.load, &peer.node_id)));
        }
        let result = self.store.get(part.query).ok_or_else(|| {
            PlannerError::Unavailable(format!(
                "node {} knows nothing of query {} any more: run the query again",
                self.me.node_id, part.query
            ))
        })?;
        result.begin(part)?;
        Ok(Outlet::Local(result))
    }
}

#[async_trait]
impl ResultSink for Delivery {
    async fn open(
        &self,
        part: PartKey,
        spec: &DeliverSpec,
        schema: SchemaRef,
    ) -> Result<Box<dyn PartWriter>> {
        let peer = self.nearest(&spec.targets)?;
        let outlet = match spec.counted_only {
            true => Outlet::Counted,
            false => self.outlet(part, &peer).await?,
        };
        let encoder = FrameEncoder::new(schema, spec.frame_bytes)?;
        let worker = self.me.node_id.clone();
        Ok(Box::new(FrameWriter::new(part, worker, peer.node_id, encoder, outlet)))
    }
}

/// Counts a part towards its peer's load for as long as it is on its way.
#[derive(Debug)]
pub(crate) struct OnTheWay {
    load: Arc<Mutex<HashMap<String, u64>>>,
    peer: String,
}

impl OnTheWay {
    fn new(load: &Arc<Mutex<HashMap<String, u64>>>, peer: &str) -> Self {
        *load.lock().entry(peer.to_owned()).or_default() += 1;
        Self { load: Arc::clone(load), peer: peer.to_owned() }
    }
}

impl Drop for OnTheWay {
    fn drop(&mut self) {
        let mut load = self.load.lock();
        match load.get_mut(&self.peer) {
            Some(parts) if *parts > 1 => *parts -= 1,
            _ => drop(load.remove(&self.peer)),
        }
    }
}
