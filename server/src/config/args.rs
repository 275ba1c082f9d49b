//! Flags and environment of `squadron serve`, laid over the file.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use squadron_planner::catalog::DataLocation;

use super::file::FileConfig;
use super::{CONNECTIONS, ConfigError, LISTEN, NodeConfig, WAREHOUSE};

/// Runs one node of a cluster, or a cluster of one.
///
/// Every setting can also stand in a file (--config) or in the environment; flags win over the
/// environment, the environment over the file.
#[derive(clap::Args, Debug, Clone, Default)]
pub struct ServeArgs {
    /// Configuration file (TOML); squadron.example.toml shows every key
    #[arg(long, env = "SQUADRON_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where tables are: a folder or file, or a URL (s3://, gs://, az://, http://, https://); each sub-folder or file of Parquet, CSV, JSON or Arrow IPC is a table. Repeatable
    #[arg(long, env = "SQUADRON_DATA", value_name = "PATH_OR_URL", value_delimiter = ';')]
    pub data: Vec<String>,
    /// Where what SQL makes is kept: a folder that all nodes see, or a URL (s3://, gs://, az://) [default: squadron-warehouse]
    #[arg(long, env = "SQUADRON_WAREHOUSE", value_name = "PATH_OR_URL")]
    pub warehouse: Option<String>,
    /// Where CREATE EXTERNAL TABLE may name files, beside --data and --warehouse. Repeatable
    #[arg(
        long,
        env = "SQUADRON_ALLOW_LOCATION",
        value_name = "PATH_OR_URL",
        value_delimiter = ';'
    )]
    pub allow_location: Vec<String>,
    /// Address for clients (Flight SQL) [default: 127.0.0.1:8815]
    #[arg(long, env = "SQUADRON_LISTEN", value_name = "HOST:PORT")]
    pub listen: Option<String>,
    /// Connections of clients at a time; more are refused [default: 4096]
    #[arg(long, env = "SQUADRON_CONNECTIONS", value_name = "N")]
    pub connections: Option<usize>,
    /// File of users, a line each by `squadron password NAME`; without it nobody is asked who they are
    #[arg(long, env = "SQUADRON_USERS", value_name = "FILE")]
    pub users: Option<PathBuf>,
    /// Let clients in that do not say who they are [default: on loopback, where there is no file of users]
    #[arg(long, env = "SQUADRON_ALLOW_ANONYMOUS", value_name = "true|false", num_args = 0..=1, default_missing_value = "true")]
    pub allow_anonymous: Option<bool>,
    /// How long a token is good that nobody uses, like 12h [default: 24h]
    #[arg(long, env = "SQUADRON_TOKEN_LIFETIME", value_name = "DURATION")]
    pub token_lifetime: Option<String>,
    /// Certificate of the port for clients (PEM), with those between it and its authority; turns TLS on
    #[arg(long, env = "SQUADRON_TLS_CERTIFICATE", value_name = "FILE")]
    pub tls_certificate: Option<PathBuf>,
    /// Private key of that certificate (PEM)
    #[arg(long, env = "SQUADRON_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Authorities for the certificates of clients (PEM); clients need one then
    #[arg(long, env = "SQUADRON_TLS_CLIENT_CA", value_name = "FILE")]
    pub tls_client_ca: Option<PathBuf>,
    /// Address for the other nodes; never for clients [default: 127.0.0.1:8816]
    #[arg(long, env = "SQUADRON_CLUSTER_LISTEN", value_name = "HOST:PORT")]
    pub cluster_listen: Option<String>,
    /// The internal address that other nodes dial, where it is not the one listened on
    #[arg(long, env = "SQUADRON_CLUSTER_ADVERTISE", value_name = "HOST:PORT")]
    pub cluster_advertise: Option<String>,
    /// Location that clients dial for this node's share of a result (grpc+tcp://HOST:PORT). Repeatable [default: the address listened on]
    #[arg(long, env = "SQUADRON_ADVERTISE", value_name = "LOCATION", value_delimiter = ',')]
    pub advertise: Vec<String>,
    /// The nodes of the cluster, this one may be among them: "internal,advertised;internal,advertised"
    #[arg(long, env = "SQUADRON_PEERS", value_name = "LIST")]
    pub peers: Option<String>,
    /// What this node does: some of coordinator,worker,serve [default: all]
    #[arg(long, env = "SQUADRON_ROLES", value_name = "ROLES")]
    pub roles: Option<String>,
    /// Availability zone or rack: results prefer peers in the same one
    #[arg(long, env = "SQUADRON_ZONE", value_name = "ZONE")]
    pub zone: Option<String>,
    /// Name of this node, unique in the cluster [default: host name and internal port]
    #[arg(long, env = "SQUADRON_NODE_ID", value_name = "NAME")]
    pub node_id: Option<String>,
    /// File with the secret that all nodes of the cluster share; needed beyond loopback
    #[arg(long, env = "SQUADRON_CLUSTER_SECRET_FILE", value_name = "FILE")]
    pub cluster_secret_file: Option<PathBuf>,
    /// Memory for queries and results together, like 8GiB [default: 60 % of the machine's, divided by the peers on loopback]
    #[arg(long, env = "SQUADRON_MEMORY_LIMIT", value_name = "SIZE")]
    pub memory_limit: Option<String>,
    /// Partitions of a plan on this node [default: the number of cores]
    #[arg(long, env = "SQUADRON_TARGET_PARTITIONS", value_name = "N")]
    pub target_partitions: Option<usize>,
    /// Bytes of a scan that are worth one more partition, on one more node once this one's are used up [default: 16MiB]
    #[arg(long, env = "SQUADRON_SCAN_BYTES_PER_PARTITION", value_name = "SIZE")]
    pub scan_bytes_per_partition: Option<String>,
    /// Folder for what does not fit into memory [default: the system's temporary folder]
    #[arg(long, env = "SQUADRON_SPILL_DIR", value_name = "DIR")]
    pub spill_dir: Option<PathBuf>,
    /// Most bytes that running queries may spill [default: 100GiB]
    #[arg(long, env = "SQUADRON_SPILL_LIMIT", value_name = "SIZE")]
    pub spill_limit: Option<String>,
    /// Queries that run at a time; more wait [default: 4 a core, and 8 at least]
    #[arg(long, env = "SQUADRON_CONCURRENT_QUERIES", value_name = "N")]
    pub concurrent_queries: Option<usize>,
    /// Queries of one user that run at a time [default: as many as of all]
    #[arg(long, env = "SQUADRON_QUERIES_PER_USER", value_name = "N")]
    pub queries_per_user: Option<usize>,
    /// Queries that wait; more are refused [default: 1000]
    #[arg(long, env = "SQUADRON_QUEUED_QUERIES", value_name = "N")]
    pub queued_queries: Option<usize>,
    /// Share of the memory limit that one query may take, in percent; past it, it spills or fails alone [default: 80]
    #[arg(long, env = "SQUADRON_QUERY_MEMORY_PERCENT", value_name = "PERCENT")]
    pub query_memory_percent: Option<u8>,
    /// Longest that a query waits and runs, like 10m; 0s: for ever [default: 0s]
    #[arg(long, env = "SQUADRON_QUERY_TIMEOUT", value_name = "DURATION")]
    pub query_timeout: Option<String>,
    /// How long a node that is told to end (SIGTERM) lets queries end and results be read [default: 25s]
    #[arg(long, env = "SQUADRON_DRAIN", value_name = "DURATION")]
    pub drain: Option<String>,
    /// Share of the memory limit that results may take, in percent [default: 50]
    #[arg(long, env = "SQUADRON_RESULT_MEMORY_PERCENT", value_name = "PERCENT")]
    pub result_memory_percent: Option<u8>,
    /// Most bytes of results on disk [default: 100GiB]
    #[arg(long, env = "SQUADRON_RESULT_DISK_LIMIT", value_name = "SIZE")]
    pub result_disk_limit: Option<String>,
    /// How long a result can be read after its query completed, like 5m [default: 5m]
    #[arg(long, env = "SQUADRON_RESULT_KEEP", value_name = "DURATION")]
    pub result_keep: Option<String>,
    /// How long a query runs on after its last reader has gone, like 10s [default: 10s]
    #[arg(long, env = "SQUADRON_READER_GRACE", value_name = "DURATION")]
    pub reader_grace: Option<String>,
}

