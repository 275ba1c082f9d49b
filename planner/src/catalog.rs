//! What a query may name: tables found in files, and where those files are.
//!
//! `--data PATH_OR_URL` becomes a [`DataLocation`]; [`register_object_store`] makes every node able
//! to read it (coordinator and workers alike, since plans name its URL); [`FilesCatalog`] finds the
//! tables in it and gives each session a DataFusion catalog over them. What SQL has made beside them is in the
//! [`CatalogStore`].
//!
//! Invariant: what a table holds is looked up for every query, what can be kept (schemas, footers,
//! statistics) is kept only as long as the files it came from are unchanged.

pub(crate) mod delta;
mod error;
mod files;
mod footers;
mod information;
mod keys;
mod lengths;
mod location;
mod named;
pub(crate) mod once;
pub(crate) mod ours;
mod store;
mod stores;
mod tolerant;

#[cfg(test)]
mod tests;

pub(crate) use delta::is_ageless;
pub use delta::is_written;
pub use error::CatalogError;
pub(crate) use error::find;
pub use files::detailed::{DetailedScanCodec, DetailedScanExec};
pub(crate) use files::{COMMENT, Checked, FileOptions, FilesTable, option_name, with_comment};
pub use files::{FilesCatalog, TableEntry};
pub(crate) use footers::Footers;
pub use information::{INFORMATION_SCHEMA, InformationSchema};
pub(crate) use keys::entry_of;
pub use keys::{DeclaredKey, declared_keys};
pub use lengths::text_length;
pub(crate) use lengths::{LENGTH, fitting, of as length_of, with_length, without_length};
pub(crate) use location::file_below;
pub use location::{DataLocation, Scheme};
pub use named::Named;
pub(crate) use store::TABLES;
pub use store::{
    CatalogStore, Change, ChangeError, Entry, EntryKind, Existing, External, GoingKey, Key,
    KeyKind, Managed, Reference, State, View, WantedKey,
};
pub use stores::register_object_store;
pub(crate) use tolerant::tolerate;

/// Name of the catalog that every session starts in.
pub const CATALOG_NAME: &str = "squadron";

/// Name of the schema that holds the tables found in `--data` locations.
pub const SCHEMA_NAME: &str = "public";
