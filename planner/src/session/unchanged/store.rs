//! Object stores that give what was listed and nothing else.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::fs::File;
use std::future::ready;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::error::Result;
use datafusion::execution::object_store::{ObjectStoreRegistry, ObjectStoreUrl};
use datafusion::execution::runtime_env::RuntimeEnv;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    OBJECT_STORE_COALESCE_DEFAULT, ObjectMeta, ObjectStore, ObjectStoreExt, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, coalesce_ranges,
};
use parking_lot::Mutex;
use url::Url;

use crate::catalog::is_ageless;

type StoreResult<T> = object_store::Result<T>;

/// What a file on a disk is read by where it is read as a stream.
const PIECE: usize = 256 << 10;

/// How a format's reader is given what it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reads {
    /// As pieces (JSON, CSV): given a file, that of JSON does not see where it ends too soon.
    Pieces,
    /// As bytes that are compared once they are there (Parquet).
    Bytes,
    /// As files (Arrow), which are compared as long as they are open.
    Files,
}

/// The files of one scan, as they were when it was planned.
#[derive(Debug)]
pub(super) struct Pins {
    url: ObjectStoreUrl,
    files: HashMap<Path, ObjectMeta>,
    /// Files of this machine are opened, and their age is known exactly.
    local: bool,
    reads: Reads,
    read: Mutex<HashSet<Path>>,
    changed: Mutex<Option<Path>>,
}

impl Pins {
    /// Those of scans of one table, of which there is at least one.
    pub(super) fn of(scans: &[&FileScanConfig]) -> Self {
        let groups = scans.iter().flat_map(|scan| &scan.file_groups);
        let files = groups.flat_map(|group| group.files());
        let files = files.map(|file| (file.object_meta.location.clone(), file.object_meta.clone()));
        let (url, kind) = (&scans[0].object_store_url, scans[0].file_source().file_type());
        Self {
            url: url.clone(),
            files: files.collect(),
            local: url.as_str().starts_with("file:"),
            reads: match kind {
                "json" | "csv" => Reads::Pieces,
                "parquet" => Reads::Bytes,
                _ => Reads::Files,
            },
            read: Mutex::default(),
            changed: Mutex::default(),
        }
    }

    /// The path of a file that was found to be changed.
    pub(super) fn changed(&self) -> Option<String> {
        let changed = self.changed.lock();
        changed.as_ref().map(|path| format!("{}{path}", self.url.as_str()))
    }

    /// Compares once more the files of this machine that were read: they can be written over in place.
    pub(super) async fn compare_read(&self, runtime: &RuntimeEnv) -> Result<()> {
        if !self.local {
            return Ok(());
        }
        let store = runtime.object_store(&self.url)?;
        let read: Vec<Path> = self.read.lock().iter().cloned().collect();
        for path in read {
            // A file that is gone was read to its end.
            if let Ok(now) = store.head(&path).await {
                let _ = self.compare(&path, &now);
            }
        }
        Ok(())
    }

    /// The same for a file that is open.
    fn compare_open(&self, path: &Path, now: &std::fs::Metadata) -> StoreResult<()> {
        let Ok(modified) = now.modified() else { return Ok(()) };
        let (location, size) = (path.clone(), now.len());
        let now = ObjectMeta {
            location,
            size,
            last_modified: modified.into(),
            e_tag: None,
            version: None,
        };
        self.compare(path, &now)
    }

    /// # Errors
    /// `Precondition` for a file that is not the one that was listed.
    fn compare(&self, path: &Path, now: &ObjectMeta) -> StoreResult<()> {
        let Some(listed) = self.files.get(path) else { return Ok(()) };
        if now.size == listed.size && self.is_as_old(listed, now) {
            return Ok(());
        }
        *self.changed.lock() = Some(path.clone());
        Err(object_store::Error::Precondition {
            path: path.to_string(),
            source: "the file has changed since the query was planned".into(),
        })
    }

    /// Stores far away tell in a listing more of a second than with the file, and some tell no age with it; of files
    /// of a Delta table none is known, and they are never written over.
    fn is_as_old(&self, listed: &ObjectMeta, now: &ObjectMeta) -> bool {
        if is_ageless(listed) {
            return true;
        }
        let [listed, now] = [listed, now].map(|meta| meta.last_modified);
        let [listed, now] =
            [listed, now].map(|time| (time.timestamp(), time.timestamp_subsec_nanos()));
        match self.local {
            true => is_copied(listed, now) || is_copied(now, listed),
            false => now.0 == listed.0 || now.0 == 0 || listed.0 == 0,
        }
    }
}

/// Whether a file of the second age may be a copy of one of the first, both in seconds and nanoseconds: of a
/// second, what brings files to other nodes keeps all, thousandths or millionths (scp), or nothing (tar).
fn is_copied(age: (i64, u32), copy: (i64, u32)) -> bool {
    let kept = |unit| age.1 / unit * unit == copy.1;
    age.0 == copy.0 && [1, 1_000, 1_000_000, 1_000_000_000].into_iter().any(kept)
}

/// Files that one partition of a scan has open, and how many of them it may: it reads one after the other, and
/// opens the next before it is through with one.
#[derive(Debug, Default)]
pub(super) struct Opened(Mutex<VecDeque<(Path, File)>>);

const OPENED: usize = 3;

impl Opened {
    fn note(&self, path: &Path, file: &File) -> std::io::Result<()> {
        let file = file.try_clone()?;
        let mut files = self.0.lock();
        files.truncate(OPENED - 1);
        files.push_front((path.clone(), file));
        Ok(())
    }

