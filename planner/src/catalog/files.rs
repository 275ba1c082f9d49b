//! Tables found in files: the catalog behind `--data`.
//!
//! ```text
//! Named ──► FilesCatalog ── table(name)
//!             roots: locations     │
//!             entries: name → Entry ◄┘
//!                        Entry: lists its own folder for every query, re-reads what changed
//! ```
//!
//! A known name costs one listing of that table's folder. An unknown name, or one whose files are
//! gone, costs one look into every location, and then is either there or not.

mod arrow_file;
mod bytes;
mod checked;
mod comments;
mod csv_file;
pub(crate) mod detailed;
mod discover;
mod entry;
pub(crate) mod format;
mod json_file;
pub(crate) mod layout;
mod listing;
mod local;
mod merge;
mod options;
mod ordering;
mod partitions;
pub(crate) mod prune;
pub(crate) mod scan;
mod schema;
mod sound;
mod source;
mod statistics;
pub(crate) mod table;

use super::SCHEMA_NAME;
use super::error::CatalogError;
use super::location::{DataLocation, Scheme};
use super::stores::register_object_store;
pub(crate) use checked::Checked;
pub(crate) use comments::{COMMENT, with_comment};
use datafusion::catalog::SchemaProvider;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::prelude::SessionConfig;
use discover::Root;
pub(crate) use entry::{Entry, Found};
use format::DataFormat;
use futures::{FutureExt, StreamExt, TryStreamExt};
use listing::Place;

pub(crate) use options::{FileOptions, option_name};
use parking_lot::RwLock;
use source::Source;
use std::collections::BTreeMap;
use std::sync::Arc;
pub(crate) use table::FilesTable;

/// How many locations or tables are looked at at once.
const AT_ONCE: usize = 16;

type Entries = BTreeMap<String, Arc<Entry>>;

/// All tables of all data locations of one node. Cloning it is cheap and shares everything.
#[derive(Debug, Clone)]
pub struct FilesCatalog {
    shared: Arc<Shared>,
}

/// One table, as metadata calls show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableEntry {
    /// The schema it is in.
    pub schema: String,
    /// Its name, as queries must write it (quoted, if it is not all lower case).
    pub name: String,
    /// `Parquet`, `CSV (gzip)`, …, once known.
    pub format: Option<String>,
    /// The folder or file, as a user would write it.
    pub location: String,
    /// Why the last look at it failed.
    pub error: Option<String>,
}

#[derive(Debug)]
struct Shared {
    runtime: Arc<RuntimeEnv>,
    roots: Vec<Root>,
    entries: RwLock<Arc<Entries>>,
    /// Held while locations are listed, so that an older listing never replaces a newer one.
    listing: tokio::sync::Mutex<()>,
    /// Schemas beside `public` (`system`, …), the same for all sessions.
    schemas: RwLock<BTreeMap<String, Arc<dyn SchemaProvider>>>,
}

// === impl FilesCatalog ===

impl FilesCatalog {
    /// Registers the locations' object stores in `runtime` and finds the tables. No file is read.
    ///
    /// # Errors
    /// A location that cannot be listed, or two locations that give the same table name. A broken
    /// table is no error here, but of the query that names it.
    pub async fn open(
        locations: Vec<DataLocation>,
        runtime: Arc<RuntimeEnv>,
    ) -> Result<Self, CatalogError> {
        let roots = locations.into_iter().map(|location| {
            let store = register_object_store(&runtime, &location)?;
            Ok(Root { location: Arc::new(location), store })
        });
        let catalog = Self {
            shared: Arc::new(Shared {
                roots: roots.collect::<Result<_, CatalogError>>()?,
                runtime,
                entries: RwLock::default(),
                listing: tokio::sync::Mutex::default(),
                schemas: RwLock::default(),
            }),
        };
        catalog.refresh().await?;
        catalog.check_locations()?;
        Ok(catalog)
    }

    /// Lists all locations again and finds out the formats of new tables.
    ///
    /// # Errors
    /// A location that cannot be listed; what was known before stays.
    pub async fn refresh(&self) -> Result<(), CatalogError> {
        self.list().await?;
        let entries = self.entries();
        let peeks: Vec<_> = entries.values().map(|entry| entry.peek().boxed()).collect();
        futures::stream::iter(peeks).buffer_unordered(AT_ONCE).collect::<()>().await;
        Ok(())
    }

    /// The tables of the last listing, in the order of their names.
    pub fn describe(&self) -> Vec<TableEntry> {
        let entries = self.entries();
        let describe = |entry: &Arc<Entry>| TableEntry {
            schema: SCHEMA_NAME.to_owned(),
            name: entry.name.clone(),
            format: entry.format(),
            location: entry.source.show(),
            error: entry.error(),
        };
        entries.values().map(describe).collect()
    }

    /// The name of a table that differs from `name` in upper and lower case only, for the message
    /// that `name` is unknown.
    pub fn suggest(&self, name: &str) -> Option<String> {
        let wanted = name.to_lowercase();
        let entries = self.entries();
        entries.keys().find(|known| known.to_lowercase() == wanted && *known != name).cloned()
    }

    /// Adds a schema beside `public` for all sessions, or replaces it.
    pub fn add_schema(
        &self,
        name: &str,
        schema: Arc<dyn SchemaProvider>,
    ) -> Option<Arc<dyn SchemaProvider>> {
        self.shared.schemas.write().insert(name.to_owned(), schema)
    }

