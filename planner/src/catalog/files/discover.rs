//! Which tables a location holds, by names alone: one look into one folder.
//!
//! ```text
//! --data /data            /data/orders/…       table orders
//!                         /data/people.csv.gz  table people
//!                         /data/_tmp /data/.x  ignored
//! --data /data/people.csv                      table people
//! --data /data/sales      /data/sales/year=…/  table sales: the folder is partitioned itself
//! --data /data/sales      /data/sales/_delta_log  table sales, as a table format keeps it
//! ```

use super::format::DataFormat;
use super::listing::{Place, TableFormat, head, is_hidden};
use super::local;
use super::source::Source;
use crate::catalog::error::CatalogError;
use crate::catalog::location::{DataLocation, Scheme};
use object_store::path::Path;
use object_store::{ListResult, ObjectStore};
use std::sync::Arc;

/// A location and its object store.
#[derive(Debug, Clone)]
pub(crate) struct Root {
    pub(crate) location: Arc<DataLocation>,
    pub(crate) store: Arc<dyn ObjectStore>,
}

// === impl Root ===

impl Root {
    /// The tables there are now, by name, in the order of their names. Names may repeat.
    pub(crate) async fn tables(&self) -> Result<Vec<(String, Arc<Source>)>, CatalogError> {
        let places = self.places().await.map_err(|error| {
            let path = self.location.show(self.location.path());
            CatalogError::from_store(path, &error)
        })?;
        let sources = places.into_iter().map(|(name, place)| {
            let (location, store) = (Arc::clone(&self.location), Arc::clone(&self.store));
            (name, Arc::new(Source { location, store, place }))
        });
        Ok(sources.collect())
    }

    async fn places(&self) -> object_store::Result<Vec<(String, Place)>> {
        let path = self.location.path();
        if path.filename().and_then(DataFormat::split).is_some()
            && head(self.store.as_ref(), path).await?.is_some()
        {
            return Ok(vec![(self.location.table_name(), Place::File(path.clone()))]);
        }
        if self.location.scheme() == Scheme::Http {
            return Ok(Vec::new());
        }
        let children = match self.location.scheme() {
            Scheme::Local => local::children(path).await?,
            _ => Children::of(self.store.list_with_delimiter(Some(path)).await?),
        };
        Ok(match children.are_one_table() {
            true => vec![(self.location.table_name(), Place::Folder(path.clone()))],
            false => children.places(),
        })
    }
}

/// What is in a folder.
#[derive(Debug, Default)]
pub(super) struct Children {
    pub(super) folders: Vec<Path>,
    pub(super) files: Vec<Path>,
}

impl Children {
    fn of(listed: ListResult) -> Self {
        let files = listed.objects.into_iter().map(|meta| meta.location).collect();
        Self { folders: listed.common_prefixes, files }
    }

    /// Whether the folder is a table by itself: all folders in it are values of a column, or one is a table
    /// format's own.
    fn are_one_table(&self) -> bool {
        let names = self.folders.iter().filter_map(Path::filename);
        if names.clone().any(|name| TableFormat::of(name).is_some()) {
            return true;
        }
        let mut visible = names.filter(|name| !is_hidden(name)).peekable();
        visible.peek().is_some() && visible.all(|name| name.contains('='))
    }

    fn places(self) -> Vec<(String, Place)> {
        let folders = self.folders.into_iter().filter_map(|folder| {
            let name = folder.filename().filter(|name| !is_hidden(name))?.to_owned();
            Some((name, Place::Folder(folder)))
        });
        let files = self.files.into_iter().filter_map(|file| {
            let name = file.filename().filter(|name| !is_hidden(name))?;
            let (stem, _) = DataFormat::split(name)?;
            Some((stem.to_owned(), Place::File(file)))
        });
        let mut places: Vec<_> = folders.chain(files).collect();
        places.sort_by(|(a, _), (b, _)| a.cmp(b));
        places
    }
}
