//! The readers of a result: what each finds at its place, and whether anybody is there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::bare::is_bare;
use super::super::keeper::Keeper;
use super::super::spill::SpillFile;
use super::super::{ResultError, ResultReader};
use super::{Interest, Look, Phase, QueryResult, State};

impl QueryResult {
    /// A reader from the start.
    ///
    /// # Errors
    /// `NotFound` when the store forgot it since it was asked for; `Exhausted` when it, or all
    /// results of the node together, have too many readers: each holds frames that are on their way
    /// to its client.
    pub fn read(self: &Arc<Self>) -> Result<ResultReader, ResultError> {
        self.read_share(None)
    }

    /// A reader of the share of a peer that is gone: it has no rows, if the query is complete without
    /// that peer.
    ///
    /// # Errors
    /// As [`QueryResult::read`].
    pub fn read_lost(self: &Arc<Self>, peer: &str) -> Result<ResultReader, ResultError> {
        self.read_share(Some(peer.to_owned()))
    }

    fn read_share(self: &Arc<Self>, lost: Option<String>) -> Result<ResultReader, ResultError> {
        let mut state = self.state.lock();
        if state.removed {
            return Err(ResultError::gone(self.opening.query));
        }
        let place = self.keeper.readers.enter(state.readers)?;
        state.readers += 1;
        state.read = true;
        drop(state);
        Ok(ResultReader::new(Arc::clone(self), self.changed.subscribe(), place, lost))
    }

    /// Who is there to read it.
    pub fn interest(&self) -> Interest {
        let state = self.state.lock();
        let absent = match state.readers {
            0 => state.touched.elapsed(),
            _ => Duration::ZERO,
        };
        Interest { read: state.read, absent }
    }

    /// Whether somebody may still come for it: it was not read to its end, nor has it failed.
    pub fn is_awaited(&self) -> bool {
        let state = self.state.lock();
        !state.read_whole && !state.removed && !matches!(state.phase, Phase::Failed(_))
    }

    /// What a reader at `index` finds. `asks`: whether anything may only leave with somebody's leave.
    pub(in crate::results) fn look(&self, index: usize, asks: bool) -> Look {
        let mut state = self.state.lock();
        state.touched = Instant::now();
        let found = match self.opening.staged && !matches!(state.phase, Phase::Committed) {
            true => state.held_back(),
            false => state.at(index),
        };
        let is_frame = matches!(found, Look::Frame(_) | Look::OnDisk(..));
        if asks && is_frame && state.is_held(state.attempt) {
            return Look::Held(state.attempt);
        }
        state.read_whole |= matches!(found, Look::End);
        state.given |= is_frame;
        if is_bare() {
            let bytes = state.log.forget(index);
            self.keeper.budget.give(bytes);
        }
        found
    }

    /// Whether any reader was given a frame.
    pub fn has_given(&self) -> bool {
        self.state.lock().given
    }

    /// Whether rows of a run must wait for leave.
    pub(in crate::results) fn is_held(&self, attempt: u32) -> bool {
        self.state.lock().is_held(attempt)
    }

    /// Rows of a run may leave.
    pub(in crate::results) fn let_leave(&self, attempt: u32) {
        self.state.lock().leaves = Some(attempt);
        // Other readers may wait for the same.
        self.notify();
    }

    /// The file of its frames on disk, for a reader in the middle of one.
    ///
    /// # Errors
    /// Why they were let go of, if they were.
    pub(in crate::results) fn file(&self) -> Result<Arc<SpillFile>, ResultError> {
        let mut state = self.state.lock();
        state.touched = Instant::now();
        match (&state.phase, state.log.file()) {
            (Phase::Failed(error), _) => Err(error.clone()),
            (_, Some(file)) => Ok(file),
            (_, None) => Err(ResultError::gone(self.opening.query)),
        }
    }

    /// What it shares with the other results of its node.
    pub(in crate::results) fn keeper(&self) -> &Arc<Keeper> {
        &self.keeper
    }

    /// What a reader of a lost peer's share finds.
    pub(in crate::results) fn look_for_lost(&self, peer: &str) -> Look {
        let mut state = self.state.lock();
        state.touched = Instant::now();
        match &state.phase {
            Phase::Committed if state.lost.iter().any(|lost| lost == peer) => Look::End,
            Phase::Committed => Look::Failed(ResultError::Unavailable(format!(
                "node {peer}, which holds this share of the result, is gone: run the query again"
            ))),
            _ => state.held_back(),
        }
    }

    pub(in crate::results) fn reader_gone(&self) {
        let mut state = self.state.lock();
        state.readers -= 1;
        state.touched = Instant::now();
    }
}

impl State {
    fn is_held(&self, attempt: u32) -> bool {
        let runs = matches!(self.phase, Phase::Receiving | Phase::Verified);
        runs && self.attempt == attempt && self.leaves != Some(attempt) && !is_bare()
    }
}
