//! The log of a Delta table in its store: version N is the object N, made by whoever comes first.
//!
//! Problem: a path in the log is a URI, and of one file there are several (`ö`, `%C3%B6`): who removes a file has to name it
//! in the letters of who added it, or it stays for readers that compare them, as delta-kernel does. `deltalake` decodes
//! paths and encodes them anew. Official way: none in its `Action`. Here: paths of actions are those of the log, letter by
//! letter, and decoded where a file is opened ([`DeltaLog::file`]).

use std::sync::Arc;

use datafusion::execution::runtime_env::RuntimeEnv;
use deltalake::kernel::Action;
use deltalake::logstore::{StorageConfig, default_logstore, get_actions};
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use url::Url;

use super::listed::files_of;
use super::snapshot::Snapshot;
use crate::catalog::error::CatalogError;
use crate::catalog::location::{DataLocation, file_below};
use crate::catalog::once;
use crate::catalog::stores::register_object_store;

/// The folder of the log in a table's.
const FOLDER: &str = "_delta_log";

/// The log of one table.
#[derive(Debug, Clone)]
pub(crate) struct DeltaLog {
    location: DataLocation,
    store: Arc<dyn ObjectStore>,
}

impl DeltaLog {
    pub(super) fn new(location: DataLocation, runtime: &RuntimeEnv) -> Result<Self, CatalogError> {
        let store = register_object_store(runtime, &location)?;
        Ok(Self { location, store })
    }

    /// Where the table is.
    pub(crate) fn location(&self) -> &DataLocation {
        &self.location
    }

    /// The store that it is in.
    pub(crate) fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    fn path(&self, version: u64) -> Path {
        self.location.path().clone().join(FOLDER).join(format!("{version:020}.json"))
    }

    /// The path of a file of the table in its store. Paths in the log are below the table's folder.
    pub(crate) fn file(&self, path: &str) -> Path {
        file_below(self.location.path(), &decoded(path))
    }

    /// What a version changed, if there is one of this number. Paths are those of the log.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) async fn read(&self, version: u64) -> Result<Option<Vec<Action>>, CatalogError> {
        let path = self.path(version);
        let failed = |error| CatalogError::from_store(self.location.show(&path), &error);
        let bytes = match self.store.get(&path).await {
            Ok(found) => found.bytes().await.map_err(failed)?,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let broken = |error: String| CatalogError::invalid(self.location.show(&path), error);
        let mut actions =
            get_actions(version, &bytes).map_err(|error| broken(error.to_string()))?;
        as_written(&bytes, &mut actions).map_err(|error| broken(error.to_string()))?;
        Ok(Some(actions))
    }

    /// Makes a version; false where there is one of this number. Paths are those of the log.
    ///
    /// # Errors
    /// The store's: whether it was made is not known then.
    pub(crate) async fn write(
        &self,
        version: u64,
        actions: &[Action],
    ) -> Result<bool, CatalogError> {
        let path = self.path(version);
        let lines = actions.iter().map(line).collect::<Result<Vec<_>, _>>();
        let lines = lines
            .map_err(|error| CatalogError::invalid(self.location.show(&path), error.to_string()))?;
        let bytes = lines.join("\n").into_bytes();
        let created = once::create(self.store.as_ref(), self.location.scheme(), &path, bytes).await;
        created.map_err(|error| CatalogError::from_store(self.location.show(&path), &error))
    }

    /// The newest version that `deltalake` finds, from a checkpoint where there is one.
    pub(super) async fn load(&self) -> Result<Snapshot, CatalogError> {
        let log = self.as_deltalake();
        let found = deltalake::kernel::Snapshot::try_new(log.as_ref(), None).await;
        let found = found.map_err(|error| self.failed(&error))?;
        let mut files = Vec::new();
        let mut batches = found.files(log.as_ref(), None);
        while let Some(batch) = batches.try_next().await.map_err(|error| self.failed(&error))? {
            files.extend(files_of(&batch).map_err(|problem| self.invalid(problem))?);
        }
        let version = found.version();
        let written = self.meta(version).await?;
        let snapshot = Snapshot::new(version, written, found.protocol(), found.metadata(), files);
        snapshot.map_err(|problem| self.invalid(problem))
    }

