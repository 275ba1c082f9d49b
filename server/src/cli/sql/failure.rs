//! What can end `squadron sql`, and the exit code and words for each.

use std::io;
use std::path::PathBuf;

use crate::client::ClientError;

/// The exit code of wrong usage, as clap has it, and of a server that cannot be reached.
const USAGE: u8 = 2;

/// A failure of the command.
#[derive(Debug, thiserror::Error)]
pub(super) enum SqlError {
    /// The server or the way to it.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The command line or a prompt command does not make sense.
    #[error("{0}")]
    Usage(String),
    /// A file named by the user cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// The result cannot be put where it should go.
    #[error("cannot write {target}: {source}")]
    Write { target: String, source: io::Error },
    /// The result has a shape that the format has no place for.
    #[error("cannot write this result as {format}: {reason}; --format arrow holds every type")]
    Format { format: &'static str, reason: String },
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// Whoever read our output has seen enough.
    #[error("nobody reads the output any more")]
    BrokenPipe,
}

impl SqlError {
    /// What the process exits with.
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Read { .. } => USAGE,
            Self::Client(ClientError::Usage(_) | ClientError::Connect { .. }) => USAGE,
            Self::Client(_) | Self::Write { .. } | Self::Format { .. } => 1,
            Self::Interrupted => 130,
            Self::BrokenPipe => 0,
        }
    }

    /// What to check, where the error alone does not say it.
    pub(super) fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Client(ClientError::Connect { location, .. })
                if location.starts_with("grpc+tls") =>
            {
                Some(
                    "Check the address, and that the node speaks TLS with a certificate for that host \
                 name, signed by someone in --tls-ca (or known to this system). A node without \
                 TLS is grpc+tcp://HOST:PORT.",
                )
            }
            Self::Client(ClientError::Connect { .. }) => Some(
                "Check that a node runs there (`squadron serve` prints its address; --listen sets \
                 it), that the port is the Flight SQL one, and that no firewall is between. A node \
                 with TLS is grpc+tls://HOST:PORT.",
            ),
            _ => None,
        }
    }
}
