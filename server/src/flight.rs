//! The wire: everything that names `arrow_flight`.

pub mod metadata;
pub mod sql_info;
