//! A folder of the local file system, whatever lies about in it.
//!
//! `object_store` 0.13 gives up a whole listing for one name that is no path of an object store (a line
//! break in it, not UTF-8) or one link that leads nowhere or in a circle, and takes a named pipe for a
//! file, which then is read for ever. One such thing must not hide all tables.

use super::discover::Children;
use object_store::Error;
use object_store::path::Path;
use std::io;

/// The folders and the regular files in a folder; what is neither is left out, and a folder that is
/// gone is empty.
pub(super) async fn children(folder: &Path) -> Result<Children, Error> {
    let path = std::path::PathBuf::from(format!("/{folder}"));
    let read = tokio::task::spawn_blocking(move || read(&path)).await;
    match read.map_err(io::Error::other).and_then(|read| read) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Children::default()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(Error::PermissionDenied { path: folder.to_string(), source: error.into() })
        }
        read => read.map_err(|error| Error::Generic { store: "local", source: error.into() }),
    }
}

fn read(folder: &std::path::Path) -> io::Result<Children> {
    let mut children = Children::default();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let kind = std::fs::metadata(&path).map(|metadata| metadata.file_type());
        match (kind, Path::from_absolute_path(&path)) {
            (Ok(kind), Ok(child)) if kind.is_dir() => children.folders.push(child),
            (Ok(kind), Ok(child)) if kind.is_file() => children.files.push(child),
            (Ok(_), Ok(_)) => {}
            (Err(error), _) => tracing::warn!(?path, %error, "left out: it cannot be read"),
            (_, Err(error)) => tracing::warn!(?path, %error, "left out: it cannot be named"),
        }
    }
    Ok(children)
}
