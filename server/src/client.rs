//! The Flight SQL client: takes a statement to one node and reads the answer from all of them.
//!
//! Stock drivers read endpoints one after the other, or the first only; the point of Squadron is
//! that every node hands out its share, so `squadron sql`, `squadron demo` and the system tests
//! read through this module, which opens every endpoint at once:
//!
//! ```text
//!   execute(sql) ──► FlightInfo ──► read_all ─┬─ task: endpoint 0 ─ DoGet ─► bounded channel ─┐
//!                                             ├─ task: endpoint 1 ─ DoGet ─► bounded channel ─┼─► ResultStream
//!                                             └─ task: endpoint 2 ─ DoGet ─► bounded channel ─┘
//! ```
//!
//! What it keeps: a result is never short. The stream ends without an error only when every
//! endpoint ended with OK and every endpoint's schema was the promised one.

mod connections;
mod error;
mod handshake;
mod options;
mod read;
mod session;
mod tables;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod uri;

use std::sync::Arc;

pub use arrow_flight::FlightInfo;
use arrow_flight::sql::{CommandStatementQuery, ProstMessageExt};
use arrow_flight::{Action, CancelFlightInfoRequest, FlightDescriptor};
use futures::TryStreamExt;
use prost::Message;

use connections::Connections;
pub use error::ClientError;
pub use options::{ClientOptions, Credentials, Order, ReadOptions, TransportOptions};
pub use read::{EndpointReport, Meter, ResultStream};
use session::Session;
pub use tables::Table;
pub use uri::Target;

/// A connection to a cluster: one channel per node it was sent to, one session for all of them.
///
/// Clones share the channels and the session.
#[derive(Clone)]
pub struct FlightSqlClient {
    connections: Arc<Connections>,
    session: Arc<Session>,
}

impl FlightSqlClient {
    /// Connects with default options and without credentials; see [`Self::connect_with`].
    pub async fn connect(uri: &str) -> Result<Self, ClientError> {
        Self::connect_with(uri, ClientOptions::default()).await
    }

    /// Connects to `uri` (`grpc://`, `grpc+tcp://`, `grpc+tls://`, `flightsql://` or `host:port`)
    /// and opens a session there by a Handshake, unless a token was given.
    ///
    /// Errors: [`ClientError::Usage`] for a URI or option nobody can use, `Connect` when nothing
    /// answers, `Server` when the credentials are refused.
    pub async fn connect_with(uri: &str, options: ClientOptions) -> Result<Self, ClientError> {
        let home = Target::parse(uri)?;
        let session = Arc::new(Session::new(&options)?);
        let connections = Arc::new(Connections::new(home, options.transport));
        let client = Self { connections, session };
        handshake::open_session(&client, &options.credentials).await?;
        Ok(client)
    }

    /// Where this client is connected, as `grpc+tcp://host:port` or `grpc+tls://host:port`.
    pub fn target(&self) -> &Target {
        self.connections.home()
    }

    /// Sends the header `name: value` with every later call; an earlier value is replaced.
    pub fn set_header(&self, name: &str, value: &str) -> Result<(), ClientError> {
        self.session.set_header(name, value)
    }

    /// Hands the statement to the server (GetFlightInfo) and gives its endpoints.
    pub async fn execute(&self, sql: &str) -> Result<FlightInfo, ClientError> {
        let query = sql.to_owned();
        self.flight_info(CommandStatementQuery { query, transaction_id: None }).await
    }

    /// Reads all endpoints of `info` in parallel. Dropping the stream cancels every DoGet.
    ///
    /// Must be called within a tokio runtime. Errors: `Protocol` when `info` has no schema.
    pub fn read_all(
        &self,
        info: &FlightInfo,
        options: ReadOptions,
    ) -> Result<ResultStream, ClientError> {
        ResultStream::open(self.clone(), info, options)
    }

    /// Runs a statement whose result does not matter, such as `SET`, to its end.
    pub async fn run(&self, sql: &str) -> Result<(), ClientError> {
        let info = self.execute(sql).await?;
        let mut batches = self.read_all(&info, ReadOptions::default())?;
        while batches.try_next().await?.is_some() {}
        Ok(())
    }

    /// Tells the server that nobody wants this result any more (action CancelFlightInfo).
    pub async fn cancel(&self, info: FlightInfo) -> Result<(), ClientError> {
        let body = CancelFlightInfoRequest::new(info).encode_to_vec();
        let request = self.session.request(Action::new("CancelFlightInfo", body));
        let home = self.connections.home();
        let mut service = self.connections.service(home).await?;
        let answer = service.do_action(request).await;
        let mut results = answer.map_err(|s| ClientError::from_status(home, s))?.into_inner();
        results.message().await.map_err(|s| ClientError::from_status(home, s))?;
        Ok(())
    }

    async fn flight_info<C: ProstMessageExt>(&self, command: C) -> Result<FlightInfo, ClientError> {
        let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
        let request = self.session.request(descriptor);
        let home = self.connections.home();
        let mut service = self.connections.service(home).await?;
        let answer = service.get_flight_info(request).await;
        let answer = answer.map_err(|s| ClientError::from_status(home, s))?;
        self.session.observe(answer.metadata());
        Ok(answer.into_inner())
    }
}
