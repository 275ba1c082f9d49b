//! Nodes as processes of their own: the program as users run it, to be read from and to be killed.

mod access;
mod addresses;
mod binary;
mod group;
mod node;
mod options;

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use squadron_server::client::FlightSqlClient;
use squadron_server::inspect::{Inspector, NodeUse};
use tempfile::TempDir;
use tokio::process::Command;

use crate::Result;
use crate::answer::ask;
use crate::cluster::write_secret;
use crate::faults::{Hosts, Links};
use crate::wait::{SOON, wait_until};
use access::Access;
use addresses::{Addresses, free_addresses, on_hosts};
pub use binary::{VARIABLE as PROGRAM_VARIABLE, squadron};
pub use group::Group;
use node::Launch;
pub use node::Process;
pub use options::ProcessOptions;

/// How long a look at a node may take.
const LOOK: Duration = Duration::from_secs(2);

/// How soon a process that may have no more memory wants some.
const HUNGRY: Duration = Duration::from_secs(10);

/// Nodes in processes of their own, killed on drop.
pub struct ProcessCluster {
    nodes: Vec<Process>,
    launches: Vec<Launch>,
    access: Access,
    links: Option<Links>,
    // After the processes that run there.
    hosts: Option<Hosts>,
    folder: TempDir,
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
        Self::start_with(ProcessOptions::new(nodes, data).program(program).arguments(extra)).await
    }

    /// Starts nodes as `options` want them.
    ///
    /// # Errors
    /// When the program is not built, or a node does not get ready.
    pub async fn start_with(options: ProcessOptions) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("squadron-nodes-").tempdir()?;
        let secret = write_secret(folder.path())?;
        let addresses = match &options.hosts {
            Some(hosts) => on_hosts(hosts, options.nodes),
            None => free_addresses(options.nodes)?,
        };
        let links = match options.links {
            true => Some(Links::between(addresses.iter().map(|node| node.internal.clone())).await?),
            false => None,
        };
        let access = Access::prepare(&options, folder.path(), &addresses)?;
        let prepared = Prepared { folder: folder.path(), secret: &secret, access: &access };
        let launches = launches(&options, &prepared, &addresses, links.as_ref())?;
        let starting = launches.iter().enumerate().map(|(node, launch)| {
            let links = links.as_ref();
            launch.start(move |process| {
                links.into_iter().for_each(|links| links.owned_by(node, process));
            })
        });
        let nodes = futures::future::try_join_all(starting).await?;
        let cluster = Self { nodes, launches, access, links, hosts: options.hosts, folder };
        cluster.wait_for_members(&options.roles).await;
        Ok(cluster)
    }

    /// Waits until every node that takes queries would send a client to every node that serves results.
    async fn wait_for_members(&self, roles: &[&'static str]) {
        let has = |node: &usize, role| roles.get(*node).is_none_or(|roles| roles.contains(role));
        let everyone = (0..self.nodes.len()).filter(|node| has(node, "serve")).count();
        let coordinators = (0..self.nodes.len()).filter(|node| has(node, "coordinator"));
        for node in coordinators {
            let client = self.client(node).await;
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

    /// What lies between the nodes, where it was asked for ([`ProcessOptions::links`]).
    ///
    /// # Errors
    /// When it was not.
    pub fn links(&self) -> Result<&Links> {
        self.links.as_ref().ok_or_else(|| "a cluster without links".into())
    }

    /// The hosts of the nodes, where they were asked for ([`ProcessOptions::hosts`]).
    ///
    /// # Errors
    /// When they were not.
    pub fn hosts(&self) -> Result<&Hosts> {
        self.hosts.as_ref().ok_or_else(|| "a cluster without hosts".into())
    }

    /// All is well between the nodes again.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn heal(&self) -> Result<()> {
        self.links.iter().for_each(Links::heal);
        self.hosts.as_ref().map_or(Ok(()), Hosts::heal)
    }

    /// The secret that the nodes share.
    pub fn secret(&self) -> PathBuf {
        self.folder.path().join("secret")
    }

    /// The certificate of the authority to trust, where the nodes have TLS.
    pub fn authority(&self) -> Option<&Path> {
        self.access.authority.as_deref()
    }

    /// The folder of what SQL has made, where no other was chosen.
    pub fn warehouse(&self) -> PathBuf {
        self.folder.path().join("warehouse")
    }

    /// Where a node spills.
    pub fn spill(&self, index: usize) -> &Path {
        &self.launches[index].spill
    }

    /// Where a node serves the other nodes, without anything in between.
    pub fn internal(&self, index: usize) -> &str {
        &self.launches[index].internal
    }

    /// What a node has in hand; `None` when it does not say.
    ///
    /// # Errors
    /// When the secret of the nodes cannot be read.
    pub async fn in_hand(&self, index: usize) -> Result<Option<NodeUse>> {
        let inspector = Inspector::new(&self.secret())?;
        let looked = tokio::time::timeout(LOOK, inspector.look(self.internal(index))).await;
        Ok(looked.ok().and_then(Result::ok))
    }

    /// Waits until nothing of any query is left on these nodes.
    ///
    /// # Panics
    /// When something still is after a while.
    pub async fn wait_until_idle(&self, nodes: &[usize]) {
        for node in nodes {
            wait_until(
                &format!("nothing is left on node {node}"),
                SOON,
                async || matches!(self.in_hand(*node).await, Ok(Some(used)) if used.is_idle()),
            )
            .await;
        }
    }

    /// A client connected to a node.
    ///
    /// # Panics
    /// When the node does not take it.
    pub async fn client(&self, index: usize) -> FlightSqlClient {
        let options = self.access.client.clone();
        let client = FlightSqlClient::connect_with(&self.nodes[index].uri, options).await;
        client.unwrap_or_else(|error| panic!("a node that was ready: {error}"))
    }

    /// Ends a process at once, as `kill -9` does.
    ///
    /// # Errors
    /// When the system does not let it.
    pub async fn kill(&mut self, index: usize) -> Result<()> {
        Ok(self.nodes[index].child.kill().await?)
    }

    /// Ends a process, if it runs, and starts the node again with the same arguments.
    ///
    /// # Errors
    /// When it does not get ready.
    pub async fn restart(&mut self, index: usize) -> Result<()> {
        if self.nodes[index].id().is_some() {
            self.kill(index).await?;
        }
        let links = self.links.as_ref();
        let known = |process| links.into_iter().for_each(|links| links.owned_by(index, process));
        self.nodes[index] = self.launches[index].start(known).await?;
        Ok(())
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

    /// Has the system end a process for its memory; gives whether it did, which it does when the process
    /// next wants some. One that wants none is killed.
    ///
    /// # Errors
    /// When the system does not let it.
    pub async fn starve(&mut self, index: usize) -> Result<bool> {
        let process = self.nodes[index].id().ok_or("it has ended before")?;
        let group = Group::make()?;
        group.take(process)?;
        let ended = tokio::time::timeout(HUNGRY, self.nodes[index].child.wait()).await;
        self.kill(index).await?;
        Ok(ended.is_ok())
    }

    /// Stops a process where it is for so long.
    ///
    /// # Errors
    /// When the system does not let it.
    pub async fn freeze_for(&mut self, index: usize, time: Duration) -> Result<()> {
        self.freeze(index).await?;
        tokio::time::sleep(time).await;
        self.thaw(index).await
    }

    /// Lets a stopped process go on.
    ///
    /// # Errors
    /// When the system does not let it.
    pub async fn thaw(&mut self, index: usize) -> Result<()> {
        self.signal(index, "-CONT").await
    }

    async fn signal(&self, index: usize, signal: &str) -> Result<()> {
        let process = self.nodes[index].id().ok_or("it has ended before")?.to_string();
        let sent = Command::new("kill").args([signal, &process]).status().await?;
        if sent.success() { Ok(()) } else { Err(format!("kill {signal} {process}: {sent}").into()) }
    }

    /// What a node has logged, in all of its processes.
    pub fn log(&self, index: usize) -> String {
        std::fs::read_to_string(&self.launches[index].log).unwrap_or_default()
    }
}

/// What all nodes of a cluster share.
struct Prepared<'a> {
    folder: &'a Path,
    secret: &'a Path,
    access: &'a Access,
}

/// How each node is started, the first time and again.
fn launches(
    options: &ProcessOptions,
    prepared: &Prepared<'_>,
    addresses: &[Addresses],
    links: Option<&Links>,
) -> Result<Vec<Launch>> {
    let Prepared { folder, secret, access } = prepared;
    let program = options.program.clone().map_or_else(squadron, Ok)?;
    let dialled = |node: usize| match links {
        Some(links) => links.address(node).to_owned(),
        None => addresses[node].internal.clone(),
    };
    let peers: Vec<String> = (0..addresses.len())
        .map(|node| format!("{},{}://{}", dialled(node), access.scheme(), addresses[node].flight))
        .collect();
    let program_of = |node: usize| {
        let exec = options.hosts.iter().flat_map(|hosts| hosts.exec(node));
        exec.chain([program.display().to_string()]).collect()
    };
    let launch = |(index, node): (usize, &Addresses)| {
        let spill = match &options.spill {
            Some(spill) => spill(index),
            None => folder.join(format!("spill-{index}")),
        };
        std::fs::create_dir_all(&spill)?;
        let mut arguments: Vec<String> = Vec::new();
        let mut argue = |name: &str, value: &str| arguments.extend([name.into(), value.into()]);
        argue("--data", &options.data.display().to_string());
        argue("--listen", &node.flight);
        argue("--cluster-listen", &node.internal);
        argue("--cluster-advertise", &dialled(index));
        argue("--peers", &peers.join(";"));
        argue("--node-id", &format!("node-{index}"));
        argue("--cluster-secret-file", &secret.display().to_string());
        let own = || folder.join("warehouse").display().to_string();
        argue("--warehouse", &options.warehouse.clone().unwrap_or_else(own));
        argue("--spill-dir", &spill.display().to_string());
        if options.hosts.is_some() {
            // Theirs are no loopback addresses, and no strangers are there.
            argue("--allow-anonymous", "true");
        }
        options.roles.get(index).into_iter().for_each(|roles| argue("--roles", roles));
        arguments.extend(access.arguments.iter().chain(&options.arguments).cloned());
        Ok(Launch {
            program: program_of(index),
            arguments,
            variables: options.variables.clone(),
            log: folder.join(format!("node-{index}.log")),
            uri: format!("{}://{}", access.scheme(), node.flight),
            internal: node.internal.clone(),
            spill,
        })
    };
    addresses.iter().enumerate().map(launch).collect()
}
