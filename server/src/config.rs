//! What a node can be told: a TOML file, then the environment, then flags; the later wins.
//!
//! Each component owns its section. An unknown key or a bad value stops the process before a port is
//! bound, with one line that names key, value and reason. `squadron.example.toml` holds every key
//! with its default; a test compares the two.

use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use serde::Deserialize;
use squadron_cluster::Address;
use squadron_planner::catalog::DataLocation;
use squadron_planner::options::MOST_PARTITIONS;
use squadron_planner::session::ShareLimits;

mod args;
mod auth;
mod file;
mod limits;
mod tls;

pub use args::ServeArgs;
pub use auth::AuthSection;
use file::FileConfig;
pub use squadron_cluster::tls::TlsFiles;
pub use tls::TlsSection;

/// Where Flight SQL listens unless told otherwise.
pub const LISTEN: &str = "127.0.0.1:8815";

/// Where what SQL makes is kept unless told otherwise: in the working directory, as Spark has it.
pub const WAREHOUSE: &str = "squadron-warehouse";

/// Most connections of clients unless told otherwise.
pub const CONNECTIONS: usize = 4096;

/// More than any machine has, and few enough to be added up.
const MOST_BYTES: ByteSize = ByteSize(1 << 60);

/// A bad configuration: one line for whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

/// A node's configuration, complete and checked.
#[derive(Debug, Clone)]
pub struct NodeConfig {
    /// Where tables are found.
    pub data: Vec<DataLocation>,
    /// Where what SQL makes is kept: the cluster's catalog, and the tables it writes.
    pub warehouse: DataLocation,
    /// Where else SQL may name files.
    pub allow_location: Vec<DataLocation>,
    /// Where Flight SQL listens.
    pub listen: Address,
    /// Most connections of clients at a time; more are refused.
    pub connections: usize,
    /// Who may call.
    pub auth: AuthSection,
    /// What clients' connections are made of.
    pub tls: TlsSection,
    /// The node's place in the cluster.
    pub cluster: squadron_cluster::Config,
    /// How it runs queries.
    pub engine: EngineSection,
    /// Which queries it lets run.
    pub queries: QueriesSection,
    /// How it keeps results.
    pub results: ResultsSection,
}

/// `[engine]`: how a node runs queries.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EngineSection {
    /// Memory that queries and results may take together. Default: 60 % of what the machine or its
    /// container has, divided by the peers on loopback: they share one machine.
    pub memory_limit: Option<ByteSize>,
    /// Partitions of a plan on this node. Default: the number of cores.
    pub target_partitions: usize,
    /// A scan is worth one more partition, and one more node once this one's are used up, for every so
    /// many bytes of its files: a stage on another node costs milliseconds that have to be won back.
    pub scan_bytes_per_partition: ByteSize,
    /// Where operators and results go when memory is full. Default: the system's temporary folder.
    pub spill_dir: PathBuf,
    /// Most bytes that operators may spill.
    pub spill_limit: ByteSize,
}

/// `[queries]`: which queries a node lets run, of those that it takes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueriesSection {
    /// Queries that run at a time; more wait. Default: four a core, and eight at least.
    pub concurrent: usize,
    /// Queries of one user that run at a time. Default: as many as of all.
    pub per_user: Option<usize>,
    /// Queries that wait; more are refused.
    pub queued: usize,
    /// Share of the memory limit, in percent, that one query may take on this node.
    pub memory_percent: u8,
    /// Longest that a query waits and runs; zero: for ever.
    #[serde(with = "file::duration")]
    pub timeout: Duration,
    /// How long a node that is told to end waits for its queries to end and its results to be read.
    #[serde(with = "file::duration")]
    pub drain: Duration,
}

impl Default for QueriesSection {
    fn default() -> Self {
        Self {
            concurrent: (4 * limits::cores()).max(8),
            per_user: None,
            queued: 1000,
            memory_percent: 80,
            timeout: Duration::ZERO,
            // With the farewells after it, within the 30 seconds after which Kubernetes kills.
            drain: Duration::from_secs(25),
        }
    }
}

