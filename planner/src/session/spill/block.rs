//! A block of a spill file: how long it is, its checksum, and its bytes.
//!
//! ```text
//! | length: u32 | checksum: u64 | bytes … |
//! ```
//!
//! The checksum begins with which file the block belongs to, where in it, and how long it is: a block
//! that is whole but in another's place is as wrong as one whose bytes have changed.

use twox_hash::XxHash3_64;

/// Length and checksum.
pub(super) const HEADER: usize = size_of::<u32>() + size_of::<u64>();

/// Most bytes of a block. As DataFusion's own backend reads at once: batches are read out of blocks
/// without a copy, and each is taken to hold the memory of its whole block. A multiple of what Arrow
/// aligns buffers to.
pub(super) const MOST: usize = 128 << 10;

/// Where a block is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Something that no other file has.
    pub(super) file: u64,
    pub(super) offset: u64,
}

/// A block as it is written, with room for its header in front.
pub(super) struct Block(Vec<u8>);

impl Block {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.len() <= HEADER
    }

    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= HEADER + MOST
    }

    /// Takes what there is room for; gives how much.
    pub(super) fn push(&mut self, bytes: &[u8]) -> usize {
        if self.0.is_empty() {
            self.0.reserve_exact(HEADER + MOST);
            self.0.resize(HEADER, 0);
        }
        let room = (HEADER + MOST).saturating_sub(self.0.len());
        let taken = &bytes[..room.min(bytes.len())];
        self.0.extend_from_slice(taken);
        taken.len()
    }

    /// Its size in the file.
    pub(super) fn size(&self) -> u64 {
        self.0.len() as u64
    }

    /// All of it, for this place.
    pub(super) fn sealed(&mut self, place: Place) -> &[u8] {
        let bytes = &self.0[HEADER..];
        let (length, sum) = (bytes.len() as u32, checksum(place, bytes));
        self.0[..4].copy_from_slice(&length.to_le_bytes());
        self.0[4..HEADER].copy_from_slice(&sum.to_le_bytes());
        &self.0
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// What a header says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    length: u32,
    sum: u64,
}

impl Header {
    pub(super) fn read(bytes: [u8; HEADER]) -> Self {
        let [a, b, c, d, sum @ ..] = bytes;
        Self { length: u32::from_le_bytes([a, b, c, d]), sum: u64::from_le_bytes(sum) }
    }

    /// How many bytes follow; `None` where no block is as long.
    pub(super) fn length(self) -> Option<usize> {
        let length = self.length as usize;
        (1..=MOST).contains(&length).then_some(length)
    }

    /// Whether these are the bytes that were written to this place.
    pub(super) fn fits(self, place: Place, bytes: &[u8]) -> bool {
        self.sum == checksum(place, bytes)
    }
}

fn checksum(place: Place, bytes: &[u8]) -> u64 {
    let mut begin = [0; 24];
    begin[..8].copy_from_slice(&place.file.to_le_bytes());
    begin[8..16].copy_from_slice(&place.offset.to_le_bytes());
    begin[16..].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
    XxHash3_64::oneshot_with_seed(XxHash3_64::oneshot(&begin), bytes)
}
