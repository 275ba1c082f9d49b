//! One table's place in an object store.

use super::layout::Site;
use super::listing::{Listing, Place};
use crate::catalog::error::CatalogError;
use crate::catalog::location::DataLocation;
use object_store::ObjectStore;
use std::sync::Arc;

/// Where one table is, and the means to look there.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) location: Arc<DataLocation>,
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) place: Place,
}

// === impl Source ===

impl Source {
    pub(crate) fn site(&self) -> Site<'_> {
        Site { location: &self.location, place: &self.place }
    }

    /// The place the way a user would write it.
    pub(crate) fn show(&self) -> String {
        self.location.show(self.place.path())
    }

    /// The place as a location of its own.
    pub(crate) fn place(&self) -> DataLocation {
        self.location.at(self.place.path())
    }

    pub(crate) async fn list(&self) -> Result<Listing, CatalogError> {
        let listing = self.place.list(self.store.as_ref()).await;
        listing.map_err(|error| CatalogError::from_store(self.show(), &error))
    }

    /// Whether this is the same place of the same location.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.location, &other.location) && self.place == other.place
    }
}