    /// Compares the files as they are now: what was read of them before was read of what was listed. A file that
    /// another one has taken the place of is still the one that it was.
    pub(super) fn compare(&self, pins: &Pins) {
        for (path, file) in self.0.lock().iter() {
            // What cannot be looked at tells its reader.
            let _ = file.metadata().map(|now| pins.compare_open(path, &now));
        }
    }
}

/// The stores of a node, for one partition of a scan.
#[derive(Debug)]
pub(super) struct PinnedStores {
    stores: Arc<dyn ObjectStoreRegistry>,
    pins: Arc<Pins>,
    opened: Arc<Opened>,
}

impl PinnedStores {
    pub(super) fn new(runtime: &RuntimeEnv, pins: Arc<Pins>, opened: Arc<Opened>) -> Self {
        Self { stores: Arc::clone(&runtime.object_store_registry), pins, opened }
    }
}

impl ObjectStoreRegistry for PinnedStores {
    fn register_store(
        &self,
        url: &Url,
        store: Arc<dyn ObjectStore>,
    ) -> Option<Arc<dyn ObjectStore>> {
        self.stores.register_store(url, store)
    }

    fn get_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        let store = self.stores.get_store(url)?;
        let (pins, opened) = (Arc::clone(&self.pins), Arc::clone(&self.opened));
        Ok(Arc::new(PinnedStore { store, pins, opened }))
    }
}

/// A store that one scan reads from.
#[derive(Debug)]
pub(super) struct PinnedStore {
    store: Arc<dyn ObjectStore>,
    pins: Arc<Pins>,
    opened: Arc<Opened>,
}

impl PinnedStore {
    /// For what reads bytes, and no files.
    pub(super) fn new(store: Arc<dyn ObjectStore>, pins: Arc<Pins>) -> Self {
        Self { store, pins, opened: Arc::default() }
    }

    /// The bytes of a file, which is the one that is there afterwards.
    async fn read(&self, location: &Path, got: GetResult) -> StoreResult<GetResult> {
        let (meta, range, attributes) =
            (got.meta.clone(), got.range.clone(), got.attributes.clone());
        let bytes = got.bytes().await;
        let now = self.store.head(location).await?;
        self.pins.compare(location, &now)?;
        let payload = GetResultPayload::Stream(futures::stream::once(ready(bytes)).boxed());
        Ok(GetResult { payload, meta, range, attributes })
    }

    async fn get_one(&self, location: &Path, range: Range<u64>) -> StoreResult<Bytes> {
        let options = GetOptions { range: Some(range.into()), ..Default::default() };
        self.get_opts(location, options).await?.bytes().await
    }
}

impl fmt::Display for PinnedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for PinnedStore {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> StoreResult<GetResult> {
        // Also where it fails: a range beyond the end of a file that became shorter.
        self.pins.read.lock().insert(location.clone());
        let got = self.store.get_opts(location, options).await?;
        self.pins.compare(location, &got.meta)?;
        let GetResultPayload::File(file, path) = &got.payload else { return Ok(got) };
        match self.pins.reads {
            Reads::Bytes => self.read(location, got).await,
            reads => {
                let noted = self.opened.note(location, file);
                noted.map_err(|error| failed(path, &error))?;
                if reads == Reads::Pieces { streamed(got) } else { Ok(got) }
            }
        }
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> StoreResult<Vec<Bytes>> {
        if !self.pins.local {
            let get = |range| self.get_one(location, range);
            return coalesce_ranges(ranges, get, OBJECT_STORE_COALESCE_DEFAULT).await;
        }
        // All from one file, which is the one that is there afterwards.
        let got = self.store.get_ranges(location, ranges).await;
        let now = self.store.head(location).await?;
        self.pins.compare(location, &now)?;
        got
    }

    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> StoreResult<PutResult> {
        self.store.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> StoreResult<Box<dyn MultipartUpload>> {
        self.store.put_multipart_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, StoreResult<Path>>,
    ) -> BoxStream<'static, StoreResult<Path>> {
        self.store.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        self.store.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> StoreResult<ListResult> {
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> StoreResult<()> {
        self.store.copy_opts(from, to, options).await
    }
}

/// The same as a stream, which ends in an error where the file ends before its range does.
fn streamed(mut got: GetResult) -> StoreResult<GetResult> {
    if let GetResultPayload::File(mut file, path) = got.payload {
        let failed = move |error: std::io::Error| failed(&path, &error);
        file.seek(SeekFrom::Start(got.range.start)).map_err(&failed)?;
        let left = got.range.end - got.range.start;
        let pieces = futures::stream::try_unfold((file, left), async |(mut file, left)| {
            let piece = piece(&mut file, left)?;
            Ok(piece.map(|piece| {
                let left = left - piece.len() as u64;
                (piece, (file, left))
            }))
        });
        got.payload = GetResultPayload::Stream(pieces.map_err(failed).boxed());
    }
    Ok(got)
}

fn failed(path: &std::path::Path, error: &std::io::Error) -> object_store::Error {
    let source = format!("{}: {error}", path.display()).into();
    object_store::Error::Generic { store: "LocalFileSystem", source }
}

/// The next piece of a file, of which so many bytes are left to read.
fn piece(file: &mut File, left: u64) -> std::io::Result<Option<Bytes>> {
    let size = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE);
    let mut piece = vec![0; size];
    file.read_exact(&mut piece)?;
    Ok((size > 0).then(|| piece.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_as_old_as_its_tool_keeps() {
        let age = (7, 123_456_789);
        for kept in [123_456_789, 123_456_000, 123_000_000, 0] {
            assert!(is_copied(age, (7, kept)));
        }
        for another in [(8, 123_456_789), (7, 123_456_788), (7, 120_000_000), (8, 0)] {
            assert!(!is_copied(age, another));
        }
    }
}
