//! Nodes for this crate's own tests: the real thing on loopback and port 0, each on a runtime of its
//! own so that one can be killed, all gone when dropped.

use std::collections::HashMap;
use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::{CommandStatementQuery, ProstMessageExt};
use arrow_flight::{
    Action, CancelFlightInfoRequest, FlightData, FlightDescriptor, FlightEndpoint, FlightInfo,
    Ticket,
};
use bytesize::ByteSize;
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;
use futures::future::join_all;
use prost::Message;
use squadron_cluster::channels::Connector;
use squadron_cluster::member::Roles;
use squadron_cluster::{CallTokens, Channels, ClusterSecret, Member};
use squadron_planner::catalog::DataLocation;
use tempfile::TempDir;
use tokio::runtime::{Builder, Handle, Runtime};
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Request, Status, Streaming};

use super::peers::Peers;
use super::ticket::{ResultTicket, Ticket as SignedTicket};
use crate::auth::{ANONYMOUS, Anyone, Gate, Identity, Principal, Tokens};
use crate::config::{
    AuthSection, CONNECTIONS, EngineSection, NodeConfig, QueriesSection, ResultsSection, TlsSection,
};
use crate::node::{Listeners, Node};
use crate::query::Queries;

/// Longer than anything that works takes.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Fails a test that waits for what does not come.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, what).await.expect("it did not happen in time")
}

/// Waits until a condition that nobody announces holds.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    let mut looks = tokio::time::interval(Duration::from_millis(5));
    soon(async {
        while !condition() {
            looks.tick().await;
        }
    })
    .await;
}

/// A gate that lets everybody in.
pub(crate) fn open_gate() -> Arc<Gate> {
    let tokens = Tokens::new(&ClusterSecret::random());
    Arc::new(Gate::new(Arc::new(Anyone), tokens, "a", Duration::from_secs(3600)))
}

/// A request as the layer before the port hands it on.
pub(crate) fn from_anybody<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(Identity::new(Principal::named(ANONYMOUS)));
    request
}

/// Some nodes that know each other, named a, b, c ….
pub(crate) struct TestCluster {
    pub nodes: Vec<TestNode>,
    folder: TempDir,
}

/// One of them.
pub(crate) struct TestNode {
    node: Option<Node>,
    runtime: Option<Runtime>,
}

/// What a cluster is to be.
pub(crate) struct Plan {
    folder: TempDir,
    data: Vec<DataLocation>,
    roles: Vec<Roles>,
    queries: QueriesSection,
    results: ResultsSection,
}

impl Plan {
    pub fn of(count: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (queries, results) = (QueriesSection::default(), ResultsSection::default());
        Self { folder, data: Vec::new(), roles: vec![Roles::ALL; count], queries, results }
    }

    pub fn roles(mut self, roles: &[&str]) -> Self {
        self.roles = roles.iter().map(|roles| roles.parse().unwrap()).collect();
        self
    }

    /// Queries whose last reader has gone run on for so long.
    pub fn reader_grace(mut self, grace: Duration) -> Self {
        self.results.reader_grace = grace;
        self
    }

    /// So many queries run at a time.
    pub fn concurrent(mut self, concurrent: usize) -> Self {
        self.queries.concurrent = concurrent;
        self
    }

    pub fn results(mut self, results: ResultsSection) -> Self {
        self.results = results;
        self
    }

    pub fn data(mut self, location: &str) -> Self {
        self.data.push(location.parse().unwrap());
        self
    }

    /// A table `t` of four files: `v` from 0 to 3999.
    pub async fn table(self) -> Self {
        let data = self.folder.path().join("data");
        let dir = data.join("t");
        for file in 0..4 {
            let (from, to) = (file * 1000, file * 1000 + 999);
            let sql = format!(
                "COPY (SELECT value AS v FROM generate_series({from}, {to})) TO '{}'",
                dir.join(format!("{file}.parquet")).display()
            );
            SessionContext::new().sql(&sql).await.unwrap().collect().await.unwrap();
        }
        let location = data.display().to_string();
        self.data(&location)
    }

