//! What a test may choose about nodes that are processes.

use std::path::{Path, PathBuf};

use crate::bucket::Bucket;
use crate::faults::Hosts;

type SpillFolder = Box<dyn Fn(usize) -> PathBuf + Send + Sync>;

/// Processes to be.
pub struct ProcessOptions {
    pub(super) nodes: usize,
    pub(super) data: PathBuf,
    pub(super) program: Option<PathBuf>,
    pub(super) arguments: Vec<String>,
    pub(super) roles: Vec<&'static str>,
    pub(super) links: bool,
    pub(super) hosts: Option<Hosts>,
    pub(super) spill: Option<SpillFolder>,
    pub(super) users: Vec<(String, String)>,
    pub(super) tls: bool,
    pub(super) warehouse: Option<String>,
    pub(super) variables: Vec<(String, String)>,
}

impl ProcessOptions {
    /// `nodes` nodes over the tables in `data`.
    pub fn new(nodes: usize, data: &Path) -> Self {
        Self {
            nodes,
            data: data.to_owned(),
            program: None,
            arguments: Vec::new(),
            roles: Vec::new(),
            links: false,
            hosts: None,
            spill: None,
            users: Vec::new(),
            tls: false,
            warehouse: None,
            variables: Vec::new(),
        }
    }

    /// With this program in place of the one built here.
    pub fn program(mut self, program: &Path) -> Self {
        self.program = Some(program.to_owned());
        self
    }

    /// With these arguments too, for every node.
    pub fn arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    /// With these roles, each of a node. Nodes past the last one have all.
    pub fn roles(mut self, roles: &[&'static str]) -> Self {
        self.roles = roles.to_vec();
        self
    }

    /// With links between the nodes that can be cut.
    pub fn links(mut self) -> Self {
        self.links = true;
        self
    }

    /// For these users, with their passwords, and for nobody else.
    pub fn users(mut self, users: &[(&str, &str)]) -> Self {
        let users = users.iter().map(|(name, password)| ((*name).into(), (*password).into()));
        self.users.extend(users);
        self
    }

    /// With TLS for clients, or without.
    pub fn tls(mut self, tls: bool) -> Self {
        self.tls = tls;
        self
    }

    /// With this warehouse in place of a folder of the cluster's own.
    pub fn warehouse(mut self, location: &str) -> Self {
        self.warehouse = Some(location.to_owned());
        self
    }

    /// With a warehouse in this object store.
    pub fn bucket(mut self, bucket: &Bucket) -> Self {
        self.variables.extend(bucket.variables());
        self.warehouse(&bucket.location())
    }

    /// With a host of its own for each node.
    pub fn hosts(mut self, hosts: Hosts) -> Self {
        self.hosts = Some(hosts);
        self
    }

    /// With these folders to spill to, given by the index of the node.
    pub fn spill(mut self, folder: impl Fn(usize) -> PathBuf + Send + Sync + 'static) -> Self {
        self.spill = Some(Box::new(folder));
        self
    }
}
