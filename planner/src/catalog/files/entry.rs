//! One name of the catalog: where its files are, and what was worked out about them so far.

use super::format::{DataFormat, SchemaSettings};
use super::listing::{Peeked, TableFormat};
use super::options::FileOptions;
use super::source::Source;
use super::table::{FilesTable, Resolved};
use crate::catalog::error::CatalogError;
use crate::catalog::location::DataLocation;
use crate::catalog::{CATALOG_NAME, SCHEMA_NAME};
use datafusion::common::TableReference;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::prelude::SessionConfig;
use parking_lot::Mutex;
use std::sync::Arc;

/// Sessions rarely differ in what decides a schema; more kinds than this push out the oldest.
const KEPT: usize = 4;

/// A table's name and everything known about it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) source: Arc<Source>,
    /// What the statement that made it says of its files.
    options: FileOptions,
    /// A second source that gives the same name: neither can be used.
    pub(crate) rival: Option<Arc<Source>>,
    /// Locked while files are read, so that of many queries at once only one reads them.
    resolved: tokio::sync::Mutex<Vec<Arc<Resolved>>>,
    seen: Mutex<Seen>,
}

/// What the last look at the table gave.
#[derive(Debug, Default)]
struct Seen {
    format: Option<DataFormat>,
    is_delta: bool,
    error: Option<String>,
}

/// A table as a statement finds it.
#[derive(Debug)]
pub(crate) enum Found {
    /// All files of a place.
    Files(FilesTable),
    /// Those that a Delta table's log at this place names.
    Delta(Box<DataLocation>),
}

enum Kept {
    Files(Arc<Resolved>),
    Delta,
}

// === impl Entry ===

impl Entry {
    pub(crate) fn new(name: String, source: Arc<Source>, options: FileOptions) -> Self {
        Self {
            name,
            source,
            options,
            rival: None,
            resolved: tokio::sync::Mutex::default(),
            seen: Mutex::default(),
        }
    }

    /// Whether `other` is the same table as far as a listing of names can tell.
    pub(crate) fn is(&self, other: &Self) -> bool {
        let rivals_agree = match (&self.rival, &other.rival) {
            (None, None) => true,
            (Some(mine), Some(theirs)) => mine.is(theirs),
            _ => false,
        };
        self.source.is(&other.source) && rivals_agree
    }

    pub(crate) fn duplicate(&self) -> Option<CatalogError> {
        self.rival.as_ref().map(|rival| CatalogError::DuplicateTable {
            table: self.name.clone(),
            first: self.source.show(),
            second: rival.show(),
        })
    }

    /// The table as its files are now, for a session with `config`; `None` if nothing is there.
    pub(crate) async fn resolve(
        &self,
        config: &SessionConfig,
        runtime: &Arc<RuntimeEnv>,
    ) -> Result<Option<Found>, CatalogError> {
        let resolved = self.try_resolve(config, runtime).await;
        let mut seen = self.seen.lock();
        match &resolved {
            Ok(Some(Kept::Files(resolved))) => {
                *seen = Seen { format: Some(resolved.format()), error: None, is_delta: false };
            }
            Ok(Some(Kept::Delta)) => *seen = Seen { is_delta: true, ..Seen::default() },
            Ok(None) => seen.error = Some("is empty".to_owned()),
            Err(error) => seen.error = Some(error.to_string()),
        }
        Ok(resolved?.map(|kept| match kept {
            Kept::Files(resolved) => Found::Files(FilesTable::new(resolved)),
            Kept::Delta => Found::Delta(Box::new(self.source.place())),
        }))
    }

    async fn try_resolve(
        &self,
        config: &SessionConfig,
        runtime: &Arc<RuntimeEnv>,
    ) -> Result<Option<Kept>, CatalogError> {
        if let Some(duplicate) = self.duplicate() {
            return Err(duplicate);
        }
        let listing = self.source.list().await?;
        if listing.is_empty() {
            return Ok(None);
        }
        if listing.kept_by == Some(TableFormat::Delta) {
            return Ok(Some(Kept::Delta));
        }
        let settings = SchemaSettings::of(config.options()).with(&self.options);
        let mut kept = self.resolved.lock().await;
        let hit = kept.iter().find(|r| r.settings == settings && r.listing.data == listing.data);
        if let Some(hit) = hit {
            return Ok(Some(Kept::Files(Arc::clone(hit))));
        }
        let session = SessionStateBuilder::new()
            .with_config(config.clone())
            .with_runtime_env(Arc::clone(runtime))
            .build();
        let reference = TableReference::full(CATALOG_NAME, SCHEMA_NAME, self.name.clone());
        let source = Arc::clone(&self.source);
        let resolved =
            Arc::new(Resolved::new(source, reference, listing, settings, &session).await?);
        kept.retain(|old| old.settings != resolved.settings);
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push(Arc::clone(&resolved));
        Ok(Some(Kept::Files(resolved)))
    }

    /// Why a query of this table fails although its name is listed.
    pub(crate) fn empty(&self) -> CatalogError {
        let suffixes = DataFormat::suffixes();
        CatalogError::invalid(
            self.source.show(),
            format!("is empty: a table needs files ending in {suffixes}"),
        )
    }

    /// Finds out the format without reading any file, unless it is known.
    pub(crate) async fn peek(&self) {
        let is_known = |seen: &Seen| seen.format.is_some() || seen.is_delta;
        if self.rival.is_some() || is_known(&self.seen.lock()) {
            return;
        }
        let peeked = self.source.place.peek(self.source.store.as_ref()).await;
        let mut seen = self.seen.lock();
        match peeked {
            Ok(Some(Peeked::Files(format))) => {
                *seen = Seen { format: Some(format), ..Seen::default() };
            }
            Ok(Some(Peeked::Delta)) => *seen = Seen { is_delta: true, ..Seen::default() },
            Ok(None) => seen.error = Some(self.empty().to_string()),
            Err(error) => {
                seen.error = Some(CatalogError::from_store(self.source.show(), &error).to_string());
            }
        }
    }

    /// Whether its files are what `STORED AS` calls so, compressed or not.
    pub(crate) fn is_stored_as(&self, format: &str) -> bool {
        let seen = self.seen.lock();
        match format {
            "delta" => seen.is_delta,
            _ => seen.format.is_some_and(|seen| seen.is_called(format)),
        }
    }

    pub(crate) fn format(&self) -> Option<String> {
        let seen = self.seen.lock();
        match seen.is_delta {
            true => Some(TableFormat::Delta.name().to_owned()),
            false => seen.format.map(|format| format.to_string()),
        }
    }

    pub(crate) fn error(&self) -> Option<String> {
        let duplicate = self.duplicate().map(|error| error.to_string());
        duplicate.or_else(|| self.seen.lock().error.clone())
    }
}
