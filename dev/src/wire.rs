//! Calls that no well-behaved client would make: Flight without the client in front of it.

use std::time::Duration;

use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::{CommandStatementQuery, ProstMessageExt};
use arrow_flight::{Action, FlightData, FlightDescriptor, FlightInfo, Ticket};
use prost::Message;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use crate::Result;

/// No call of a test may hang: past this it fails as DEADLINE_EXCEEDED or CANCELLED.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A bare Flight client: it keeps no token, no cookie, and reads one endpoint at a time.
#[derive(Clone)]
pub struct Wire {
    service: FlightServiceClient<Channel>,
    headers: Vec<(&'static str, String)>,
}

impl Wire {
    /// Connects to `grpc+tcp://host:port`, on a connection of its own.
    ///
    /// # Errors
    /// When nothing listens there.
    pub async fn connect(uri: &str) -> Result<Self> {
        Self::connect_as(uri, "squadron-wire").await
    }

    /// The same, as a client that calls itself `agent`.
    ///
    /// # Errors
    /// When nothing listens there.
    pub async fn connect_as(uri: &str, agent: &str) -> Result<Self> {
        let uri = uri.replace("grpc+tcp://", "http://");
        let endpoint = Endpoint::from_shared(uri)?.user_agent(agent)?;
        let channel = endpoint.timeout(TIMEOUT).connect().await?;
        let service = FlightServiceClient::new(channel).max_decoding_message_size(usize::MAX);
        Ok(Self { service, headers: Vec::new() })
    }

    /// The same connection, with one header more on every call.
    pub fn header(&self, name: &'static str, value: &str) -> Self {
        let mut wire = self.clone();
        wire.headers.push((name, value.to_owned()));
        wire
    }

    /// The generated client, for methods without a shorthand here.
    pub fn service(&mut self) -> &mut FlightServiceClient<Channel> {
        &mut self.service
    }

    /// A request with the headers.
    ///
    /// # Panics
    /// For a header that cannot be sent.
    pub fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        for (name, value) in &self.headers {
            let value = value.parse().expect("a header's value");
            request.metadata_mut().append(*name, value);
        }
        request
    }

    /// GetFlightInfo of a statement.
    ///
    /// # Errors
    /// The server's status.
    pub async fn execute(&mut self, sql: &str) -> Result<FlightInfo, Status> {
        let request = self.request(statement(sql));
        Ok(self.service.get_flight_info(request).await?.into_inner())
    }

    /// All messages of a ticket, as they come.
    ///
    /// # Errors
    /// The server's status, before or after any number of messages.
    pub async fn get(&mut self, ticket: &[u8]) -> Result<Vec<FlightData>, Status> {
        let request = self.request(Ticket { ticket: ticket.to_vec().into() });
        let mut stream = self.service.do_get(request).await?.into_inner();
        let mut messages = Vec::new();
        while let Some(message) = stream.message().await? {
            messages.push(message);
        }
        Ok(messages)
    }

    /// All answers of an action.
    ///
    /// # Errors
    /// The server's status.
    pub async fn act(&mut self, name: &str, body: Vec<u8>) -> Result<Vec<Vec<u8>>, Status> {
        let request = self.request(Action::new(name, body));
        let mut stream = self.service.do_action(request).await?.into_inner();
        let mut answers = Vec::new();
        while let Some(answer) = stream.message().await? {
            answers.push(answer.body.to_vec());
        }
        Ok(answers)
    }

    /// DoPut of these messages, read to its end.
    ///
    /// # Errors
    /// The server's status.
    pub async fn put(&mut self, messages: Vec<FlightData>) -> Result<usize, Status> {
        let request = self.request(futures::stream::iter(messages));
        let mut stream = self.service.do_put(request).await?.into_inner();
        let mut answers = 0;
        while stream.message().await?.is_some() {
            answers += 1;
        }
        Ok(answers)
    }
}

/// The descriptor of a statement.
pub fn statement(sql: &str) -> FlightDescriptor {
    let command = CommandStatementQuery { query: sql.to_owned(), transaction_id: None };
    FlightDescriptor::new_cmd(command.as_any().encode_to_vec())
}

/// The tickets of an answer, in endpoint order.
pub fn tickets(info: &FlightInfo) -> Vec<Vec<u8>> {
    let tickets = info.endpoint.iter().filter_map(|endpoint| endpoint.ticket.as_ref());
    tickets.map(|ticket| ticket.ticket.to_vec()).collect()
}

/// The locations of an answer, in endpoint order.
pub fn locations(info: &FlightInfo) -> Vec<Vec<String>> {
    let uris = |endpoint: &arrow_flight::FlightEndpoint| {
        endpoint.location.iter().map(|location| location.uri.clone()).collect()
    };
    info.endpoint.iter().map(uris).collect()
}
