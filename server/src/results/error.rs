//! Why a result cannot be written, committed or read.

use tonic::Code;
use uuid::Uuid;

/// An error of the result store, by what the caller can do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ResultError {
    /// No such result: never there, expired, or closed.
    #[error("{0}")]
    NotFound(String),
    /// Not the caller's result.
    #[error("{0}")]
    Forbidden(String),
    /// Disk quota reached: the text names the setting.
    #[error("{0}")]
    Exhausted(String),
    /// The node has as much to do as it may: try again in a while.
    #[error("{0}")]
    Busy(String),
    /// The spill folder failed.
    #[error("{0}")]
    Disk(String),
    /// A node was lost: run the query again.
    #[error("{0}")]
    Unavailable(String),
    /// What arrived is not what was sent. The query fails rather than give a wrong answer.
    #[error("{0}")]
    Corrupt(String),
    /// The query failed; every reader gets its error, with the gRPC code it had.
    #[error("{message}")]
    Query {
        /// gRPC code number.
        code: i32,
        /// The query's error text.
        message: String,
    },
}

impl ResultError {
    /// The query's result is not here, or not any more.
    pub fn gone(query: Uuid) -> Self {
        Self::NotFound(format!(
            "query {query} is unknown here or its result expired: run the query again"
        ))
    }

    /// The same kind of error with other words.
    pub fn with_text(&self, text: String) -> Self {
        match self {
            Self::NotFound(_) => Self::NotFound(text),
            Self::Forbidden(_) => Self::Forbidden(text),
            Self::Exhausted(_) => Self::Exhausted(text),
            Self::Busy(_) => Self::Busy(text),
            Self::Disk(_) => Self::Disk(text),
            Self::Unavailable(_) => Self::Unavailable(text),
            Self::Corrupt(_) => Self::Corrupt(text),
            Self::Query { code, .. } => Self::Query { code: *code, message: text },
        }
    }
}

impl From<ResultError> for squadron_planner::PlannerError {
    /// Inside a running plan: the query fails with the store's words.
    fn from(error: ResultError) -> Self {
        let text = error.to_string();
        match error {
            ResultError::Exhausted(_) => Self::Exhausted(text),
            ResultError::Busy(_) => Self::Busy(text),
            ResultError::Unavailable(_) => Self::Unavailable(text),
            ResultError::Query { code, .. } => match Code::from(code) {
                // Of the peer that a part goes to: what it lacks is what the query lacks.
                Code::ResourceExhausted => Self::Exhausted(text),
                Code::DataLoss => Self::Corrupt(text),
                Code::DeadlineExceeded => Self::TimedOut(text),
                _ => Self::Cancelled(text),
            },
            ResultError::NotFound(_) => Self::Cancelled(text),
            ResultError::Disk(_) => Self::Exhausted(text),
            ResultError::Corrupt(_) => Self::Corrupt(text),
            ResultError::Forbidden(_) => Self::Internal(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use squadron_planner::PlannerError;

    use super::*;

    #[test]
    fn a_full_disk_of_another_peer_is_no_cancellation() {
        let told = |code: Code| {
            PlannerError::from(ResultError::Query { code: code as i32, message: "why".into() })
        };
        assert!(matches!(told(Code::ResourceExhausted), PlannerError::Exhausted(_)));
        assert!(matches!(told(Code::Cancelled), PlannerError::Cancelled(_)));
    }
}