    /// Writes all that came before a version together, so that nobody reads the log from its start.
    ///
    /// # Errors
    /// What `deltalake` says. It does no harm.
    pub(crate) async fn checkpoint(&self) -> Result<(), CatalogError> {
        let mut table = deltalake::DeltaTable::new(self.as_deltalake());
        table.load().await.map_err(|error| self.failed(&error))?;
        let written = deltalake::checkpoints::create_checkpoint(&table, None).await;
        written.map_err(|error| self.failed(&error))
    }

    /// As if the table were at the root of a store: no path of ours has to pass through URLs and back, which
    /// changes those with spaces and the like. Of that scheme listings are put in order, which not every store does.
    fn as_deltalake(&self) -> Arc<dyn deltalake::logstore::LogStore> {
        let below = PrefixStore::new(Arc::clone(&self.store), self.location.path().clone());
        let below: Arc<dyn ObjectStore> = Arc::new(below);
        let root = Url::parse("file:///").expect("a constant");
        default_logstore(Arc::clone(&below), below, &root, &StorageConfig::default())
    }

    /// Whether a version is still the one that it was: a table may have been removed and made anew.
    pub(super) async fn still_has(&self, snapshot: &Snapshot) -> Result<bool, CatalogError> {
        let now = self.meta(snapshot.version).await?;
        Ok(now.is_some() && now == snapshot.written)
    }

    pub(super) async fn meta(&self, version: u64) -> Result<Option<ObjectMeta>, CatalogError> {
        let path = self.path(version);
        match self.store.head(&path).await {
            Ok(meta) => Ok(Some(meta)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(CatalogError::from_store(self.location.show(&path), &error)),
        }
    }

    /// What is wrong with the table.
    pub(crate) fn invalid(&self, problem: impl Into<String>) -> CatalogError {
        CatalogError::invalid(self.show(), problem)
    }

    /// Where it is, as a user would write it.
    pub(crate) fn show(&self) -> String {
        self.location.show(self.location.path())
    }

    fn failed(&self, error: &deltalake::DeltaTableError) -> CatalogError {
        CatalogError::from_log(self.show(), error)
    }
}

/// The name of a file, of its path in the log.
pub(super) fn decoded(path: &str) -> String {
    percent_decode_str(path).decode_utf8_lossy().into_owned()
}

/// What is read of an action beside what `deltalake` does.
#[derive(Deserialize)]
struct Written {
    add: Option<Named>,
    remove: Option<Named>,
}

#[derive(Deserialize)]
struct Named {
    path: String,
}

/// Gives actions the paths that they have in the log.
fn as_written(bytes: &[u8], actions: &mut [Action]) -> serde_json::Result<()> {
    let written = serde_json::Deserializer::from_slice(bytes).into_iter::<Written>();
    for (written, action) in written.zip(actions) {
        match (written?, action) {
            (Written { add: Some(named), .. }, Action::Add(add)) => add.path = named.path,
            (Written { remove: Some(named), .. }, Action::Remove(remove)) => {
                remove.path = named.path;
            }
            _ => {}
        }
    }
    Ok(())
}

/// An action as it stands in the log.
fn line(action: &Action) -> serde_json::Result<String> {
    let (name, path) = match action {
        Action::Add(add) => ("add", &add.path),
        Action::Remove(remove) => ("remove", &remove.path),
        other => return serde_json::to_string(other),
    };
    let mut value = serde_json::to_value(action)?;
    value[name]["path"] = path.as_str().into();
    serde_json::to_string(&value)
}
