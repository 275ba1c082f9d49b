//! Who a node is: the record that the cluster keeps about every one of its processes.

pub mod wire;

use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::address::Address;

/// The longest node id, in bytes: ids stand in every log line and error message.
const LONGEST_NODE_ID: usize = 128;

/// A node as membership sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The node's name, unique in the cluster, the same after a restart.
    pub node_id: String,
    /// Tells the incarnations of one node id apart: see [`new_generation`].
    pub generation: u64,
    /// The program's version: only nodes of one version run tasks for each other.
    pub version: String,
    /// The availability zone or rack, where there is such a thing.
    pub zone: Option<String>,
    /// The machine: nodes with the same host are nearer than nodes of the same zone.
    pub host: String,
    /// What the node does for the cluster.
    pub roles: Roles,
    /// Where other nodes dial it: tasks, deliveries, cluster actions.
    pub internal: Address,
    /// Where clients dial it: Flight locations such as `grpc+tcp://host:8815`.
    pub advertised: Vec<String>,
}

impl Member {
    /// Whether it takes no new work any more: what runs on it may end, and what it holds be read.
    pub fn is_draining(&self) -> bool {
        self.roles == Roles::NONE
    }

    /// Whether both are the same process, not just the same name.
    pub fn is_same_process(&self, other: &Self) -> bool {
        self.node_id == other.node_id && self.generation == other.generation
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node \"{}\" at {}", self.node_id, self.internal)
    }
}

/// A generation for a process that starts now: milliseconds of the clock, mixed with chance for two
/// starts within one of them.
pub fn new_generation() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    ((since_epoch.as_millis() as u64) << 16) ^ u64::from(rand::random::<u16>())
}

/// The name of this machine, if the operating system tells it.
pub fn this_host() -> Option<String> {
    ["/proc/sys/kernel/hostname", "/etc/hostname"]
        .iter()
        .find_map(|file| std::fs::read_to_string(file).ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
}

/// Checks a node id.
///
/// # Errors
/// A message saying what is wrong and what to write.
pub fn check_node_id(node_id: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':' | '@');
    if node_id.is_empty() {
        Err("a node id cannot be empty".to_owned())
    } else if node_id.len() > LONGEST_NODE_ID {
        Err(format!("a node id has at most {LONGEST_NODE_ID} characters"))
    } else if let Some(c) = node_id.chars().find(|c| !allowed(*c)) {
        Err(format!("{c:?} cannot stand in a node id; use letters, digits and - . _ : @"))
    } else {
        Ok(())
    }
}

/// What a node does for the cluster. All of it unless told otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Roles {
    /// Takes queries and metadata calls.
    pub coordinator: bool,
    /// Runs tasks of queries.
    pub worker: bool,
    /// Holds results and serves them to clients.
    pub serve: bool,
}

impl Roles {
    /// Every role: the default.
    pub const ALL: Self = Self { coordinator: true, worker: true, serve: true };
    /// None at all: a node that drains.
    pub const NONE: Self = Self { coordinator: false, worker: false, serve: false };
}

impl Roles {
    /// The names of those held.
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        let names =
            [(self.coordinator, "coordinator"), (self.worker, "worker"), (self.serve, "serve")];
        names.into_iter().filter(|(held, _)| *held).map(|(_, name)| name)
    }
}

impl Default for Roles {
    fn default() -> Self {
        Self::ALL
    }
}

impl FromStr for Roles {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut roles = Self::NONE;
        for role in text.split(',').map(str::trim) {
            match role {
                "coordinator" => roles.coordinator = true,
                "worker" => roles.worker = true,
                "serve" => roles.serve = true,
                "" => {
                    return Err("a role is missing; write some of coordinator,worker,serve".into());
                }
                other => {
                    return Err(format!(
                        "\"{other}\" is not a role; write some of coordinator,worker,serve"
                    ));
                }
            }
        }
        Ok(roles)
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().collect::<Vec<_>>().join(","))
    }
}

impl TryFrom<String> for Roles {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Roles> for String {
    fn from(roles: Roles) -> Self {
        roles.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_read_and_written_alike() {
        for text in ["coordinator,worker,serve", "coordinator", "worker,serve"] {
            assert_eq!(text.parse::<Roles>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn an_unknown_role_names_the_known_ones() {
        assert_eq!(
            "worker,cook".parse::<Roles>().unwrap_err(),
            "\"cook\" is not a role; write some of coordinator,worker,serve"
        );
    }

    #[test]
    fn a_node_without_any_role_is_refused() {
        assert!("".parse::<Roles>().is_err());
        assert!("worker,".parse::<Roles>().is_err());
    }

    #[test]
    fn two_starts_are_two_generations() {
        let generations: std::collections::HashSet<_> = (0..4).map(|_| new_generation()).collect();
        assert!(generations.len() > 1);
    }

    #[test]
    fn a_node_id_can_stand_in_a_log_line() {
        assert!(check_node_id("host-1.zone_a:8816@x").is_ok());
        for bad in ["", "a b", "a\n", "ä", &"x".repeat(129)] {
            assert!(check_node_id(bad).is_err(), "{bad:?}");
        }
    }
}
