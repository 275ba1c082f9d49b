//! Where bytes go: standard output, or a file that appears whole or not at all.
//!
//! A file is written under a temporary name beside its place and renamed once everything
//! succeeded, so that a failed query never leaves half a file that looks whole.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use tempfile::NamedTempFile;

use crate::cli::sql::failure::SqlError;
use crate::cli::sql::format::Format;

const BUFFER: usize = 256 << 10;

/// A writer that several results use one after the other.
pub(in crate::cli::sql) type SharedWriter = Arc<Mutex<dyn Write + Send>>;

/// Where the results of a run go.
pub(in crate::cli::sql) struct Destination {
    shown: String,
    kind: Kind,
    /// The first I/O error, which the formats above do not pass on as it was.
    failure: Arc<Mutex<Option<io::Error>>>,
}

enum Kind {
    Stream(SharedWriter),
    /// A device or pipe: nothing to rename.
    Special(File),
    File {
        temporary: NamedTempFile,
        place: PathBuf,
    },
}

impl Destination {
    /// Standard output, or what stands for it.
    pub(in crate::cli::sql) fn stream(writer: SharedWriter) -> Self {
        Self::new("standard output".to_owned(), Kind::Stream(writer))
    }

    /// The file at `path`, which is touched by [`Self::commit`] and not before.
    pub(in crate::cli::sql) fn file(path: &Path) -> Result<Self, SqlError> {
        let shown = path.display().to_string();
        let kind = open(path);
        let kind = kind.map_err(|source| SqlError::Write { target: shown.clone(), source })?;
        Ok(Self::new(shown, kind))
    }

    fn new(shown: String, kind: Kind) -> Self {
        Self { shown, kind, failure: Arc::default() }
    }

    pub(super) fn is_file(&self) -> bool {
        !matches!(self.kind, Kind::Stream(_))
    }

    pub(super) fn writer(&self) -> Result<Box<dyn Write + Send>, SqlError> {
        let inner: Box<dyn Write + Send> = match &self.kind {
            Kind::Stream(shared) => Box::new(Shared(Arc::clone(shared))),
            Kind::Special(file) => Box::new(file.try_clone().map_err(|e| self.failed(e))?),
            Kind::File { temporary, .. } => {
                Box::new(temporary.as_file().try_clone().map_err(|e| self.failed(e))?)
            }
        };
        let watched = Watched { inner, failure: Arc::clone(&self.failure) };
        Ok(Box::new(BufWriter::with_capacity(BUFFER, watched)))
    }

    /// Gives the file its name. For streams there is nothing to do.
    pub(in crate::cli::sql) fn commit(self) -> Result<(), SqlError> {
        let Kind::File { temporary, place } = self.kind else {
            return Ok(());
        };
        let kept = temporary.as_file().sync_all();
        let kept = kept.and_then(|()| temporary.persist(place).map_err(|e| e.error));
        kept.map(drop).map_err(|source| SqlError::Write { target: self.shown, source })
    }

    /// What a format's error means: the file's own, if there was one, else the format's.
    pub(super) fn explain(&self, format: Format, reason: String) -> SqlError {
        match self.failure.lock().take() {
            Some(error) => self.failed(error),
            None => SqlError::Format { format: format.name(), reason },
        }
    }

    fn failed(&self, source: io::Error) -> SqlError {
        match source.kind() {
            io::ErrorKind::BrokenPipe => SqlError::BrokenPipe,
            _ => SqlError::Write { target: self.shown.clone(), source },
        }
    }
}

/// Follows links, so that a link stays one and its target is replaced.
fn open(path: &Path) -> io::Result<Kind> {
    let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    match fs::metadata(&place) {
        Ok(found) if found.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(found) if !found.is_file() => {
            Ok(Kind::Special(File::options().write(true).open(&place)?))
        }
        _ => Ok(Kind::File { temporary: beside(&place)?, place }),
    }
}

/// In the same folder, so that renaming is atomic; with the rights any new file has.
fn beside(place: &Path) -> io::Result<NamedTempFile> {
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    builder.prefix(".squadron-sql-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666)); // less the umask
    }
    builder.tempfile_in(folder.unwrap_or(Path::new(".")))
}

struct Shared(SharedWriter);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().flush()
    }
}

/// Remembers the first error before it is turned into words.
struct Watched {
    inner: Box<dyn Write + Send>,
    failure: Arc<Mutex<Option<io::Error>>>,
}

impl Watched {
    fn note<T>(&self, outcome: io::Result<T>) -> io::Result<T> {
        outcome.map_err(|error| {
            let kind = error.kind();
            self.failure.lock().get_or_insert(error);
            kind.into()
        })
    }
}

impl Write for Watched {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.inner.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            outcome => self.note(outcome),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        let outcome = self.inner.flush();
        self.note(outcome)
    }
}
