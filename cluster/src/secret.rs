//! The cluster secret, and what proves it on the internal port.
//!
//! Whoever can call the internal port can run any plan on the node. So every call there carries a
//! short-lived token made from a secret that only the nodes of one cluster share, and a layer in front
//! of the whole port refuses everything else. The secret never travels and is never printed; each use
//! of it (call tokens, tickets, …) has a key of its own, derived by purpose.

mod file;
mod guard;
mod token;

use std::fmt;
use std::path::Path;

use hmac::{Hmac, Mac};
use sha2::Sha256;

pub use guard::{Guarded, RequireToken};
pub use token::{CallTokens, HEADER, WithToken};

use crate::error::Result;

/// The fewest bytes of a secret that a user may choose.
const FEWEST_BYTES: usize = 16;

pub(crate) type HmacSha256 = Hmac<Sha256>;

/// What the nodes of a cluster share and nobody else knows.
#[derive(Clone, PartialEq, Eq)]
pub struct ClusterSecret(Vec<u8>);

impl ClusterSecret {
    /// A secret from these bytes (at least 16).
    ///
    /// # Errors
    /// A message saying what is wrong with them.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, String> {
        let bytes = bytes.into();
        if bytes.len() < FEWEST_BYTES {
            return Err(format!(
                "holds {} bytes, fewer than the {FEWEST_BYTES} that a secret needs; make one with `openssl rand -hex 32`",
                bytes.len()
            ));
        }
        Ok(Self(bytes))
    }

    /// A secret by chance: for one process, or one test, that shares it with nobody else.
    pub fn random() -> Self {
        Self(rand::random::<[u8; 32]>().to_vec())
    }

    /// The secret in this file, without the line end after it.
    ///
    /// # Errors
    /// [`crate::Error::Secret`] where the file cannot be read, can be read by other users, or holds
    /// too little.
    pub fn from_file(path: &Path) -> Result<Self> {
        file::load(path)
    }

    /// The secret that the nodes of one user on one machine share without being told: a file in `dir`,
    /// made on first use, readable by the user alone. Processes that start at the same time get the
    /// same one.
    ///
    /// # Errors
    /// [`crate::Error::Secret`] where the file cannot be made or read, or others may change it.
    pub fn shared_loopback(dir: &Path) -> Result<Self> {
        file::shared(dir)
    }

    /// A key for one purpose; knowing it tells nothing of the secret or of other keys.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut mac = keyed(&self.0);
        mac.update(b"squadron/1/");
        mac.update(purpose.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for ClusterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClusterSecret(…)")
    }
}

/// HMAC-SHA256 under this key.
pub(crate) fn keyed(key: &[u8]) -> HmacSha256 {
    HmacSha256::new_from_slice(key).expect("HMAC takes keys of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        let secret = ClusterSecret::new("correct horse battery").unwrap();
        assert_eq!(format!("{secret:?}"), "ClusterSecret(…)");
    }

    #[test]
    fn every_purpose_has_its_key() {
        let secret = ClusterSecret::random();
        assert_eq!(secret.derive("a"), secret.derive("a"));
        assert_ne!(secret.derive("a"), secret.derive("b"));
        assert_ne!(secret.derive("a"), ClusterSecret::random().derive("a"));
    }

    #[test]
    fn a_derived_key_stays_the_same_in_every_version() {
        // Nodes of two versions must agree during a rolling upgrade. From
        // `printf 'squadron/1/call token' | openssl dgst -sha256 -hmac 0123456789abcdef`.
        let key = ClusterSecret::new("0123456789abcdef").unwrap().derive("call token");
        assert_eq!(key[..4], [0xe2, 0xcf, 0x78, 0x4b]);
    }
}
