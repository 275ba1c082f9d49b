//! Objects that are made once and never overwritten: what the log of the catalog and those of tables are made of.
//!
//! Every store can make an object only if there is none (`If-None-Match: *`), and a local folder by a link: of several
//! writers one is the first, and the others know that they were not.

use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use object_store::path::Path;
use object_store::{ObjectStore, PutMode, PutOptions};
use uuid::Uuid;

use super::location::Scheme;

/// Makes an object; false where there is one.
///
/// # Errors
/// The store's. Whether the object was made is not known then.
pub(crate) async fn create(
    store: &dyn ObjectStore,
    scheme: Scheme,
    path: &Path,
    bytes: Vec<u8>,
) -> object_store::Result<bool> {
    let created = match scheme {
        Scheme::Local => create_durably(path, bytes).await,
        _ => {
            let options = PutOptions { mode: PutMode::Create, ..Default::default() };
            store.put_opts(path, bytes.into(), options).await.map(drop)
        }
    };
    match created {
        Ok(()) => Ok(true),
        Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes a file that is whole on the disk before it has its name, as `object_store` 0.13 does not: after a power cut its
/// files may be there and hold nothing.
async fn create_durably(path: &Path, bytes: Vec<u8>) -> object_store::Result<()> {
    let path = PathBuf::from(format!("/{path}"));
    let written = tokio::task::spawn_blocking(move || create_file(&path, &bytes)).await;
    let written = written.map_err(io::Error::other).and_then(|written| written);
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            object_store::Error::AlreadyExists { path: String::new(), source: error.into() }
        }
        io::ErrorKind::PermissionDenied => {
            object_store::Error::PermissionDenied { path: String::new(), source: error.into() }
        }
        _ => object_store::Error::Generic { store: "local", source: error.into() },
    })
}

/// Makes a folder that is still there after a power cut, and those above it: a file that is on the disk is lost with a
/// folder that is not.
pub(crate) fn create_folder(folder: &std::path::Path) -> io::Result<()> {
    let Some(above) = folder.parent().filter(|_| !folder.is_dir()) else { return Ok(()) };
    create_folder(above)?;
    match std::fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    std::fs::File::open(above)?.sync_all()
}

/// A link appears with its whole content, and only one of several writers can make it.
fn create_file(path: &std::path::Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(std::path::Path::new("/"));
    create_folder(folder)?;
    let draft = folder.join(format!(".draft-{}", Uuid::new_v4().simple()));
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o644).open(&draft)?;
    let linked = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::hard_link(&draft, path));
    let removed = std::fs::remove_file(&draft);
    linked.and(removed)?;
    std::fs::File::open(folder)?.sync_all()
}
