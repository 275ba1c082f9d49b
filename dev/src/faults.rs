//! Faults against real processes: what breaks, when, under which query and which client, and whether
//! the answer was the exact rows or an error in time, with nothing left behind.
//!
//! ```text
//!   Recipe ── query × client × fault × phase, written by hand or from a seed
//!      │
//!   Arena ─── three processes with [`links`] between them, or each on one of [`hosts`], and disks that
//!      │      can be full
//!      │        client ──────── steps: asking, planned, reading, ended ─────┐
//!      │        injector ◄───── waits for the phase by them and by looking ─┘
//!      ▼
//!   Report ── exact rows | an error | nobody asked | WRONG | HANGS, then LEAKS
//! ```

mod arena;
mod client;
mod disk;
mod hosts;
mod injector;
mod leaks;
mod links;
mod moments;
mod queries;
mod random;
mod recipe;
mod report;
mod soak;

pub use arena::Arena;
pub use client::Manner;
pub use disk::Disks;
pub use hosts::Hosts;
pub use links::{Flow, Links};
pub use moments::Phase;
pub use queries::{Answers, QUERIES, Query};
pub use random::Random;
pub use recipe::{Fault, Means, Recipe};
pub use report::{Report, Verdict};
pub use soak::{Soak, Tally};