    pub async fn start(self) -> TestCluster {
        let secret = self.folder.path().join("secret");
        std::fs::write(&secret, "a secret of these tests, long enough").unwrap();
        std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o600)).unwrap();
        let runtimes: Vec<_> = self.roles.iter().map(|_| runtime()).collect();
        let listeners = join_all(runtimes.iter().map(|runtime| runtime.spawn(listen()))).await;
        let listeners: Vec<_> = listeners.into_iter().map(Result::unwrap).collect();
        let peers = peer_list(&listeners);
        let nodes = self.roles.iter().zip(runtimes.iter().zip(listeners)).enumerate();
        let nodes = nodes.map(|(index, (roles, (runtime, listeners)))| {
            let mut config = config(index, &peers, self.folder.path(), &secret);
            config.data = self.data.clone();
            config.queries = self.queries.clone();
            config.results = self.results.clone();
            config.cluster.roles = *roles;
            runtime.spawn(Node::build(config, listeners))
        });
        let nodes: Vec<_> = join_all(nodes).await;
        let nodes = nodes.into_iter().zip(runtimes).map(|(node, runtime)| TestNode {
            node: Some(node.unwrap().unwrap()),
            runtime: Some(runtime),
        });
        let cluster = TestCluster { nodes: nodes.collect(), folder: self.folder };
        cluster.is_complete().await;
        cluster
    }
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

async fn listen() -> Listeners {
    let bind = || tokio::net::TcpListener::bind("127.0.0.1:0");
    Listeners { flight: bind().await.unwrap(), internal: bind().await.unwrap() }
}

fn peer_list(listeners: &[Listeners]) -> String {
    let peers = listeners.iter().map(|listeners| {
        let flight = listeners.flight.local_addr().unwrap();
        format!("{},grpc+tcp://{flight}", listeners.internal.local_addr().unwrap())
    });
    peers.collect::<Vec<_>>().join(";")
}

fn config(index: usize, peers: &str, folder: &Path, secret: &Path) -> NodeConfig {
    let warehouse = folder.join("warehouse").display().to_string();
    NodeConfig {
        data: Vec::new(),
        warehouse: DataLocation::warehouse(&warehouse).unwrap(),
        allow_location: Vec::new(),
        listen: "127.0.0.1:0".parse().unwrap(),
        connections: CONNECTIONS,
        auth: AuthSection::default(),
        tls: TlsSection::default(),
        cluster: squadron_cluster::Config {
            node_id: Some(name(index)),
            peers: peers.parse().unwrap(),
            secret_file: Some(secret.to_owned()),
            ..Default::default()
        },
        engine: EngineSection {
            memory_limit: Some(ByteSize::mib(256)),
            target_partitions: 2,
            spill_dir: spill_dir(folder),
            ..Default::default()
        },
        queries: QueriesSection::default(),
        results: ResultsSection::default(),
    }
}

fn spill_dir(folder: &Path) -> PathBuf {
    folder.join("spill")
}

fn name(index: usize) -> String {
    char::from(b'a' + index as u8).to_string()
}

impl TestCluster {
    async fn is_complete(&self) {
        for node in &self.nodes {
            let mut members = node.members();
            let complete = members.wait_for(|members| members.all().len() == self.nodes.len());
            soon(complete).await.unwrap();
        }
    }

    /// Connections of somebody who knows the secret, on the test's own runtime.
    pub fn channels(&self) -> Channels {
        let secret = ClusterSecret::from_file(&self.secret()).unwrap();
        Channels::new(Handle::current(), Connector::Tcp, CallTokens::new(&secret))
    }

    /// The same as one node's way to its peers.
    pub fn peers(&self) -> Peers {
        Peers::new(self.channels())
    }

