//! Real `squadron serve` processes: one alone, or three that are a cluster.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use squadron_server::client::FlightSqlClient;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use crate::Result;
use crate::world::World;

/// What a node does unless it is told otherwise.
pub const EVERYTHING: &str = "coordinator,worker,serve";

const START_WITHIN: Duration = Duration::from_secs(30);

/// A cluster of processes on this machine, killed on drop.
pub struct Nodes {
    nodes: Vec<Node>,
}

struct Node {
    child: Child,
    uri: String,
}

impl Nodes {
    /// Starts `count` nodes with `flags` besides those of the run, and waits until each knows all.
    pub async fn start(world: &World, count: usize, flags: &[&str]) -> Result<Self> {
        Self::start_program(&world.squadron, world, &vec![EVERYTHING; count], flags).await
    }

    /// As [`Nodes::start`], with this program, and a node for each of these roles.
    pub async fn start_program(
        program: &Path,
        world: &World,
        roles: &[&str],
        flags: &[&str],
    ) -> Result<Self> {
        let count = roles.len();
        let ports = free_ports(count * 2).await?;
        let pairs: Vec<_> = ports.chunks(2).map(|pair| (pair[0], pair[1])).collect();
        let peers: Vec<_> = pairs
            .iter()
            .map(|(flight, internal)| format!("127.0.0.1:{internal},127.0.0.1:{flight}"))
            .collect();
        let mut nodes = Vec::with_capacity(count);
        for ((flight, internal), roles) in pairs.into_iter().zip(roles) {
            let mut command = Command::new(program);
            command.arg("serve").arg("--data").arg(&world.data);
            command.args(["--listen", &format!("127.0.0.1:{flight}")]);
            command.args(["--cluster-listen", &format!("127.0.0.1:{internal}")]);
            if count > 1 {
                command.args(["--peers", &peers.join(";")]);
            }
            command
                .args(["--roles", roles])
                .args(&world.serve)
                .args(flags)
                .env("SQUADRON_LOG", "warn");
            let child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
            nodes.push(Node { child, uri: format!("grpc+tcp://127.0.0.1:{flight}") });
        }
        for node in &mut nodes {
            node.ready().await?;
        }
        let nodes = Self { nodes };
        nodes.complete(roles.iter().filter(|roles| serves(roles)).count()).await?;
        Ok(nodes)
    }

    /// Where the first one takes queries.
    pub fn uri(&self) -> &str {
        &self.nodes[0].uri
    }

    /// Resident memory of the first one now, in bytes.
    pub fn resident(&self) -> Result<u64> {
        self.memory("VmRSS:")
    }

    /// The most that it ever was.
    pub fn peak(&self) -> Result<u64> {
        self.memory("VmHWM:")
    }

    fn memory(&self, key: &str) -> Result<u64> {
        let pid = self.nodes[0].child.id().ok_or("the node died")?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix(key)).ok_or("no such line")?;
        let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib * 1024)
    }

    /// Waits until a result has an endpoint on every node that serves.
    async fn complete(&self, serving: usize) -> Result<()> {
        let client = FlightSqlClient::connect(self.uri()).await?;
        client.set_header("squadron-endpoints", "all")?;
        let deadline = Instant::now() + START_WITHIN;
        while Instant::now() < deadline {
            let endpoints = client.execute("SELECT 1").await?.endpoint.len();
            if endpoints == serving {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err("the nodes did not find each other".into())
    }
}

fn serves(roles: &str) -> bool {
    roles.split(',').any(|role| role == "serve")
}

impl Node {
    async fn ready(&mut self) -> Result<()> {
        let stdout = self.child.stdout.take().ok_or("no stdout")?;
        let mut lines = BufReader::new(stdout).lines();
        let line = tokio::time::timeout(START_WITHIN, lines.next_line()).await??;
        match line {
            Some(line) if line.starts_with("squadron ready") => Ok(()),
            other => Err(format!("a node did not start: {other:?}").into()),
        }
    }
}

/// Ports that were free a moment ago, all different.
async fn free_ports(count: usize) -> Result<Vec<u16>> {
    let mut listeners = Vec::with_capacity(count);
    for _ in 0..count {
        listeners.push(TcpListener::bind("127.0.0.1:0").await?);
    }
    listeners.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}
