//! One node, put together: the composition root that `main`, the demo and every test use.
//!
//! A list of builds with no logic between, in the order of who needs whom. Everything a node holds
//! hangs on [`Node`] and ends with it; two nodes in one process share nothing.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use datafusion::common::runtime::SpawnedTask;
use datafusion::execution::memory_pool::{FairSpillPool, MemoryPool, TrackConsumersPool};
use futures::future::join_all;
use squadron_cluster::channels::Connector;
use squadron_cluster::membership::fixed::Fixed;
use squadron_cluster::{Address, CallTokens, Channels, ClusterSecret, Member, Members, Membership};
use squadron_planner::PlannerError;
use squadron_planner::plan::Planner;
use squadron_planner::session::{Engine, EngineConfig, SpillRoot};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::auth::{Gate, Tokens};
use crate::config::{ConfigError, NodeConfig, QueriesSection};
use crate::cpu::CpuRuntime;
use crate::delivery::Delivery;
use crate::flight::peers::Peers;
use crate::flight::ticket::Signer;
use crate::memory::{Guard, GuardedPool, OperatorPool, watching};
use crate::query::{Admission, AdmissionLimits, Queries, QueryLimits, QueryParts};
use crate::results::{ResultStore, SpillDir, StoreConfig};
use crate::session::Sessions;
use crate::shutdown;
use crate::worker::WorkerChannels;

mod servers;

use servers::Servers;

/// Version that nodes compare before they run tasks for each other.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How long a node that ends waits for its connections to close. What a client asked for it has by then;
/// one that has stopped reading would be waited for for ever.
const FAREWELL: Duration = Duration::from_secs(3);

