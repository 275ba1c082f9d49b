//! One lazy connection per member, made once and shared by everything that calls it.
//!
//! gRPC multiplexes: a second connection to the same node buys nothing but handshakes. The HTTP/2
//! windows are wide because one result stream must fill the network, pings keep idle connections
//! honest, and every call carries the token that proves the cluster secret: the channel given out
//! here cannot be used without it.
//!
//! No TLS yet. It will come in `Channels::dial`, where the endpoint is built, and nowhere else.

mod connect;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic::transport::{Channel, Endpoint};

pub use connect::{BoxedIo, Connect, Connector, Io};

use crate::address::Address;
use crate::membership::Members;
use crate::secret::{CallTokens, WithToken};

/// How much of one stream may be on its way unread.
pub const STREAM_WINDOW: u32 = 16 << 20;
/// How much of all streams of a connection may be on its way unread, where whoever reads them never
/// waits for anything but a disk.
pub const CONNECTION_WINDOW: u32 = 64 << 20;
/// The same for what comes back on calls that this node makes: as much as HTTP/2 can say. These
/// streams wait for each other (one side of a join for the other, a client's second endpoint for its
/// first): were a few that wait to use up a window that all share, none would ever move again. Each
/// stream's own window is the bound.
pub const SHARED_WINDOW: u32 = (1 << 31) - 1;
/// The largest HTTP/2 frame taken: large ones cost fewer system calls.
pub const FRAME_SIZE: u32 = 1 << 20;
/// How often a connection is pinged, also an idle one. Two workers that have lost each other while the
/// coordinator sees both notice by this alone, and a query that is run again may meet the same link
/// twice more: three times this and the time-out is what its client waits.
pub const PING_INTERVAL: Duration = Duration::from_secs(3);
/// How long a ping may stay without an answer before the connection counts as dead: as long as a node
/// may be away from the cluster before queries that need it fail.
pub const PING_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may take to come about.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A connection to a member that proves the cluster secret in every call. Cheap to clone.
pub type MemberChannel = WithToken<Channel>;

/// The connections of a node. Clones share them.
#[derive(Debug, Clone)]
pub struct Channels(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    runtime: Handle,
    connector: Connector,
    tokens: CallTokens,
    stream_window: u32,
    open: Mutex<HashMap<Address, Channel>>,
    /// Owns the task that follows membership: dropped with the last clone, it ends.
    followers: Mutex<JoinSet<()>>,
}

impl Channels {
    /// No connection yet. Their background tasks will live on `runtime`, whoever asks for them: a
    /// connection must not be served by the runtime of a busy query, nor end with it.
    pub fn new(runtime: Handle, connector: Connector, tokens: CallTokens) -> Self {
        Self::build(runtime, connector, tokens, STREAM_WINDOW)
    }

    fn build(
        runtime: Handle,
        connector: Connector,
        tokens: CallTokens,
        stream_window: u32,
    ) -> Self {
        Self(Arc::new(Inner {
            runtime,
            connector,
            tokens,
            stream_window,
            open: Mutex::default(),
            followers: Mutex::default(),
        }))
    }

    /// Another set of connections, made in the same way but shared with nobody: for traffic that must
    /// not wait behind the other.
    pub fn separate(&self) -> Self {
        self.separate_with(self.0.stream_window)
    }

    /// The same with another window for each stream, in bytes.
    pub fn separate_with(&self, stream_window: u32) -> Self {
        let Inner { runtime, connector, tokens, .. } = &*self.0;
        Self::build(runtime.clone(), connector.clone(), tokens.clone(), stream_window)
    }

    /// The runtime on which the connections live.
    pub fn runtime(&self) -> &Handle {
        &self.0.runtime
    }

    /// The channel to this internal address; connects at the first call on it, and again after the
    /// connection broke.
    pub fn get(&self, address: &Address) -> MemberChannel {
        let mut open = self.0.open.lock();
        let channel = open.entry(address.clone()).or_insert_with(|| self.dial(address)).clone();
        WithToken::new(channel, self.0.tokens.clone())
    }

    /// Drops the channel to this address: calls under way end as they may, the next one connects anew.
    pub fn forget(&self, address: &Address) {
        self.0.open.lock().remove(address);
    }

    /// How many channels are kept.
    pub fn len(&self) -> usize {
        self.0.open.lock().len()
    }

    /// Whether no channel is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// From now on, drops the channel of every member that leaves, or that comes back as a new
    /// process.
    pub fn follow(&self, mut members: watch::Receiver<Arc<Members>>) {
        let now = processes(&members.borrow_and_update());
        let follow = follow(Arc::downgrade(&self.0), members, now);
        self.0.followers.lock().spawn_on(follow, &self.0.runtime);
    }

    fn dial(&self, address: &Address) -> Channel {
        let endpoint = Endpoint::from(address.uri("http"))
            .initial_stream_window_size(self.0.stream_window)
            .initial_connection_window_size(SHARED_WINDOW)
            .max_frame_size(FRAME_SIZE)
            .http2_keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT)
            .keep_alive_while_idle(true)
            .connect_timeout(CONNECT_TIMEOUT);
        let _inside = self.0.runtime.enter();
        match &self.0.connector {
            Connector::Tcp => endpoint.connect_with_connector_lazy(connect::tcp(address)),
            Connector::Custom(connect) => {
                endpoint.connect_with_connector_lazy(connect::service(address, connect))
            }
        }
    }
}

async fn follow(
    channels: Weak<Inner>,
    mut members: watch::Receiver<Arc<Members>>,
    mut before: HashSet<(Address, u64)>,
) {
    while members.changed().await.is_ok() {
        let now = processes(&members.borrow_and_update());
        let Some(channels) = channels.upgrade() else {
            return;
        };
        let mut open = channels.open.lock();
        for (address, _) in before.difference(&now) {
            open.remove(address);
        }
        before = now;
    }
}

/// What a channel goes to: an address and the incarnation behind it.
fn processes(members: &Members) -> HashSet<(Address, u64)> {
    members.all().iter().map(|m| (m.internal.clone(), m.generation)).collect()
}
