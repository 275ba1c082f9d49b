//! The frames of one result in the order in which they arrived: append only, read by index.

use std::sync::Arc;

use super::Frame;
use super::spill::{Place, SpillFile};

/// Where one frame is.
#[derive(Debug, Clone)]
pub(super) enum Slot {
    /// In memory.
    Memory(Frame),
    /// On disk.
    Disk(Place),
    /// Let go of: see [`super::bare`].
    Gone,
}

/// A result's frames. Slots move from memory to disk in place; their order never changes.
#[derive(Debug, Default)]
pub(super) struct Log {
    slots: Vec<Slot>,
    file: Option<Arc<SpillFile>>,
    in_memory: usize,
}

impl Log {
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Bytes held in memory.
    pub(super) fn in_memory(&self) -> usize {
        self.in_memory
    }

    /// Bytes that it takes to know where frames are.
    pub(super) fn index(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
    }

    pub(super) fn push(&mut self, slot: Slot) {
        if let Slot::Memory(frame) = &slot {
            self.in_memory += frame.bytes();
        }
        self.slots.push(slot);
    }

    pub(super) fn get(&self, index: usize) -> Option<Slot> {
        self.slots.get(index).cloned()
    }

    pub(super) fn file(&self) -> Option<Arc<SpillFile>> {
        self.file.clone()
    }

    pub(super) fn set_file(&mut self, file: Arc<SpillFile>) {
        self.file = Some(file);
    }

    /// The first frame in memory at or after `from`, with its index.
    pub(super) fn next_in_memory(&self, from: usize) -> Option<(usize, Frame)> {
        let mut slots = self.slots.iter().enumerate().skip(from);
        slots.find_map(|(index, slot)| match slot {
            Slot::Memory(frame) => Some((index, frame.clone())),
            Slot::Disk(_) | Slot::Gone => None,
        })
    }

    /// Replaces a slot in memory by its place on disk; gives the bytes that memory lost.
    pub(super) fn moved(&mut self, index: usize, place: Place) -> usize {
        self.replace(index, Slot::Disk(place))
    }

    /// Lets go of a frame in memory; gives its bytes.
    pub(super) fn forget(&mut self, index: usize) -> usize {
        self.replace(index, Slot::Gone)
    }

    fn replace(&mut self, index: usize, by: Slot) -> usize {
        let Some(slot @ Slot::Memory(_)) = self.slots.get_mut(index) else {
            return 0;
        };
        let Slot::Memory(frame) = std::mem::replace(slot, by) else {
            return 0;
        };
        self.in_memory -= frame.bytes();
        frame.bytes()
    }
}