    /// Where the nodes spill, each in a folder of its own.
    pub fn spill_dir(&self) -> PathBuf {
        spill_dir(self.folder.path())
    }

    fn secret(&self) -> PathBuf {
        self.folder.path().join("secret")
    }
}

impl std::ops::Deref for TestNode {
    type Target = Node;

    fn deref(&self) -> &Node {
        self.node.as_ref().expect("it was killed")
    }
}

impl TestNode {
    pub fn queries(&self) -> &Arc<Queries> {
        Node::queries(self)
    }

    pub fn member(&self) -> &Member {
        Node::member(self)
    }

    pub async fn client(&self) -> FlightServiceClient<Channel> {
        let endpoint = Channel::from_shared(format!("http://{}", self.flight())).unwrap();
        FlightServiceClient::new(endpoint.connect().await.unwrap())
    }

    /// Starts a statement with these `squadron-…` headers; gives its endpoints.
    pub async fn execute(
        &self,
        sql: &str,
        options: &[(&'static str, &'static str)],
    ) -> Result<Vec<FlightEndpoint>, Status> {
        let command = CommandStatementQuery { query: sql.to_owned(), transaction_id: None };
        let command = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
        let mut request = Request::new(command);
        for (option, value) in options {
            request.metadata_mut().insert(*option, MetadataValue::from_static(value));
        }
        let info = self.client().await.get_flight_info(request).await?;
        Ok(info.into_inner().endpoint)
    }

    /// Cancels the query of these endpoints.
    pub async fn cancel(&self, endpoint: Vec<FlightEndpoint>) -> Result<(), Status> {
        let info = FlightInfo { endpoint, ..Default::default() };
        let body = CancelFlightInfoRequest { info: Some(info) }.encode_to_vec();
        let action = Action::new("CancelFlightInfo", body);
        self.client().await.do_action(action).await.map(drop)
    }

    /// Redeems a ticket here.
    pub async fn stream(&self, ticket: Ticket) -> Result<Streaming<FlightData>, Status> {
        Ok(self.client().await.do_get(ticket).await?.into_inner())
    }

    /// A reader in the middle of a committed result, with more to come than its connection holds.
    pub async fn in_the_middle(&self) -> Streaming<FlightData> {
        let sql = "SELECT * FROM generate_series(1, 1000000)";
        let endpoints = self.execute(sql, &[]).await.unwrap();
        until(|| self.queries().running() == 0).await;
        let mut stream = self.stream(endpoints[0].ticket.clone().unwrap()).await.unwrap();
        stream.message().await.unwrap().unwrap();
        stream
    }

    /// The same to its end; gives every message, or how the stream failed.
    pub async fn redeem(&self, ticket: Ticket) -> Result<Vec<FlightData>, Status> {
        self.stream(ticket).await?.try_collect().await
    }

    /// A ticket of this cluster for anybody.
    pub fn ticket(&self, share: ResultTicket) -> Ticket {
        let minute = Duration::from_secs(60);
        let ticket = SignedTicket::Result(share);
        Ticket { ticket: self.queries().signer().sign(ticket, ANONYMOUS, minute) }
    }

    /// Told to stop, it waits so long for its clients.
    pub async fn stop(&mut self, drain: Duration) {
        let node = self.node.take().expect("it runs");
        node.stop_within(drain).await;
    }

    /// The process is gone, as far as the others can see: sockets close, nothing is said.
    pub fn kill(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        self.node = None;
    }
}

impl Drop for TestNode {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The node that an endpoint names.
pub(crate) fn at<'c>(cluster: &'c TestCluster, endpoint: &FlightEndpoint) -> &'c TestNode {
    let nodes: HashMap<_, _> =
        cluster.nodes.iter().map(|node| (format!("grpc+tcp://{}", node.flight()), node)).collect();
    nodes[&endpoint.location[0].uri]
}