/// Why a node cannot be.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The configuration is wrong: correct it.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The cluster refuses it, or it the cluster.
    #[error(transparent)]
    Cluster(#[from] squadron_cluster::Error),
    /// A port or a folder cannot be used.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// The data cannot be used.
    #[error(transparent)]
    Data(#[from] PlannerError),
}

/// The sockets of a node, bound before anything else so that their ports are known.
#[derive(Debug)]
pub struct Listeners {
    /// For clients.
    pub flight: TcpListener,
    /// For the other nodes.
    pub internal: TcpListener,
}

impl Listeners {
    /// Binds what the configuration says; port 0 takes any free one.
    ///
    /// # Errors
    /// When a port is taken or not allowed.
    pub async fn bind(config: &NodeConfig) -> Result<Self, NodeError> {
        let flight = bind("--listen", &config.listen).await?;
        let internal = bind("--cluster-listen", &internal_address(config)).await?;
        Ok(Self { flight, internal })
    }
}

/// A node without peers is dialled by nobody: unless told otherwise it takes any free port, so that
/// a second one can be started beside it.
fn internal_address(config: &NodeConfig) -> Address {
    let default = squadron_cluster::Config::default().listen;
    match config.cluster.peers.all().is_empty() && config.cluster.listen == default {
        true => Address::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
        false => config.cluster.listen.clone(),
    }
}

async fn bind(flag: &str, address: &Address) -> Result<TcpListener, NodeError> {
    let bound = TcpListener::bind(address.to_string()).await;
    bound.map_err(|source| NodeError::Io { what: format!("{flag} {address}"), source })
}

/// A running node.
pub struct Node {
    membership: Arc<Fixed>,
    queries: Arc<Queries>,
    gate: Arc<Gate>,
    flight: Address,
    stop: CancellationToken,
    drain: Duration,
    tasks: Vec<SpawnedTask<()>>,
    // Dropped last: the queries' tasks run on it.
    _cpu: Arc<CpuRuntime>,
}

impl Node {
    /// Builds a node on bound sockets and starts to serve; returns once it has found its cluster.
    ///
    /// # Errors
    /// See [`NodeError`].
    pub async fn build(config: NodeConfig, listeners: Listeners) -> Result<Self, NodeError> {
        squadron_cluster::tls::choose_provider();
        let flight = local_address("--listen", &listeners.flight)?;
        let internal = local_address("--cluster-listen", &listeners.internal)?;
        let me = member(&config, &flight, internal)?;
        let secret = config.cluster.secret(&secret_dir())?;
        let tls = config.tls.server()?;
        let gate = Arc::new(gate(&config, &secret, &me.node_id)?);
        let tokens = CallTokens::new(&secret);
        let channels = Channels::new(Handle::current(), Connector::Tcp, tokens.clone());
        let probe = &config.cluster.probe;
        let peers = &config.cluster.peers;
        let membership = Arc::new(Fixed::start(me.clone(), peers, probe, channels.separate()));
        channels.follow(membership.members());
        let cpu = cpu_runtime(&config)?;
        let drain = config.queries.drain;
        let guard = Arc::new(Guard::new(config.memory_limit().as_u64()));
        let members = membership.members();
        let parts =
            Parts { config: &config, me, channels, members, secret, guard: Arc::clone(&guard) };
        let (queries, sessions) = parts.queries(Arc::clone(&cpu)).await?;
        let stop = CancellationToken::new();
        let servers = Servers {
            queries: &queries,
            gate: &gate,
            membership: &membership,
            cpu: &cpu,
            stop: &stop,
            connections: config.connections,
            tls,
        };
        let tasks = vec![
            servers.internal(listeners.internal, tokens, Arc::clone(&sessions)),
            servers.flight(listeners.flight, sessions),
            queries.sweeping(),
            watching(guard, queries.planner().engine(), queries.store(), Arc::clone(&cpu)),
        ];
        membership.settled().await?;
        Ok(Self { membership, queries, gate, flight, stop, drain, tasks, _cpu: cpu })
    }

    /// This node as the others see it.
    pub fn member(&self) -> &Member {
        self.membership.myself()
    }

    /// The live members, now and at every change.
    pub fn members(&self) -> watch::Receiver<Arc<Members>> {
        self.membership.members()
    }

    /// Its queries and results.
    pub fn queries(&self) -> &Arc<Queries> {
        &self.queries
    }

    /// Where its Flight SQL port is bound.
    pub fn flight(&self) -> &Address {
        &self.flight
    }

    /// The one line that says that it is ready, with every address.
    pub fn ready_line(&self) -> String {
        let member = self.member();
        let members = self.members().borrow().all().len();
        format!(
            "squadron ready: node={} flight={} internal={} advertised={} roles={} auth={} members={members} tables={}",
            member.node_id,
            self.flight,
            member.internal,
            member.advertised.join(","),
            member.roles,
            self.gate.name(),
            self.queries.planner().engine().files().describe().len(),
        )
    }

    /// Takes no new queries, waits for those there are and for their results to be read
    /// (`--drain`), leaves the cluster and stops serving.
    pub async fn stop(self) {
        let patience = self.drain;
        self.stop_within(patience).await;
    }

    /// As [`Node::stop`], waiting so long. Connections that are still open some seconds after that end with
    /// the runtime.
    pub(crate) async fn stop_within(mut self, patience: Duration) {
        shutdown::drain(&self.queries, self.membership.as_ref(), patience).await;
        self.membership.leave().await;
        self.stop.cancel();
        // Else a reader that waits for a running query would be waited for.
        self.queries.end();
        // A server that panicked has nothing left to stop.
        let servers = join_all(self.tasks.drain(..2));
        if timeout(FAREWELL, servers).await.is_err() {
            tracing::warn!("clients that keep their connections are left");
        }
    }
}

impl Drop for Node {
    /// Connections that are still open hold on to queries and results; queries end with the node all
    /// the same, and nothing stays on disk.
    fn drop(&mut self) {
        self.queries.end();
        self.queries.store().close();
    }
}

fn local_address(flag: &str, listener: &TcpListener) -> Result<Address, NodeError> {
    let bound = listener.local_addr();
    bound.map(Address::from).map_err(|source| NodeError::Io { what: flag.into(), source })
}

fn member(config: &NodeConfig, flight: &Address, internal: Address) -> Result<Member, NodeError> {
    let beyond = !config.cluster.peers.all().is_empty();
    let advertised = match flight.is_wildcard() {
        // Clients are told of other nodes only: a node alone needs no location of its own.
        true if !beyond => Vec::new(),
        true if config.cluster.advertise.is_empty() => {
            return Err(NodeError::Config(ConfigError(format!(
                "--listen {flight}: clients cannot dial a wildcard; set --advertise to the location that they can"
            ))));
        }
        _ if config.tls.is_on() => vec![format!("grpc+tls://{flight}")],
        _ => vec![format!("grpc+tcp://{flight}")],
    };
    Ok(config.cluster.member(internal, advertised, VERSION)?)
}

/// Where the nodes of one user on one machine share their secret.
fn secret_dir() -> PathBuf {
    use etcetera::BaseStrategy;
    match etcetera::choose_base_strategy() {
        Ok(base) => base.state_dir().unwrap_or_else(|| base.data_dir()).join("squadron"),
        Err(_) => std::env::temp_dir().join("squadron"),
    }
}

fn gate(config: &NodeConfig, secret: &ClusterSecret, node: &str) -> Result<Gate, NodeError> {
    let lifetime = config.auth.token_lifetime;
    Ok(Gate::new(config.auth.authenticator()?, Tokens::new(secret), node, lifetime))
}

fn cpu_runtime(config: &NodeConfig) -> Result<Arc<CpuRuntime>, NodeError> {
    let cpu = CpuRuntime::new(config.engine.target_partitions);
    let cpu = cpu.map_err(|source| NodeError::Io { what: "starting threads".into(), source })?;
    Ok(Arc::new(cpu))
}

/// What the engine's side of a node is built from.
struct Parts<'a> {
    config: &'a NodeConfig,
    me: Member,
    channels: Channels,
    members: watch::Receiver<Arc<Members>>,
    secret: ClusterSecret,
    guard: Arc<Guard>,
}

