//! How a result ends: in an error, by its owner's wish, or when its time is over.

use std::time::Instant;

use parking_lot::MutexGuard;

use super::super::ResultError;
use super::{Phase, QueryResult, STALLED, State, expired, later};

impl QueryResult {
    /// Ends the result in an error: frames are dropped, every reader gets `error`. The first error
    /// stays; a committed result stays committed.
    pub fn fail(&self, error: ResultError) {
        let state = self.state.lock();
        if !matches!(state.phase, Phase::Committed) {
            self.end_once(state, error);
        }
    }

    /// Ends the result in an error although it may be complete: its owner wants it no more. What ended
    /// in an error before keeps that.
    pub fn release(&self, error: ResultError) {
        self.end_once(self.state.lock(), error);
    }

    fn end_once(&self, mut state: MutexGuard<'_, State>, error: ResultError) {
        if !matches!(state.phase, Phase::Failed(_)) {
            state.expires = Some(later(Instant::now(), self.opening.keep));
            self.end(state, error);
        }
    }

    /// Frames go outside the lock: unlinking a large file takes its time.
    fn end(&self, mut state: MutexGuard<'_, State>, error: ResultError) {
        state.phase = Phase::Failed(error);
        let log = std::mem::take(&mut state.log);
        drop(state);
        self.keeper.give_back(&log);
        drop(log);
        self.notify();
    }

    /// Whether its time is over and nobody reads it. A reader that has taken nothing for as long as
    /// a result is kept, and a minute at least, does not count: a stalled client must not keep it
    /// for ever.
    pub fn is_expired(&self, now: Instant) -> bool {
        let state = self.state.lock();
        let over = state.expires.is_some_and(|expires| expires <= now);
        let patience = self.opening.keep.max(STALLED);
        let stalled = || state.touched.checked_add(patience).is_some_and(|at| at <= now);
        over && (state.readers == 0 || stalled())
    }

    /// Lets go of everything that is kept, for a result that the store forgets. A reader that is
    /// still there (it stalled) gets an error, not a short result; none begins any more.
    pub(in crate::results) fn let_go(&self) {
        let mut state = self.state.lock();
        state.removed = true;
        if state.readers > 0 && !matches!(state.phase, Phase::Failed(_)) {
            self.end(state, expired(self.opening.query));
        }
    }

    /// Lets nobody read it any more if it is complete, was read to its end and is being read by nobody.
    /// Whether it does: then the store is to forget it.
    pub fn let_go_if_read(&self) -> bool {
        let mut state = self.state.lock();
        let read = matches!(state.phase, Phase::Committed) && state.read_whole;
        let goes = read && state.readers == 0;
        state.removed |= goes;
        goes
    }

    /// Keeps it as long as if it had been completed `now`. Whoever asks for that wants it: it
    /// is none that nobody would miss, though it was read whole, and somebody waits for it.
    ///
    /// # Errors
    /// `NotFound` when the store forgot it; the query's own error when it has failed.
    pub fn renew(&self, now: Instant) -> Result<(), ResultError> {
        let mut state = self.state.lock();
        if state.removed {
            return Err(ResultError::gone(self.opening.query));
        }
        if let Phase::Failed(error) = &state.phase {
            return Err(error.clone());
        }
        if let Some(expires) = &mut state.expires {
            *expires = (*expires).max(later(now, self.opening.keep));
        }
        state.read_whole = false;
        state.touched = state.touched.max(now);
        Ok(())
    }

    /// When it was used last, if nobody would miss it: it failed, or was read whole and nobody
    /// reads it now.
    pub(in crate::results) fn disposable(&self) -> Option<Instant> {
        let state = self.state.lock();
        let over = match state.phase {
            Phase::Failed(_) => true,
            Phase::Committed => state.read_whole,
            Phase::Receiving | Phase::Verified => false,
        };
        (over && state.readers == 0).then_some(state.touched)
    }
}
