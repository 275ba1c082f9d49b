//! What there is beside the tables of `--data`: schemas, tables and views that SQL has made, shared by the whole
//! cluster and kept over restarts.
//!
//! A log of changes in an object store, in the manner of Delta's: change N is the object N, made only if there is
//! none yet (which every store can do, and a local folder by a link), so that all nodes agree on one order and each
//! change is checked against exactly what was before it.
//!
//! ```text
//! <warehouse>/_catalog/00000000000000000000.json        who this catalog is
//!                      00000000000000000001.json        one change each …
//!                      00000000000000000064.state.json  all until then, so that nobody reads from the start
//! ```
//!
//! A node knows the catalog up to some change and looks for the next one when a statement names something of it:
//! one small request, or one look at a local folder. Nothing here is ever overwritten.

use std::sync::Arc;

use parking_lot::RwLock;
use uuid::Uuid;

mod change;
mod entry;
mod keys;
mod log;
mod state;

#[cfg(test)]
mod tests;

pub use change::Change;
pub use entry::{Entry, EntryKind, External, Managed, View};
pub use keys::{GoingKey, Key, KeyKind, Reference, WantedKey};
pub use state::{Existing, State};

use super::error::CatalogError;
use super::location::DataLocation;
use super::ours::Unmade;
use datafusion::execution::runtime_env::RuntimeEnv;
use log::{Log, Record};

/// How often a change is tried when others come first.
const MOST_TRIES: usize = 50;

/// The folder of tables in a warehouse.
pub(crate) const TABLES: &str = "tables";

/// Every so many changes all of them are written together.
const TOGETHER: u64 = 64;

/// Why a change is not made.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// Something of that name is there already.
    #[error("{0}")]
    AlreadyExists(String),
    /// What is named is not there.
    #[error("{0}")]
    NotFound(String),
    /// It may not be done.
    #[error("{0}")]
    Refused(String),
    /// Others changed the catalog at the same time, again and again.
    #[error("others change the catalog all the time: run the statement again")]
    Contended,
    /// The store has not said whether it is made.
    #[error(
        "it is not known whether the statement was carried out: its change of the catalog was sent to the store, which has \
         not answered since; look whether it is there before you run the statement again ({0})"
    )]
    Unknown(CatalogError),
    /// The store: nothing is changed.
    #[error(transparent)]
    Store(#[from] CatalogError),
}

/// The catalog of a cluster, as this node knows it.
#[derive(Debug)]
pub struct CatalogStore {
    log: Log,
    known: RwLock<Arc<State>>,
    /// Held while the log is read or written.
    reading: tokio::sync::Mutex<()>,
}

impl CatalogStore {
    /// The catalog in this warehouse, as far as there is one: nothing is written.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn open(
        warehouse: &DataLocation,
        runtime: &RuntimeEnv,
    ) -> Result<Self, CatalogError> {
        let log = Log::new(warehouse, runtime)?;
        let known = log.latest_state().await?.unwrap_or_default();
        let (known, reading) = (RwLock::new(Arc::new(known)), tokio::sync::Mutex::default());
        let store = Self { log, known, reading };
        store.refresh().await?;
        Ok(store)
    }

    /// Tells this catalog from any other, once there is one: nodes that share a warehouse give the same.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn id(&self) -> Result<Option<Uuid>, CatalogError> {
        self.log.id().await
    }

    /// The same, of a catalog that is begun if there is none yet.
    ///
    /// # Errors
    /// When it cannot be read or begun.
    pub async fn begun(&self) -> Result<Uuid, CatalogError> {
        let _one_at_a_time = self.reading.lock().await;
        self.log.begin().await
    }

    /// What this node knows.
    pub fn known(&self) -> Arc<State> {
        Arc::clone(&self.known.read())
    }

    /// Where a table of its warehouse is.
    pub(crate) fn place_of(&self, table: &Managed) -> DataLocation {
        self.log.warehouse().below(&table.folder)
    }

    /// Whether a place is where the warehouse has its own files, which nobody else writes.
    pub(crate) fn keeps(&self, place: &DataLocation) -> bool {
        let own = [TABLES, log::FOLDER].map(|folder| self.log.warehouse().below(folder));
        own.iter().any(|own| place.is_within(own))
    }

    /// Where it is, as a user would write it.
    pub fn show(&self) -> String {
        self.log.show()
    }

    /// Reads what others have changed since.
    ///
    /// # Errors
    /// When the store cannot be read; what was known stays.
    pub async fn refresh(&self) -> Result<Arc<State>, CatalogError> {
        let _one_at_a_time = self.reading.lock().await;
        self.read_on().await
    }

    async fn read_on(&self) -> Result<Arc<State>, CatalogError> {
        let mut state = self.known();
        while let Some(record) = self.log.read(state.next()).await? {
            state = Arc::new(state.after(&record));
            *self.known.write() = Arc::clone(&state);
        }
        Ok(state)
    }

    /// Makes the changes that `decide` finds right for what is there; again, where others were first. None: what
    /// was asked for is so already.
    ///
    /// # Errors
    /// What `decide` says, or the store.
    pub async fn change(
        &self,
        by: &str,
        decide: impl Fn(&State) -> Result<Vec<Change>, ChangeError> + Send + Sync,
    ) -> Result<Arc<State>, ChangeError> {
        let _one_at_a_time = self.reading.lock().await;
        for _ in 0..MOST_TRIES {
            let state = self.read_on().await?;
            let changes = decide(&state)?;
            if changes.is_empty() {
                return Ok(state);
            }
            self.log.begin().await?;
            if state.last().is_none() {
                // Number 0 says who the catalog is, and was made or found by now: it comes first.
                continue;
            }
            let record = Record::new(by, changes);
            match self.log.write(state.next(), &record).await {
                Ok(true) => {
                    // Whether the store can be read now or not, it is made.
                    let state = Arc::new(state.after(&record));
                    *self.known.write() = Arc::clone(&state);
                    self.write_together(&state).await;
                    return Ok(state);
                }
                Ok(false) => {}
                Err(Unmade::Not(error)) => return Err(ChangeError::Store(error)),
                Err(Unmade::Unknown(error)) => return Err(ChangeError::Unknown(error)),
            }
        }
        Err(ChangeError::Contended)
    }

    /// That it fails does no harm: the changes are there.
    async fn write_together(&self, state: &State) {
        if !state.last().is_some_and(|last| last.is_multiple_of(TOGETHER)) {
            return;
        }
        if let Err(error) = self.log.write_state(state).await {
            tracing::warn!(%error, "the catalog could not be written together");
        }
    }
}