impl ServeArgs {
    /// Lays these settings over those of a file.
    pub(super) fn over(&self, file: FileConfig) -> Result<NodeConfig, ConfigError> {
        let FileConfig {
            data,
            warehouse,
            allow_location,
            listen,
            connections,
            mut auth,
            mut tls,
            mut cluster,
            mut engine,
            mut queries,
            mut results,
        } = file;
        let data = if self.data.is_empty() { data } else { self.data.clone() };
        let allow = if self.allow_location.is_empty() {
            allow_location
        } else {
            self.allow_location.clone()
        };
        let warehouse =
            self.warehouse.clone().or(warehouse).unwrap_or_else(|| WAREHOUSE.to_owned());
        let listen = self.listen.clone().or(listen).unwrap_or_else(|| LISTEN.to_owned());
        let connections = self.connections.or(connections).unwrap_or(CONNECTIONS);
        auth.users = self.users.clone().or(auth.users);
        auth.allow_anonymous = self.allow_anonymous.or(auth.allow_anonymous);
        set(&mut auth.token_lifetime, duration("--token-lifetime", &self.token_lifetime)?);
        tls.certificate = self.tls_certificate.clone().or(tls.certificate);
        tls.key = self.tls_key.clone().or(tls.key);
        tls.client_ca = self.tls_client_ca.clone().or(tls.client_ca);
        self.over_cluster(&mut cluster)?;
        engine.memory_limit = size("--memory-limit", &self.memory_limit)?.or(engine.memory_limit);
        set(&mut engine.target_partitions, self.target_partitions);
        let scan_bytes = size("--scan-bytes-per-partition", &self.scan_bytes_per_partition)?;
        set(&mut engine.scan_bytes_per_partition, scan_bytes);
        set(&mut engine.spill_dir, self.spill_dir.clone());
        set(&mut engine.spill_limit, size("--spill-limit", &self.spill_limit)?);
        set(&mut queries.concurrent, self.concurrent_queries);
        queries.per_user = self.queries_per_user.or(queries.per_user);
        set(&mut queries.queued, self.queued_queries);
        set(&mut queries.memory_percent, self.query_memory_percent);
        set(&mut queries.timeout, duration("--query-timeout", &self.query_timeout)?);
        set(&mut queries.drain, duration("--drain", &self.drain)?);
        set(&mut results.memory_percent, self.result_memory_percent);
        set(&mut results.disk_limit, size("--result-disk-limit", &self.result_disk_limit)?);
        set(&mut results.keep, duration("--result-keep", &self.result_keep)?);
        set(&mut results.reader_grace, duration("--reader-grace", &self.reader_grace)?);
        cluster.check().map_err(|error| ConfigError(error.to_string()))?;
        let data = data
            .iter()
            .map(|text| parse::<DataLocation>("--data", text))
            .collect::<Result<_, _>>()?;
        let allow_location = allow
            .iter()
            .map(|text| parse::<DataLocation>("--allow-location", text))
            .collect::<Result<_, _>>()?;
        let place = DataLocation::warehouse(&warehouse);
        let warehouse = place.map_err(|why| bad("--warehouse", &warehouse, why))?;
        let listen = parse("--listen", &listen)?;
        Ok(NodeConfig {
            data,
            warehouse,
            allow_location,
            listen,
            connections,
            auth,
            tls,
            cluster,
            engine,
            queries,
            results,
        })
    }

