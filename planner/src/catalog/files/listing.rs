//! What is in one table's place right now: one listing, split into data and the rest.
//!
//! ```text
//! orders/                        the table's folder
//!   part-0.parquet               data
//!   _SUCCESS  .part-0.crc        hidden: ignored, and so is everything below such a name
//!   _delta_log/…  .hoodie/…      a table format's own: which files count is told there, so none are taken
//!   README.txt                   no data suffix: ignored, named if there is no data at all
//!   year=2024/month=01/x.parquet data in partition folders
//!   old/x.parquet                in a plain sub-folder: not of this table
//! ```

use super::format::DataFormat;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// Where a table's files are: in a folder, or one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Folder(Path),
    File(Path),
}

/// The files of one table, in the order of their paths.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Listing {
    /// Everything with a data suffix, empty files too.
    pub(crate) data: Vec<DataFile>,
    /// An example of a visible file that is no data.
    pub(crate) other: Option<Path>,
    /// An example of a data file in a plain sub-folder.
    pub(crate) nested: Option<Path>,
    /// The table format that says which of the files are the table's.
    pub(crate) kept_by: Option<TableFormat>,
}

/// A format of tables over files: some of the files are of earlier versions of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TableFormat {
    /// Delta Lake.
    Delta,
    /// Apache Hudi.
    Hudi,
}

impl TableFormat {
    /// The one whose folder in a table's has this name.
    pub(crate) fn of(folder: &str) -> Option<Self> {
        [Self::Delta, Self::Hudi].into_iter().find(|format| format.folder() == folder)
    }

    /// The folder in a table's in which it keeps what it knows.
    fn folder(self) -> &'static str {
        match self {
            Self::Delta => "_delta_log",
            Self::Hudi => ".hoodie",
        }
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Delta => "Delta Lake",
            Self::Hudi => "Apache Hudi",
        }
    }
}

/// What a look at a place tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peeked {
    /// Files of this format.
    Files(DataFormat),
    /// A Delta table.
    Delta,
}

/// One file with a data suffix.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DataFile {
    pub(crate) meta: ObjectMeta,
    pub(crate) format: DataFormat,
}

// === impl Place ===

impl Place {
    pub(crate) fn path(&self) -> &Path {
        let (Self::Folder(path) | Self::File(path)) = self;
        path
    }

    /// The names of the folders between this place and a file in it.
    pub(crate) fn folders_to<'f>(&self, file: &'f Path) -> Vec<&'f str> {
        let below = file.as_ref().strip_prefix(self.path().as_ref()).unwrap_or_default();
        let mut segments: Vec<_> = below.split('/').filter(|s| !s.is_empty()).collect();
        segments.pop();
        segments
    }

    /// Lists the place. A place that is gone lists as empty.
    pub(crate) async fn list(&self, store: &dyn ObjectStore) -> object_store::Result<Listing> {
        match self {
            Self::File(path) => Ok(Listing::of_file(head(store, path).await?)),
            Self::Folder(folder) => {
                let metas = store.list(Some(folder)).try_collect().await?;
                Ok(self.sort(metas))
            }
        }
    }

    /// The format of the first data file, looking no further than is needed to find one.
    pub(crate) async fn peek(
        &self,
        store: &dyn ObjectStore,
    ) -> object_store::Result<Option<Peeked>> {
        let folder = match self {
            Self::File(path) => {
                let format = path.filename().and_then(DataFormat::split).map(|s| s.1);
                return Ok(format.map(Peeked::Files));
            }
            Self::Folder(folder) => folder,
        };
        let mut metas = store.list(Some(folder));
        // Files of a Delta table may be listed before its log is.
        let log = folder.clone().join(TableFormat::Delta.folder());
        if store.list(Some(&log)).next().await.transpose()?.is_some() {
            return Ok(Some(Peeked::Delta));
        }
        while let Some(meta) = metas.next().await.transpose()? {
            if let Some(file) = self.sort(vec![meta]).data.pop() {
                return Ok(Some(Peeked::Files(file.format)));
            }
        }
        Ok(None)
    }

    fn sort(&self, mut metas: Vec<ObjectMeta>) -> Listing {
        metas.sort_unstable_by(|a, b| a.location.cmp(&b.location));
        let mut listing = Listing::default();
        for meta in metas {
            let folders = self.folders_to(&meta.location);
            let name = meta.location.filename().unwrap_or_default();
            let format = folders.first().and_then(|folder| TableFormat::of(folder));
            listing.kept_by = listing.kept_by.or(format);
            if is_hidden(name) || folders.iter().any(|folder| is_hidden(folder)) {
                continue;
            }
            let nested = folders.iter().any(|folder| !folder.contains('='));
            match DataFormat::split(name) {
                Some(_) if nested => listing.nested = Some(meta.location),
                Some((_, format)) => listing.data.push(DataFile { meta, format }),
                None => listing.other = Some(meta.location),
            }
        }
        listing
    }
}

// === impl Listing ===

impl Listing {
    fn of_file(meta: Option<ObjectMeta>) -> Self {
        let data = meta.and_then(|meta| {
            let (_, format) = DataFormat::split(meta.location.filename()?)?;
            Some(DataFile { meta, format })
        });
        Self { data: data.into_iter().collect(), ..Self::default() }
    }

    /// Whether there is nothing at all, as when the place is gone.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The metadata of one object, `None` if there is no such object.
pub(crate) async fn head(
    store: &dyn ObjectStore,
    path: &Path,
) -> object_store::Result<Option<ObjectMeta>> {
    match store.head(path).await {
        Ok(meta) => Ok(Some(datable(meta))),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Caches of footers and statistics, here and on workers, tell versions of a file apart by size and
/// time. A web server that gives an entity tag but no time gets a time made from the tag.
fn datable(mut meta: ObjectMeta) -> ObjectMeta {
    const SPAN: u64 = 1 << 32;
    if let Some(tag) = meta.e_tag.as_ref().filter(|_| meta.last_modified.timestamp() == 0) {
        let mut hasher = DefaultHasher::new();
        tag.hash(&mut hasher);
        meta.last_modified += Duration::from_secs(hasher.finish() % SPAN);
    }
    meta
}

/// Names that tools keep for themselves: `_SUCCESS`, `_delta_log`, `.crc`. A partition column may
/// start with an underscore.
pub(crate) fn is_hidden(name: &str) -> bool {
    name.starts_with('.') || (name.starts_with('_') && !name.contains('='))
}
