//! Answers to the Flight SQL metadata commands, as record batches with the schemas of the spec.
//!
//! A driver's first minutes with a server are made of these, and drivers are strict about them:
//! ADBC refuses a reply whose schema differs by one nullability, JDBC casts columns to exact
//! vector classes, ODBC dereferences field metadata without looking. So every answer comes as a
//! pair: a `…_schema()` for GetFlightInfo and GetSchema, and the data for DoGet, which is made
//! from that same schema.
//!
//! Everything here is a pure function of the catalogs and the command; nothing knows a socket.

mod answer;
mod catalogs;
mod columns;
#[cfg(test)]
mod fixture;
mod keys;
mod pattern;
mod tables;
mod types;
mod xdbc;

pub use answer::{answer, answer_schema};
pub use catalogs::{CatalogView, catalogs, catalogs_schema, db_schemas, db_schemas_schema};
pub use columns::described;
pub use keys::{
    cross_reference, exported_keys, foreign_keys_schema, imported_keys, primary_keys,
    primary_keys_schema,
};
pub use tables::{table_types, table_types_schema, tables, tables_schema};
pub use types::{SqlType, sql_type};
pub use xdbc::{xdbc_type_info, xdbc_type_info_schema};

use arrow_flight::error::FlightError;
use datafusion::arrow::error::ArrowError;
use squadron_planner::PlannerError;

/// Why a metadata answer could not be made.
///
/// What the client asks for hardly ever fails: a pattern without a match, an unknown catalog, code
/// or type give an empty answer, and of several tables one that cannot be read is listed without its
/// columns.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// Names and types that are valid one by one do not make a record batch: a bug.
    #[error("the metadata answer could not be encoded")]
    Encode(#[from] FlightError),
    /// The one table whose columns were asked for cannot be read.
    #[error("table {name} cannot be read: {why}")]
    Table {
        /// Its name.
        name: String,
        /// Why.
        why: PlannerError,
    },
}

impl From<ArrowError> for MetadataError {
    fn from(error: ArrowError) -> Self {
        Self::Encode(error.into())
    }
}

/// A metadata answer or the reason why there is none.
pub type Result<T, E = MetadataError> = std::result::Result<T, E>;