    fn over_cluster(&self, cluster: &mut squadron_cluster::Config) -> Result<(), ConfigError> {
        set(&mut cluster.listen, option("--cluster-listen", &self.cluster_listen)?);
        set(&mut cluster.peers, option("--peers", &self.peers)?);
        set(&mut cluster.roles, option("--roles", &self.roles)?);
        if !self.advertise.is_empty() {
            cluster.advertise.clone_from(&self.advertise);
        }
        let internal = option("--cluster-advertise", &self.cluster_advertise)?;
        cluster.internal = internal.or_else(|| cluster.internal.take());
        cluster.zone = self.zone.clone().or_else(|| cluster.zone.take());
        cluster.node_id = self.node_id.clone().or_else(|| cluster.node_id.take());
        let secret = self.cluster_secret_file.clone();
        cluster.secret_file = secret.or_else(|| cluster.secret_file.take());
        Ok(())
    }
}

fn set<T>(setting: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *setting = value;
    }
}

fn duration(flag: &str, text: &Option<String>) -> Result<Option<Duration>, ConfigError> {
    let Some(text) = text else { return Ok(None) };
    let parsed = humantime::parse_duration(text);
    let unreadable = |_| bad(flag, text, "not a duration: write it like 10s, 5m or 1h");
    parsed.map(Some).map_err(unreadable)
}

