//! What this peer holds of one query.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use squadron_planner::deliver::{PartKey, PartTotals};
use tokio::sync::watch;
use uuid::Uuid;

use super::keeper::Keeper;
use super::log::{Log, Slot};
use super::manifest::{Held, PartSummary, compare};
use super::spill::{Place, SpillFile};
use super::{Frame, ResultError, chain};

mod ends;
mod reads;
mod room;
mod runs;

pub(super) use room::blocking;

/// What a peer must know of a query before its first frame: sent by its coordinator, and again
/// with every part, so that whichever arrives first opens the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The query.
    pub query: Uuid,
    /// Which run of it: the first that this peer hears of.
    pub attempt: u32,
    /// Node ids of peers that were lost in earlier runs: their endpoints have no rows in this one.
    pub lost: Vec<String>,
    /// Whether frames are held back until the commit.
    pub staged: bool,
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

/// Who was there to read a result, as its peer knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interest {
    /// Whether anybody ever was.
    pub read: bool,
    /// How long nobody has been: zero while somebody is.
    pub absent: Duration,
}

/// The shortest time after which a reader that takes nothing counts as stalled.
const STALLED: Duration = Duration::from_secs(60);

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
    /// Which run of the query: parts of others are refused.
    attempt: u32,
    /// Peers that have no part in it any more.
    lost: Vec<String>,
    phase: Phase,
    log: Log,
    parts: HashMap<PartKey, Held>,
    readers: usize,
    /// Whether there ever was a reader.
    read: bool,
    /// Whether any reader was given a frame.
    given: bool,
    /// The run of which rows may leave before it is complete.
    leaves: Option<u32>,
    /// The store has forgotten it: who still finds it comes too late.
    removed: bool,
    /// Whether a reader came to the end.
    read_whole: bool,
    /// When it may go: set once it is committed or failed.
    expires: Option<Instant>,
    /// When a reader looked or left last.
    touched: Instant,
}

impl QueryResult {
    pub(super) fn new(opening: Opening, keeper: Arc<Keeper>) -> Self {
        let state = State {
            attempt: opening.attempt,
            lost: opening.lost.clone(),
            phase: Phase::Receiving,
            log: Log::default(),
            parts: HashMap::new(),
            readers: 0,
            read: false,
            given: false,
            leaves: None,
            removed: false,
            read_whole: false,
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
        match part.attempt == state.attempt && !state.parts.contains_key(&part) {
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
            // A peer's number: nonsense must end in a manifest that differs, not in a panic.
            rows: held.totals.rows.saturating_add(frame.rows),
            frames: held.totals.frames + 1,
            bytes: held.totals.bytes + frame.bytes() as u64,
            checksum: chain(held.totals.checksum, frame),
        };
        let before = state.log.index();
        state.log.push(slot);
        let more = state.log.index() - before;
        if more > 0 {
            // Under the lock: whoever gives it back must find it taken.
            self.keeper.budget.take_for_index(more);
        }
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

    /// Holds the result against the manifest of a run. After this nothing more is taken. Asked again, it
    /// answers again: a coordinator that did not hear the first answer may repeat its question.
    ///
    /// # Errors
    /// `Corrupt` when anything differs; the query's own error when it has failed.
    pub fn verify(&self, attempt: u32, manifest: &[PartSummary]) -> Result<(), ResultError> {
        let mut state = self.state.lock();
        if let Phase::Failed(error) = &state.phase {
            return Err(error.clone());
        }
        if attempt != state.attempt {
            return Err(self.stale(attempt, state.attempt));
        }
        compare(&state.parts, manifest)?;
        if matches!(state.phase, Phase::Receiving) {
            state.phase = Phase::Verified;
        }
        Ok(())
    }

    /// Lets readers end: the manifest of this run matched on every peer.
    ///
    /// # Errors
    /// `Corrupt` for another run, or when it was not verified; the query's own error when it has
    /// failed.
    pub fn commit(&self, attempt: u32) -> Result<(), ResultError> {
        let mut state = self.state.lock();
        match &state.phase {
            Phase::Failed(error) => return Err(error.clone()),
            _ if attempt != state.attempt => return Err(self.stale(attempt, state.attempt)),
            Phase::Verified => {
                state.phase = Phase::Committed;
                state.expires = Some(later(Instant::now(), self.opening.keep));
            }
            Phase::Committed => {}
            Phase::Receiving => {
                return Err(ResultError::Corrupt("a commit without a matching manifest".into()));
            }
        }
        drop(state);
        self.notify();
        Ok(())
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

    /// Parts that may still get frames.
    pub(super) fn open_parts(&self) -> usize {
        let state = self.state.lock();
        let receives = matches!(state.phase, Phase::Receiving);
        state.parts.values().filter(|held| receives && !held.sealed).count()
    }

    /// What it holds, as the manifest of a query that delivered just that.
    #[cfg(test)]
    pub(super) fn summaries(&self) -> Vec<PartSummary> {
        let state = self.state.lock();
        let parts = state.parts.iter();
        parts.map(|(part, held)| PartSummary { part: *part, totals: held.totals }).collect()
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
        self.keeper.give_back(&self.state.get_mut().log);
    }
}

impl State {
    /// Before the outcome is known, where nothing is given.
    fn held_back(&self) -> Look {
        match &self.phase {
            Phase::Failed(error) => Look::Failed(error.clone()),
            _ => Look::Wait,
        }
    }

    fn at(&self, index: usize) -> Look {
        match (&self.phase, self.log.get(index)) {
            (Phase::Failed(error), _) => Look::Failed(error.clone()),
            (_, Some(Slot::Memory(frame))) => Look::Frame(frame),
            (_, Some(Slot::Disk(place))) => match self.log.file() {
                Some(file) => Look::OnDisk(file, place),
                None => Look::Failed(ResultError::Corrupt("a spilled frame without a file".into())),
            },
            (_, Some(Slot::Gone)) => Look::Failed(ResultError::gone(Uuid::nil())),
            (Phase::Committed, None) => Look::End,
            (_, None) => Look::Wait,
        }
    }

    fn receiving(&self, part: &PartKey) -> Result<(), ResultError> {
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
    OnDisk(Arc<SpillFile>, Place),
    /// There is a frame of this run, which may not leave before somebody was asked.
    Held(u32),
    Wait,
    End,
    Failed(ResultError),
}

/// A time that no clock reaches is as good as any.
fn later(than: Instant, by: Duration) -> Instant {
    const A_CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    than + by.min(A_CENTURY)
}

fn expired(query: Uuid) -> ResultError {
    ResultError::NotFound(format!(
        "the result of query {query} expired while its reader took nothing: run the query again"
    ))
}
