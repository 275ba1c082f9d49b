//! The wire: the only room that knows Arrow Flight and gRPC status codes.
//!
//! Two services, two ports, one protocol:
//!
//! * [`service`] – what clients call: Flight SQL on the advertised port
//! * [`peer`] – what nodes call: parts in, forwarded reads, commit and failure, on the internal
//!   port behind the cluster secret; [`peers`] is its client side
//!
//! Before the first stands [`authenticate`]. Around them: [`inspect`] (what a node has in hand), [`forward`] (calls whose session lives elsewhere), [`command`] (what a client asked for), [`ticket`] (what it may read), [`info`] (the
//! FlightInfo it gets), [`frames`] (kept frames to and from messages), [`pieces`] and [`relay`] (how they
//! leave), [`metadata`] and
//! [`sql_info`] (answers about tables and the server), [`status`] (errors to gRPC, in one place).

pub mod action;
pub mod agent;
pub mod answer;
pub mod authenticate;
pub mod caller;
mod changing;
pub mod coalesce;
pub mod command;
pub mod connection;
pub mod forward;
pub mod frames;
#[cfg(test)]
mod fuzz;
pub mod info;
mod ingest;
pub mod inspect;
pub mod lifetime;
pub mod listing;
pub mod messages;
pub mod metadata;
pub mod on_cpu;
pub mod peer;
pub mod peers;
pub mod pieces;
pub mod poll;
pub mod prepared;
pub mod put;
pub mod read;
pub mod relay;
pub mod service;
pub mod session_options;
pub mod sql_info;
pub mod status;
#[cfg(test)]
pub(crate) mod testing;
pub mod ticket;
