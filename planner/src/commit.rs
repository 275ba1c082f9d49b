//! A statement that writes takes effect: one version of one table, all of it or nothing.
//!
//! ```text
//!   CommitExec ─► propose: run the statement's own plans on workers; their files, and those they replace
//!       │            ▲
//!       │            └── again, where another version came first that the statement should have seen (conflict.rs)
//!       └─► publish: version N+1 of the log, made once (publish.rs) ─► Outcome ─► count of rows, delivered
//! ```
//!
//! Invariants:
//! * A query commits once. Its [`Outcome`] outlives its runs: one that runs again after it was committed gives the count of
//!   the first and writes nothing.
//! * Whether a version was made is read from the log where the store's answer does not tell; until it is known, nothing else
//!   is done.

use std::collections::BTreeMap;
use std::sync::Arc;

use deltalake::kernel::Action;

use crate::catalog::CatalogError;
use crate::catalog::delta::{DataFile, DeltaTable, Snapshot};
use crate::write::WrittenFile;
use crate::{PlannerError, Result};

mod actions;
mod conflict;
mod exec;
mod outcome;
mod publish;
#[cfg(test)]
mod tests;

pub(crate) use actions::{first_version, made_anew};
pub(crate) use exec::{Change, CommitExec, count_schema};
pub use outcome::Outcome;
pub(crate) use publish::{publish, publish_first};

/// What a statement would do to a table.
pub(crate) struct Proposal {
    /// The table.
    pub(crate) table: Arc<DeltaTable>,
    /// The version that it was worked out from.
    pub(crate) read: Arc<Snapshot>,
    /// Files that come.
    pub(crate) adds: Vec<WrittenFile>,
    /// Files that go.
    pub(crate) removes: BTreeMap<String, DataFile>,
    /// What becomes of the table itself.
    pub(crate) alters: Vec<Action>,
    /// What of the table its rows depend on.
    pub(crate) depends: Depends,
    /// What is done, in Delta's words: `WRITE`, `DELETE`, …
    pub(crate) operation: &'static str,
    /// Rows that were changed.
    pub(crate) count: u64,
}

/// What a statement has read of the table that it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depends {
    /// Nothing: its rows are right whatever else comes and goes.
    Nothing,
    /// Rows that others may add to, and not take away: of DELETE, UPDATE and MERGE.
    Rows,
    /// All of it.
    Table,
}

/// Why a proposal has changed nothing.
#[derive(Debug)]
pub(crate) enum NotDone {
    /// Another version came first that it should have seen.
    Conflict(String),
    /// It cannot be done.
    Failed(PlannerError),
}

impl NotDone {
    /// Of what a store says that has made nothing.
    pub(crate) fn failed(error: &CatalogError) -> Self {
        let error = PlannerError::from(error);
        Self::Failed(error.with_text(format!("nothing was changed: {error}")))
    }

    /// The conflict, if it is one.
    ///
    /// # Errors
    /// Why it cannot be done.
    pub(crate) fn conflict(self) -> Result<String> {
        match self {
            Self::Conflict(why) => Ok(why),
            Self::Failed(error) => Err(error),
        }
    }
}
