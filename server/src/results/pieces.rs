//! A frame on disk, read piece by piece as its reader takes it.
//!
//! A client that has stopped reading would hold whole frames otherwise, megabytes each, in which no
//! budget has a part. Pieces are small, and the pool knows of each for as long as anybody holds it.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::frame::FrameSum;
use super::keeper::Keeper;
use super::result::blocking;
use super::spill::Place;
use super::{QueryResult, ResultError};

/// Bytes of a piece: two of them are on their way to a client that has stopped reading, and more make
/// reading no faster.
pub const PIECE: usize = 256 * 1024;

/// A frame on disk that is being read.
pub struct SpilledFrame {
    /// Not its file: that goes with the result, whoever has stopped in the middle of it.
    result: Arc<QueryResult>,
    place: Place,
    given: usize,
    /// Of what was given; none before the header was.
    sum: Option<FrameSum>,
}

impl SpilledFrame {
    pub(super) fn new(result: Arc<QueryResult>, place: Place) -> Self {
        Self { result, place, given: 0, sum: None }
    }

    /// Bytes of the frame's body.
    pub fn body(&self) -> usize {
        self.place.body
    }

    /// The header, and the first piece of the body.
    ///
    /// # Errors
    /// `Disk` when it cannot be read; `Corrupt` when that is all of the frame and it has changed; why the
    /// result was let go of, if it was.
    pub async fn begin(&mut self) -> Result<(Bytes, Bytes), ResultError> {
        let mut header = self.read(self.place.header + PIECE).await?;
        let body = header.split_off(self.place.header);
        Ok((header, body))
    }

    /// The next piece of the body, after [`SpilledFrame::begin`]; `None` at its end. The last one comes
    /// only if the frame is what was written.
    ///
    /// # Errors
    /// As [`SpilledFrame::begin`].
    pub async fn next(&mut self) -> Result<Option<Bytes>, ResultError> {
        match self.given < self.place.bytes() {
            true => self.read(PIECE).await.map(Some),
            false => Ok(None),
        }
    }

    /// Reads the next `most` bytes, or what there is. One call where blocking is allowed does all of it.
    async fn read(&mut self, most: usize) -> Result<Bytes, ResultError> {
        let (place, from) = (self.place, self.given);
        let (file, sum) = (self.result.file()?, self.sum.take());
        let mut piece = Held::new(self.result.keeper(), most.min(place.bytes() - from));
        let read = blocking(move || {
            file.fill(place, from, &mut piece.bytes)?;
            let sum = match sum {
                Some(sum) => sum.with(&piece.bytes),
                None => {
                    let (header, body) = piece.bytes.split_at(place.header);
                    FrameSum::new(header).with(body)
                }
            };
            if from + piece.bytes.len() == place.bytes() {
                file.compare(place, sum.value())?;
            }
            Ok((piece, sum))
        });
        let (piece, sum) = read.await?;
        self.given += piece.bytes.len();
        self.sum = Some(sum);
        Ok(Bytes::from_owner(piece))
    }
}

impl fmt::Debug for SpilledFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpilledFrame").field("given", &self.given).finish_non_exhaustive()
    }
}

/// Bytes on their way to a client, charged to the pool until they have left.
pub(super) struct Held<B: AsRef<[u8]>> {
    bytes: B,
    keeper: Arc<Keeper>,
    charged: usize,
}

impl Held<Vec<u8>> {
    fn new(keeper: &Arc<Keeper>, bytes: usize) -> Self {
        keeper.budget.take_for_reader(bytes);
        Self { bytes: vec![0; bytes], keeper: Arc::clone(keeper), charged: bytes }
    }
}

impl Held<Bytes> {
    /// Bytes that came from elsewhere, and `behind` them what comes next.
    pub(super) fn with(keeper: &Arc<Keeper>, bytes: Bytes, behind: usize) -> Self {
        let charged = bytes.len() + behind;
        keeper.budget.take_for_reader(charged);
        Self { bytes, keeper: Arc::clone(keeper), charged }
    }
}

impl<B: AsRef<[u8]>> AsRef<[u8]> for Held<B> {
    fn as_ref(&self) -> &[u8] {
        self.bytes.as_ref()
    }
}

impl<B: AsRef<[u8]>> Drop for Held<B> {
    fn drop(&mut self) {
        self.keeper.budget.give_from_reader(self.charged);
    }
}