impl Parts<'_> {
    async fn queries(
        self,
        cpu: Arc<CpuRuntime>,
    ) -> Result<(Arc<Queries>, Arc<Sessions>), NodeError> {
        let pool = self.pool();
        let spill = self.spill()?;
        let operators = Arc::clone(&spill);
        let operators: SpillRoot = Arc::new(move || operators.operators());
        let store = Arc::new(ResultStore::new(self.store(Arc::clone(&pool), spill)));
        let peers = Arc::new(Peers::new(self.channels.clone()));
        peers.follow(self.members.clone());
        let (me, members) = (self.me.clone(), self.members.clone());
        let delivery = Delivery::new(me, members, Arc::clone(&store), Arc::clone(&peers));
        let engine = Engine::open(self.engine(pool, &store, operators, delivery)).await?;
        let sessions = Arc::new(Sessions::new(&self.me.node_id, engine.session_config()));
        let admission = self.admission(&store, &engine);
        let queries = Queries::new(QueryParts {
            me: self.me,
            planner: Planner::new(Arc::new(engine)),
            cpu,
            members: self.members,
            store,
            peers,
            signer: Signer::new(self.secret.derive("ticket")),
            limits: QueryLimits {
                keep: self.config.results.keep,
                reader_grace: self.config.results.reader_grace,
                timeout: self.config.queries.timeout,
                memory: self.config.memory_limit().as_u64() as usize,
            },
            admission,
        });
        Ok((Arc::new(queries), sessions))
    }

    /// Another query begins beside others only while operators leave a fifth of the memory, and the
    /// process is not too large.
    fn admission(&self, store: &Arc<ResultStore>, engine: &Engine) -> Arc<Admission> {
        let QueriesSection { concurrent, per_user, queued, .. } = self.config.queries;
        let limits =
            AdmissionLimits { concurrent, per_user: per_user.unwrap_or(concurrent), queued };
        let (store, pool) = (Arc::clone(store), Arc::clone(&engine.runtime().memory_pool));
        let most = self.config.memory_limit().as_u64() as usize / 5 * 4;
        let guard = Arc::clone(&self.guard);
        let operators = move || pool.reserved().saturating_sub(store.taken());
        Admission::new(limits, Arc::new(move || operators() > most || guard.is_over()))
    }

    /// One pool for operators and results, which looks at the process too; its errors name the largest
    /// users.
    fn pool(&self) -> Arc<dyn MemoryPool> {
        const NAMED: std::num::NonZeroUsize = std::num::NonZeroUsize::new(5).unwrap();
        let limit = self.config.memory_limit().as_u64() as usize;
        let pool = TrackConsumersPool::new(FairSpillPool::new(limit), NAMED);
        Arc::new(GuardedPool::new(Arc::new(pool), Arc::clone(&self.guard)))
    }

    /// The node's own folder for whatever it spills.
    fn spill(&self) -> Result<Arc<SpillDir>, NodeError> {
        let limit = self.config.results.disk_limit.as_u64();
        let spill = SpillDir::create(&self.config.engine.spill_dir, limit);
        spill.map_err(|source| self.spill_failed(source))
    }

    fn spill_failed(&self, source: io::Error) -> NodeError {
        let what = format!("--spill-dir {}", self.config.engine.spill_dir.display());
        NodeError::Io { what, source }
    }

    fn store(&self, pool: Arc<dyn MemoryPool>, spill: Arc<SpillDir>) -> StoreConfig {
        StoreConfig { pool, memory_limit: self.config.result_memory(), spill }
    }

    fn engine(
        &self,
        pool: Arc<dyn MemoryPool>,
        store: &Arc<ResultStore>,
        spill_root: SpillRoot,
        delivery: Delivery,
    ) -> EngineConfig {
        let pool = OperatorPool::new(pool, Arc::clone(&self.guard), Arc::clone(store));
        let store = Arc::clone(store);
        let engine = &self.config.engine;
        let url = url::Url::parse(&format!("http://{}", self.me.internal)).ok();
        EngineConfig {
            data: self.config.data.clone(),
            warehouse: self.config.shared_warehouse(),
            locations: self.config.allow_location.clone(),
            target_partitions: engine.target_partitions,
            scan_bytes_per_partition: engine.scan_bytes_per_partition.as_u64() as usize,
            memory_pool: Arc::new(pool),
            spare_memory: Arc::new(move || store.spare()),
            query_memory: self.config.query_memory(),
            spill_root: Some(spill_root),
            spill_limit: engine.spill_limit.as_u64(),
            sink: Arc::new(delivery),
            channels: Arc::new(WorkerChannels(self.channels.clone())),
            node: self.me.node_id.clone(),
            worker_url: url.filter(|_| self.me.roles.worker),
            version: VERSION.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::flight::testing::Plan;

    /// What a killed process spilled is then removed by the next one: see [`crate::results::SpillDir`].
    #[tokio::test]
    async fn operators_and_results_spill_into_one_folder() {
        let cluster = Plan::of(1).start().await;
        let mut folders = std::fs::read_dir(cluster.spill_dir()).unwrap();
        let folder = folders.next().unwrap().unwrap().path();
        assert!(folders.next().is_none());
        let operators = cluster.nodes[0].queries().planner().engine().spill_folder();
        assert!(operators.as_ref().is_some_and(|it| it.starts_with(folder)), "{operators:?}");
    }
}
