//! What lies between the nodes of a cluster: a small TCP proxy in front of each internal port, which
//! can cut, silence, slow and change what passes from any node to any other.
//!
//! ```text
//!   node 0 ──dials──► proxy of node 1 ──► node 1        from 0 to 1: what node 0 says
//!          ◄────────────────────────────                 from 1 to 0: what node 1 says
//! ```
//!
//! All nodes dial the one address that a node advertises, so the address does not tell who dials. The
//! system does: it knows which process has the socket at the other end ([`owner`]). That asks nothing
//! of the nodes, and no rights that a test may lack, as namespaces would.
//!
//! Flows are switched by who *speaks*, whoever dialled: that is how networks fail.

mod owner;
mod pipe;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::Result;

/// How bytes flow from one node to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// As they come.
    Open,
    /// Each so much later.
    Slow(Duration),
    /// Not at all, without anybody being told: they wait. So do connections that are made or closed.
    Silent,
    /// As they come, but for a bit of each large piece.
    Garbled,
    /// Connections are reset, and new ones are too.
    Cut,
}

/// The links between the nodes of a cluster. Gone on drop, with every connection.
pub struct Links {
    shared: Arc<Shared>,
    addresses: Vec<String>,
    _accepting: JoinSet<()>,
}

struct Shared {
    nodes: usize,
    /// How bytes flow, at `from * nodes + to`.
    flows: Vec<watch::Sender<Flow>>,
    /// The process of each node; 0 before it is known.
    processes: Vec<AtomicU32>,
    connections: Mutex<JoinSet<()>>,
}

impl Links {
    /// Links in front of nodes that listen at these addresses.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn between(nodes: impl Iterator<Item = String>) -> Result<Self> {
        let targets: Vec<SocketAddr> = nodes.map(|node| node.parse()).collect::<Result<_, _>>()?;
        let nodes = targets.len();
        let shared = Arc::new(Shared {
            nodes,
            flows: (0..nodes * nodes).map(|_| watch::Sender::new(Flow::Open)).collect(),
            processes: (0..nodes).map(|_| AtomicU32::new(0)).collect(),
            connections: Mutex::default(),
        });
        let (mut accepting, mut addresses) = (JoinSet::new(), Vec::new());
        for (node, target) in targets.into_iter().enumerate() {
            let listener = TcpListener::bind((target.ip(), 0)).await?;
            addresses.push(listener.local_addr()?.to_string());
            accepting.spawn(accept(Arc::clone(&shared), listener, node, target));
        }
        Ok(Self { shared, addresses, _accepting: accepting })
    }

    /// Where the others dial a node.
    pub fn address(&self, node: usize) -> &str {
        &self.addresses[node]
    }

    /// Says which process a node is now.
    pub(crate) fn owned_by(&self, node: usize, process: u32) {
        self.shared.processes[node].store(process, Ordering::Release);
    }

    /// Changes how bytes flow from one node to another.
    pub fn set(&self, from: usize, to: usize, flow: Flow) {
        self.shared.flow(from, to).send_replace(flow);
    }

    /// The same in both directions.
    pub fn set_both(&self, one: usize, other: usize, flow: Flow) {
        self.set(one, other, flow);
        self.set(other, one, flow);
    }

    /// Changes how bytes flow between a node and all others.
    pub fn set_around(&self, node: usize, flow: Flow) {
        let others = (0..self.shared.nodes).filter(|other| *other != node);
        others.for_each(|other| self.set_both(node, other, flow));
    }

    /// All flows are open again.
    pub fn heal(&self) {
        for flow in &self.shared.flows {
            flow.send_if_modified(|flow| std::mem::replace(flow, Flow::Open) != Flow::Open);
        }
    }
}

impl Shared {
    fn flow(&self, from: usize, to: usize) -> &watch::Sender<Flow> {
        &self.flows[from * self.nodes + to]
    }

    /// Which node has the other end of a connection that came to `here`.
    fn caller(&self, caller: SocketAddr, here: SocketAddr) -> Option<usize> {
        let processes: Vec<u32> =
            self.processes.iter().map(|process| process.load(Ordering::Acquire)).collect();
        owner::of(caller, here, &processes)
    }

    async fn connect(&self, from: TcpStream, to: usize, target: SocketAddr) {
        let (Ok(caller), Ok(here)) = (from.peer_addr(), from.local_addr()) else { return };
        // One that nobody has any more was closed before it was looked at.
        let Some(node) = self.caller(caller, here) else { return };
        let there = self.flow(node, to).subscribe();
        let back = self.flow(to, node).subscribe();
        pipe::connect(from, target, there, back).await;
    }
}

async fn accept(shared: Arc<Shared>, listener: TcpListener, to: usize, target: SocketAddr) {
    loop {
        // An error here is one of a connection that is gone already.
        let Ok((from, _)) = listener.accept().await else { continue };
        let connection = {
            let shared = Arc::downgrade(&shared);
            async move {
                if let Some(shared) = shared.upgrade() {
                    shared.connect(from, to, target).await;
                }
            }
        };
        let mut connections = shared.connections.lock().expect("nobody panics with it");
        while connections.try_join_next().is_some() {}
        connections.spawn(connection);
    }
}

#[cfg(test)]
mod tests;
