//! What can be wrong with data locations and the tables in them.
//!
//! Variants are by what the reader of the message can do about it. Inside DataFusion they travel as
//! `DataFusionError::External`; [`CatalogError::find_in`] gets them back at the edge, where the gRPC
//! code is chosen.

use datafusion::common::DataFusionError;
use std::error::Error;

/// Why a data location or a table cannot be used. Every message names the place concerned.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// A `--data` value that can never work: correct the setting.
    #[error("data location '{location}': {reason}")]
    BadLocation {
        /// The value as it was given.
        location: String,
        /// What is wrong with it and what would be right.
        reason: String,
    },

    /// Two data locations give a table of the same name: rename or leave out one of them.
    #[error(
        "table '{table}' is given twice, by {first} and by {second}; rename or leave out one of them"
    )]
    DuplicateTable {
        /// The name they share.
        table: String,
        /// Where the first one is.
        first: String,
        /// Where the second one is.
        second: String,
    },

    /// What is there cannot be read as one table: correct the data.
    #[error("{path}: {problem}")]
    InvalidData {
        /// File or folder concerned.
        path: String,
        /// What is wrong with it.
        problem: String,
    },

    /// A file, folder or bucket is not there (any more).
    #[error("{path}: not found: {reason}")]
    NotFound {
        /// File, folder or bucket concerned.
        path: String,
        /// What the store said.
        reason: String,
    },

    /// The store does not let this node read: correct credentials or permissions.
    #[error("{path}: access denied: {reason}")]
    AccessDenied {
        /// File, folder or bucket concerned.
        path: String,
        /// What the store said.
        reason: String,
    },

    /// The disk has no room: free some there.
    #[error("{path}: there is no room for it: {reason}; free space there")]
    Full {
        /// File or folder concerned.
        path: String,
        /// What the system said.
        reason: String,
    },

    /// The store did not answer, or not sensibly: trying again may help.
    #[error("{path}: the store cannot be read: {reason}")]
    Unavailable {
        /// File, folder or bucket concerned.
        path: String,
        /// What happened.
        reason: String,
    },
}

// === impl CatalogError ===

impl CatalogError {
    /// The `CatalogError` inside a DataFusion error, however deeply it is wrapped.
    pub fn find_in(error: &DataFusionError) -> Option<&CatalogError> {
        find(error)
    }

    pub(super) fn invalid(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::InvalidData { path: path.into(), problem: problem.into() }
    }

    /// Sorts an object store's error into the variants, naming `path`.
    pub(crate) fn from_store(path: impl Into<String>, error: &object_store::Error) -> Self {
        let path = path.into();
        let reason = one_line(error);
        match error {
            object_store::Error::NotFound { .. } => Self::NotFound { path, reason },
            object_store::Error::PermissionDenied { .. }
            | object_store::Error::Unauthenticated { .. } => Self::AccessDenied { path, reason },
            _ if is_denied_io(error) => Self::AccessDenied { path, reason },
            _ if is_full_io(error) => Self::Full { path, reason },
            _ => Self::Unavailable { path, reason },
        }
    }

    /// Sorts the error of reading `path`: a store's error if there is one in the chain, else
    /// invalid data described by `problem` and the error itself.
    pub(super) fn from_read(
        path: impl Into<String>,
        problem: &str,
        error: &DataFusionError,
    ) -> Self {
        match find::<object_store::Error>(error) {
            Some(store_error) if !is_decoding(store_error) => Self::from_store(path, store_error),
            _ => Self::invalid(path, format!("{problem}: {}", one_line(error))),
        }
    }
}

impl CatalogError {
    /// Sorts the error of reading a Delta table's log.
    pub(super) fn from_log(path: impl Into<String>, error: &(dyn Error + 'static)) -> Self {
        match find::<object_store::Error>(error) {
            Some(store) => Self::from_store(path, store),
            None => Self::invalid(path, format!("its log cannot be read: {error}")),
        }
    }
}

impl From<CatalogError> for DataFusionError {
    fn from(error: CatalogError) -> Self {
        DataFusionError::External(Box::new(error))
    }
}

/// The first error of type `T` in a chain of causes.
pub(crate) fn find<'e, T: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e T> {
    let mut next = Some(error);
    while let Some(error) = next {
        // A boxed or shared error hides the type of what it holds.
        let found =
            error.downcast_ref::<T>().or_else(|| error.downcast_ref::<Box<T>>().map(Box::as_ref));
        if found.is_some() {
            return found;
        }
        // What an I/O error holds is not its source.
        let held = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match held {
            Some(held) => Some(held),
            None => error.source(),
        };
    }
    None
}

/// DataFusion's CSV reader dresses up what goes wrong in decompression as a store's error.
fn is_decoding(error: &object_store::Error) -> bool {
    let generic = matches!(error, object_store::Error::Generic { .. });
    generic && error.to_string().contains("read to delimited chunks failed")
}

/// Local files report a missing permission as a generic error around an I/O error.
fn is_denied_io(error: &object_store::Error) -> bool {
    find::<std::io::Error>(error).is_some_and(|e| e.kind() == std::io::ErrorKind::PermissionDenied)
}

/// A disk that takes no more.
fn is_full_io(error: &object_store::Error) -> bool {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    let kind = find::<std::io::Error>(error).map(std::io::Error::kind);
    kind.is_some_and(|kind| matches!(kind, StorageFull | QuotaExceeded | FileTooLarge))
}

/// An error's text on one line, without what only DataFusion's developers need, cut to a length
/// that leaves room in a gRPC header.
fn one_line(error: &dyn Error) -> String {
    const LONGEST: usize = 800;
    const REPORT_IT: &str = "This issue was likely caused by a bug in DataFusion's code";
    let text = error.to_string();
    let text = text.split(REPORT_IT).next().unwrap_or_default();
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = without_kind(&words);
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// DataFusion and its libraries each put the kind of error in front, some twice.
fn without_kind(mut text: &str) -> &str {
    const KINDS: [&str; 5] = ["Execution", "Internal", "Arrow", "Parquet", "Object Store"];
    while let Some(rest) = KINDS
        .iter()
        .find_map(|kind| text.strip_prefix(kind).and_then(|rest| rest.strip_prefix(" error: ")))
    {
        text = rest;
    }
    text
}
