//! The commands of the program `squadron`.

pub mod sql;
