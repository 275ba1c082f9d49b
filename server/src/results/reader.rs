//! Reads one result from its start to its end, however far its writers are.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::keeper::ReaderPlace;
use super::leave::Leave;
use super::pieces::SpilledFrame;
use super::result::{Look, blocking};
use super::spill::{Place, SpillFile};
use super::{Frame, QueryResult, ResultError};

/// A coordinator that cannot be reached for a moment is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// What a reader gives at a time.
#[derive(Debug)]
pub enum Given {
    /// A frame.
    Frame(Frame),
    /// A frame that is on disk.
    OnDisk(SpilledFrame),
}

/// A frame of which its reader has been told.
enum Taken {
    Frame(Frame),
    OnDisk(Arc<SpillFile>, Place),
}

/// One reader of a result. Any number can read at the same time.
#[derive(Debug)]
pub struct ResultReader {
    result: Arc<QueryResult>,
    changed: watch::Receiver<u64>,
    next: usize,
    /// The peer whose share it reads, if that is gone.
    lost: Option<String>,
    /// Whom to ask before anything of a run leaves.
    leave: Option<Leave>,
    _place: ReaderPlace,
}

impl ResultReader {
    pub(super) fn new(
        result: Arc<QueryResult>,
        changed: watch::Receiver<u64>,
        place: ReaderPlace,
        lost: Option<String>,
    ) -> Self {
        Self { result, changed, next: 0, lost, leave: None, _place: place }
    }

    /// With somebody to ask before anything of a run that is not complete is given.
    pub fn with_leave(mut self, leave: Option<Leave>) -> Self {
        self.leave = leave;
        self
    }

    /// The next frame; `None` at the end of a committed result.
    ///
    /// # Errors
    /// The query's error, whenever it fails before the end was given.
    pub async fn next(&mut self) -> Result<Option<Frame>, ResultError> {
        match self.take().await? {
            None => Ok(None),
            Some(Taken::Frame(frame)) => Ok(Some(frame)),
            Some(Taken::OnDisk(file, place)) => blocking(move || file.read(place)).await.map(Some),
        }
    }

    /// The next frame, which is read as it is sent if it is on disk.
    ///
    /// # Errors
    /// As [`ResultReader::next`].
    pub async fn give(&mut self) -> Result<Option<Given>, ResultError> {
        let taken = self.take().await?;
        Ok(taken.map(|taken| match taken {
            Taken::Frame(frame) => Given::Frame(frame),
            Taken::OnDisk(_, place) => {
                Given::OnDisk(SpilledFrame::new(Arc::clone(&self.result), place))
            }
        }))
    }

    async fn take(&mut self) -> Result<Option<Taken>, ResultError> {
        loop {
            self.changed.mark_unchanged();
            let found = match &self.lost {
                Some(peer) => self.result.look_for_lost(peer),
                None => self.result.look(self.next, self.leave.is_some()),
            };
            match found {
                Look::Frame(frame) => return Ok(Some(self.taken(Taken::Frame(frame)))),
                Look::OnDisk(file, place) => {
                    return Ok(Some(self.taken(Taken::OnDisk(file, place))));
                }
                Look::End => return Ok(None),
                Look::Failed(error) => return Err(error),
                Look::Wait => self.wait().await?,
                Look::Held(attempt) => self.ask_leave(attempt).await?,
            }
        }
    }

    /// Asks until it is answered, or nothing need be asked any more. Refused, it waits: the run is over,
    /// and what follows it will come.
    async fn ask_leave(&mut self, attempt: u32) -> Result<(), ResultError> {
        let Some(leave) = &self.leave else { return Ok(()) };
        let mut asked = pin!(leave.ask(attempt));
        loop {
            tokio::select! {
                answer = &mut asked => match answer {
                    Ok(()) => {
                        self.result.let_leave(attempt);
                        return Ok(());
                    }
                    Err(error) => {
                        let query = self.result.opening().query;
                        tracing::debug!(%query, attempt, %error, "rows may not leave");
                        break;
                    }
                },
                changed = self.changed.changed() => {
                    changed.map_err(|_| closed())?;
                    if !self.result.is_held(attempt) {
                        return Ok(());
                    }
                }
            }
        }
        match timeout(ASK_AGAIN, self.wait()).await {
            Ok(waited) => waited,
            Err(_) => Ok(()),
        }
    }

    /// The sender lives in the result, which this reader keeps alive.
    async fn wait(&mut self) -> Result<(), ResultError> {
        self.changed.changed().await.map_err(|_| closed())
    }

    fn taken(&mut self, taken: Taken) -> Taken {
        self.next += 1;
        taken
    }
}

fn closed() -> ResultError {
    ResultError::NotFound("the result was closed while it was read".into())
}

impl Drop for ResultReader {
    fn drop(&mut self) {
        self.result.reader_gone();
    }
}
