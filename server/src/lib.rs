//! Where engine and cluster meet: the node, and the program around it.
//!
//! The map, in the order a query meets it:
//!
//! * [`flight`] – the wire: Flight SQL for clients, parts and commits between nodes
//! * [`auth`] – who calls
//! * [`session`] – settings that outlive one request
//! * [`query`] – from SQL to a committed result, and from a ticket to its frames
//! * [`worker`] – how tasks reach other nodes
//! * [`delivery`] – each part to the nearest peer
//! * [`results`] – kept, bounded, spilled, readable again
//!
//! Around it: [`config`], [`node`] (the composition root that `main` and every test use), [`cpu`]
//! (the runtime queries run on), [`memory`], [`allocator`], `shutdown` (how a node ends), [`client`] (reads all endpoints at once), [`cli`] (the
//! commands).

pub mod allocator;
pub mod auth;
pub mod cli;
pub mod client;
pub mod config;
pub mod cpu;
pub mod delivery;
pub mod demo;
pub mod flight;
pub mod memory;
pub mod node;
pub mod query;
pub mod results;
pub mod session;
mod shutdown;
pub mod worker;

/// A look at what a running node has in hand.
pub use flight::inspect;
/// The engine's words (parts, receipts, sinks), for who stands on top of the server only.
pub use squadron_planner as planner;
