//! What this machine has, for defaults.

use bytesize::ByteSize;
use squadron_planner::options::MOST_PARTITIONS;
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

/// The share of memory that a node takes unless told otherwise: the rest is for the allocator's
/// slack, the page cache that scans live on, and everybody else.
const SHARE: u64 = 60;

/// 60 % of the memory there is, or one node's share of it where several `nodes` run.
pub(super) fn default_memory(nodes: usize) -> ByteSize {
    ByteSize(memory().as_u64() / 100 * SHARE / nodes.max(1) as u64)
}

/// The memory of the machine, or of the container where that has less.
pub(super) fn memory() -> ByteSize {
    let refresh = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(refresh);
    let machine = system.total_memory();
    let container = system.cgroup_limits().map(|limits| limits.total_memory);
    ByteSize(container.filter(|total| *total > 0).map_or(machine, |total| total.min(machine)))
}

/// Cores that this process may use, as far as a plan can.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(MOST_PARTITIONS)
}
