//! Records that come in: nobody reads a byte of one before all of it was looked at.

use std::io::{self, IoSlice};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

use super::{HEAD, MOST, sum};

/// Room at first: most connections carry little.
const ROOM: usize = 16 << 10;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    bytes: Vec<u8>,
    /// What there is of `bytes` that nobody has read.
    come: Range<usize>,
    /// Bytes at the beginning of that which were looked at.
    sound: usize,
    /// Records so far.
    place: u64,
}

impl Incoming {
    pub(super) fn poll_read(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.sound == 0 {
            let needed = self.look()?;
            if self.sound > 0 {
                break;
            }
            self.make_room(needed);
            let mut more = ReadBuf::new(&mut self.bytes[self.come.end..]);
            ready!(Pin::new(&mut *stream).poll_read(context, &mut more))?;
            match more.filled().len() {
                0 if self.come.is_empty() => return Poll::Ready(Ok(())),
                0 => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                some => self.come.end += some,
            }
        }
        let length = self.sound.min(buffer.remaining());
        buffer.put_slice(&self.bytes[self.come.start..self.come.start + length]);
        self.come.start += length;
        self.sound -= length;
        Poll::Ready(Ok(()))
    }

    /// Looks at the next record if it is there; gives how many bytes there must be before that.
    fn look(&mut self) -> io::Result<usize> {
        let come = &self.bytes[self.come.clone()];
        let Some((head, behind)) = come.split_first_chunk::<HEAD>() else { return Ok(HEAD) };
        let (length, told) = head.split_at(4);
        let length = u32::from_le_bytes(length.try_into().unwrap_or_default()) as usize;
        if length == 0 || length > MOST {
            return Err(changed());
        }
        let Some(record) = behind.get(..length) else { return Ok(HEAD + length) };
        if sum(self.place, &[IoSlice::new(record)]).to_le_bytes() != told {
            return Err(changed());
        }
        self.place += 1;
        self.come.start += HEAD;
        self.sound = length;
        Ok(0)
    }

    /// Room for so many bytes from the first that nobody has read, and for one more than there are.
    fn make_room(&mut self, needed: usize) {
        if self.come.is_empty() {
            self.come = 0..0;
        }
        if self.come.start + needed > self.bytes.len() || self.come.end == self.bytes.len() {
            self.bytes.copy_within(self.come.clone(), 0);
            self.come = 0..self.come.len();
        }
        if needed > self.bytes.len() || self.come.end == self.bytes.len() {
            let room = (2 * self.bytes.len()).max(needed).clamp(ROOM, HEAD + MOST);
            self.bytes.resize(room, 0);
        }
    }
}

fn changed() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "a byte changed on its way between two nodes: look at their network and memory",
    )
}
