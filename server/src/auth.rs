//! Who calls: credentials in, a principal out.
//!
//! ```text
//!   authorization: …  ──► header ──► gate ─┬─ a token of this cluster ──► token, uses ─┬─► Identity
//!                                          └─ anything else ──► Authenticator ─────────┘
//! ```
//!
//! * [`Authenticator`] – whoever can tell users apart: [`Anyone`] knows nobody, [`Passwords`] has a file.
//!   LDAP and OIDC have their place beside them: both answer to a password or to a bearer.
//! * [`Tokens`] – what a Handshake gives: signed with the cluster secret, so that every node knows them
//! * [`Uses`] – when a token was last used: one in use stays good, also of clients that take no new one
//! * [`Gate`] – all of it, for one call
//!
//! Nothing here knows gRPC: `flight/authenticate.rs` stands before the port with it.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

mod anyone;
mod gate;
mod header;
mod passwords;
mod token;
mod uses;

pub use anyone::{ANONYMOUS, Anyone};
pub use gate::{Asking, Entry, Gate, Identity};
pub use passwords::{Passwords, check_name, hashed};
pub use token::{Claims, TOKEN, Tokens};
pub use uses::Uses;

/// What a call brings to say who it comes from.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Credentials<'a> {
    /// Nothing.
    Nothing,
    /// A name and a secret (`authorization: Basic …`).
    Password {
        /// The name.
        user: &'a str,
        /// The secret, in clear.
        password: &'a str,
    },
    /// The name in a certificate that an authority of the cluster's has signed, over TLS.
    Certificate(&'a str),
    /// A text that somebody else vouches for (`authorization: Bearer …`), no token of this cluster.
    Bearer(&'a str),
}

/// Passwords are not for logs.
impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "Nothing",
            Self::Password { .. } => "Password(…)",
            Self::Certificate(_) => "Certificate(…)",
            Self::Bearer(_) => "Bearer(…)",
        })
    }
}

/// Somebody whom an [`Authenticator`] knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The name: whose queries, results and sessions they are.
    pub name: Arc<str>,
    /// What tokens are bound to besides the name: another one after a change of password. Empty: nothing.
    pub stamp: Vec<u8>,
}

impl Principal {
    /// Somebody of this name whose tokens are bound to nothing else.
    pub fn named(name: &str) -> Self {
        Self { name: name.into(), stamp: Vec::new() }
    }
}

/// Why a call is not let in: what its sender is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It does not say who it comes from.
    #[error(
        "this cluster asks who you are: connect with user and password, or with a token (authorization: Bearer …)"
    )]
    Missing,
    /// The two do not belong together, or there is no such user: which is not told.
    #[error("user or password is wrong")]
    Wrong,
    /// Its header cannot be read.
    #[error("the authorization header cannot be read: {0}")]
    Garbled(&'static str),
    /// A bearer that nobody here vouches for.
    #[error(
        "the bearer token is not one of this cluster: connect again with user and password, or with a token that a node of it has given"
    )]
    Foreign,
    /// A token that nobody used for too long.
    #[error("the token was not used for {}: connect again", humantime::format_duration(std::time::Duration::from_secs(*.0)))]
    Idle(u64),
    /// A token that was made for a time that is over.
    #[error("the token expired {} ago: make another one", humantime::format_duration(std::time::Duration::from_secs(*.0)))]
    Expired(u64),
    /// A token in place of the password of somebody else.
    #[error(
        "the token in place of the password was not given to user {0:?}: leave the user empty, or write the one it was given to"
    )]
    NotTheirs(String),
    /// A token of somebody who is not known any more, or has another password now.
    #[error("user {0:?} is no longer known, or has another password now: connect again")]
    Gone(String),
    /// More passwords than can be looked at.
    #[error("too many passwords are being checked: try again")]
    Busy,
    /// Who could tell does not answer.
    #[error("who you are cannot be found out now: {0}: try again")]
    Unavailable(String),
}

/// Tells who somebody is. The two here are [`Anyone`] and [`Passwords`].
#[async_trait]
pub trait Authenticator: fmt::Debug + Send + Sync {
    /// Who brings these credentials; called for each call that brings no token of this cluster, so what is
    /// slow is to be remembered.
    ///
    /// # Errors
    /// Why they are not enough.
    async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Principal, Denied>;

    /// Whether somebody who was let in before, and has a token, is known still. Called for each call with a
    /// token: it must not wait for anybody.
    ///
    /// # Errors
    /// [`Denied::Gone`] when not.
    fn still(&self, principal: &Principal) -> Result<(), Denied>;

    /// Who everybody is, whatever they bring, where nobody is asked.
    fn anybody(&self) -> Option<Principal> {
        None
    }

    /// Its name, for the log.
    fn name(&self) -> &'static str;
}
