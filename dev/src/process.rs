//! Nodes as processes of their own: the program as users run it, to be read from and to be killed.

mod binary;

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use squadron_server::client::FlightSqlClient;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::Result;
use crate::answer::ask;
use crate::cluster::write_secret;
use crate::wait::{SOON, wait_until};
pub use binary::{VARIABLE as PROGRAM_VARIABLE, squadron};

/// How long a node may take until it says that it is ready.
const READY: Duration = Duration::from_secs(60);

/// One node's process.
pub struct Process {
    child: Child,
    /// The line on its standard output that said that it is ready.
    pub ready: String,
    /// Where it serves clients.
    pub uri: String,
}

/// Nodes in processes of their own, killed on drop.
pub struct ProcessCluster {
    nodes: Vec<Process>,
    folder: TempDir,
}

struct Addresses {
    flight: String,
    internal: String,
}

impl ProcessCluster {
    /// Starts `nodes` nodes over the tables in `data`, with `extra` arguments for each.
    ///
    /// # Errors
    /// When the program is not built, or a node does not get ready.
    pub async fn start(nodes: usize, data: &Path, extra: &[&str]) -> Result<Self> {
        Self::start_program(&squadron()?, nodes, data, extra).await
    }

    /// As [`Self::start`], with this program.
    ///
    /// # Errors
    /// When a node does not get ready; the error has the end of its log.
    pub async fn start_program(
        program: &Path,
        nodes: usize,
        data: &Path,
        extra: &[&str],
    ) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("squadron-nodes-").tempdir()?;
        let secret = write_secret(folder.path())?;
        let addresses = free_addresses(nodes)?;
        let peers: Vec<String> =
            addresses.iter().map(|node| format!("{},{}", node.internal, node.flight)).collect();
        let mut starting = Vec::new();
        for (index, node) in addresses.iter().enumerate() {
            let mut command = Command::new(program);
            command.args(["serve", "--data"]).arg(data);
            command.args(["--listen", &node.flight, "--cluster-listen", &node.internal]);
            command.args(["--peers", &peers.join(";"), "--node-id", &format!("node-{index}")]);
            command.arg("--cluster-secret-file").arg(&secret).args(extra);
            command.arg("--spill-dir").arg(spill(folder.path(), index)?);
            starting.push(start(command, folder.path(), index, &node.flight));
        }
        let nodes = futures::future::try_join_all(starting).await?;
        let cluster = Self { nodes, folder };
        cluster.wait_for_members().await;
        Ok(cluster)
    }

    /// Waits until every node would send a client to every node.
    async fn wait_for_members(&self) {
        let everyone = self.nodes.len();
        for node in &self.nodes {
            let client = FlightSqlClient::connect(&node.uri).await;
            let client = client.unwrap_or_else(|error| panic!("a node that was ready: {error}"));
            let _ = client.set_header("squadron-endpoints", "all");
            wait_until("every node knows every other", SOON, async || {
                // Read to its end: a node waits for whoever has not read its result.
                let answer = ask(&client, "SELECT 1").await;
                answer.is_ok_and(|answer| answer.info.endpoint.len() == everyone)
            })
            .await;
        }
    }

    /// The nodes.
    pub fn nodes(&self) -> &[Process] {
        &self.nodes
    }

    /// A client connected to a node.
    ///
    /// # Panics
    /// When the node does not take it.
    pub async fn client(&self, index: usize) -> FlightSqlClient {
        FlightSqlClient::connect(&self.nodes[index].uri).await.expect("the node answers")
    }

    /// Ends a process at once, as `kill -9` does.
    ///
    /// # Errors
    /// When the system does not let it.
    pub async fn kill(&mut self, index: usize) -> Result<()> {
        Ok(self.nodes[index].child.kill().await?)
    }

    /// Tells a process to end, as `kill` does; gives how it ended.
    ///
    /// # Errors
    /// When the system does not let it, or it does not end in time.
    pub async fn terminate(&mut self, index: usize) -> Result<ExitStatus> {
        self.tell_to_end(index).await?;
        self.ended(index).await
    }

    /// Tells a process to end, as `kill` does, without waiting for it.
    ///
    /// # Errors
    /// When the system does not let it.
    pub async fn tell_to_end(&self, index: usize) -> Result<()> {
        self.signal(index, "-TERM").await
    }

    /// Waits for a process that was told to end; gives how it ended.
    ///
    /// # Errors
    /// When it does not end in time.
    pub async fn ended(&mut self, index: usize) -> Result<ExitStatus> {
        Ok(tokio::time::timeout(SOON, self.nodes[index].child.wait()).await??)
    }

    /// Stops a process where it is: its connections stay open, and nothing answers on them.
    ///
    /// # Errors
    /// When the system does not let it.
    pub async fn freeze(&mut self, index: usize) -> Result<()> {
        self.signal(index, "-STOP").await
    }

    async fn signal(&self, index: usize, signal: &str) -> Result<()> {
        let process = self.nodes[index].id().ok_or("it has ended before")?.to_string();
        let sent = Command::new("kill").args([signal, &process]).status().await?;
        if sent.success() { Ok(()) } else { Err(format!("kill {signal} {process}: {sent}").into()) }
    }

    /// What a node has logged.
    pub fn log(&self, index: usize) -> String {
        std::fs::read_to_string(log(self.folder.path(), index)).unwrap_or_default()
    }
}

impl Process {
    /// The process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }
}

async fn start(mut command: Command, folder: &Path, index: usize, flight: &str) -> Result<Process> {
    let log = log(folder, index);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SQUADRON_")) {
        command.env_remove(name);
    }
    let stderr = std::fs::File::create(&log)?;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr).kill_on_drop(true);
    let mut child = command.spawn()?;
    let stdout = child.stdout.take().ok_or("a process without standard output")?;
    let mut lines = BufReader::new(stdout).lines();
    match tokio::time::timeout(READY, lines.next_line()).await {
        Ok(Ok(Some(ready))) => Ok(Process { child, ready, uri: format!("grpc+tcp://{flight}") }),
        _ => Err(format!("node {index} is not ready: {}", std::fs::read_to_string(log)?).into()),
    }
}

fn log(folder: &Path, index: usize) -> PathBuf {
    folder.join(format!("node-{index}.log"))
}

fn spill(folder: &Path, index: usize) -> Result<PathBuf> {
    let spill = folder.join(format!("spill-{index}"));
    std::fs::create_dir(&spill)?;
    Ok(spill)
}

/// Free ports that stay free until the processes have them: on a loopback address that nobody else
/// on this machine is likely to use (all of 127.0.0.0/8 is this machine).
fn free_addresses(nodes: usize) -> Result<Vec<Addresses>> {
    let process = std::process::id().to_le_bytes();
    let moment = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let ip = Ipv4Addr::new(127, process[0].max(1), process[1], moment.subsec_micros() as u8 | 1);
    let free = || TcpListener::bind((ip, 0));
    let bound = (0..nodes * 2).map(|_| free()).collect::<Result<Vec<_>, _>>()?;
    let addresses = bound.chunks(2).map(|pair| {
        let (flight, internal) = (pair[0].local_addr()?, pair[1].local_addr()?);
        Ok(Addresses { flight: flight.to_string(), internal: internal.to_string() })
    });
    addresses.collect()
}
