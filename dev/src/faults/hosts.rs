//! A host of its own for each node: a network namespace with a cable to a switch.
//!
//! A proxy answers every dial, and its kernel acknowledges every byte. Between hosts packets can vanish:
//! a dial is never answered, what was sent stays in the sender's buffers, and no end hears of it. Clients
//! lose a host with its cable too.
//!
//! ```text
//!   test ── bridge ──┬── eth0 of node 0        one namespace, one address for each node
//!                    ├── eth0 of node 1
//!                    └── eth0 of node 2
//! ```

use std::hash::{BuildHasher, RandomState};
use std::io::ErrorKind;
use std::process::{Command, Output};

use crate::Result;

/// A machine address that nobody has: what is sent there vanishes.
const NOBODY: &str = "02:00:00:00:00:01";

/// The last number of the first node's address; the test itself has 1.
const FIRST: usize = 10;

/// Hosts on one switch, gone on drop.
pub struct Hosts {
    /// In the names of everything that is made: several can be there at once.
    name: String,
    /// The first three numbers of every address.
    net: String,
    nodes: usize,
}

impl Hosts {
    /// As many as there are nodes.
    ///
    /// # Errors
    /// Where the system does not let it, or the program `ip` is not there and cannot be installed.
    pub fn make(nodes: usize) -> Result<Self> {
        install()?;
        let [a, b, c, ..] = RandomState::new().hash_one(nodes).to_le_bytes();
        // Interfaces have short names. The network is one of those kept for tests of networks (RFC 2544).
        let name = format!("sq{a:02x}{b:02x}{c:02x}");
        let net = format!("198.{}.{b}", 18 + a % 2);
        // What is half made goes with it.
        let hosts = Self { name, net, nodes };
        hosts.ip("link add {} type bridge")?;
        hosts.ip(&format!("addr add {}.1/24 dev {{}}", hosts.net))?;
        hosts.ip("link set {} up")?;
        for node in 0..nodes {
            hosts.plug_in(node)?;
        }
        Ok(hosts)
    }

    fn plug_in(&self, node: usize) -> Result<()> {
        let address = self.address(node);
        self.ip(&format!("netns add {{}}-{node}"))?;
        self.ip(&format!("link add {{}}-{node} type veth peer name eth0 netns {{}}-{node}"))?;
        self.ip(&format!("link set {{}}-{node} master {{}} up"))?;
        self.ip(&format!("-n {{}}-{node} addr add {address}/24 dev eth0"))?;
        self.ip(&format!("-n {{}}-{node} link set eth0 up"))?;
        self.ip(&format!("-n {{}}-{node} link set lo up"))?;
        self.ip(&format!("netns exec {{}}-{node} true"))
    }

    /// The address of a node's host.
    pub fn address(&self, node: usize) -> String {
        format!("{}.{}", self.net, FIRST + node)
    }

    /// What is put before a program and its arguments to run it on a node's host.
    pub(crate) fn exec(&self, node: usize) -> [String; 4] {
        ["ip".into(), "netns".into(), "exec".into(), format!("{}-{node}", self.name)]
    }

    /// Pulls a host's cable: nobody reaches it, and it reaches nobody.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn unplug(&self, node: usize) -> Result<()> {
        self.ip(&format!("link set {{}}-{node} down"))
    }

    /// Whatever two hosts send each other vanishes.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn part(&self, one: usize, other: usize) -> Result<()> {
        for (from, to) in [(one, other), (other, one)] {
            let to = self.address(to);
            let nobody = format!("neigh replace {to} lladdr {NOBODY} nud permanent dev eth0");
            self.ip(&format!("-n {{}}-{from} {nobody}"))?;
        }
        Ok(())
    }

    /// What two parted hosts send each other arrives again.
    ///
    /// # Errors
    /// When they were not parted.
    pub fn rejoin(&self, one: usize, other: usize) -> Result<()> {
        for (from, to) in [(one, other), (other, one)] {
            let to = self.address(to);
            self.ip(&format!("-n {{}}-{from} neigh del {to} dev eth0"))?;
        }
        Ok(())
    }

    /// All cables are plugged in, and nothing vanishes.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn heal(&self) -> Result<()> {
        for node in 0..self.nodes {
            self.ip(&format!("-n {{}}-{node} neigh flush nud permanent dev eth0"))?;
            self.ip(&format!("link set {{}}-{node} up"))?;
        }
        Ok(())
    }

    /// Runs `ip`; `{}` in a word stands for the name of these hosts.
    fn ip(&self, arguments: &str) -> Result<()> {
        let arguments = arguments.replace("{}", &self.name);
        let output = Command::new("ip").args(arguments.split_whitespace()).output()?;
        succeeded(&format!("ip {arguments}"), &output)
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        // A cable goes with either of its ends; what is not there any more need not be removed.
        for node in 0..self.nodes {
            let _ = self.ip(&format!("link del {{}}-{node}"));
            let _ = self.ip(&format!("netns del {{}}-{node}"));
        }
        if let Err(error) = self.ip("link del {}") {
            eprintln!("a switch is left: {error}");
        }
    }
}

