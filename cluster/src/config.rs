//! The cluster's section of the configuration: who this node is, whom it knows, and what proves it.
//!
//! Everything here is checked before a port is bound; what is wrong is told with key, value and
//! reason.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::address::{Address, location};
use crate::error::{Error, Result};
use crate::member::{Member, Roles, check_node_id, new_generation, this_host};
use crate::membership::fixed::Peers;
use crate::secret::ClusterSecret;

/// The cluster section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The node's name, unique in the cluster. Default: the host's name and the internal port.
    pub node_id: Option<String>,
    /// Where the internal port is bound. Never a port for clients.
    pub listen: Address,
    /// The internal address that other nodes dial. Default: where the port is bound; needed where that
    /// is a wildcard and there are peers.
    pub internal: Option<Address>,
    /// The Flight locations that clients dial. Default: what the Flight port is bound to.
    pub advertise: Vec<String>,
    /// The static peers, `internal,advertised;internal,advertised`. The node itself may be among them.
    pub peers: Peers,
    /// What the node does: some of `coordinator,worker,serve`.
    pub roles: Roles,
    /// The availability zone or rack.
    pub zone: Option<String>,
    /// The machine. Default: its host name.
    pub host: Option<String>,
    /// The file with the cluster secret; needed as soon as anything is beyond loopback.
    pub secret_file: Option<PathBuf>,
    /// How the static peers are watched.
    pub probe: Probe,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            node_id: None,
            listen: "127.0.0.1:8816".parse().expect("a literal address"),
            internal: None,
            advertise: Vec::new(),
            peers: Peers::default(),
            roles: Roles::ALL,
            zone: None,
            host: None,
            secret_file: None,
            probe: Probe::default(),
        }
    }
}

/// How static peers are watched. Durations are written like `500ms` or `2s`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Probe {
    /// The time between two greetings to one peer.
    #[serde(serialize_with = "write_duration", deserialize_with = "read_duration")]
    pub interval: Duration,
    /// How long a peer has for its answer.
    #[serde(serialize_with = "write_duration", deserialize_with = "read_duration")]
    pub timeout: Duration,
    /// After how many misses in a row a peer is out.
    pub misses: u32,
}

impl Default for Probe {
    fn default() -> Self {
        let second = Duration::from_secs(1);
        Self { interval: second, timeout: second, misses: 2 }
    }
}

impl Config {
    /// Checks what does not depend on other sections.
    ///
    /// # Errors
    /// [`Error::Setting`] for the first setting that cannot be used.
    pub fn check(&self) -> Result<()> {
        self.check_identity()?;
        self.check_addresses()?;
        self.check_probe()?;
        self.check_secret()
    }

    /// Whether anything of this node reaches beyond loopback, so that it must not start without a
    /// secret that the user has chosen.
    pub fn requires_secret(&self) -> bool {
        self.beyond_loopback().is_some()
    }

    /// The cluster secret: from the configured file, or the one that loopback nodes of this user share
    /// in `loopback_dir`.
    ///
    /// # Errors
    /// [`Error::Setting`] where a file must be configured, [`Error::Secret`] where it cannot be used.
    pub fn secret(&self, loopback_dir: &Path) -> Result<ClusterSecret> {
        self.check_secret()?;
        match &self.secret_file {
            Some(path) => ClusterSecret::from_file(path),
            None => ClusterSecret::shared_loopback(loopback_dir),
        }
    }

    /// This node as a member. `bound` is where the internal port was bound, `advertised` are the
    /// locations to give where none are configured.
    ///
    /// # Errors
    /// [`Error::Setting`] where the outcome could not be dialled.
    pub fn member(&self, bound: Address, advertised: Vec<String>, version: &str) -> Result<Member> {
        let internal = self.internal.clone().unwrap_or(bound);
        if let Some(reason) = internal.undiallable() {
            return Err(Error::setting("cluster.internal", internal.to_string(), reason));
        }
        let host = self.host.clone().or_else(this_host);
        let host = host.unwrap_or_else(|| internal.host().to_owned());
        let node_id = self.node_id.clone();
        Ok(Member {
            node_id: node_id.unwrap_or_else(|| default_node_id(&host, internal.port())),
            generation: new_generation(),
            version: version.to_owned(),
            zone: self.zone.clone(),
            roles: self.roles,
            advertised: self.advertised(advertised)?,
            internal,
            host,
        })
    }

