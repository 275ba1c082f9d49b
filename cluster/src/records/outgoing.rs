//! Records on their way out.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

use super::{GREETING, HEAD, MOST, sum};

/// Most pieces of a record: as many as HTTP/2 gives at a time, and more than it has.
const PIECES: usize = 64;

/// What is written. What was taken and is not written yet goes before all else.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    rest: Vec<u8>,
    written: usize,
    /// Records so far.
    place: u64,
}

impl Outgoing {
    /// Of the node that speaks first.
    pub(super) fn greeting() -> Self {
        Self { rest: GREETING.to_vec(), ..Self::default() }
    }

    /// Takes a record's bytes, of which some may wait for the next call; gives how many there were.
    pub(super) fn poll_write(
        &mut self,
        stream: &mut (impl AsyncWrite + Unpin),
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_rest(stream, context))?;
        let mut pieces = [IoSlice::new(&[]); PIECES + 1];
        let (mut count, mut length) = (0, 0);
        for part in parts.iter().filter(|part| !part.is_empty()).take(PIECES) {
            let piece = &part[..part.len().min(MOST - length)];
            count += 1;
            pieces[count] = IoSlice::new(piece);
            length += piece.len();
            if length == MOST {
                break;
            }
        }
        if length == 0 {
            return Poll::Ready(Ok(0));
        }
        let mut head = [0; HEAD];
        head[..4].copy_from_slice(&(length as u32).to_le_bytes());
        head[4..].copy_from_slice(&sum(self.place, &pieces[1..=count]).to_le_bytes());
        self.place += 1;
        pieces[0] = IoSlice::new(&head);
        let pieces = &pieces[..=count];
        let written = match Pin::new(stream).poll_write_vectored(context, pieces) {
            Poll::Ready(written) => written?,
            // It is woken when there is room for what waits.
            Poll::Pending => 0,
        };
        self.keep(pieces, written);
        Poll::Ready(Ok(length))
    }

    /// Keeps what is behind the first `written` bytes.
    fn keep(&mut self, pieces: &[IoSlice<'_>], mut written: usize) {
        for piece in pieces {
            let skipped = written.min(piece.len());
            self.rest.extend_from_slice(&piece[skipped..]);
            written -= skipped;
        }
    }

    /// Writes what waits.
    pub(super) fn poll_rest(
        &mut self,
        stream: &mut (impl AsyncWrite + Unpin),
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.written < self.rest.len() {
            let left = &self.rest[self.written..];
            match ready!(Pin::new(&mut *stream).poll_write(context, left))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                some => self.written += some,
            }
        }
        self.rest.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }
}
