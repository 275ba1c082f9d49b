//! What files say, read again when they have changed: users and certificates come and go without a restart.
//!
//! Files are looked at (not read) when somebody asks, once a second at most. Ones that cannot be read any
//! more leave what was known in force; that is told in the log, once for each change.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::{Mutex, RwLock};

/// The files are looked at this often at most.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);

type Read<T> = Box<dyn Fn() -> Result<T, String> + Send + Sync>;

/// What some files say.
pub struct Watched<T> {
    what: &'static str,
    paths: Vec<PathBuf>,
    read: Read<T>,
    value: RwLock<Arc<T>>,
    seen: Mutex<(Vec<Seen>, Instant)>,
}

/// What tells whether a file is the one that was read; nothing where there is none.
type Seen = Option<(u64, u64, SystemTime)>;

impl<T> fmt::Debug for Watched<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {:?}", self.what, self.paths)
    }
}

impl<T> Watched<T> {
    /// What `read` makes of these files; `what` they are is for the log.
    ///
    /// # Errors
    /// What it says is wrong with them.
    pub fn open(
        what: &'static str,
        paths: Vec<PathBuf>,
        read: impl Fn() -> Result<T, String> + Send + Sync + 'static,
    ) -> Result<Self, String> {
        // Seen before they are read: a change in between is one that is still to be seen.
        let seen = seen(&paths);
        let value = RwLock::new(Arc::new(read()?));
        Ok(Self {
            what,
            paths,
            read: Box::new(read),
            value,
            seen: Mutex::new((seen, Instant::now())),
        })
    }

    /// What they say now.
    pub fn current(&self) -> Arc<T> {
        self.look();
        Arc::clone(&self.value.read())
    }

    fn look(&self) {
        // Whoever comes while another looks takes what is known.
        let Some(mut last) = self.seen.try_lock() else { return };
        if last.1.elapsed() < LOOK_EVERY {
            return;
        }
        let now = seen(&self.paths);
        let changed = now != last.0;
        *last = (now, Instant::now());
        if !changed {
            return;
        }
        match (self.read)() {
            Ok(value) => {
                tracing::info!(paths = ?self.paths, "the {} were read again", self.what);
                *self.value.write() = Arc::new(value);
            }
            Err(why) => {
                tracing::error!(%why, paths = ?self.paths, "the {} stay as they were", self.what);
            }
        }
    }

    /// Has the next one who asks look again.
    #[doc(hidden)]
    pub fn forget_when_looked(&self) {
        if let Some(before) = Instant::now().checked_sub(LOOK_EVERY) {
            self.seen.lock().1 = before;
        }
    }
}

fn seen(paths: &[PathBuf]) -> Vec<Seen> {
    let of = |path: &PathBuf| {
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.ino(), metadata.len(), metadata.modified().ok()?))
    };
    paths.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    struct Test {
        file: PathBuf,
        reads: Arc<AtomicUsize>,
        watched: Watched<String>,
        _dir: tempfile::TempDir,
    }

    fn test(text: &str) -> Test {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, text).unwrap();
        let (path, reads) = (file.clone(), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&reads);
        let read = move || {
            count.fetch_add(1, Ordering::Relaxed);
            let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
            if text == "bad" { Err("it is bad".into()) } else { Ok(text) }
        };
        let watched = Watched::open("words", vec![file.clone()], read).unwrap();
        Test { file, reads, watched, _dir: dir }
    }

    /// What is known once somebody has looked again.
    fn now(test: &Test) -> String {
        test.watched.forget_when_looked();
        test.watched.current().to_string()
    }

    #[test]
    fn a_change_is_seen() {
        let test = test("one");
        fs::write(&test.file, "other").unwrap();
        assert_eq!(now(&test), "other");
    }

    #[test]
    fn what_has_not_changed_is_not_read_again() {
        let test = test("one");
        for _ in 0..3 {
            now(&test);
        }
        assert_eq!(test.reads.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn what_cannot_be_read_leaves_what_was_known() {
        let test = test("one");
        fs::write(&test.file, "bad").unwrap();
        assert_eq!(now(&test), "one");
        fs::remove_file(&test.file).unwrap();
        assert_eq!(now(&test), "one");
        fs::write(&test.file, "three").unwrap();
        assert_eq!(now(&test), "three");
    }
}
