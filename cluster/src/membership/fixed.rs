//! Static membership: a list of peers in the configuration, and greetings to know who is alive.
//!
//! Every node says hello to every configured peer at its start and then every second, on the internal
//! port, over a connection of its own (a probe must not queue behind the data of a query). The answer
//! says who the peer is: identity and liveness come from the same call, so an address that answers as
//! somebody else is noticed at once.
//!
//! ```text
//!   prober (one task per peer) ── answered / missed ──┐
//!   greeter (the gRPC service) ── greeted ────────────┼─► Roster (pure, behind a mutex) ─► watch
//!   suspect (a failed call elsewhere) ── wakes prober ┘
//! ```

mod hello;
mod identity;
pub mod peers;
mod prober;
mod roster;
mod slot;
mod state;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

pub use hello::MembershipService;
pub use peers::{Peer, Peers};

use crate::channels::Channels;
use crate::config::Probe;
use crate::error::Result;
use crate::member::Member;
use crate::membership::{Members, Membership};
use state::State;

/// How long a start waits for peers that neither answer nor refuse.
const SETTLE_LIMIT: Duration = Duration::from_secs(1);

/// Membership by a fixed list of peers. Probing ends when this is dropped.
#[derive(Debug)]
pub struct Fixed {
    state: Arc<State>,
    settle_by: Instant,
    /// Owns the probers: dropped with it, they end.
    _probers: JoinSet<()>,
}

impl Fixed {
    /// Starts to greet every peer of the list but `me` (known by its internal address).
    ///
    /// `channels` must be an instance for this alone: were it shared with queries, a full connection
    /// window would look like a dead node. The probers run on the runtime that `channels` lives on.
    /// Mount [`Fixed::service`] on the internal port before or right after: the others ask there.
    pub fn start(me: Member, peers: &Peers, probe: &Probe, channels: Channels) -> Self {
        let runtime = channels.runtime().clone();
        let state = Arc::new(State::new(me, peers, probe, channels));
        let mut probers = JoinSet::new();
        for slot in 0..state.peers() {
            probers.spawn_on(prober::run(Arc::clone(&state), slot), &runtime);
        }
        Self { state, settle_by: Instant::now() + SETTLE_LIMIT, _probers: probers }
    }

    /// The gRPC service that answers the greetings of others, for the internal port (behind the layer
    /// that asks for the cluster secret).
    pub fn service(&self) -> MembershipService {
        hello::service(Arc::downgrade(&self.state))
    }
}

#[async_trait]
impl Membership for Fixed {
    fn members(&self) -> watch::Receiver<Arc<Members>> {
        self.state.members()
    }

    fn myself(&self) -> &Member {
        self.state.myself()
    }

    async fn settled(&self) -> Result<()> {
        let mut first_round = self.state.first_round();
        // Neither outcome is an error: whoever has not answered by then joins when it does.
        let _ = timeout_at(self.settle_by, first_round.wait_for(|over| *over)).await;
        self.state.end_of_start()
    }

    fn suspect(&self, node_id: &str) {
        self.state.suspect(node_id);
    }

    async fn drain(&self) {
        self.state.set_draining();
        self.tell_all().await;
    }

    async fn leave(&self) {
        self.state.set_leaving();
        self.tell_all().await;
    }
}

impl Fixed {
    /// Greets everybody at once, as this node is now.
    async fn tell_all(&self) {
        let farewells = (0..self.state.peers()).map(|slot| hello::say(&self.state, slot));
        // A peer that does not hear it finds out by the answers to its own greetings.
        let _ = timeout(self.state.probe().timeout, futures::future::join_all(farewells)).await;
    }
}