/// Has the program `ip` on this machine.
fn install() -> Result<()> {
    match Command::new("ip").arg("-Version").output() {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let mut apt = Command::new("apt-get");
            let apt = apt.args(["install", "--yes", "--no-install-recommends", "iproute2"]);
            succeeded("apt-get install iproute2", &apt.output()?)
        }
        Err(error) => Err(error.into()),
    }
}

fn succeeded(what: &str, output: &Output) -> Result<()> {
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{what}: {}", String::from_utf8_lossy(&output.stderr).trim()).into())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::{Duration, Instant};

    use super::*;

    /// Whether the test reaches a node's host: a host that is there refuses where nobody listens.
    fn is_reached(hosts: &Hosts, node: usize) -> bool {
        let address = format!("{}:1", hosts.address(node)).parse().unwrap();
        let dialled = std::net::TcpStream::connect_timeout(&address, Duration::from_millis(500));
        dialled.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
    }

    /// Whether one host reaches another.
    fn reaches(hosts: &Hosts, from: usize, to: usize) -> bool {
        let [program, arguments @ ..] = hosts.exec(from);
        let dial = format!("echo > /dev/tcp/{}/1", hosts.address(to));
        let mut command = Command::new(program);
        let output = command.args(arguments).args(["timeout", "0.5", "bash", "-c", &dial]).output();
        String::from_utf8_lossy(&output.unwrap().stderr).contains("refused")
    }

    /// Whether it comes to be so: a busy machine takes its time for the first packets.
    fn soon(is_it: impl Fn() -> bool) -> bool {
        let started = Instant::now();
        while !is_it() {
            if started.elapsed() > Duration::from_secs(20) {
                return false;
            }
        }
        true
    }

    #[test]
    fn cables_are_pulled_and_packets_vanish_until_all_is_well_again() {
        let hosts = match Hosts::make(3) {
            Ok(hosts) => hosts,
            Err(error) => return println!("HOSTS ARE NOT TESTED: {error}"),
        };
        assert!(TcpListener::bind((format!("{}.1", hosts.net), 0)).is_ok());
        assert!(soon(|| is_reached(&hosts, 0) && reaches(&hosts, 0, 1)));
        hosts.part(0, 1).unwrap();
        assert!(!reaches(&hosts, 0, 1) && !reaches(&hosts, 1, 0));
        assert!(soon(|| reaches(&hosts, 0, 2) && is_reached(&hosts, 1)));
        hosts.rejoin(0, 1).unwrap();
        assert!(soon(|| reaches(&hosts, 0, 1) && reaches(&hosts, 1, 0)));
        hosts.unplug(2).unwrap();
        assert!(!is_reached(&hosts, 2) && !reaches(&hosts, 0, 2));
        hosts.heal().unwrap();
        assert!(soon(|| is_reached(&hosts, 2)));
        assert!(soon(|| reaches(&hosts, 0, 1) && reaches(&hosts, 2, 0)));
        let address = format!("{}.1:0", hosts.net);
        drop(hosts);
        assert!(TcpListener::bind(address).is_err(), "the switch has gone");
    }
}
