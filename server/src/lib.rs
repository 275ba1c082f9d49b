//! placeholder

pub mod flight;