    /// The schemas beside `public`.
    pub(crate) fn other_schemas(&self) -> Vec<(String, Arc<dyn SchemaProvider>)> {
        let schemas = self.shared.schemas.read();
        let others = schemas.iter().filter(|(name, _)| *name != SCHEMA_NAME);
        others.map(|(name, schema)| (name.clone(), Arc::clone(schema))).collect()
    }

    /// The names of the tables of the last listing.
    pub(crate) fn names(&self) -> Vec<String> {
        self.entries().keys().cloned().collect()
    }

    /// Whether the last listing had a table of this name.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    /// Where the table of this name is, as a user would write it.
    pub(crate) fn place_of(&self, name: &str) -> Option<String> {
        self.entry(name).map(|entry| entry.source.show())
    }

    /// What its files are read with.
    pub(crate) fn runtime(&self) -> &Arc<RuntimeEnv> {
        &self.shared.runtime
    }

    /// The files at a location that was named in SQL, as a table of this name.
    ///
    /// # Errors
    /// For a location that can never work.
    pub(crate) fn placed(
        &self,
        name: &str,
        location: &str,
        options: &BTreeMap<String, String>,
    ) -> Result<Arc<Entry>, CatalogError> {
        let location: DataLocation = location.parse()?;
        let options = FileOptions::of(options)
            .map_err(|why| CatalogError::invalid(location.to_string(), why))?;
        let store = register_object_store(&self.shared.runtime, &location)?;
        let is_file = location.path().filename().and_then(DataFormat::split).is_some();
        let path = location.path().clone();
        let place = if is_file { Place::File(path) } else { Place::Folder(path) };
        let source = Source { location: Arc::new(location), store, place };
        Ok(Arc::new(Entry::new(name.to_owned(), Arc::new(source), options)))
    }

    /// The table of such files as they are now.
    ///
    /// # Errors
    /// When there are none, they cannot be read, or are of another format.
    pub(crate) async fn resolved(
        &self,
        entry: &Entry,
        format: &str,
        config: &SessionConfig,
    ) -> Result<Found, CatalogError> {
        let table = entry.resolve(config, &self.shared.runtime).await?;
        let table = table.ok_or_else(|| entry.empty())?;
        match entry.is_stored_as(format) {
            true => Ok(table),
            false => Err(CatalogError::invalid(
                entry.source.show(),
                format!(
                    "its files are {}, and the table was made STORED AS {}",
                    entry.format().unwrap_or_default(),
                    format.to_uppercase()
                ),
            )),
        }
    }

    fn entries(&self) -> Arc<Entries> {
        Arc::clone(&self.shared.entries.read())
    }

    fn entry(&self, name: &str) -> Option<Arc<Entry>> {
        self.shared.entries.read().get(name).cloned()
    }

    /// The table of this name as its files are now.
    pub(crate) async fn table(
        &self,
        name: &str,
        config: &SessionConfig,
    ) -> Result<Option<Found>, CatalogError> {
        if let Some(entry) = self.entry(name)
            && let Some(table) = entry.resolve(config, &self.shared.runtime).await?
        {
            return Ok(Some(table));
        }
        self.list().await?;
        let Some(entry) = self.entry(name) else {
            return Ok(None);
        };
        match entry.resolve(config, &self.shared.runtime).await? {
            Some(table) => Ok(Some(table)),
            None => Err(entry.empty()),
        }
    }

    /// Finds the names again; entries that are still the same stay with all they know.
    async fn list(&self) -> Result<(), CatalogError> {
        let _one_at_a_time = self.shared.listing.lock().await;
        let lists: Vec<_> = self.shared.roots.iter().map(|root| root.tables().boxed()).collect();
        let found: Vec<_> = futures::stream::iter(lists).buffered(AT_ONCE).try_collect().await?;
        let mut entries = BTreeMap::<String, Entry>::new();
        for (name, source) in found.into_iter().flatten() {
            match entries.get_mut(&name) {
                Some(known) => known.rival = Some(source),
                None => drop(
                    entries.insert(name.clone(), Entry::new(name, source, FileOptions::default())),
                ),
            }
        }
        let known = self.entries();
        let entries = entries.into_iter().map(|(name, entry)| {
            let same = known.get(&name).filter(|known| known.is(&entry)).cloned();
            (name, same.unwrap_or_else(|| Arc::new(entry)))
        });
        *self.shared.entries.write() = Arc::new(entries.collect());
        Ok(())
    }

    /// What is most likely a mistake on the command line.
    fn check_locations(&self) -> Result<(), CatalogError> {
        if let Some(duplicate) = self.duplicate_locations() {
            return Err(duplicate);
        }
        let entries = self.entries();
        for Root { location, .. } in &self.shared.roots {
            let path = location.show(location.path());
            if entries.values().any(|entry| Arc::ptr_eq(&entry.source.location, location)) {
                continue;
            }
            if location.scheme() == Scheme::Http {
                let reason = "the server has no such file".to_owned();
                return Err(CatalogError::NotFound { path, reason });
            }
            tracing::warn!(location = path, "a data location holds no tables yet");
        }
        Ok(())
    }

    /// A name that two locations give; within one location it concerns that table alone.
    fn duplicate_locations(&self) -> Option<CatalogError> {
        let entries = self.entries();
        entries.values().find_map(|entry| {
            let rival = entry.rival.as_ref()?;
            let apart = !Arc::ptr_eq(&rival.location, &entry.source.location);
            entry.duplicate().filter(|_| apart)
        })
    }
}
