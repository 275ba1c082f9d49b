//! Opening a session: Basic credentials in, a bearer token out.
//!
//! Servers return the bearer in the response headers (what drivers read) or, older ones, in the
//! payload. An anonymous Handshake is tried too: it gives `SET` a session to live in, and finds
//! out at once whether anything answers. Servers without Handshake are used without.

use arrow_flight::HandshakeRequest;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures::stream;
use tonic::Response;
use tonic::Streaming;
use tonic::metadata::MetadataMap;

use super::options::Credentials;
use super::{ClientError, FlightSqlClient, Target};

type Answer = Response<Streaming<arrow_flight::HandshakeResponse>>;

/// Leaves the client with a bearer, or without one where the server wants none.
pub(super) async fn open_session(
    client: &FlightSqlClient,
    credentials: &Credentials,
) -> Result<(), ClientError> {
    match credentials {
        Credentials::Token(_) => client.connections.service(client.target()).await.map(drop),
        Credentials::Anonymous => match shake(client, None).await {
            // Whatever its reason, what counts is whether it answers queries.
            Err(ClientError::Server(_)) => Ok(()),
            Err(error) => Err(error),
            Ok(bearer) => remember(client, bearer),
        },
        Credentials::Password { user, password } => {
            let basic = BASE64_STANDARD.encode(format!("{user}:{password}"));
            let bearer = shake(client, Some(format!("Basic {basic}"))).await?;
            if bearer.is_none() {
                let text = "it accepted user and password but returned no bearer token";
                return Err(ClientError::Protocol(text.to_owned()));
            }
            remember(client, bearer)
        }
    }
}

fn remember(client: &FlightSqlClient, bearer: Option<String>) -> Result<(), ClientError> {
    bearer.map_or(Ok(()), |token| client.session.set_bearer(&token))
}

async fn shake(
    client: &FlightSqlClient,
    authorization: Option<String>,
) -> Result<Option<String>, ClientError> {
    let target = client.target();
    let mut request = client.session.request(stream::iter([HandshakeRequest::default()]));
    if let Some(text) = authorization {
        let value = text.parse().map_err(|_| ClientError::Usage("unusable credentials".into()))?;
        request.metadata_mut().insert("authorization", value);
    }
    let mut service = client.connections.service(target).await?;
    let answer = service.handshake(request).await;
    let answer = answer.map_err(|s| first_contact(target, s))?;
    client.session.observe(answer.metadata());
    bearer_of(answer).await.map_err(|s| first_contact(target, s))
}

/// A connection that breaks on the first call was never one: something else listens there.
fn first_contact(target: &Target, status: tonic::Status) -> ClientError {
    match ClientError::from_status(target, status) {
        ClientError::Disconnected { location, reason } => ClientError::Connect { location, reason },
        other => other,
    }
}

/// Reads the answer to its end, so that a late refusal is not missed.
async fn bearer_of(answer: Answer) -> Result<Option<String>, tonic::Status> {
    let header = bearer_header(answer.metadata());
    let mut messages = answer.into_inner();
    let mut payload = None;
    while let Some(message) = messages.message().await? {
        let text = String::from_utf8(message.payload.to_vec()).ok();
        payload = text.filter(|t| !t.is_empty()).or(payload);
    }
    let trailer = messages.trailers().await?.as_ref().and_then(bearer_header);
    Ok(header.or(trailer).or(payload))
}

fn bearer_header(metadata: &MetadataMap) -> Option<String> {
    let value = metadata.get("authorization")?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(str::to_owned)
}
