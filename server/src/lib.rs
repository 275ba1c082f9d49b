//! placeholder

pub mod cli;
pub mod client;
