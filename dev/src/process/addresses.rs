//! Addresses for processes that are about to start.

use std::net::{Ipv4Addr, TcpListener};

use crate::Result;
use crate::faults::Hosts;

/// The ports that nodes have unless they are told otherwise.
const FLIGHT: u16 = 8815;
const INTERNAL: u16 = 8816;

/// Where one node listens.
pub(super) struct Addresses {
    pub(super) flight: String,
    pub(super) internal: String,
}

/// Those of hosts that have no other programs.
pub(super) fn on_hosts(hosts: &Hosts, nodes: usize) -> Vec<Addresses> {
    let on = |address: String| Addresses {
        flight: format!("{address}:{FLIGHT}"),
        internal: format!("{address}:{INTERNAL}"),
    };
    (0..nodes).map(|node| on(hosts.address(node))).collect()
}

/// Ports that the system gives to nobody who asks for any: below those (`ip_local_port_range`), the links of
/// the same cluster among them.
const PORTS: std::ops::Range<u16> = 10_000..30_000;

/// Free ports that stay free until the processes have them: on a loopback address that nobody else
/// on this machine is likely to use (all of 127.0.0.0/8 is this machine).
pub(super) fn free_addresses(nodes: usize) -> Result<Vec<Addresses>> {
    let process = std::process::id().to_le_bytes();
    let moment = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let ip = Ipv4Addr::new(127, process[0].max(1), process[1], moment.subsec_micros() as u8 | 1);
    // Not always the same: a process that has just ended may have left its connections behind.
    let first = PORTS.start + (moment.subsec_nanos() % PORTS.len() as u32) as u16;
    let ports = (first..PORTS.end).chain(PORTS.start..first);
    let bound: Vec<_> =
        ports.filter_map(|port| TcpListener::bind((ip, port)).ok()).take(nodes * 2).collect();
    if bound.len() < nodes * 2 {
        return Err(format!("{ip} has not got {} free ports", nodes * 2).into());
    }
    let addresses = bound.chunks(2).map(|pair| {
        let (flight, internal) = (pair[0].local_addr()?, pair[1].local_addr()?);
        Ok(Addresses { flight: flight.to_string(), internal: internal.to_string() })
    });
    addresses.collect()
}
