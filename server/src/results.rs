//! Results, kept: what this node holds for clients to read, bounded in memory, spilled to disk,
//! readable again from the start until it expires.
//!
//! ```text
//!   part writers ──► append ──► log of frames ──► readers (any number, each at its own place)
//!                      │           ▲     │
//!     over budget, or operators    │     └── waits at the end until commit or failure
//!     ask for what there is not?   │
//!                      └──► spill file ──┘
//! ```
//!
//! Invariants:
//! * A reader ends without an error only after `commit`, which only follows a matching manifest.
//! * Nothing of a run leaves before its coordinator knows that it may, or the run is complete.
//! * A failure reaches every reader, also one that waits at the end of what it has read.
//! * Frames leave as they came: nothing here decodes or encodes.
//! * Whatever grows is bounded: frames by the memory budget and the disk quota, what results cost
//!   beside them by [`StoreLimits`], readers by their number; what of a frame on disk is on its way to a
//!   client counts for as long as it is. At a bound something fails with
//!   `Exhausted`; nothing is cut short.
//! * Whoever waits: a writer waits for the disk when memory is full, and so does an operator that is given
//!   what results had; a reader waits for frames; a writer never waits for a reader.

pub mod bare;
mod budget;
mod error;
mod frame;
mod given_up;
mod keeper;
mod leave;
mod log;
mod manifest;
mod pieces;
mod reader;
mod result;
mod shelf;
mod spill;
mod store;
#[cfg(test)]
mod tests;

pub use budget::Budget;
pub use error::ResultError;
pub use frame::{Frame, chain};
pub use leave::Leave;
pub use manifest::PartSummary;
pub use pieces::{PIECE, SpilledFrame};
pub use reader::{Given, ResultReader};
pub use result::{Interest, Opening, Phase, QueryResult};
pub use spill::SpillDir;
pub use store::{ResultStore, StoreConfig, StoreLimits, StoreUse};