fn size(flag: &str, text: &Option<String>) -> Result<Option<ByteSize>, ConfigError> {
    let Some(text) = text else { return Ok(None) };
    let unreadable = |_| bad(flag, text, "not a size: write it like 512MiB or 8GiB");
    text.parse().map(Some).map_err(unreadable)
}

fn option<T: FromStr<Err: std::fmt::Display>>(
    flag: &str,
    text: &Option<String>,
) -> Result<Option<T>, ConfigError> {
    text.as_deref().map(|text| parse(flag, text)).transpose()
}

fn parse<T: FromStr<Err: std::fmt::Display>>(flag: &str, text: &str) -> Result<T, ConfigError> {
    text.parse().map_err(|why| bad(flag, text, why))
}

fn bad(flag: &str, text: &str, why: impl std::fmt::Display) -> ConfigError {
    ConfigError(format!("{flag} \"{text}\": {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(args: &ServeArgs, file: &str) -> Result<NodeConfig, ConfigError> {
        args.over(FileConfig::parse(file).unwrap())
    }

    #[test]
    fn nothing_said_is_a_node_on_loopback() {
        let config = over(&ServeArgs::default(), "").unwrap();
        assert_eq!(config.listen.to_string(), LISTEN);
        assert!(config.data.is_empty());
    }

    #[test]
    fn flags_win_over_the_file() {
        let args = ServeArgs {
            listen: Some("127.0.0.1:1".into()),
            memory_limit: Some("2GiB".into()),
            ..Default::default()
        };
        let file = "listen = '127.0.0.1:2'\n[engine]\nmemory_limit = '1GiB'\ntarget_partitions = 3";
        let config = over(&args, file).unwrap();
        assert_eq!(config.listen.port(), 1);
        assert_eq!(config.memory_limit(), ByteSize::gib(2));
        assert_eq!(config.engine.target_partitions, 3);
    }

    #[test]
    fn a_bad_value_names_its_flag() {
        let cases = [
            (ServeArgs { listen: Some("x".into()), ..Default::default() }, "--listen"),
            (ServeArgs { memory_limit: Some("x".into()), ..Default::default() }, "--memory-limit"),
            (ServeArgs { roles: Some("x".into()), ..Default::default() }, "--roles"),
            (ServeArgs { peers: Some("x".into()), ..Default::default() }, "--peers"),
            (ServeArgs { result_keep: Some("x".into()), ..Default::default() }, "--result-keep"),
            (ServeArgs { reader_grace: Some("x".into()), ..Default::default() }, "--reader-grace"),
            (ServeArgs { data: vec!["/no/such".into()], ..Default::default() }, "--data"),
        ];
        for (args, flag) in cases {
            let ConfigError(why) = over(&args, "").unwrap_err();
            assert!(why.starts_with(flag) && !why.contains('\n'), "{why}");
        }
    }
}
