//! What the cluster crate promises, over real sockets: one binary, one file per promise.
//!
//! A node of these tests is a runtime of its own, so that killing it closes its sockets as the death of
//! a process would. Every port is 0 first; every wait has a condition and a deadline.

mod channels;
mod fixed;
mod harness;
mod secret;
mod suite;
