//! Queries: from SQL to a committed result, and from a ticket to its frames.
//!
//! ```text
//!   start ──► plan ──► open on every peer ──► run, collect receipts ──► verify ──► commit
//!     │                      │                        │                   │
//!     └─► FlightInfo         └────────── any failure: fail on every peer ─┘
//! ```
//!
//! Invariants:
//! * `start` answers when the plan is made, not when the query ran; a poll does not wait even for that.
//! * Nothing of a run leaves a peer before the coordinator knows: what may have left is never run again.
//! * Nothing is committed before every peer has confirmed its manifest.
//! * A query has one task, owned here; when the node goes, it goes; when nobody waits for it, or a node
//!   that it needs stays away, it is ended.

mod absence;
mod admission;
mod again;
mod asked;
mod cancel;
mod hopeless;
mod interest;
mod late;
mod leave;
mod left;
mod lifecycle;
mod manifest;
mod naming;
mod one_catalog;
mod pending;
mod planning;
mod poll;
mod prepared;
mod progress;
mod reach;
mod read;
mod record;
mod registry;
mod start;
mod sweep;
#[cfg(test)]
mod tests;
mod update;
mod usage;
mod wanted;

pub use admission::{Admission, AdmissionLimits};
pub use asked::{Asked, Caller};
pub use cancel::Cancelled;
pub use pending::{Pending, Relaying};
pub use planning::{Begun, Planned};
pub use poll::Polled;
pub use prepared::{IDLE as PREPARED_IDLE, Statements, Values};
pub use read::Located;
pub use record::QueryState;
pub use registry::{Queries, QueryLimits, QueryParts};
pub use start::{Endpoint, Outcome, Started};
pub use update::Update;
