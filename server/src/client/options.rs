//! How to connect and how to read, with the defaults that suit a cluster on a fast network.

use std::time::Duration;

/// How to connect.
#[derive(Clone, Debug, Default)]
pub struct ClientOptions {
    /// Who is asking.
    pub credentials: Credentials,
    /// Headers sent with every call, for example `squadron-execution-mode: local`.
    pub headers: Vec<(String, String)>,
    /// Sockets and TLS.
    pub transport: TransportOptions,
}

/// Who is asking.
#[derive(Clone, Default)]
pub enum Credentials {
    /// Nobody in particular: a Handshake without credentials, which servers may refuse or ignore.
    #[default]
    Anonymous,
    /// A Handshake with Basic credentials; the bearer it returns goes with every call.
    Password {
        /// The user's name.
        user: String,
        /// The password, in clear.
        password: String,
    },
    /// A bearer token made elsewhere, sent with every call; no Handshake.
    Token(String),
}

impl std::fmt::Debug for Credentials {
    /// Without the secret: options end up in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Anonymous => f.write_str("Anonymous"),
            Self::Password { user, .. } => write!(f, "Password({user:?})"),
            Self::Token(_) => f.write_str("Token"),
        }
    }
}

/// Sockets and TLS, for the first connection and for those to every location.
#[derive(Clone, Debug)]
pub struct TransportOptions {
    /// How long name resolution, TCP and TLS may take together.
    pub connect_timeout: Duration,
    /// How often to ping a connection with calls in flight, so that a dead node is noticed.
    pub keep_alive: Duration,
    /// The PEM certificates to trust for TLS in place of the system's.
    pub tls_ca: Option<Vec<u8>>,
    /// The certificate to show, for servers that ask for one, and its key, in PEM.
    pub tls_identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl Default for TransportOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            keep_alive: Duration::from_secs(30),
            tls_ca: None,
            tls_identity: None,
        }
    }
}

/// In what order batches of different endpoints come out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As they arrive; endpoint order where the FlightInfo says that it matters.
    #[default]
    Arrival,
    /// All of the first endpoint, then all of the second, and so on. All are read at once still.
    Endpoints,
}

/// How to read a result.
#[derive(Clone, Copy, Debug)]
pub struct ReadOptions {
    /// In what order batches come out.
    pub order: Order,
    /// Batches kept per endpoint; when they are not taken, that endpoint's node waits.
    pub buffered_batches: usize,
    /// Endpoints read at a time; some servers make one endpoint per block.
    pub parallel: usize,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { order: Order::default(), buffered_batches: 4, parallel: 64 }
    }
}