/// `[results]`: how a node keeps results.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResultsSection {
    /// Share of the memory limit, in percent, that results may take before they go to disk.
    pub memory_percent: u8,
    /// Most bytes of results on disk. Past it, queries fail with RESOURCE_EXHAUSTED.
    pub disk_limit: ByteSize,
    /// How long a result can be read after its query completed.
    #[serde(with = "file::duration")]
    pub keep: Duration,
    /// How long a query runs on after its last reader has gone.
    #[serde(with = "file::duration")]
    pub reader_grace: Duration,
}

impl Default for EngineSection {
    fn default() -> Self {
        Self {
            memory_limit: None,
            target_partitions: limits::cores(),
            scan_bytes_per_partition: ByteSize::mib(16),
            spill_dir: std::env::temp_dir(),
            spill_limit: ByteSize::gib(100),
        }
    }
}

impl Default for ResultsSection {
    fn default() -> Self {
        Self {
            memory_percent: 50,
            disk_limit: ByteSize::gib(100),
            keep: Duration::from_secs(300),
            reader_grace: Duration::from_secs(10),
        }
    }
}

impl NodeConfig {
    /// Reads the file that `args` name, if any, and lays `args` (flags and environment) over it.
    ///
    /// # Errors
    /// One line that names what is wrong.
    pub fn load(args: &ServeArgs) -> Result<Self, ConfigError> {
        let file = match &args.config {
            Some(path) => FileConfig::read(path)?,
            None => FileConfig::default(),
        };
        let config = args.over(file)?;
        config.check()?;
        Ok(config)
    }

    /// What no single key can know.
    fn check(&self) -> Result<(), ConfigError> {
        self.auth.check(&self.listen, self.tls.client_ca.is_some())?;
        self.tls.check(self.locations())?;
        const MOST_CONNECTIONS: usize = 1_000_000;
        let connections = self.connections;
        if !(1..=MOST_CONNECTIONS).contains(&connections) {
            return Err(ConfigError(format!(
                "connections = {connections}: choose 1 to {MOST_CONNECTIONS}"
            )));
        }
        let percent = self.results.memory_percent;
        if percent > 90 {
            return Err(ConfigError(format!(
                "results.memory_percent = {percent}: operators need memory too, choose 0 to 90"
            )));
        }
        let partitions = self.engine.target_partitions;
        if !(1..=MOST_PARTITIONS).contains(&partitions) {
            return Err(ConfigError(format!(
                "engine.target_partitions = {partitions}: choose 1 to {MOST_PARTITIONS}"
            )));
        }
        if self.engine.scan_bytes_per_partition == ByteSize(0) {
            return Err(ConfigError(
                "engine.scan_bytes_per_partition = 0: choose at least 1 byte".into(),
            ));
        }
        if self.queries.concurrent == 0 || self.queries.per_user == Some(0) {
            return Err(ConfigError(
                "queries.concurrent or queries.per_user = 0: no query would ever run, choose at least 1".into(),
            ));
        }
        let percent = self.queries.memory_percent;
        if !(1..=100).contains(&percent) {
            return Err(ConfigError(format!(
                "queries.memory_percent = {percent}: choose 1 to 100"
            )));
        }
        let memory = self.memory_limit();
        if memory < ByteSize::mib(64) {
            return Err(ConfigError(format!(
                "engine.memory_limit = {memory}: a node needs at least 64 MiB"
            )));
        }
        let sizes = [
            ("engine.memory_limit", memory),
            ("engine.spill_limit", self.engine.spill_limit),
            ("results.disk_limit", self.results.disk_limit),
        ];
        if let Some((key, size)) = sizes.into_iter().find(|(_, size)| *size > MOST_BYTES) {
            return Err(ConfigError(format!("{key} = {size}: choose {MOST_BYTES} at most")));
        }
        Ok(())
    }

