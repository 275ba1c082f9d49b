//! One file that is being written: it has its name once it is whole and on the disk.

use std::io;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::parquet::arrow::async_writer::AsyncFileWriter;
use datafusion::parquet::errors::{ParquetError, Result as ParquetResult};
use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::ObjectStoreExt;
use object_store::buffered::BufWriter;
use tokio::io::AsyncWriteExt;

use super::encoder::Encoder;
use super::{Encoding, Folder, WrittenFile};
use crate::catalog::{Scheme, once};
use crate::{PlannerError, Result};

/// A file that rows are written to.
pub(super) struct OpenFile {
    folder: Folder,
    /// Below the folder.
    name: String,
    writer: Encoder,
    schema: SchemaRef,
    rows: u64,
}

impl OpenFile {
    /// Begins a file of rows of these columns.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub(super) async fn create(
        folder: &Folder,
        name: String,
        schema: SchemaRef,
        encoding: Encoding,
    ) -> Result<Self> {
        let path = folder.path(&name);
        let target: Box<dyn AsyncFileWriter> = match folder.location.scheme() {
            Scheme::Local => {
                let file = LocalFile::create(PathBuf::from(format!("/{path}"))).await;
                Box::new(file.map_err(|error| folder.failed(&path, &local_error(error)))?)
            }
            _ => Box::new(StoreFile::new(BufWriter::new(Arc::clone(&folder.store), path))),
        };
        let writer = Encoder::new(encoding, target, &schema)?;
        Ok(Self { folder: folder.clone(), name, writer, schema, rows: 0 })
    }

    /// # Errors
    /// Those of encoding and of the store.
    pub(super) async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let written = self.writer.write(batch).await;
        written.map_err(|error| self.failed(&error))?;
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Lets go of the rows that wait in memory to be many.
    pub(super) async fn flush(&mut self) -> Result<()> {
        let flushed = self.writer.flush().await;
        flushed.map_err(|error| self.failed(&error))
    }

    /// Bytes in memory.
    pub(super) fn memory(&self) -> usize {
        self.writer.memory()
    }

    /// Bytes of the file, about.
    pub(super) fn bytes(&self) -> u64 {
        self.writer.bytes()
    }

    /// Ends the file: it is whole, on the disk, and has its name.
    ///
    /// # Errors
    /// As [`OpenFile::write`].
    pub(super) async fn close(mut self) -> Result<WrittenFile> {
        let finished = self.writer.finish(self.rows, &self.schema).await;
        let (bytes, stats) = finished.map_err(|error| self.failed(&error))?;
        let path = self.folder.path(&self.name);
        // What the store says that it has is what readers will hold it against.
        let there = self.folder.store.head(&path).await;
        let there = there.map_err(|error| self.folder.failed(&path, &error))?;
        if there.size != bytes {
            return Err(PlannerError::Internal(format!(
                "{}: {bytes} bytes were written and {} are there",
                self.folder.location.show(&path),
                there.size
            )));
        }
        let (path, rows) = (self.name, self.rows);
        Ok(WrittenFile { path, size: there.size, rows, values: Default::default(), stats })
    }

    fn failed(&self, error: &ParquetError) -> PlannerError {
        self.folder.not_written(&self.folder.path(&self.name), error)
    }
}

fn local_error(error: io::Error) -> object_store::Error {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            object_store::Error::PermissionDenied { path: String::new(), source: error.into() }
        }
        _ => object_store::Error::Generic { store: "local", source: error.into() },
    }
}

/// A file of this machine that is not there under its name before it is on the disk.
struct LocalFile {
    file: tokio::fs::File,
    draft: PathBuf,
    path: PathBuf,
    done: bool,
}

impl LocalFile {
    async fn create(path: PathBuf) -> io::Result<Self> {
        let folder = path.parent().unwrap_or(FilePath::new("/"));
        let made = folder.to_owned();
        let made = tokio::task::spawn_blocking(move || once::create_folder(&made)).await;
        made.map_err(io::Error::other).and_then(|made| made)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let draft = folder.join(format!(".{name}.draft"));
        let file = tokio::fs::OpenOptions::new().write(true).create_new(true).open(&draft).await?;
        Ok(Self { file, draft, path, done: false })
    }

    async fn end(&mut self) -> io::Result<()> {
        self.file.flush().await?;
        self.file.sync_all().await?;
        tokio::fs::rename(&self.draft, &self.path).await?;
        self.done = true;
        let folder = self.path.parent().unwrap_or(FilePath::new("/"));
        tokio::fs::File::open(folder).await?.sync_all().await
    }
}

impl AsyncFileWriter for LocalFile {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, ParquetResult<()>> {
        async move { self.file.write_all(&bytes).await.map_err(external) }.boxed()
    }

    fn complete(&mut self) -> BoxFuture<'_, ParquetResult<()>> {
        async move { self.end().await.map_err(external) }.boxed()
    }
}

/// A file of an object store, which is there once it is whole. One that is given up leaves no parts there: they are kept, and
/// paid for, without a name.
struct StoreFile {
    /// Until it is ended.
    writer: Option<BufWriter>,
}

impl StoreFile {
    fn new(writer: BufWriter) -> Self {
        Self { writer: Some(writer) }
    }
}

impl AsyncFileWriter for StoreFile {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, ParquetResult<()>> {
        let writer = self.writer.as_mut();
        async move {
            let writer = writer.ok_or_else(ended)?;
            writer.put(bytes).await.map_err(|error| ParquetError::External(Box::new(error)))
        }
        .boxed()
    }

    fn complete(&mut self) -> BoxFuture<'_, ParquetResult<()>> {
        let writer = self.writer.take();
        async move {
            let mut writer = writer.ok_or_else(ended)?;
            writer.shutdown().await.map_err(|error| ParquetError::External(Box::new(error)))
        }
        .boxed()
    }
}

fn ended() -> ParquetError {
    ParquetError::General("a file was ended twice".into())
}

impl Drop for StoreFile {
    fn drop(&mut self) {
        if let (Some(mut writer), Ok(runtime)) =
            (self.writer.take(), tokio::runtime::Handle::try_current())
        {
            runtime.spawn(async move {
                if let Err(error) = writer.abort().await {
                    tracing::debug!(%error, "parts of a file that was given up could not be removed");
                }
            });
        }
    }
}

fn external(error: io::Error) -> ParquetError {
    ParquetError::External(Box::new(local_error(error)))
}

impl Drop for LocalFile {
    fn drop(&mut self) {
        if !self.done {
            // It may be gone already.
            let _ = std::fs::remove_file(&self.draft);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::DataLocation;

    /// A store's own writer hides what the store has said in an I/O error.
    #[test]
    fn what_a_store_says_is_told_as_that() {
        let location = DataLocation::warehouse("s3://lake/t").unwrap();
        let store = Arc::new(object_store::memory::InMemory::new());
        let folder = Folder { location, store };
        let denied = object_store::Error::PermissionDenied {
            path: "t/a".into(),
            source: "no such right".into(),
        };
        let error = ParquetError::External(Box::new(io::Error::other(denied)));
        let error = folder.not_written(&object_store::path::Path::from("t/a"), &error);
        assert!(matches!(&error, PlannerError::BadData(_)), "{error:?}");
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let error = folder.not_written(&object_store::path::Path::from("t/a"), &external(full));
        assert!(matches!(&error, PlannerError::Exhausted(_)), "{error:?}");
    }
}
