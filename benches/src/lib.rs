//! What the criterion benches and the macro runner share: fixtures and a client that only counts.

pub mod fixtures;
pub mod raw;

use serde::Deserialize;

/// Anything that stops a benchmark: it is told and the run ends.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// With [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What one read took and gave.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Taken {
    /// Wall-clock time around the client's calls.
    #[serde(default)]
    pub seconds: f64,
    /// Rows that arrived.
    pub rows: u64,
    /// Record batches that they came in.
    #[serde(default)]
    pub batches: u64,
}
