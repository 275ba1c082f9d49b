//! The secret as a file: read with suspicion, made without a gap in which others could read it or two
//! processes could disagree.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::ClusterSecret;
use crate::error::{Error, Result};

/// The name of the secret that loopback nodes share.
const SHARED_NAME: &str = "loopback-secret";
/// More than any secret: whoever points us at a data file should hear of it.
const MOST_BYTES: u64 = 4096;
/// Permissions of anybody but the owner.
const OTHERS: u32 = 0o077;
/// Permission of anybody but the owner to write.
const OTHERS_WRITE: u32 = 0o022;

/// See [`ClusterSecret::from_file`].
pub(super) fn load(path: &Path) -> Result<ClusterSecret> {
    let file = File::open(path).map_err(|e| failed(path, "cannot be opened", e))?;
    // By the open file rather than by its name, which could be another file by now.
    let mode = file.metadata().map_err(|e| failed(path, "cannot be examined", e))?.mode();
    if mode & OTHERS != 0 {
        let reason = format!(
            "other users may use it (mode {:04o}); run `chmod 600 {}`",
            mode & 0o7777,
            path.display()
        );
        return Err(refused(path, reason));
    }
    let mut bytes = Vec::new();
    let read = file.take(MOST_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|e| failed(path, "cannot be read", e))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(refused(
            path,
            format!("is longer than {MOST_BYTES} bytes: is it the right file?"),
        ));
    }
    ClusterSecret::new(bytes.trim_ascii_end()).map_err(|reason| refused(path, reason))
}

/// See [`ClusterSecret::shared_loopback`].
pub(super) fn shared(dir: &Path) -> Result<ClusterSecret> {
    make_private(dir)?;
    let path = dir.join(SHARED_NAME);
    match fs::symlink_metadata(&path) {
        Ok(_) => load(&path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make(dir, &path).map_err(|e| failed(&path, "cannot be made", e))?;
            load(&path)
        }
        Err(error) => Err(failed(&path, "cannot be examined", error)),
    }
}

fn make_private(dir: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|e| failed(dir, "the directory cannot be made", e))?;
    let mode = fs::metadata(dir).map_err(|e| failed(dir, "cannot be examined", e))?.mode();
    if mode & OTHERS_WRITE == 0 {
        return Ok(());
    }
    let reason = format!(
        "other users may write into this directory (mode {:04o}); run `chmod 700 {}`",
        mode & 0o7777,
        dir.display()
    );
    Err(refused(dir, reason))
}

/// Writes a new secret under a name of its own, then links it to `path`: a link appears with its whole
/// content, and only one of several processes can make it. The others find it and are content.
fn make(dir: &Path, path: &Path) -> io::Result<()> {
    let draft = dir.join(format!(".{SHARED_NAME}-{:016x}", rand::random::<u64>()));
    let linked = write_new(&draft).and_then(|()| fs::hard_link(&draft, path));
    let removed = fs::remove_file(&draft);
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other.and(removed),
    }
}

fn write_new(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    for byte in rand::random::<[u8; 32]>() {
        write!(file, "{byte:02x}")?;
    }
    writeln!(file)?;
    file.sync_all()
}

fn refused(path: &Path, reason: String) -> Error {
    Error::Secret { path: path.to_owned(), reason, source: None }
}

fn failed(path: &Path, what: &str, source: io::Error) -> Error {
    Error::Secret {
        path: path.to_owned(),
        reason: format!("{what}: {source}"),
        source: Some(source),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    fn file(dir: &Path, content: &[u8], mode: u32) -> std::path::PathBuf {
        let path = dir.join("secret");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn the_line_end_is_no_part_of_the_secret() {
        let dir = tempfile::tempdir().unwrap();
        let path = file(dir.path(), b"0123456789abcdef\r\n", 0o600);
        assert_eq!(load(&path).unwrap(), ClusterSecret::new("0123456789abcdef").unwrap());
    }

    #[test]
    fn a_file_that_others_can_use_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        for bad in [0o640, 0o604, 0o660] {
            let path = file(dir.path(), b"0123456789abcdef", bad);
            let error = load(&path).unwrap_err().to_string();
            assert!(error.contains(&format!("(mode {bad:04o}); run `chmod 600 ")), "{error}");
        }
    }

    #[test]
    fn a_short_a_long_and_a_missing_file_are_refused_with_their_path() {
        let dir = tempfile::tempdir().unwrap();
        let short = load(&file(dir.path(), b"0123456789abcde\n", 0o600)).unwrap_err().to_string();
        assert!(short.contains("holds 15 bytes, fewer than the 16"), "{short}");
        let long = load(&file(dir.path(), &[b'x'; 5000], 0o600)).unwrap_err().to_string();
        assert!(long.contains("longer than 4096 bytes"), "{long}");
        let missing = load(&dir.path().join("none")).unwrap_err().to_string();
        assert!(missing.contains("/none: cannot be opened: No such file"), "{missing}");
    }

    #[test]
    fn the_shared_secret_is_the_users_alone() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("state/squadron");
        shared(&dir).unwrap();
        assert_eq!((mode(&dir), mode(&dir.join(SHARED_NAME))), (0o700, 0o600));
    }

    #[test]
    fn the_shared_secret_is_made_once_and_leaves_no_drafts() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(shared(dir.path()).unwrap(), shared(dir.path()).unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn two_machines_make_two_secrets() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        assert_ne!(shared(a.path()).unwrap(), shared(b.path()).unwrap());
    }

    #[test]
    fn all_that_start_at_once_share_one_secret() {
        let home = tempfile::tempdir().unwrap();
        for round in 0..20 {
            let dir = home.path().join(round.to_string());
            let start = Barrier::new(8);
            let race = || {
                start.wait();
                shared(&dir).unwrap()
            };
            let secrets: Vec<_> = thread::scope(|scope| {
                let racers: Vec<_> = (0..8).map(|_| scope.spawn(race)).collect();
                racers.into_iter().map(|racer| racer.join().unwrap()).collect()
            });
            assert!(secrets.iter().all(|secret| *secret == secrets[0]));
        }
    }

    #[test]
    fn a_directory_that_others_may_write_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let error = shared(dir.path()).unwrap_err().to_string();
        assert!(error.contains("(mode 0777); run `chmod 700 "), "{error}");
    }
}
