//! Errors of what a statement reads and writes, by what the caller can do about them.

use datafusion::parquet::errors::ParquetError;

use super::PlannerError;
use crate::catalog::CatalogError;

impl From<&CatalogError> for PlannerError {
    fn from(error: &CatalogError) -> Self {
        let text = error.to_string();
        match error {
            CatalogError::BadLocation { .. } | CatalogError::DuplicateTable { .. } => {
                Self::Invalid(text)
            }
            CatalogError::InvalidData { .. }
            | CatalogError::NotFound { .. }
            | CatalogError::AccessDenied { .. } => Self::BadData(text),
            CatalogError::Full { .. } => Self::Exhausted(text),
            CatalogError::Unavailable { .. } => Self::Unavailable(text),
        }
    }
}

impl From<CatalogError> for PlannerError {
    fn from(error: CatalogError) -> Self {
        Self::from(&error)
    }
}

impl From<ParquetError> for PlannerError {
    /// Of encoding: what a store says is told apart where it is written to.
    fn from(error: ParquetError) -> Self {
        Self::Internal(error.to_string())
    }
}
