//! What this node has in hand.

use super::Queries;
use crate::flight::inspect::NodeUse;
use crate::memory;

impl Queries {
    /// What is in hand now, in numbers.
    pub fn usage(&self) -> NodeUse {
        let store = self.store.usage();
        let engine = self.planner.engine();
        let runtime = engine.runtime();
        NodeUse {
            running: self.running() as u64,
            queued: self.admission.load().1 as u64,
            results: store.results as u64,
            open_parts: store.open_parts as u64,
            readers: store.readers as u64,
            memory: store.memory as u64,
            index: store.index as u64,
            disk: store.disk,
            operators: runtime.memory_pool.reserved().saturating_sub(self.store.taken()) as u64,
            tasks: engine.tasks() as u64,
            spilled: engine.spilled(),
            resident: memory::resident(),
            leaving: store.leaving as u64,
        }
    }
}