    fn advertised(&self, default: Vec<String>) -> Result<Vec<String>> {
        let chosen = if self.advertise.is_empty() { default } else { self.advertise.clone() };
        let read = |text: String| {
            location(&text).map_err(|reason| Error::setting("cluster.advertise", &text, reason))
        };
        chosen.into_iter().map(read).collect()
    }

    fn check_identity(&self) -> Result<()> {
        let node_id = self.node_id.iter().map(|id| ("cluster.node_id", id));
        let host = self.host.iter().map(|host| ("cluster.host", host));
        for (key, text) in node_id.chain(host) {
            check_node_id(text).map_err(|reason| Error::setting(key, text, reason))?;
        }
        self.advertised(Vec::new()).map(drop)
    }

    fn check_addresses(&self) -> Result<()> {
        if let Some(internal) = &self.internal
            && let Some(reason) = internal.undiallable()
        {
            return Err(Error::setting("cluster.internal", internal.to_string(), reason));
        }
        if self.internal.is_none() && self.listen.is_wildcard() && !self.peers.all().is_empty() {
            let reason = "other nodes cannot dial a wildcard; set cluster.internal to the address of this node in their lists of peers";
            return Err(Error::setting("cluster.listen", self.listen.to_string(), reason));
        }
        Ok(())
    }

    fn check_probe(&self) -> Result<()> {
        let least = Duration::from_millis(10);
        let times = [
            ("cluster.probe.interval", self.probe.interval),
            ("cluster.probe.timeout", self.probe.timeout),
        ];
        for (key, time) in times {
            if time < least {
                return Err(Error::setting(key, format!("{time:?}"), "write at least 10ms"));
            }
        }
        if self.probe.misses == 0 {
            return Err(Error::setting("cluster.probe.misses", "0", "write at least 1"));
        }
        Ok(())
    }

    fn check_secret(&self) -> Result<()> {
        match self.beyond_loopback() {
            Some((key, value)) if self.secret_file.is_none() => {
                let reason = "this reaches beyond loopback, and whoever reaches the internal port can run anything; \
                              give every node the same --cluster-secret-file (make one with `openssl rand -hex 32 > FILE; chmod 600 FILE`)";
                Err(Error::setting(key, value, reason))
            }
            _ => Ok(()),
        }
    }

    /// The first internal address that is not on loopback, with its key.
    fn beyond_loopback(&self) -> Option<(&'static str, String)> {
        let listen = [("cluster.listen", &self.listen)].into_iter();
        let internal = self.internal.iter().map(|address| ("cluster.internal", address));
        let peers = self.peers.all().iter().map(|peer| ("cluster.peers", &peer.internal));
        let mut all = listen.chain(internal).chain(peers);
        let (key, address) = all.find(|(_, address)| !address.is_loopback())?;
        Some((key, address.to_string()))
    }
}

/// The node id of a node that was not given one: readable, and the same after a restart.
fn default_node_id(host: &str, port: u16) -> String {
    let allowed = |c: char| {
        if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }
    };
    let host: String = host.chars().take(100).map(allowed).collect();
    format!("{host}-{port}")
}

fn read_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let read = humantime::parse_duration(&text);
    read.map_err(|why| serde::de::Error::custom(format!("\"{text}\": {why}; write 500ms or 2s")))
}

