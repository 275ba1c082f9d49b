//! What can go wrong for a client, by what its user can do about it.

use std::error::Error;

use tonic::{Code, Status};

use super::uri::Target;

/// An error of the client. `Display` is one line for a user, without a prefix.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// What the caller gave cannot be used: correct it.
    #[error("{0}")]
    Usage(String),
    /// Nothing that speaks Flight answered at `location`: check address, network and TLS.
    #[error("cannot connect to {location}: {reason}")]
    Connect {
        /// Where the client dialled.
        location: String,
        /// The cause, as the transport tells it.
        reason: String,
    },
    /// The connection broke while it was in use: ask again.
    #[error("lost the connection to {location}: {reason}")]
    Disconnected {
        /// The node that was read from.
        location: String,
        /// The cause, as the transport tells it.
        reason: String,
    },
    /// The server answered with an error: its message says what to do.
    #[error("{}: {}", code_name(.0.code()), .0.message().trim_end())]
    Server(Box<Status>),
    /// The server's answer contradicts itself or the protocol: report it.
    #[error("broken answer from the server: {0}")]
    Protocol(String),
}

impl ClientError {
    /// A status with a cause was made on this side, by the transport; one without came by wire.
    pub(super) fn from_status(target: &Target, status: Status) -> Self {
        match status.source() {
            Some(cause) => {
                Self::Disconnected { location: target.to_string(), reason: innermost(cause) }
            }
            None => Self::Server(Box::new(status)),
        }
    }

    pub(super) fn connect(location: impl ToString, error: &(dyn Error + 'static)) -> Self {
        Self::Connect { location: location.to_string(), reason: innermost(error) }
    }

    /// Whether another location of the same endpoint may do better.
    pub(super) fn try_elsewhere(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Disconnected { .. } => true,
            Self::Server(status) => status.code() == Code::Unavailable,
            Self::Usage(_) | Self::Protocol(_) => false,
        }
    }
}

/// The last error of the chain: the outer ones say no more than "transport error".
fn innermost(error: &(dyn Error + 'static)) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}

/// The name of a gRPC code as the specification writes it, for example `INVALID_ARGUMENT`.
pub fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
