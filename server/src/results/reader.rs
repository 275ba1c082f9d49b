//! Reads one result from its start to its end, however far its writers are.

use std::sync::Arc;

use futures::Stream;
use tokio::sync::watch;

use super::keeper::ReaderPlace;
use super::result::{Look, blocking};
use super::{Frame, QueryResult, ResultError};

/// One reader of a result. Any number can read at the same time.
#[derive(Debug)]
pub struct ResultReader {
    result: Arc<QueryResult>,
    changed: watch::Receiver<u64>,
    next: usize,
    /// The peer whose share it reads, if that is gone.
    lost: Option<String>,
    _place: ReaderPlace,
}

impl ResultReader {
    pub(super) fn new(
        result: Arc<QueryResult>,
        changed: watch::Receiver<u64>,
        place: ReaderPlace,
        lost: Option<String>,
    ) -> Self {
        Self { result, changed, next: 0, lost, _place: place }
    }

    /// The next frame; `None` at the end of a committed result.
    ///
    /// # Errors
    /// The query's error, whenever it fails before the end was given.
    pub async fn next(&mut self) -> Result<Option<Frame>, ResultError> {
        loop {
            self.changed.mark_unchanged();
            let found = match &self.lost {
                Some(peer) => self.result.look_for_lost(peer),
                None => self.result.look(self.next),
            };
            match found {
                Look::Frame(frame) => return Ok(Some(self.taken(frame))),
                Look::OnDisk(file, place) => {
                    let frame = blocking(move || file.read(place)).await?;
                    return Ok(Some(self.taken(frame)));
                }
                Look::End => return Ok(None),
                Look::Failed(error) => return Err(error),
                Look::Wait => self.wait().await?,
            }
        }
    }

    /// The sender lives in the result, which this reader keeps alive.
    async fn wait(&mut self) -> Result<(), ResultError> {
        let gone = |_| ResultError::NotFound("the result was closed while it was read".into());
        self.changed.changed().await.map_err(gone)
    }

    fn taken(&mut self, frame: Frame) -> Frame {
        self.next += 1;
        frame
    }

    /// The same as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<Frame, ResultError>> + Send {
        futures::stream::try_unfold(self, |mut reader| async move {
            Ok(reader.next().await?.map(|frame| (frame, reader)))
        })
    }
}

impl Drop for ResultReader {
    fn drop(&mut self) {
        self.result.reader_gone();
    }
}
