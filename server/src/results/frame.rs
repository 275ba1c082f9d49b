//! One encoded record batch: the unit that is kept, spilled and relayed.

use std::hash::Hasher;

use bytes::Bytes;
use twox_hash::XxHash3_64;

use super::bare::is_bare;

/// An Arrow IPC message as Flight carries it: the flatbuffer header and the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The IPC message header (flatbuffer, without the length prefix of a stream).
    pub header: Bytes,
    /// The buffers.
    pub body: Bytes,
    /// Rows in the batch.
    pub rows: u64,
    /// XXH3 of header and body.
    pub checksum: u64,
}

impl Frame {
    /// A frame with its checksum: one-shot hashing runs at memory speed, and it is done once where
    /// a frame is made and once where it arrives from a wire or a disk.
    pub fn new(header: Bytes, body: Bytes, rows: u64) -> Self {
        let checksum = match is_bare() {
            true => 0,
            false => XxHash3_64::oneshot_with_seed(XxHash3_64::oneshot(&header), &body),
        };
        Self { header, body, rows, checksum }
    }

    /// Bytes of header and body.
    pub fn bytes(&self) -> usize {
        self.header.len() + self.body.len()
    }
}

/// The checksum of a frame whose body comes in pieces: that of [`Frame::new`], however it is cut.
pub(super) struct FrameSum(Box<XxHash3_64>);

impl FrameSum {
    /// Of a frame with this header, before its body.
    pub(super) fn new(header: &[u8]) -> Self {
        Self(Box::new(XxHash3_64::with_seed(XxHash3_64::oneshot(header))))
    }

    /// With what follows of the body.
    pub(super) fn with(mut self, body: &[u8]) -> Self {
        self.0.write(body);
        self
    }

    /// The checksum.
    pub(super) fn value(&self) -> u64 {
        match is_bare() {
            true => 0,
            false => self.0.finish(),
        }
    }
}

/// Continues a part's checksum with one more frame, so that their order matters.
pub fn chain(sum: u64, frame: &Frame) -> u64 {
    XxHash3_64::oneshot_with_seed(sum, &frame.checksum.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(text: &'static str) -> Frame {
        Frame::new(Bytes::from_static(b"h"), Bytes::from_static(text.as_bytes()), 1)
    }

    #[test]
    fn the_order_of_frames_changes_the_sum() {
        let ab = chain(chain(0, &frame("a")), &frame("b"));
        let ba = chain(chain(0, &frame("b")), &frame("a"));
        assert_ne!(ab, ba);
    }

    #[test]
    fn the_sum_of_pieces_is_the_sum_of_the_frame() {
        for length in [0, 1, 100, 240, 241, 5000] {
            let body: Vec<u8> = (0..length).map(|at| at as u8).collect();
            let whole = Frame::new(Bytes::from_static(b"header"), body.clone().into(), 1);
            for piece in [1, 7, 64, 1024] {
                let sum = body.chunks(piece).fold(FrameSum::new(b"header"), FrameSum::with);
                assert_eq!(sum.value(), whole.checksum, "{length} bytes in pieces of {piece}");
            }
        }
    }

    #[test]
    fn one_changed_byte_changes_the_sum() {
        assert_ne!(chain(0, &frame("abc")), chain(0, &frame("abd")));
    }
}
