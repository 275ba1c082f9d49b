//! Bytes between nodes with checksums.
//!
//! Problem: what one node reads of another is a part of an answer, and TCP would not notice every byte that a network
//! card, a middlebox or a memory changes: its checksum has 16 bits. gRPC has none, and Arrow reads what it is given: a
//! count of 8 becomes one of 2^54. Official way: TLS, which the internal port has not got yet. Here: each node writes
//! records, with the XXH3 of what is in them and of their place; one that is not what was written ends the connection
//! as if it had been cut, and the query is run again.
//!
//! ```text
//!   "sqrec/1\n"                                      once, by the node that dials
//!   length (4 bytes) │ checksum (8) │ bytes …         over and over, in both directions
//! ```
//!
//! Whoever begins with something else is read and written as they are: the port answers a client of Flight SQL, which is
//! wrong here, in words that it understands.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::transport::server::Connected;
use twox_hash::XxHash3_64;

mod incoming;
mod outgoing;
#[cfg(test)]
mod tests;

use incoming::Incoming;
use outgoing::Outgoing;

/// What a node says first. As long as what is read to know it.
const GREETING: [u8; 8] = *b"sqrec/1\n";

/// Bytes before those of a record.
const HEAD: usize = 12;

/// Most bytes of a record: few enough to stay in a core's cache between being read and looked at, and enough for a
/// system call.
const MOST: usize = 256 << 10;

/// The checksum of a record's bytes at its place, which is the seed.
fn sum(place: u64, parts: &[IoSlice<'_>]) -> u64 {
    match parts {
        [one] => XxHash3_64::oneshot_with_seed(place, one),
        parts => {
            use std::hash::Hasher;
            let mut sum = XxHash3_64::with_seed(place);
            parts.iter().for_each(|part| sum.write(part));
            sum.finish()
        }
    }
}

/// A byte stream of records above another one.
#[derive(Debug)]
pub struct Records<S> {
    stream: S,
    mode: Mode,
}

#[derive(Debug)]
enum Mode {
    /// Of an accepted stream: what it has begun with so far.
    Unknown {
        come: [u8; GREETING.len()],
        length: usize,
    },
    /// Of no node: what it has begun with and nobody has read.
    Plain {
        come: Vec<u8>,
    },
    Records {
        incoming: Incoming,
        outgoing: Outgoing,
    },
}

impl<S> Records<S> {
    /// A stream that this node has dialled.
    pub fn dialled(stream: S) -> Self {
        let (incoming, outgoing) = (Incoming::default(), Outgoing::greeting());
        Self { stream, mode: Mode::Records { incoming, outgoing } }
    }

    /// A stream that this node has accepted, of a node or not.
    pub fn accepted(stream: S) -> Self {
        Self { stream, mode: Mode::Unknown { come: [0; GREETING.len()], length: 0 } }
    }
}

impl<S: AsyncRead + Unpin> Records<S> {
    /// Reads until it is known who is at the other end.
    fn poll_known(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, mode } = self;
        while let Mode::Unknown { come, length } = mode {
            let mut buffer = ReadBuf::new(&mut come[*length..]);
            ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer))?;
            let more = buffer.filled().len();
            *length += more;
            let is_greeting = GREETING.starts_with(&come[..*length]);
            if more == 0 || !is_greeting {
                *mode = Mode::Plain { come: come[..*length].to_vec() };
            } else if *length == GREETING.len() {
                let (incoming, outgoing) = (Incoming::default(), Outgoing::default());
                *mode = Mode::Records { incoming, outgoing };
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Records<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_known(context))?;
        let Self { stream, mode } = &mut *self;
        match mode {
            Mode::Records { incoming, .. } => incoming.poll_read(stream, context, buffer),
            Mode::Plain { come } if !come.is_empty() => {
                let length = come.len().min(buffer.remaining());
                buffer.put_slice(&come[..length]);
                come.drain(..length);
                Poll::Ready(Ok(()))
            }
            _ => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Records<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_known(context))?;
        let Self { stream, mode } = &mut *self;
        match mode {
            Mode::Records { outgoing, .. } => outgoing.poll_write(stream, context, parts),
            _ => Pin::new(stream).poll_write_vectored(context, parts),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, mode } = &mut *self;
        if let Mode::Records { outgoing, .. } = mode {
            ready!(outgoing.poll_rest(stream, context))?;
        }
        Pin::new(stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, mode } = &mut *self;
        if let Mode::Records { outgoing, .. } = mode {
            ready!(outgoing.poll_rest(stream, context))?;
        }
        Pin::new(stream).poll_shutdown(context)
    }
}

impl<S: Connected> Connected for Records<S> {
    type ConnectInfo = S::ConnectInfo;

    fn connect_info(&self) -> S::ConnectInfo {
        self.stream.connect_info()
    }
}
