//! Nodes for tests: real sockets on loopback, a runtime each, gone on drop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use squadron_cluster::channels::Connector;
use squadron_cluster::config::Probe;
use squadron_cluster::member::{Roles, new_generation};
use squadron_cluster::membership::fixed::{Fixed, Peers};
use squadron_cluster::secret::RequireToken;
use squadron_cluster::serve::accept_nodes;
use squadron_cluster::{CallTokens, Channels, ClusterSecret, Member, Members, Membership};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::time::timeout;
use tonic::transport::Server;

/// How long anything may take here that takes milliseconds on an idle machine.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Waits until the snapshot is as wanted.
pub async fn wait_for(
    members: &mut watch::Receiver<Arc<Members>>,
    what: &str,
    wanted: impl FnMut(&Arc<Members>) -> bool,
) -> Arc<Members> {
    let seen = match timeout(DEADLINE, members.wait_for(wanted)).await {
        Ok(seen) => Some(Arc::clone(&seen.expect("the membership lives"))),
        Err(_) => None,
    };
    seen.unwrap_or_else(|| {
        panic!("not within {DEADLINE:?}: {what}; last seen {:?}", ids(&members.borrow()))
    })
}

/// Waits until exactly these nodes are members.
pub async fn wait_for_ids(node: &Node, wanted: &[&str]) -> Arc<Members> {
    let mut members = node.membership.members();
    wait_for(&mut members, &format!("{wanted:?}"), |members| ids(members) == wanted).await
}

pub fn ids(members: &Members) -> Vec<&str> {
    members.all().iter().map(|m| m.node_id.as_str()).collect()
}

/// Probes so often that a test does not wait.
pub fn often() -> Probe {
    Probe { interval: Duration::from_millis(20), timeout: Duration::from_secs(2), misses: 2 }
}

/// Probes once: what happens then happens for another reason.
pub fn once() -> Probe {
    Probe { interval: Duration::from_secs(3600), ..often() }
}

/// A running node. Dropping it kills it.
pub struct Node {
    pub membership: Arc<dyn Membership>,
    runtime: Option<Runtime>,
}

impl Node {
    /// Dies without a word, as a killed process does.
    /// Returns when its sockets are closed, so that its port can be bound again.
    pub fn kill(mut self) {
        let runtime = self.runtime.take().expect("it runs");
        let end = std::thread::spawn(move || runtime.shutdown_timeout(DEADLINE));
        end.join().expect("the runtime ends");
    }

    /// Stands still, with its connections open, as a stopped process does.
    pub fn stall(self) -> Stalled {
        let (release, stalled) = std::sync::mpsc::channel::<()>();
        let runtime = self.runtime.as_ref().expect("it runs");
        // Blocks the only thread of the node's runtime until the other end is dropped.
        runtime.handle().spawn(async move { stalled.recv() });
        Stalled { node: self, _release: release }
    }
}

/// A node that stands still.
pub struct Stalled {
    node: Node,
    _release: std::sync::mpsc::Sender<()>,
}

impl Stalled {
    pub fn go_on(self) -> Node {
        self.node
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A place where nodes of one implementation of membership can be started.
pub trait Ground {
    /// A place for nodes named `a`, `b`, `c`, … none of which runs yet.
    fn new(nodes: usize, probe: Probe) -> Self;

    /// Starts the node with this number, changed by `change`, without waiting for it to settle.
    fn start_as(&self, node: usize, change: impl FnOnce(&mut Member)) -> Node;

    /// Starts the node with this number.
    fn start(&self, node: usize) -> Node {
        self.start_as(node, |_| {})
    }
}

/// Static membership, every node with the identical list.
pub struct FixedGround {
    addresses: Vec<SocketAddr>,
    /// Bound before any node starts, so that nobody else gets the ports of the list.
    listeners: Mutex<Vec<Option<std::net::TcpListener>>>,
    pub peers: Peers,
    pub probe: Probe,
    secret: ClusterSecret,
}

impl Ground for FixedGround {
    fn new(nodes: usize, probe: Probe) -> Self {
        let bind = |_| std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let listeners: Vec<_> = (0..nodes).map(bind).collect();
        let addresses: Vec<_> = listeners.iter().map(|l| l.local_addr().unwrap()).collect();
        let entries: Vec<_> = addresses.iter().map(|a| format!("{a},{}", advertised(*a))).collect();
        Self {
            addresses,
            listeners: Mutex::new(listeners.into_iter().map(Some).collect()),
            peers: entries.join(";").parse().unwrap(),
            probe,
            secret: ClusterSecret::random(),
        }
    }

    fn start_as(&self, node: usize, change: impl FnOnce(&mut Member)) -> Node {
        self.start_with(node, &self.secret, change)
    }
}

impl FixedGround {
    /// Starts a node with a secret of its own.
    pub fn start_with(
        &self,
        node: usize,
        secret: &ClusterSecret,
        change: impl FnOnce(&mut Member),
    ) -> Node {
        let mut member = self.member(node);
        change(&mut member);
        let listener = self.listener(node);
        listener.set_nonblocking(true).unwrap();
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let tokens = CallTokens::new(secret);
        let channels = Channels::new(runtime.handle().clone(), Connector::Tcp, tokens.clone());
        let _inside = runtime.enter();
        let fixed = Fixed::start(member, &self.peers, &self.probe, channels);
        let port = Server::builder().layer(RequireToken::new(tokens)).add_service(fixed.service());
        let incoming = accept_nodes(tokio::net::TcpListener::from_std(listener).unwrap(), 100);
        runtime.handle().spawn(port.serve_with_incoming(incoming));
        Node { membership: Arc::new(fixed), runtime: Some(runtime) }
    }

    fn member(&self, node: usize) -> Member {
        let address = self.addresses[node];
        Member {
            node_id: char::from(b'a' + node as u8).to_string(),
            generation: new_generation(),
            version: "1".into(),
            zone: None,
            host: "here".into(),
            roles: Roles::ALL,
            internal: address.into(),
            advertised: vec![format!("grpc+tcp://{}", advertised(address))],
        }
    }

    /// The port of a node that does not run yet.
    pub fn listener(&self, node: usize) -> std::net::TcpListener {
        let kept = self.listeners.lock()[node].take();
        kept.unwrap_or_else(|| std::net::TcpListener::bind(self.addresses[node]).unwrap())
    }
}

/// A client address that nobody listens on: only its difference from others matters here.
fn advertised(internal: SocketAddr) -> String {
    format!("advertised:{}", internal.port())
}
