//! The log of changes in its store: each number is written once, by whoever comes first.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use datafusion::execution::runtime_env::RuntimeEnv;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Change, State};
use crate::catalog::error::CatalogError;
use crate::catalog::location::{DataLocation, Scheme};
use crate::catalog::once;
use crate::catalog::ours::{Ours, Unmade, make};
use crate::catalog::stores::register_object_store;

/// The folder of the log in a warehouse; hidden from whoever reads the warehouse as data.
pub(super) const FOLDER: &str = "_catalog";

/// The ending of what holds all changes until then.
const STATE: &str = ".state.json";

/// The same of one with keys, which those who do not know of them take for no such thing.
const STATE_WITH_KEYS: &str = ".state.2.json";

/// The form of what is written; another one would be another number.
const FORMAT: u32 = 1;

/// The form of a change with keys: those who do not know of them, and would forget them when they write all together, stop
/// there.
const FORMAT_WITH_KEYS: u32 = 2;

/// One object of the log: the changes of one statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// [`FORMAT`] or [`FORMAT_WITH_KEYS`].
    format: u32,
    /// Tells this one from a rival's where a store's answer was lost.
    id: Uuid,
    /// Who asked for it.
    by: String,
    /// What is changed; nothing by the first one.
    pub(super) changes: Vec<Change>,
}

impl Record {
    pub(super) fn new(by: &str, changes: Vec<Change>) -> Self {
        let has_keys =
            |change: &Change| matches!(change, Change::Put { entry, .. } if !entry.keys.is_empty());
        let format = if changes.iter().any(has_keys) { FORMAT_WITH_KEYS } else { FORMAT };
        Self { format, id: Uuid::now_v7(), by: by.to_owned(), changes }
    }
}

/// The log of one warehouse.
#[derive(Debug)]
pub(super) struct Log {
    location: DataLocation,
    store: Arc<dyn ObjectStore>,
    folder: Path,
    /// Of the first record, once the store was seen to refuse another one in its place.
    proved: OnceLock<Uuid>,
}

impl Log {
    pub(super) fn new(
        warehouse: &DataLocation,
        runtime: &RuntimeEnv,
    ) -> Result<Self, CatalogError> {
        let store = register_object_store(runtime, warehouse)?;
        let folder = warehouse.path().clone().join(FOLDER);
        let location = warehouse.clone();
        Ok(Self { location, store, folder, proved: OnceLock::new() })
    }

    pub(super) fn warehouse(&self) -> &DataLocation {
        &self.location
    }

    pub(super) fn show(&self) -> String {
        self.location.show(&self.folder)
    }

    fn path(&self, number: u64) -> Path {
        self.folder.clone().join(format!("{number:020}.json"))
    }

    /// The record of this number, if there is one.
    pub(super) async fn read(&self, number: u64) -> Result<Option<Record>, CatalogError> {
        let record: Option<Record> = self.get(&self.path(number)).await?;
        match record {
            Some(record) if record.format > FORMAT_WITH_KEYS => Err(self.broken(
                &self.path(number),
                &format!(
                    "it has format {}, and this version reads those up to {FORMAT_WITH_KEYS}: a newer one wrote it",
                    record.format
                ),
            )),
            record => Ok(record),
        }
    }

    /// The last of what was written together.
    pub(super) async fn latest_state(&self) -> Result<Option<State>, CatalogError> {
        let listed = self.store.list(Some(&self.folder)).try_collect::<Vec<_>>().await;
        let listed = listed.map_err(|error| CatalogError::from_store(self.show(), &error))?;
        let paths = listed.into_iter().map(|meta| meta.location);
        let is_state = |path: &Path| {
            [STATE, STATE_WITH_KEYS].iter().any(|ending| path.as_ref().ends_with(ending))
        };
        let states = paths.filter(is_state);
        match states.max() {
            Some(path) => self.get(&path).await,
            None => Ok(None),
        }
    }

    /// Writes all changes until this state together.
    pub(super) async fn write_state(&self, state: &State) -> Result<(), CatalogError> {
        let number = state.last().unwrap_or_default();
        let ending = if state.has_keys() { STATE_WITH_KEYS } else { STATE };
        let path = self.folder.clone().join(format!("{number:020}{ending}"));
        self.create(&path, state).await.map(drop)
    }

    /// The id of the first record, which is that of the catalog.
    pub(super) async fn id(&self) -> Result<Option<Uuid>, CatalogError> {
        match self.proved.get() {
            Some(id) => Ok(Some(*id)),
            None => Ok(self.read(0).await?.map(|record| record.id)),
        }
    }

    /// Makes sure that there is a first record, and that the store refuses to make it twice: one that took both would
    /// take two changes of one number, and lose one of them. Gives its id.
    pub(super) async fn begin(&self) -> Result<Uuid, CatalogError> {
        if let Some(id) = self.proved.get() {
            return Ok(*id);
        }
        let first = self.path(0);
        let genesis = || Record::new("", Vec::new());
        self.create(&first, &genesis()).await?;
        if self.create(&first, &genesis()).await? {
            return Err(self.broken(
                &first,
                "the store makes an object that is there already: it ignores If-None-Match, and two nodes would \
                 overwrite each other's changes; use a store that honours it",
            ));
        }
        let there = self.read(0).await?;
        let id = there.ok_or_else(|| self.broken(&first, "it was made and is not there"))?.id;
        Ok(*self.proved.get_or_init(|| id))
    }

    /// Writes the record of this number; false where another one was first.
    pub(super) async fn write(&self, number: u64, record: &Record) -> Result<bool, Unmade> {
        make(&Numbered { log: self, number, record }).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &Path) -> Result<Option<T>, CatalogError> {
        let bytes = match self.store.get(path).await {
            Ok(found) => found.bytes().await,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => Err(error),
        };
        let bytes =
            bytes.map_err(|error| CatalogError::from_store(self.location.show(path), &error))?;
        let parsed = serde_json::from_slice(&bytes);
        parsed.map(Some).map_err(|error| self.broken(path, &error.to_string()))
    }

    /// Makes an object; false where there is one.
    async fn create(&self, path: &Path, value: &impl Serialize) -> Result<bool, CatalogError> {
        let bytes =
            serde_json::to_vec(value).map_err(|error| self.broken(path, &error.to_string()))?;
        let created = once::create(self.store.as_ref(), self.location.scheme(), path, bytes).await;
        created.map_err(|error| CatalogError::from_store(self.location.show(path), &error))
    }

    fn broken(&self, path: &Path, problem: &str) -> CatalogError {
        CatalogError::invalid(self.location.show(path), problem)
    }
}

/// A record to be.
struct Numbered<'r> {
    log: &'r Log,
    number: u64,
    record: &'r Record,
}

#[async_trait]
impl Ours for Numbered<'_> {
    fn scheme(&self) -> Scheme {
        self.log.location.scheme()
    }

    async fn create(&self) -> Result<bool, CatalogError> {
        self.log.create(&self.log.path(self.number), self.record).await
    }

    async fn is_ours(&self) -> Result<Option<bool>, CatalogError> {
        Ok(self.log.read(self.number).await?.map(|there| there.id == self.record.id))
    }
}
