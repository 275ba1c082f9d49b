//! A result's frames on their way to disk: because memory was full when they came, or to make room
//! for others.

use std::sync::Arc;
use std::time::Instant;

use super::super::spill::{Place, SpillFile};
use super::super::{Frame, ResultError};
use super::{Phase, QueryResult};

impl QueryResult {
    /// Whether frames in memory could go to disk without being in anyone's way: it is complete and
    /// nobody is reading it. Gives the time of its last read, for choosing the coldest.
    pub(in crate::results) fn idle_since(&self) -> Option<Instant> {
        let state = self.state.lock();
        let idle = matches!(state.phase, Phase::Committed) && state.readers == 0;
        (idle && state.log.in_memory() > 0).then_some(state.touched)
    }

    /// Moves frames from memory to disk until `wanted` bytes are free or none is left.
    pub(in crate::results) async fn evict(&self, wanted: usize) -> Result<(), ResultError> {
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

    pub(super) async fn spill(&self, frame: Frame) -> Result<Place, ResultError> {
        let file = self.spill_file()?;
        blocking(move || file.write(&frame)).await
    }

    /// Made under the lock, so that there is one; not for a result that has failed, which would
    /// hold on to it.
    fn spill_file(&self) -> Result<Arc<SpillFile>, ResultError> {
        let mut state = self.state.lock();
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
