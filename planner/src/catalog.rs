//! What a table is. (The files catalog lands here.)

use crate::PlannerError;

/// placeholder
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {}

impl From<&CatalogError> for PlannerError {
    fn from(error: &CatalogError) -> Self {
        match *error {}
    }
}