fn write_duration<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_duration(*duration))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(toml: &str) -> Config {
        toml::from_str(toml).unwrap()
    }

    fn refusal(toml: &str) -> String {
        read(toml).check().unwrap_err().to_string()
    }

    #[test]
    fn nothing_written_is_the_default_and_good() {
        assert_eq!(read(""), Config::default());
        assert!(Config::default().check().is_ok());
    }

    #[test]
    fn every_key_is_read() {
        let config = read(
            "node_id = 'a'\nlisten = '0.0.0.0:1'\ninternal = 'a:1'\nadvertise = ['a:2']\n\
             peers = 'a:1,a:2;b:1,b:2'\nroles = 'worker'\nzone = 'z'\nhost = 'h'\nsecret_file = '/s'\n\
             [probe]\ninterval = '500ms'\ntimeout = '2s'\nmisses = 3",
        );
        assert!(config.check().is_ok());
        let member = config.member("0.0.0.0:1".parse().unwrap(), vec![], "1").unwrap();
        assert_eq!((member.node_id.as_str(), member.host.as_str()), ("a", "h"));
        assert_eq!(member.advertised, ["grpc+tcp://a:2"]);
        assert_eq!(config.probe.timeout, Duration::from_secs(2));
        assert_eq!(toml::from_str::<Config>(&toml::to_string(&config).unwrap()).unwrap(), config);
    }

    #[test]
    fn unknown_keys_and_bad_values_are_refused_while_reading() {
        let cases = [
            ("nodeid = 'a'", "unknown field `nodeid`"),
            ("[probe]\nspeed = 1", "unknown field `speed`"),
            ("roles = 'cook'", "\"cook\" is not a role"),
            ("peers = 'a:1'", "entry 1: has no advertised address"),
            ("listen = 'a'", "has no port; write host:port"),
            ("[probe]\ninterval = 'soon'", "write 500ms or 2s"),
        ];
        for (text, message) in cases {
            let error = toml::from_str::<Config>(text).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }

    #[test]
    fn what_cannot_work_is_refused_with_its_key() {
        let cases = [
            ("node_id = 'a b'", "cluster.node_id = \"a b\": ' ' cannot stand in a node id"),
            ("internal = '0.0.0.0:1'", "cluster.internal = \"0.0.0.0:1\": is a wildcard"),
            (
                "listen = '0.0.0.0:1'\npeers = 'a:1,b:1'",
                "cluster.listen = \"0.0.0.0:1\": other nodes",
            ),
            ("advertise = ['ftp://a:1']", "cluster.advertise = \"ftp://a:1\": the scheme \"ftp\""),
            ("[probe]\ninterval = '1ms'", "cluster.probe.interval = \"1ms\": write at least 10ms"),
            ("[probe]\nmisses = 0", "cluster.probe.misses = \"0\": write at least 1"),
        ];
        for (text, message) in cases {
            let error = refusal(text);
            assert!(error.contains(message), "{error}");
        }
    }

    #[test]
    fn anything_beyond_loopback_needs_a_secret() {
        let cases = [
            ("listen = '0.0.0.0:1'", "cluster.listen = \"0.0.0.0:1\""),
            ("internal = 'node-a:1'", "cluster.internal = \"node-a:1\""),
            ("peers = '127.0.0.1:1,a:1;10.0.0.1:1,b:1'", "cluster.peers = \"10.0.0.1:1\""),
        ];
        for (text, message) in cases {
            assert!(read(text).requires_secret(), "{text}");
            let error = refusal(text);
            assert!(
                error.starts_with(message) && error.contains("--cluster-secret-file"),
                "{error}"
            );
            assert!(read(&format!("{text}\nsecret_file = '/s'")).check().is_ok());
        }
    }

    #[test]
    fn on_loopback_the_secret_is_the_shared_one() {
        let dir = tempfile::tempdir().unwrap();
        let config = read("peers = '127.0.0.1:1,a:1;localhost:2,b:1'");
        assert!(!config.requires_secret());
        let shared = ClusterSecret::shared_loopback(dir.path()).unwrap();
        assert_eq!(config.secret(dir.path()).unwrap(), shared);
    }

    #[test]
    fn a_node_without_a_name_gets_one_that_survives_a_restart() {
        let config = read("host = 'h_1'");
        let name = || config.member("127.0.0.1:7".parse().unwrap(), vec![], "1").unwrap().node_id;
        assert_eq!(name(), "h-1-7");
        assert_eq!(name(), name());
    }
}
