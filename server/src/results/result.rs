//! What this peer holds of one query.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use squadron_planner::deliver::{PartKey, PartTotals};
use tokio::sync::watch;
use uuid::Uuid;

use super::log::{Log, Slot};
use super::manifest::{Held, PartSummary, compare};
use super::spill::SpillFile;
use super::store::Keeper;
use super::{Frame, ResultError, ResultReader, chain};

/// What a peer must know of a query before its first frame: sent by its coordinator, and again
/// with every part, so that whichever arrives first opens the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The query.
    pub query: Uuid,
    /// Which run of it.
    pub attempt: u32,
    /// Who may read it.
    pub owner: String,
    /// Node id of its coordinator.
    pub coordinator: String,
    /// The encoded schema: what every endpoint sends first.
    pub schema: Bytes,
    /// How long it is kept after it completed.
    pub keep: Duration,
}

/// How far a result is.
#[derive(Debug, Clone)]
pub enum Phase {
    /// Parts may still arrive.
    Receiving,
    /// The manifest matched: nothing more is taken.
    Verified,
    /// Every peer's manifest matched: readers may end.
    Committed,
    /// The query failed: readers get this.
    Failed(ResultError),
}

/// One query's frames on this peer.
#[derive(Debug)]
pub struct QueryResult {
    opening: Opening,
    state: Mutex<State>,
    /// Bumped with every change that a reader could wait for.
    changed: watch::Sender<u64>,
    keeper: Arc<Keeper>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    log: Log,
    parts: HashMap<PartKey, Held>,
    readers: usize,
    /// When it may go: set once it is committed or failed.
    expires: Option<Instant>,
    touched: Instant,
}

impl QueryResult {
    pub(super) fn new(opening: Opening, keeper: Arc<Keeper>) -> Self {
        let state = State {
            phase: Phase::Receiving,
            log: Log::default(),
            parts: HashMap::new(),
            readers: 0,
            expires: None,
            touched: Instant::now(),
        };
        Self { opening, state: Mutex::new(state), changed: watch::Sender::new(0), keeper }
    }

    /// What it was opened with.
    pub fn opening(&self) -> &Opening {
        &self.opening
    }

    /// How far it is.
    pub fn phase(&self) -> Phase {
        self.state.lock().phase.clone()
    }

    /// Announces a part. Each part has one writer.
    ///
    /// # Errors
    /// `Corrupt` for a part that was begun before or belongs to another attempt; the query's own
    /// error when it has failed.
    pub fn begin(&self, part: PartKey) -> Result<(), ResultError> {
        let mut state = self.state.lock();
        state.receiving(&part)?;
        match part.attempt == self.opening.attempt && !state.parts.contains_key(&part) {
            true => {
                state.parts.insert(part, Held::default());
                Ok(())
            }
            false => {
                Err(ResultError::Corrupt(format!("{part} came twice or from another attempt")))
            }
        }
    }

    /// Appends a frame to a part, in memory or on disk.
    ///
    /// # Errors
    /// `Exhausted` at the disk quota, `Disk` when the disk fails; the query's own error when it has
    /// failed.
    pub async fn append(self: &Arc<Self>, part: PartKey, frame: Frame) -> Result<(), ResultError> {
        let bytes = frame.bytes();
        let slot = match self.keeper.make_room(bytes).await {
            true => Slot::Memory(frame.clone()),
            false => Slot::Disk(self.spill(frame.clone()).await?),
        };
        let in_memory = matches!(slot, Slot::Memory(_));
        let pushed = self.push(part, &frame, slot);
        if pushed.is_err() && in_memory {
            self.keeper.budget.give(bytes);
        }
        pushed
    }

    fn push(&self, part: PartKey, frame: &Frame, slot: Slot) -> Result<(), ResultError> {
        let mut state = self.state.lock();
        state.receiving(&part)?;
        let held = state.parts.get_mut(&part).filter(|held| !held.sealed);
        let held = held.ok_or_else(|| ResultError::Corrupt(format!("{part} is not open")))?;
        held.totals = PartTotals {
            rows: held.totals.rows + frame.rows,
            frames: held.totals.frames + 1,
            bytes: held.totals.bytes + frame.bytes() as u64,
            checksum: chain(held.totals.checksum, frame),
        };
        state.log.push(slot);
        drop(state);
        self.notify();
        Ok(())
    }

    /// Ends a part; gives what was counted of it.
    ///
    /// # Errors
    /// `Corrupt` for a part that is not open; the query's own error when it has failed.
    pub fn seal(&self, part: PartKey) -> Result<PartTotals, ResultError> {
        let mut state = self.state.lock();
        state.receiving(&part)?;
        let held = state.parts.get_mut(&part).filter(|held| !held.sealed);
        let held = held.ok_or_else(|| ResultError::Corrupt(format!("{part} is not open")))?;
        held.sealed = true;
        Ok(held.totals)
    }

    /// Holds the result against the manifest. After this nothing more is taken.
    ///
    /// # Errors
    /// `Corrupt` when anything differs; the query's own error when it has failed.
    pub fn verify(&self, manifest: &[PartSummary]) -> Result<(), ResultError> {
        let mut state = self.state.lock();
        if let Phase::Failed(error) = &state.phase {
            return Err(error.clone());
        }
        compare(&state.parts, manifest)?;
        state.phase = Phase::Verified;
        Ok(())
    }

