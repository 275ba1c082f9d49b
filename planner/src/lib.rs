//! DataFusion without sockets: SQL in, a plan that delivers its own result out.
//!
//! This crate knows nothing of Flight, members or users. What it asks of the world it asks through
//! one trait, [`deliver::ResultSink`]: "take the batches of this part". The map, in the order a
//! query meets it:
//!
//! * [`statement`] – parse one statement, say what kind it is
//! * [`options`] – the `squadron.*` settings of a session
//! * [`session`] – the one builder for coordinator and worker sessions
//! * [`catalog`] – what a table is
//! * [`plan`] – [`plan::Planner`]: a statement becomes a plan whose root delivers
//! * [`deliver`] – `DeliverExec`, receipts, the sink
//! * [`wire_schema`] – the one schema a client sees
//! * [`explain`] – plans as text
//! * [`error`] – what can go wrong, by what the caller can do

pub mod catalog;
pub mod commit;
pub mod deliver;
pub mod error;
pub mod explain;
pub mod options;
pub mod plan;
pub mod session;
pub mod statement;
pub mod wire_schema;
pub mod write;

pub use datafusion;
pub use error::{PlannerError, Result};