    /// Where clients are sent to, with the keys that say so.
    fn locations(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let own = self.cluster.advertise.iter().map(|it| ("cluster.advertise", it.as_str()));
        let peers = self.cluster.peers.all().iter();
        own.chain(peers.map(|peer| ("cluster.peers", peer.advertised.as_str())))
    }

    /// Memory that queries and results may take together.
    pub fn memory_limit(&self) -> ByteSize {
        let peers = self.cluster.peers.all().iter();
        let here = peers.filter(|peer| peer.internal.is_loopback()).count();
        self.engine.memory_limit.unwrap_or_else(|| limits::default_memory(here))
    }

    /// The warehouse, if all nodes share it: a folder by default is that of one machine alone.
    pub fn shared_warehouse(&self) -> Option<DataLocation> {
        let default = DataLocation::warehouse(WAREHOUSE).is_ok_and(|it| it == self.warehouse);
        let beyond = self.cluster.peers.all().iter().any(|peer| !peer.internal.is_loopback());
        (!(default && beyond)).then(|| self.warehouse.clone())
    }

    /// What can hardly be meant and works all the same, a line each.
    pub fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        if self.data.is_empty() {
            doubts.push("no --data: this node has no tables".to_owned());
        }
        let (limit, there) = (self.memory_limit(), limits::memory());
        if limit > there {
            doubts.push(format!(
                "engine.memory_limit = {limit}: there are {there}, so the system may end this process first"
            ));
        }
        doubts
    }

    /// What one query may take of it, and what each gets in any case: that much times the queries that
    /// run can be taken beyond the limit, a few per cent of it.
    pub fn query_memory(&self) -> ShareLimits {
        const LEAST: u64 = 4 << 20;
        let limit = self.memory_limit().as_u64();
        let most = limit / 100 * u64::from(self.queries.memory_percent);
        ShareLimits { most: most as usize, least: LEAST.min(limit / 256) as usize }
    }

    /// Bytes that results may take in memory.
    pub fn result_memory(&self) -> usize {
        let limit = self.memory_limit().as_u64();
        (limit / 100 * u64::from(self.results.memory_percent)) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_memory_than_there_is_is_doubted() {
        let mut config = NodeConfig::load(&ServeArgs::default()).unwrap();
        let doubted = |config: &NodeConfig| {
            config.doubts().iter().any(|doubt| doubt.contains("engine.memory_limit"))
        };
        assert!(!doubted(&config));
        config.engine.memory_limit = Some(ByteSize::pib(1));
        assert!(doubted(&config));
    }

    #[test]
    fn a_size_that_no_machine_has_is_refused() {
        let refusal = |args: ServeArgs| NodeConfig::load(&args).unwrap_err().to_string();
        let most = Some("16EiB".to_owned());
        let memory = refusal(ServeArgs { memory_limit: most.clone(), ..Default::default() });
        assert!(memory.contains("engine.memory_limit"), "{memory}");
        let spill = refusal(ServeArgs { spill_limit: most.clone(), ..Default::default() });
        assert!(spill.contains("engine.spill_limit"), "{spill}");
        let disk = refusal(ServeArgs { result_disk_limit: most, ..Default::default() });
        assert!(disk.contains("results.disk_limit"), "{disk}");
    }

    #[test]
    fn nodes_of_one_machine_share_its_memory() {
        let mut config = NodeConfig::load(&ServeArgs::default()).unwrap();
        let alone = config.memory_limit();
        let mut limit_with = |peers: &str| {
            config.cluster.peers = peers.parse().unwrap();
            config.memory_limit()
        };
        let three = "127.0.0.1:1,127.0.0.1:2;127.0.0.1:3,127.0.0.1:4;127.0.0.1:5,127.0.0.1:6";
        assert!(limit_with(three) <= ByteSize(alone.as_u64() / 3));
        assert_eq!(limit_with("10.0.0.1:1,10.0.0.1:2;10.0.0.2:1,10.0.0.2:2"), alone);
    }
}