    /// Lets readers end: the manifest matched on every peer.
    ///
    /// # Errors
    /// When it was not verified, or has failed since.
    pub fn commit(&self) -> Result<(), ResultError> {
        let mut state = self.state.lock();
        match &state.phase {
            Phase::Verified => {
                state.phase = Phase::Committed;
                state.expires = Some(Instant::now() + self.opening.keep);
            }
            Phase::Committed => {}
            Phase::Failed(error) => return Err(error.clone()),
            Phase::Receiving => {
                return Err(ResultError::Corrupt("a commit without a matching manifest".into()));
            }
        }
        drop(state);
        self.notify();
        Ok(())
    }

    /// Ends the result in an error: frames are dropped, every reader gets `error`. The first error
    /// stays; a committed result stays committed.
    pub fn fail(&self, error: ResultError) {
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Failed(_) | Phase::Committed) {
            return;
        }
        state.phase = Phase::Failed(error);
        state.expires = Some(Instant::now() + self.opening.keep);
        let freed = state.log.clear();
        drop(state);
        self.keeper.budget.give(freed);
        self.notify();
    }

    /// A reader from the start.
    pub fn read(self: &Arc<Self>) -> ResultReader {
        self.state.lock().readers += 1;
        ResultReader::new(Arc::clone(self), self.changed.subscribe())
    }

    /// Whether its time is over and nobody reads it.
    pub fn is_expired(&self, now: Instant) -> bool {
        let state = self.state.lock();
        state.readers == 0 && state.expires.is_some_and(|expires| expires <= now)
    }

    /// Keeps it at least `keep` longer from now on.
    pub fn renew(&self, keep: Duration) {
        let mut state = self.state.lock();
        if let Some(expires) = &mut state.expires {
            *expires = (*expires).max(Instant::now() + keep);
        }
    }

    /// Rows and bytes received so far.
    pub fn totals(&self) -> PartTotals {
        let state = self.state.lock();
        state.parts.values().fold(PartTotals::default(), |sum, held| PartTotals {
            rows: sum.rows + held.totals.rows,
            frames: sum.frames + held.totals.frames,
            bytes: sum.bytes + held.totals.bytes,
            checksum: 0,
        })
    }

    /// Bytes in memory that could go to disk without being in anyone's way: it is complete and
    /// nobody is reading it. With the time of its last read, for choosing the coldest.
    pub(super) fn idle_bytes(&self) -> Option<(Instant, usize)> {
        let state = self.state.lock();
        let idle = matches!(state.phase, Phase::Committed) && state.readers == 0;
        (idle && state.log.in_memory() > 0).then(|| (state.touched, state.log.in_memory()))
    }

    /// Moves frames from memory to disk until `wanted` bytes are free or none is left.
    pub(super) async fn evict(self: &Arc<Self>, wanted: usize) -> Result<(), ResultError> {
        let (mut freed, mut from) = (0, 0);
        while freed < wanted {
            let next = self.state.lock().log.next_in_memory(from);
            let Some((index, frame)) = next else { break };
            let place = self.spill(frame).await?;
            let moved = self.state.lock().log.moved(index, place);
            self.keeper.budget.give(moved);
            freed += moved;
            from = index + 1;
        }
        Ok(())
    }

    async fn spill(&self, frame: Frame) -> Result<super::spill::Place, ResultError> {
        let file = self.spill_file()?;
        blocking(move || file.write(&frame)).await
    }

    fn spill_file(&self) -> Result<Arc<SpillFile>, ResultError> {
        let mut state = self.state.lock();
        if let Some(file) = state.log.file() {
            return Ok(file);
        }
        let file = Arc::new(SpillFile::create(&self.keeper.spill)?);
        state.log.set_file(Arc::clone(&file));
        Ok(file)
    }

    /// What a reader at `index` finds.
    pub(super) fn look(&self, index: usize) -> Look {
        let state = self.state.lock();
        match (&state.phase, state.log.get(index)) {
            (Phase::Failed(error), _) => Look::Failed(error.clone()),
            (_, Some(Slot::Memory(frame))) => Look::Frame(frame),
            (_, Some(Slot::Disk(place))) => match state.log.file() {
                Some(file) => Look::OnDisk(file, place),
                None => Look::Failed(ResultError::Corrupt("a spilled frame without a file".into())),
            },
            (Phase::Committed, None) => Look::End,
            (_, None) => Look::Wait,
        }
    }

    pub(super) fn reader_gone(&self) {
        let mut state = self.state.lock();
        state.readers -= 1;
        state.touched = Instant::now();
    }

    /// How many frames there are now.
    pub fn frames(&self) -> usize {
        self.state.lock().log.len()
    }

    fn notify(&self) {
        self.changed.send_modify(|version| *version += 1);
    }
}

impl Drop for QueryResult {
    fn drop(&mut self) {
        self.keeper.budget.give(self.state.get_mut().log.clear());
    }
}

impl State {
    fn receiving(&mut self, part: &PartKey) -> Result<(), ResultError> {
        match &self.phase {
            Phase::Receiving => Ok(()),
            Phase::Failed(error) => Err(error.clone()),
            _ => Err(ResultError::Corrupt(format!("{part} came after the manifest"))),
        }
    }
}

/// What a reader finds at its place.
pub(super) enum Look {
    Frame(Frame),
    OnDisk(Arc<SpillFile>, super::spill::Place),
    Wait,
    End,
    Failed(ResultError),
}

/// Runs file work where blocking is allowed.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ResultError> + Send + 'static,
) -> Result<T, ResultError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(ResultError::Disk(format!("the spill task ended early: {error}"))),
    }
}
