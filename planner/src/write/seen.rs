//! Whether what workers have written is there for the node that commits it.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use super::{Folder, WrittenFile};
use crate::Result;

/// How many files are looked at at the same time.
const LOOKS_AT_ONCE: usize = 16;

/// The place of a file that is not there, or not as it was written: of a folder that each node has for itself.
///
/// # Errors
/// When the store does not tell.
pub(crate) async fn first_missing(
    folder: &Folder,
    files: &[WrittenFile],
) -> Result<Option<String>> {
    let look = |file: &WrittenFile| {
        is_there(Arc::clone(&folder.store), folder.path(&file.path), file.size)
    };
    let looks: Vec<_> = files.iter().map(look).collect();
    let mut looks = futures::stream::iter(looks).buffer_unordered(LOOKS_AT_ONCE);
    let failed = |(path, error): (Path, object_store::Error)| folder.failed(&path, &error);
    while let Some(missing) = looks.try_next().await.map_err(failed)? {
        if let Some(path) = missing {
            return Ok(Some(folder.location.show(&path)));
        }
    }
    Ok(None)
}

/// The path, where it is not there.
async fn is_there(
    store: Arc<dyn ObjectStore>,
    path: Path,
    size: u64,
) -> std::result::Result<Option<Path>, (Path, object_store::Error)> {
    match store.head(&path).await {
        Ok(there) if there.size == size => Ok(None),
        Ok(_) | Err(object_store::Error::NotFound { .. }) => Ok(Some(path)),
        Err(error) => Err((path, error)),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::execution::runtime_env::RuntimeEnv;

    use super::*;

    #[tokio::test]
    async fn a_file_that_is_not_here_or_shorter_is_missing() {
        let own = tempfile::tempdir().unwrap();
        std::fs::write(own.path().join("a"), "1234").unwrap();
        let location = own.path().to_str().unwrap().parse().unwrap();
        let folder = Folder::at(&location, &RuntimeEnv::default()).unwrap();
        let file = |path: &str, size| WrittenFile {
            path: path.to_owned(),
            size,
            rows: 1,
            values: Default::default(),
            stats: String::new(),
        };
        for (files, missing) in [
            (vec![file("a", 4)], false),
            (vec![file("a", 4), file("b", 4)], true),
            (vec![file("a", 5)], true),
        ] {
            let first = first_missing(&folder, &files).await.unwrap();
            assert_eq!(first.is_some(), missing, "{files:?}");
        }
    }
}
