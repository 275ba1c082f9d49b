//! Which process has the other end of a connection on this machine.

use std::fs;
use std::net::{IpAddr, SocketAddr};

/// The index of the process, among `processes`, whose socket is at `caller` and goes to `here`.
pub(super) fn of(caller: SocketAddr, here: SocketAddr, processes: &[u32]) -> Option<usize> {
    let socket = format!("socket:[{}]", inode(caller, here)?);
    processes.iter().position(|process| has(*process, &socket))
}

/// The kernel's name for the socket at `local` that is connected to `remote`.
fn inode(local: SocketAddr, remote: SocketAddr) -> Option<String> {
    let (local, remote) = (as_the_kernel_writes(local)?, as_the_kernel_writes(remote)?);
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    // The other end of the same connection may be in the table too: the same two, the other way round.
    let ends = format!("{local} {remote}");
    let line = table.lines().find(|line| line.contains(&ends))?;
    line.split_whitespace().nth(9).map(str::to_owned)
}

/// The bytes of the address as one number of this machine, then the port, in hexadecimal digits.
fn as_the_kernel_writes(address: SocketAddr) -> Option<String> {
    let IpAddr::V4(ip) = address.ip() else { return None };
    Some(format!("{:08X}:{:04X}", u32::from_ne_bytes(ip.octets()), address.port()))
}

fn has(process: u32, socket: &str) -> bool {
    let Ok(files) = fs::read_dir(format!("/proc/{process}/fd")) else { return false };
    let mut links = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    links.any(|link| link.to_string_lossy() == socket)
}
