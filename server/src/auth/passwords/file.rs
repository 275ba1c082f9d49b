//! The file of users: `name:$argon2id$…`, one a line; `#` begins a comment.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use argon2::Params;
use argon2::password_hash::PasswordHash;

use crate::auth::ANONYMOUS;

/// More than any file of users: whoever points us at something else should hear of it.
const MOST_BYTES: u64 = 64 << 20;

/// The longest name: it travels in headers and tokens.
const LONGEST_NAME: usize = 128;

/// Most memory of a hash, in KiB: a wrong digit must not take the machine's.
const MOST_MEMORY: u32 = 1 << 20;

/// Permission of anybody but the owner to write.
const OTHERS_WRITE: u32 = 0o022;

/// Users and the hashes of their passwords.
#[derive(Default)]
pub(super) struct Users(HashMap<String, String>);

impl Users {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong, in one line, without the line's text: it may be a password.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let file = File::open(path).map_err(|error| error.to_string())?;
        // By the open file rather than by its name, which could be another file by now.
        let metadata = file.metadata().map_err(|error| error.to_string())?;
        if metadata.mode() & OTHERS_WRITE != 0 {
            let mode = metadata.mode() & 0o7777;
            return Err(format!(
                "other users may write to it (mode {mode:04o}); run `chmod 600 {}`",
                path.display()
            ));
        }
        let mut text = String::new();
        file.take(MOST_BYTES).read_to_string(&mut text).map_err(|error| error.to_string())?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut users = HashMap::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |why: &str| format!("line {}: {why}", number + 1);
            let (name, hash) = line
                .split_once(':')
                .ok_or_else(|| wrong("write NAME:HASH, as `squadron password NAME` prints it"))?;
            check_name(name).map_err(|why| wrong(&why))?;
            check_hash(hash).map_err(|why| wrong(&why))?;
            if users.insert(name.to_owned(), hash.to_owned()).is_some() {
                return Err(wrong("this user stands on an earlier line, too"));
            }
        }
        Ok(Self(users))
    }

    pub(super) fn hash(&self, user: &str) -> Option<&str> {
        self.0.get(user).map(String::as_str)
    }
}

/// Whether somebody may have this name.
///
/// # Errors
/// Why not.
pub fn check_name(name: &str) -> Result<(), String> {
    match name {
        "" => Err("a user needs a name".into()),
        ANONYMOUS => Err(format!("{ANONYMOUS} is who says nothing: choose another name")),
        _ if name.len() > LONGEST_NAME => {
            Err(format!("a name of more than {LONGEST_NAME} bytes: choose a shorter one"))
        }
        _ if name.trim() != name || name.contains(|c: char| c.is_control() || c == ':') => {
            Err("a name has no colons, no control characters, and no blanks around it".into())
        }
        _ => Ok(()),
    }
}

fn check_hash(hash: &str) -> Result<(), String> {
    let needs = "the password needs an argon2 hash, as `squadron password NAME` prints it";
    let parsed = PasswordHash::new(hash).map_err(|_| needs.to_owned())?;
    if !parsed.algorithm.as_str().starts_with("argon2") || parsed.hash.is_none() {
        return Err(needs.to_owned());
    }
    let params = Params::try_from(&parsed).map_err(|_| needs.to_owned())?;
    match params.m_cost() > MOST_MEMORY {
        true => Err("a hash that takes more than 1 GiB: make another one".into()),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const HASH: &str =
        "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ";

    fn parse(text: &str) -> Result<usize, String> {
        Users::parse(&text.replace("HASH", HASH)).map(|users| users.0.len())
    }

    #[test]
    fn comments_and_empty_lines_are_passed_over() {
        assert_eq!(parse("# users\n\nalice:HASH\r\n  bob:HASH  \n"), Ok(2));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, why) in [
            ("alice:HASH\nbob", "line 2: write NAME:HASH"),
            ("alice:secret", "line 1: the password needs an argon2 hash"),
            ("alice:$2b$12$abcdefghijklmnopqrstuv", "line 1: the password needs"),
            ("alice:$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ", "line 1: the password needs"),
            (":HASH", "line 1: a user needs a name"),
            ("anonymous:HASH", "line 1: anonymous is who says nothing"),
            ("alice:HASH\nalice:HASH", "line 2: this user stands on an earlier line"),
            ("alice:$argon2id$v=19$m=9999999,t=1,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlA", "1 GiB"),
        ] {
            let told = parse(text).unwrap_err();
            assert!(told.contains(why), "{text}: {told}");
            assert!(!told.contains("secret"));
        }
    }

    #[test]
    fn a_file_that_others_may_change_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("users");
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o620)).unwrap();
        let told = Users::read(&path).err().unwrap();
        assert!(told.contains("chmod 600"), "{told}");
    }
}
