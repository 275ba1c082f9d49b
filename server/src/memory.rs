//! What the process really takes of the machine's memory, beside what queries account for.

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// Bytes of this process in memory; 0 where the system does not say.
pub fn resident() -> u64 {
    Process::new().resident()
}

/// This process, as the system sees it.
struct Process {
    system: System,
    id: Pid,
}

impl Process {
    fn new() -> Self {
        Self { system: System::new(), id: Pid::from_u32(std::process::id()) }
    }

    fn resident(&mut self) -> u64 {
        let memory = ProcessRefreshKind::nothing().with_memory().without_tasks();
        let this = ProcessesToUpdate::Some(std::slice::from_ref(&self.id));
        self.system.refresh_processes_specifics(this, false, memory);
        self.system.process(self.id).map_or(0, sysinfo::Process::memory)
    }
}
