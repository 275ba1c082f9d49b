//! Users and passwords from a file of one line each, with argon2 hashes: `squadron password NAME` makes one.
//!
//! The file is read again when it has changed, so that a user comes or goes without a restart; one that
//! cannot be read any more leaves those that were known in force, and is told in the log.
//!
//! A hash takes some 20 ms and 19 MB by intent, and drivers like Go's `database/sql` bring the password with
//! every call. So what was right is remembered, under a key that dies with the process and with the hash; and
//! passwords are looked at by few threads, with a limit to how many wait.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use async_trait::async_trait;
use datafusion::common::runtime::SpawnedTask;
use hmac::{Hmac, Mac};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use squadron_cluster::watched::Watched;
use tokio::sync::Semaphore;

mod file;

use file::Users;
pub use file::check_name;

use super::{ANONYMOUS, Authenticator, Credentials, Denied, Principal};

/// Passwords that are looked at at a time: each takes a core for a while.
const AT_A_TIME: usize = 2;

/// Passwords that wait for that; more are refused.
const WAITING: usize = 256;

/// Right passwords that are remembered.
const REMEMBERED: usize = 10_000;

/// Bytes of a stamp: enough to tell two hashes apart.
const STAMP: usize = 8;

/// The line's second half for a password, with a salt by chance and the parameters that OWASP recommends
/// (argon2id, 19 MiB, two passes: the crate's defaults).
///
/// # Errors
/// What the crate says; there is no password that it refuses.
pub fn hashed(password: &str) -> Result<String, String> {
    let salt = SaltString::generate(&mut OsRng);
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string()).map_err(|error| error.to_string())
}

/// The users of a file.
pub struct Passwords {
    users: Watched<Users>,
    anonymous: bool,
    /// Keyed texts of user, hash and password that were found right.
    right: Mutex<HashMap<[u8; 32], ()>>,
    key: [u8; 32],
    /// What a user that does not exist is held against, so that it takes as long.
    nobody: String,
    places: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Passwords({:?})", self.users)
    }
}

impl Passwords {
    /// The users in this file; with `anonymous`, who says nothing is let in, too, as [`ANONYMOUS`].
    ///
    /// # Errors
    /// What is wrong with the file, with its line, in one line.
    pub fn open(path: &Path, anonymous: bool) -> Result<Self, String> {
        let path = path.to_owned();
        let users = Watched::open("users", vec![path.clone()], move || Users::read(&path))?;
        Ok(Self {
            users,
            anonymous,
            right: Mutex::default(),
            key: Sha256::digest(uuid::Uuid::new_v4().as_bytes()).into(),
            nobody: hashed("")?,
            places: Arc::new(Semaphore::new(AT_A_TIME)),
            waiting: Arc::new(Semaphore::new(WAITING)),
        })
    }

    async fn check(&self, user: &str, password: &str) -> Result<Principal, Denied> {
        let users = self.users.current();
        let known = users.hash(user);
        let hash = known.unwrap_or(&self.nobody);
        let keyed = self.keyed(user, hash, password);
        if !self.right.lock().contains_key(&keyed) {
            let right = self.verify(hash.to_owned(), password.to_owned()).await?;
            if !right || known.is_none() {
                return Err(Denied::Wrong);
            }
            let mut remembered = self.right.lock();
            if remembered.len() >= REMEMBERED {
                remembered.clear();
            }
            remembered.insert(keyed, ());
        }
        Ok(Principal { name: user.into(), stamp: stamp(hash) })
    }

    /// Whether a password has this hash.
    async fn verify(&self, hash: String, password: String) -> Result<bool, Denied> {
        let waits = Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| Denied::Busy)?;
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| Denied::Busy)?;
        let looked = SpawnedTask::spawn_blocking(move || {
            // Held until it is done, also when nobody waits for it any more.
            let _held = (waits, place);
            let hash = PasswordHash::new(&hash);
            hash.is_ok_and(|hash| {
                Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
            })
        });
        looked.await.map_err(|error| Denied::Unavailable(error.to_string()))
    }

    /// Memory that is read by somebody else holds no password.
    fn keyed(&self, user: &str, hash: &str, password: &str) -> [u8; 32] {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        for part in [user, hash, password] {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part.as_bytes());
        }
        mac.finalize().into_bytes().into()
    }
}

/// What tokens of a user with this hash are bound to.
fn stamp(hash: &str) -> Vec<u8> {
    Sha256::digest(hash.as_bytes())[..STAMP].to_vec()
}

