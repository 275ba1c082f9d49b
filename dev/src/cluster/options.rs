//! What a test may choose about its cluster, as the arguments of `squadron serve`.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use squadron_server::auth::hashed;
use squadron_server::config::{ServeArgs, TlsFiles};

use super::{Ports, TestCluster};
use crate::Result;

/// A debug build on a shared machine may be slow to answer a greeting: only who is gone for long is
/// out, unless a test is about that.
const PATIENT: &str = "[cluster.probe]\ninterval = '500ms'\ntimeout = '10s'\nmisses = 3\n";

type Adjust = Box<dyn Fn(usize, &mut ServeArgs)>;

/// A cluster to be.
pub struct ClusterOptions {
    pub(super) nodes: usize,
    pub(super) dead_peers: usize,
    pub(super) members: usize,
    data: Vec<PathBuf>,
    users: Vec<(String, String)>,
    tls: Option<TlsFiles>,
    adjustments: Vec<Adjust>,
}

impl ClusterOptions {
    /// A cluster of `nodes` nodes without data.
    pub fn new(nodes: usize) -> Self {
        let (data, users, adjustments) = (Vec::new(), Vec::new(), Vec::new());
        Self { nodes, dead_peers: 0, members: nodes, data, users, tls: None, adjustments }
    }

    /// With the tables in this folder too.
    pub fn data(mut self, folder: &Path) -> Self {
        self.data.push(folder.to_owned());
        self
    }

    /// For these users, with their passwords, and for nobody else.
    pub fn users(mut self, users: &[(&str, &str)]) -> Self {
        let users = users.iter().map(|(name, password)| ((*name).into(), (*password).into()));
        self.users.extend(users);
        self
    }

    /// With TLS on every node's port for clients.
    pub fn tls(mut self, files: &TlsFiles) -> Self {
        self.tls = Some(files.clone());
        self
    }

    /// With a peer in everybody's list that is not there.
    pub fn dead_peer(mut self) -> Self {
        self.dead_peers += 1;
        self
    }

    /// Started once every node sees this many members, where not all will accept each other.
    pub fn expect_members(mut self, members: usize) -> Self {
        self.members = members;
        self
    }

    /// With these roles for one node.
    pub fn roles(self, node: usize, roles: &'static str) -> Self {
        self.adjust(move |index, args| {
            if index == node {
                args.roles = Some(roles.into());
            }
        })
    }

    /// With this much memory for queries and results together, a node.
    pub fn memory(self, limit: &'static str) -> Self {
        self.adjust(move |_, args| args.memory_limit = Some(limit.into()))
    }

    /// With results kept for so long.
    pub fn keep(self, time: &'static str) -> Self {
        self.adjust(move |_, args| args.result_keep = Some(time.into()))
    }

    /// With any change to the arguments of a node, given by its index.
    pub fn adjust(mut self, change: impl Fn(usize, &mut ServeArgs) + 'static) -> Self {
        self.adjustments.push(Box::new(change));
        self
    }

    /// Starts it.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start(self) -> TestCluster {
        self.try_start().await.unwrap_or_else(|error| panic!("the cluster does not start: {error}"))
    }

    /// Starts it, or gives what stopped a node from starting.
    ///
    /// # Errors
    /// The first node's.
    pub async fn try_start(self) -> Result<TestCluster> {
        TestCluster::try_start(self).await
    }

    /// The arguments of every node.
    pub(super) fn arguments(
        &self,
        folder: &Path,
        ports: &[Ports],
        absent: &[Ports],
    ) -> Result<Vec<ServeArgs>> {
        let secret = write_secret(folder)?;
        let patient = folder.join("patient.toml");
        fs::write(&patient, PATIENT)?;
        let scheme = if self.tls.is_some() { "grpc+tls" } else { "grpc+tcp" };
        let peers = peer_list(scheme, ports.iter().chain(absent))?;
        let users = self.write_users(folder)?;
        let arguments = ports.iter().enumerate().map(|(index, ports)| {
            let mut args = ServeArgs {
                config: Some(patient.clone()),
                data: self.data.iter().map(|path| path.display().to_string()).collect(),
                listen: Some(ports.flight()?),
                cluster_listen: Some(ports.internal()?),
                peers: Some(peers.clone()),
                node_id: Some(format!("node-{index}")),
                cluster_secret_file: Some(secret.clone()),
                users: users.clone(),
                warehouse: Some(folder.join("warehouse").display().to_string()),
                tls_certificate: self.tls.as_ref().map(|tls| tls.certificate.clone()),
                tls_key: self.tls.as_ref().map(|tls| tls.key.clone()),
                tls_client_ca: self.tls.as_ref().and_then(|tls| tls.client_ca.clone()),
                memory_limit: Some("1GiB".into()),
                target_partitions: Some(2),
                spill_dir: Some(spill_folder(folder, index)?),
                ..Default::default()
            };
            self.adjustments.iter().for_each(|change| change(index, &mut args));
            Ok(args)
        });
        arguments.collect()
    }

    fn write_users(&self, folder: &Path) -> Result<Option<PathBuf>> {
        if self.users.is_empty() {
            return Ok(None);
        }
        let users: Vec<_> =
            self.users.iter().map(|(name, password)| (name.as_str(), password.as_str())).collect();
        let path = users_file(folder);
        write_users(&path, &users)?;
        Ok(Some(path))
    }
}

/// Where a cluster's users are.
pub(super) fn users_file(folder: &Path) -> PathBuf {
    folder.join("users")
}

/// Writes a file of these users and passwords, in the place of what is there.
///
/// # Errors
/// When it cannot be written.
pub fn write_users(path: &Path, users: &[(&str, &str)]) -> Result<()> {
    let line = |(name, password): &(&str, &str)| Ok(format!("{name}:{}\n", hashed(password)?));
    let lines = users.iter().map(line).collect::<Result<String>>()?;
    let new = path.with_extension("new");
    fs::write(&new, lines)?;
    Ok(fs::rename(&new, path)?)
}

/// Where a cluster's secret is.
pub(super) fn secret_file(folder: &Path) -> PathBuf {
    folder.join("secret")
}

/// A secret of this cluster alone.
pub(crate) fn write_secret(folder: &Path) -> Result<PathBuf> {
    use std::io::{Read, Write};
    let path = secret_file(folder);
    let mut random = [0; 32];
    fs::File::open("/dev/urandom")?.read_exact(&mut random)?;
    let text: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    file.write_all(text.as_bytes())?;
    Ok(path)
}

fn spill_folder(folder: &Path, index: usize) -> Result<PathBuf> {
    let spill = folder.join(format!("spill-{index}"));
    fs::create_dir(&spill)?;
    Ok(spill)
}

fn peer_list<'a>(scheme: &str, all: impl Iterator<Item = &'a Ports>) -> Result<String> {
    let entry = |ports: &Ports| Ok(format!("{},{scheme}://{}", ports.internal()?, ports.flight()?));
    let entries = all.map(entry);
    Ok(entries.collect::<Result<Vec<_>>>()?.join(";"))
}
