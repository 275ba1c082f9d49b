//! A result of a query that runs again.

use super::{Phase, QueryResult, ResultError};

impl QueryResult {
    /// Begins again for another run of the query: what earlier ones brought is dropped. Asked again,
    /// it answers again.
    ///
    /// # Errors
    /// `Unavailable` when frames have left for a client already, who could be given rows twice;
    /// `Corrupt` for a run that is over, or when this one is complete; the query's own error when it
    /// has failed.
    pub fn restart(&self, attempt: u32, lost: &[String]) -> Result<(), ResultError> {
        let mut state = self.state.lock();
        match &state.phase {
            Phase::Failed(error) => return Err(error.clone()),
            _ if state.attempt == attempt => return Ok(()),
            Phase::Committed => return Err(self.stale(attempt, state.attempt)),
            _ if attempt < state.attempt => return Err(self.stale(attempt, state.attempt)),
            _ if state.given => return Err(self.given()),
            Phase::Receiving | Phase::Verified => {}
        }
        state.attempt = attempt;
        state.lost = lost.to_vec();
        state.phase = Phase::Receiving;
        state.parts.clear();
        let log = std::mem::take(&mut state.log);
        drop(state);
        self.keeper.give_back(&log);
        Ok(())
    }

    /// The query is complete in a run that this peer has no part in: its share has no rows.
    ///
    /// # Errors
    /// As [`QueryResult::restart`].
    pub fn complete_without(&self, attempt: u32, lost: &[String]) -> Result<(), ResultError> {
        self.restart(attempt, lost)?;
        self.verify(attempt, &[])?;
        self.commit(attempt)
    }

    pub(super) fn stale(&self, attempt: u32, current: u32) -> ResultError {
        let query = self.opening.query;
        ResultError::Corrupt(format!("query {query} is in run {current}, not in run {attempt}"))
    }

    fn given(&self) -> ResultError {
        let query = self.opening.query;
        ResultError::Unavailable(format!("rows of query {query} have left for its client already"))
    }
}
