//! The folder that files are written to, and the moment at which those of a statement get their names.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::parquet::errors::ParquetError;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use super::WrittenFile;
use crate::catalog::delta::DeltaLog;
use crate::catalog::{CatalogError, DataLocation, Scheme, file_below, find, register_object_store};
use crate::{PlannerError, Result};

/// Before the name of a file that nobody is to read yet.
const HIDDEN: char = '.';

/// Behind it: not every engine passes over the first, and whose node was killed stays.
const UNFINISHED: &str = ".unfinished";

/// A folder that files are written to.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    pub(super) location: DataLocation,
    pub(super) store: Arc<dyn ObjectStore>,
}

impl Folder {
    /// The folder of a table with a log.
    pub(crate) fn of(log: &DeltaLog) -> Self {
        Self { location: log.location().clone(), store: Arc::clone(log.store()) }
    }

    /// # Errors
    /// When there is no such store.
    pub(crate) fn at(location: &DataLocation, runtime: &RuntimeEnv) -> Result<Self> {
        let store = register_object_store(runtime, location)?;
        Ok(Self { location: location.clone(), store })
    }

    pub(super) fn path(&self, file: &str) -> Path {
        file_below(self.location.path(), file)
    }

    /// Removes a file that nobody will read. That it stays does no harm.
    pub(super) async fn remove(&self, file: &str) {
        if let Err(error) = self.store.delete(&self.path(file)).await {
            tracing::debug!(%error, file, "a file that is not needed could not be removed");
        }
    }

    pub(super) fn failed(&self, path: &Path, error: &object_store::Error) -> PlannerError {
        PlannerError::from(&CatalogError::from_store(self.location.show(path), error))
    }

    pub(super) fn not_written(&self, path: &Path, error: &ParquetError) -> PlannerError {
        match find::<object_store::Error>(error) {
            Some(error) => self.failed(path, error),
            None => PlannerError::Unavailable(format!(
                "{}: cannot be written: {error}",
                self.location.show(path)
            )),
        }
    }

    /// Whether there is a file of this name in the folder, or anything below it.
    ///
    /// # Errors
    /// When the store does not tell.
    pub(crate) async fn has(&self, name: &str) -> Result<bool> {
        let path = self.path(name);
        let below = self.store.list_with_delimiter(Some(&path)).await;
        let below = below.map_err(|error| self.failed(&path, &error))?;
        if !below.objects.is_empty() || !below.common_prefixes.is_empty() {
            return Ok(true);
        }
        match self.store.head(&path).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.failed(&path, &error)),
        }
    }

    /// Gives a file another name, if no file has that: of several who want it one gets it. (On S3 the name is looked for
    /// before: a copy that replaces nothing is no part of its protocol.)
    ///
    /// # Errors
    /// `AlreadyExists`; the store's.
    async fn rename(&self, from: &Path, to: &Path) -> object_store::Result<()> {
        use object_store::Error;
        if self.location.scheme() != Scheme::Local {
            return match self.store.rename_if_not_exists(from, to).await {
                Err(Error::NotSupported { .. } | Error::NotImplemented { .. }) => {
                    match self.store.head(to).await {
                        Err(Error::NotFound { .. }) => self.store.rename(from, to).await,
                        Err(error) => Err(error),
                        Ok(there) => Err(Error::AlreadyExists {
                            path: there.location.to_string(),
                            source: "it is there".into(),
                        }),
                    }
                }
                renamed => renamed,
            };
        }
        let to_text = to.to_string();
        let (from, to) = (PathBuf::from(format!("/{from}")), PathBuf::from(format!("/{to}")));
        let renamed = tokio::task::spawn_blocking(move || rename(&from, &to)).await;
        let renamed = renamed.map_err(io::Error::other).and_then(|renamed| renamed);
        renamed.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                Error::AlreadyExists { path: to_text, source: error.into() }
            }
            _ => Error::Generic { store: "local", source: error.into() },
        })
    }
}

/// It is on the disk under its new name, which no other file had: a link is made by one alone.
fn rename(from: &std::path::Path, to: &std::path::Path) -> io::Result<()> {
    std::fs::hard_link(from, to)?;
    std::fs::remove_file(from)?;
    let folder = to.parent().unwrap_or(std::path::Path::new("/"));
    std::fs::File::open(folder)?.sync_all()
}

/// The name that nobody reads yet.
pub(super) fn hidden(name: &str) -> String {
    format!("{HIDDEN}{name}{UNFINISHED}")
}

/// The one that it is to have.
fn shown(hidden: &str) -> &str {
    let name = hidden.strip_prefix(HIDDEN).unwrap_or(hidden);
    name.strip_suffix(UNFINISHED).unwrap_or(name)
}

/// Gives the hidden files of a folder their names; the only one is called `name`, if that is said.
///
/// # Errors
/// `AlreadyExists` where another file has the name; when a store fails: some of them may have their names then.
pub(crate) async fn publish_files(
    folder: &Folder,
    files: &[WrittenFile],
    name: Option<&str>,
) -> Result<()> {
    for (done, file) in files.iter().enumerate() {
        let (parents, own) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
        let own = name.unwrap_or(shown(own));
        let (from, to) = (folder.path(&file.path), folder.path(&format!("{parents}/{own}")));
        folder.rename(&from, &to).await.map_err(|error| match error {
            object_store::Error::AlreadyExists { .. } if done == 0 => {
                PlannerError::AlreadyExists(format!(
                    "{} was made by another statement meanwhile: nothing was changed",
                    folder.location.show(&to)
                ))
            }
            error => PlannerError::Internal(format!(
                "{done} of {} files got their names, and then {} could not be renamed: look at the folder before you run \
                 the statement again ({error})",
                files.len(),
                folder.location.show(&from)
            )),
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_name_looks_like_no_file_of_rows() {
        assert_eq!(hidden("a.parquet"), ".a.parquet.unfinished");
        assert_eq!(shown(&hidden("a.parquet")), "a.parquet");
    }

    fn file(path: &str) -> WrittenFile {
        WrittenFile {
            path: path.to_owned(),
            size: 1,
            rows: 1,
            values: Default::default(),
            stats: String::new(),
        }
    }

    #[tokio::test]
    async fn a_file_gets_no_name_that_another_has() {
        let own = tempfile::tempdir().unwrap();
        let location = |text: &str| DataLocation::warehouse(text).unwrap();
        let local = location(own.path().to_str().unwrap());
        let local = Folder::at(&local, &RuntimeEnv::default()).unwrap();
        let store = Arc::new(object_store::memory::InMemory::new());
        let remote = Folder { store, location: location("s3://lake/out") };
        for folder in [local, remote] {
            for name in [".a", ".b"] {
                folder.store.put(&folder.path(name), name.into()).await.unwrap();
            }
            publish_files(&folder, &[file(".a")], Some("x.parquet")).await.unwrap();
            let refused = publish_files(&folder, &[file(".b")], Some("x.parquet")).await;
            assert!(matches!(refused, Err(PlannerError::AlreadyExists(_))), "{refused:?}");
            let kept = folder.store.get(&folder.path("x.parquet")).await.unwrap();
            assert_eq!(kept.bytes().await.unwrap(), ".a");
            assert!(!folder.has(".a").await.unwrap());
        }
    }
}
