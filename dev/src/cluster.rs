//! A real cluster in this process, isolated from every other, and gone on drop.
//!
//! Each node comes from the very `Node::build` that `squadron serve` calls, configured by the very
//! arguments. What is special is only the order: all ports are bound first (port 0, so that tests
//! never collide), then every node is told all addresses.

mod options;

use std::path::{Path, PathBuf};
use std::time::Instant;

use futures::future::try_join_all;
use squadron_server::client::{ClientError, ClientOptions, FlightSqlClient};
use squadron_server::config::NodeConfig;
use squadron_server::inspect::{Inspector, NodeUse};
use squadron_server::node::{Listeners, Node};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::Result;
use crate::answer::{Answer, ask};
use crate::wait::{SOON, wait_for};
pub(crate) use options::write_secret;
pub use options::{ClusterOptions, write_users};
use options::{secret_file, users_file};

/// Nodes in this process.
pub struct TestCluster {
    nodes: Vec<Option<Node>>,
    // After the nodes: their spill files are in it.
    folder: TempDir,
}

/// The bound ports of one node.
pub(crate) struct Ports {
    flight: TcpListener,
    internal: TcpListener,
}

impl Ports {
    async fn bind() -> Result<Self> {
        let flight = TcpListener::bind("127.0.0.1:0").await?;
        let internal = TcpListener::bind("127.0.0.1:0").await?;
        Ok(Self { flight, internal })
    }

    pub(crate) fn flight(&self) -> Result<String> {
        Ok(self.flight.local_addr()?.to_string())
    }

    pub(crate) fn internal(&self) -> Result<String> {
        Ok(self.internal.local_addr()?.to_string())
    }
}

impl TestCluster {
    /// A cluster of `nodes` nodes over these data, with default options.
    ///
    /// # Panics
    /// When it does not come up: no test can go on without it.
    pub async fn start(nodes: usize, data: &Path) -> Self {
        ClusterOptions::new(nodes).data(data).start().await
    }

    /// A cluster as `options` want it; what stops a node from starting is the caller's to judge.
    pub(crate) async fn try_start(options: ClusterOptions) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("squadron-test-").tempdir()?;
        let ports = try_join_all((0..options.nodes).map(|_| Ports::bind())).await?;
        let mut absent = Vec::new();
        for _ in 0..options.dead_peers {
            absent.push(Ports::bind().await?);
        }
        let args = options.arguments(folder.path(), &ports, &absent)?;
        drop(absent);
        let starting = args.iter().zip(ports).map(|(args, ports)| async move {
            let config = NodeConfig::load(args)?;
            let listeners = Listeners { flight: ports.flight, internal: ports.internal };
            Ok::<_, crate::Error>(Node::build(config, listeners).await?)
        });
        let nodes = try_join_all(starting).await?;
        let cluster = Self { nodes: nodes.into_iter().map(Some).collect(), folder };
        cluster.wait_for_members(options.members).await;
        Ok(cluster)
    }

    /// Waits until every node that runs sees this many members.
    pub async fn wait_for_members(&self, members: usize) {
        let seen = || self.running().all(|node| node.members().borrow().all().len() == members);
        wait_for(&format!("{members} members"), SOON, seen).await;
    }

    /// A node.
    ///
    /// # Panics
    /// When it was stopped.
    pub fn node(&self, index: usize) -> &Node {
        self.nodes[index].as_ref().expect("the node was stopped")
    }

    /// The nodes that run.
    pub fn running(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().flatten()
    }

    /// Where a node serves clients.
    pub fn uri(&self, index: usize) -> String {
        let advertised = self.node(index).member().advertised.first();
        advertised.expect("a node of a test is told to clients").clone()
    }

    /// Where a node serves the other nodes: not for clients.
    pub fn internal_uri(&self, index: usize) -> String {
        format!("grpc+tcp://{}", self.node(index).member().internal)
    }

    /// A new client, connected to a node, with a session of its own.
    ///
    /// # Panics
    /// When the node does not take it.
    pub async fn client(&self, index: usize) -> FlightSqlClient {
        self.client_with(index, &[]).await
    }

    /// A new client that sends these headers with every call.
    ///
    /// # Panics
    /// When the node does not take it.
    pub async fn client_with(&self, index: usize, headers: &[(&str, &str)]) -> FlightSqlClient {
        let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let options = ClientOptions { headers: headers.collect(), ..Default::default() };
        FlightSqlClient::connect_with(&self.uri(index), options).await.expect("the node answers")
    }

    /// A statement's answer, asked of a node by a new client.
    ///
    /// # Errors
    /// Those of the client.
    pub async fn ask(&self, index: usize, sql: &str) -> Result<Answer, ClientError> {
        ask(&self.client(index).await, sql).await
    }

    /// As [`Self::ask`], on all workers.
    ///
    /// # Errors
    /// Those of the client.
    pub async fn ask_distributed(&self, index: usize, sql: &str) -> Result<Answer, ClientError> {
        ask(&self.client_with(index, &[("squadron-execution-mode", "distributed")]).await, sql)
            .await
    }

    /// What each node has in hand.
    pub fn usage(&self) -> Vec<NodeUse> {
        self.running().map(|node| node.queries().usage()).collect()
    }

    /// Waits until nothing of any query is left on any node.
    ///
    /// # Panics
    /// When something stays, saying what.
    pub async fn wait_until_idle(&self) {
        let began = Instant::now();
        wait_for("every node is idle", SOON + SOON, || {
            let usage = self.usage();
            assert!(usage.iter().all(NodeUse::is_idle) || began.elapsed() < SOON, "{usage:#?}");
            usage.iter().all(NodeUse::is_idle)
        })
        .await;
    }

    /// The file of its users, if it has any.
    pub fn users_file(&self) -> PathBuf {
        users_file(self.folder.path())
    }

    /// Looks at its nodes from outside.
    ///
    /// # Panics
    /// When the secret cannot be read.
    pub fn inspector(&self) -> Inspector {
        Inspector::new(&secret_file(self.folder.path())).expect("the cluster's secret")
    }

    /// Stops a node as SIGTERM does: it says goodbye and ends.
    pub async fn stop(&mut self, index: usize) {
        if let Some(node) = self.nodes[index].take() {
            node.stop().await;
        }
    }

    /// Drops a node without a word, as a crash does.
    pub fn kill(&mut self, index: usize) {
        self.nodes[index] = None;
    }
}
