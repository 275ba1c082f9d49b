//! What can go wrong in this crate, by what the caller can do about it.
//!
//! Every message names the thing, says what is wrong with it and what to write instead: most of them
//! end as the one line a process prints before it exits.

use std::path::PathBuf;

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The errors of the cluster crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting cannot be used: change it and start again.
    #[error("{setting} = \"{value}\": {reason}")]
    Setting {
        /// The key or flag, as the user writes it.
        setting: String,
        /// What was written there.
        value: String,
        /// What is wrong and what to write instead.
        reason: String,
    },

    /// The cluster secret cannot be had: repair the file and start again.
    #[error("cluster secret {}: {reason}", path.display())]
    Secret {
        /// The secret's file or its directory.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
        /// What the operating system said, where it said something.
        #[source]
        source: Option<std::io::Error>,
    },

    /// Two nodes claim one identity: change one of them and start it again.
    #[error("{0}")]
    Conflict(String),

    /// A call on the internal port does not prove the cluster secret: refuse it.
    #[error("{0}")]
    Unproven(String),

    /// A node says something about itself that cannot be used: keep it out.
    #[error("member record refused: {0}")]
    Record(String),
}

impl Error {
    /// A setting that cannot be used.
    pub(crate) fn setting(
        setting: impl Into<String>,
        value: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        Self::Setting { setting: setting.into(), value: value.into(), reason: reason.into() }
    }
}
