//! How a run ended, judged.

use std::fmt;
use std::time::Duration;

use tonic::Code;

use super::Recipe;

/// What a client got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The exact rows.
    Exact,
    /// An error.
    Error(Code, String),
    /// It did not wait for either.
    Gone,
    /// Rows that are not the answer, an answer that is none, or an error where nothing went wrong.
    Wrong(String),
    /// Neither rows nor an error in time.
    Hangs,
}

/// One run, judged.
#[derive(Debug, Clone)]
pub struct Report {
    /// What was done.
    pub recipe: Recipe,
    /// Whether the fault came in its phase.
    pub hit: bool,
    /// What the client got.
    pub verdict: Verdict,
    /// How long that took after the fault.
    pub took: Duration,
    /// What was left behind.
    pub leak: Option<String>,
}

impl Report {
    /// Whether it is as promised.
    pub fn is_good(&self) -> bool {
        self.leak.is_none() && !matches!(self.verdict, Verdict::Wrong(_) | Verdict::Hangs)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let missed = if self.hit { "" } else { " (phase missed)" };
        write!(f, "{}{missed}: {:?} in {:?}", self.recipe, self.verdict, self.took)?;
        match &self.leak {
            Some(leak) => write!(f, "\n  LEFT BEHIND: {leak}"),
            None => Ok(()),
        }
    }
}
