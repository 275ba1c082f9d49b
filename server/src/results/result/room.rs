//! A result's frames on their way to disk: because memory was full when they came, or to make room
//! for others.

use std::sync::Arc;

use super::super::keeper::Use;
use super::super::spill::{Place, SpillFile};
use super::super::{Frame, ResultError};
use super::{Phase, QueryResult, State};

impl QueryResult {
    /// Who needs its frames in memory; `None` where it has none.
    pub(in crate::results) fn use_of_memory(&self) -> Option<Use> {
        let state = self.state.lock();
        let idle = matches!(state.phase, Phase::Committed) && state.readers == 0;
        let held = Use { busy: !idle, touched: state.touched };
        (state.log.in_memory() > 0).then_some(held)
    }

    /// Moves frames from memory to disk until `wanted` bytes are free or none is left; gives how many are, and why
    /// there are no more. Writers and readers go on meanwhile. Blocks: call it where blocking is allowed.
    pub(in crate::results) fn evict(&self, wanted: usize) -> (usize, Result<(), ResultError>) {
        let (mut freed, mut from) = (0, 0);
        while freed < wanted {
            match self.evict_next(from) {
                Ok(Some((index, moved))) => (freed, from) = (freed + moved, index + 1),
                Ok(None) => break,
                Err(error) => return (freed, Err(error)),
            }
        }
        (freed, Ok(()))
    }

    /// Moves the first frame in memory at or after `from`; gives its index, and the bytes that memory lost.
    fn evict_next(&self, from: usize) -> Result<Option<(usize, usize)>, ResultError> {
        let mut state = self.state.lock();
        let Some((index, frame)) = state.log.next_in_memory(from) else { return Ok(None) };
        let file = self.spill_file(&mut state)?;
        drop(state);
        let place = file.write(&frame)?;
        let mut state = self.state.lock();
        // Of a result that has begun again, or has failed, the log is another.
        let moved = match state.log.file().is_some_and(|current| Arc::ptr_eq(&current, &file)) {
            true => state.log.moved(index, place),
            false => 0,
        };
        drop(state);
        self.keeper.budget.give(moved);
        Ok(Some((index, moved)))
    }

    pub(super) async fn spill(&self, frame: Frame) -> Result<Place, ResultError> {
        let file = self.spill_file(&mut self.state.lock())?;
        blocking(move || file.write(&frame)).await
    }

    /// Made under the lock, so that there is one; not for a result that has failed, which would
    /// hold on to it.
    fn spill_file(&self, state: &mut State) -> Result<Arc<SpillFile>, ResultError> {
        if let Phase::Failed(error) = &state.phase {
            return Err(error.clone());
        }
        if let Some(file) = state.log.file() {
            return Ok(file);
        }
        let file = Arc::new(SpillFile::create(&self.keeper.spill)?);
        state.log.set_file(Arc::clone(&file));
        Ok(file)
    }
}

/// Runs file work where blocking is allowed.
pub(in crate::results) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ResultError> + Send + 'static,
) -> Result<T, ResultError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(ResultError::Disk(format!("the spill task ended early: {error}"))),
    }
}