#[async_trait]
impl Authenticator for Passwords {
    async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Principal, Denied> {
        match credentials {
            Credentials::Nothing if self.anonymous => Ok(Principal::named(ANONYMOUS)),
            // It opens the connection; who is on it is asked for all the same.
            Credentials::Certificate(_) if self.anonymous => Ok(Principal::named(ANONYMOUS)),
            Credentials::Nothing | Credentials::Certificate(_) => Err(Denied::Missing),
            Credentials::Password { user, password } => self.check(user, password).await,
            Credentials::Bearer(_) => Err(Denied::Foreign),
        }
    }

    fn still(&self, principal: &Principal) -> Result<(), Denied> {
        let name = &*principal.name;
        if self.anonymous && name == ANONYMOUS {
            return Ok(());
        }
        let users = self.users.current();
        let hash = users.hash(name).ok_or_else(|| Denied::Gone(name.to_owned()))?;
        // A token made by `squadron token` knows no password.
        match principal.stamp.is_empty() || principal.stamp == stamp(hash) {
            true => Ok(()),
            false => Err(Denied::Gone(name.to_owned())),
        }
    }

    fn name(&self) -> &'static str {
        "passwords"
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    struct Test {
        passwords: Passwords,
        path: PathBuf,
        _dir: tempfile::TempDir,
    }

    fn write(path: &Path, users: &[(&str, &str)]) {
        let lines =
            users.iter().map(|(name, password)| format!("{name}:{}\n", hashed(password).unwrap()));
        std::fs::write(path, lines.collect::<String>()).unwrap();
    }

    fn open(users: &[(&str, &str)]) -> Test {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("users");
        write(&path, users);
        let passwords = Passwords::open(&path, false).unwrap();
        Test { passwords, path, _dir: dir }
    }

    async fn ask(
        Test { passwords, .. }: &Test,
        user: &str,
        password: &str,
    ) -> Result<Principal, Denied> {
        passwords.authenticate(Credentials::Password { user, password }).await
    }

    fn changed(test: &Test, users: &[(&str, &str)]) {
        write(&test.path, users);
        test.passwords.users.forget_when_looked();
    }

    #[tokio::test]
    async fn the_right_password_is_the_user() {
        let test = open(&[("alice", "a:ü"), ("bob", "b")]);
        for _remembered in 0..2 {
            assert_eq!(&*ask(&test, "alice", "a:ü").await.unwrap().name, "alice");
        }
    }

    #[tokio::test]
    async fn a_wrong_password_and_a_user_that_is_none_are_told_alike() {
        let test = open(&[("alice", "a"), ("bob", "b")]);
        for (user, password) in
            [("alice", "b"), ("alice", ""), ("carol", "a"), ("carol", ""), ("", "")]
        {
            assert_eq!(ask(&test, user, password).await, Err(Denied::Wrong), "{user}");
        }
    }

    #[tokio::test]
    async fn who_says_nothing_is_let_in_where_that_is_allowed_only() {
        let test = open(&[]);
        for nothing in [Credentials::Nothing, Credentials::Certificate("alice")] {
            assert_eq!(test.passwords.authenticate(nothing).await, Err(Denied::Missing));
        }
        let passwords = Passwords::open(&test.path, true).unwrap();
        let principal = passwords.authenticate(Credentials::Nothing).await.unwrap();
        assert_eq!(&*principal.name, ANONYMOUS);
        passwords.still(&principal).unwrap();
    }

    #[tokio::test]
    async fn a_change_of_password_ends_the_old_one_and_its_tokens() {
        let test = open(&[("alice", "a"), ("bob", "b")]);
        let alice = ask(&test, "alice", "a").await.unwrap();
        test.passwords.still(&alice).unwrap();
        changed(&test, &[("alice", "other")]);
        assert_eq!(test.passwords.still(&alice), Err(Denied::Gone("alice".into())));
        assert_eq!(ask(&test, "alice", "a").await, Err(Denied::Wrong));
        assert_eq!(ask(&test, "bob", "b").await, Err(Denied::Wrong));
        ask(&test, "alice", "other").await.unwrap();
    }

    #[tokio::test]
    async fn a_token_without_a_stamp_needs_its_user_only() {
        let test = open(&[("alice", "a")]);
        test.passwords.still(&Principal::named("alice")).unwrap();
        assert!(test.passwords.still(&Principal::named("bob")).is_err());
    }

    #[tokio::test]
    async fn there_is_a_limit_to_passwords_that_wait() {
        let test = open(&[("alice", "a")]);
        let _taken =
            Arc::clone(&test.passwords.waiting).try_acquire_many_owned(WAITING as u32).unwrap();
        assert_eq!(ask(&test, "alice", "a").await, Err(Denied::Busy));
    }
}
