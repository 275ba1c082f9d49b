//! The tasks of `cargo dev`.

pub mod check;
mod command;
pub mod soak;
pub mod test;
pub mod tpch;
