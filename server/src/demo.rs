//! What `squadron demo` shows, and the data that tests and benchmarks share with it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use squadron_cluster::{Address, Config as ClusterConfig};
use squadron_planner::catalog::DataLocation;
use tokio::net::TcpListener;

use crate::cli::demo::DemoArgs;
use crate::config::{
    AuthSection, CONNECTIONS, EngineSection, NodeConfig, QueriesSection, ResultsSection, TlsSection,
};
use crate::node::{Listeners, Node};

pub mod show;
pub mod tpch;

/// Whoever ends a demo does not wait for results that somebody might still read.
const DRAIN: Duration = Duration::from_secs(5);

/// Files of each large table.
const FILES: usize = 4;

/// A running demonstration: some nodes in this process, each with sockets of its own.
pub struct Demo {
    nodes: Vec<Node>,
    data: PathBuf,
}

impl Demo {
    /// Generates the data and starts the nodes.
    ///
    /// # Errors
    /// One line that says what failed.
    pub async fn start(args: &DemoArgs) -> Result<Self, String> {
        let data = generate(args).await?;
        let mut listeners = Vec::new();
        for node in 0..args.nodes {
            listeners.push(listen(args.port, node).await.map_err(|error| error.to_string())?);
        }
        let peers = peers(&listeners).map_err(|error| error.to_string())?;
        let starts = listeners.into_iter().enumerate().map(|(index, listeners)| {
            start(format!("node-{}", index + 1), &data, &peers, listeners)
        });
        let nodes = futures::future::try_join_all(starts).await?;
        all_see_each_other(&nodes).await?;
        for node in &nodes {
            println!("{}", node.ready_line());
        }
        Ok(Self { nodes, data })
    }

    /// The nodes.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Where the data is.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Where a client connects: any node would do.
    pub fn uri(&self) -> String {
        let first = self.nodes.first().map(|node| node.flight().to_string());
        format!("grpc+tcp://{}", first.unwrap_or_default())
    }

    /// Stops the nodes.
    pub async fn stop(self) {
        let stops = self.nodes.into_iter().map(|node| node.stop_within(DRAIN));
        futures::future::join_all(stops).await;
    }
}

async fn generate(args: &DemoArgs) -> Result<PathBuf, String> {
    let parent = args.data_dir.clone().unwrap_or_else(cache_dir);
    let (scale, begun) = (args.scale, Instant::now());
    println!("TPC-H at scale {scale} as Parquet in {} …", parent.display());
    let what = format!("writing {}", parent.display());
    let work = move || tpch::generate(&parent, scale, FILES);
    let data = tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())?;
    let data = data.map_err(|error| format!("{what}: {error}"))?;
    println!("  ready in {:.1} s\n", begun.elapsed().as_secs_f64());
    Ok(data)
}

fn cache_dir() -> PathBuf {
    use etcetera::BaseStrategy;
    let base = etcetera::choose_base_strategy().map(|base| base.cache_dir());
    base.unwrap_or_else(|_| std::env::temp_dir()).join("squadron")
}

/// Port `first + node` for clients, any free one for the other nodes.
async fn listen(first: u16, node: usize) -> io::Result<Listeners> {
    let wanted = first.checked_add(node as u16).unwrap_or(0);
    let flight = match TcpListener::bind(("127.0.0.1", wanted)).await {
        Ok(listener) => listener,
        Err(_) => TcpListener::bind("127.0.0.1:0").await?,
    };
    Ok(Listeners { flight, internal: TcpListener::bind("127.0.0.1:0").await? })
}

fn peers(listeners: &[Listeners]) -> io::Result<String> {
    let pair = |listeners: &Listeners| {
        let (internal, flight) = (listeners.internal.local_addr()?, listeners.flight.local_addr()?);
        Ok(format!("{internal},grpc+tcp://{flight}"))
    };
    Ok(listeners.iter().map(pair).collect::<io::Result<Vec<_>>>()?.join(";"))
}

async fn start(
    name: String,
    data: &Path,
    peers: &str,
    listeners: Listeners,
) -> Result<Node, String> {
    let address = |listener: &TcpListener| listener.local_addr().map(Address::from);
    let listen = address(&listeners.flight).map_err(|error| error.to_string())?;
    let internal = address(&listeners.internal).map_err(|error| error.to_string())?;
    // Small as the data is, the demo is there to show many nodes at work.
    let scan_bytes_per_partition = ByteSize(1);
    let config = NodeConfig {
        data: vec![location(data)?],
        warehouse: warehouse(data)?,
        allow_location: Vec::new(),
        listen,
        connections: CONNECTIONS,
        auth: AuthSection::default(),
        tls: TlsSection::default(),
        cluster: ClusterConfig {
            node_id: Some(name),
            listen: internal,
            peers: peers.parse().map_err(|error: squadron_cluster::Error| error.to_string())?,
            ..Default::default()
        },
        engine: EngineSection { scan_bytes_per_partition, ..Default::default() },
        queries: QueriesSection::default(),
        results: ResultsSection::default(),
    };
    Node::build(config, listeners).await.map_err(|error| error.to_string())
}

fn location(data: &Path) -> Result<DataLocation, String> {
    let text = data.to_str().ok_or_else(|| format!("{} is not UTF-8", data.display()))?;
    text.parse().map_err(|error: squadron_planner::catalog::CatalogError| error.to_string())
}

/// Beside the data, and of all nodes.
fn warehouse(data: &Path) -> Result<DataLocation, String> {
    let folder = data.with_extension("warehouse");
    DataLocation::warehouse(&folder.display().to_string()).map_err(|error| error.to_string())
}

/// The nodes were started together; each waits for the greeting of the last.
async fn all_see_each_other(nodes: &[Node]) -> Result<(), String> {
    for node in nodes {
        let mut members = node.members();
        let all = members.wait_for(|members| members.all().len() == nodes.len());
        let seen = tokio::time::timeout(Duration::from_secs(10), all).await;
        seen.map_err(|_| "the nodes do not find each other".to_owned())?
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}
