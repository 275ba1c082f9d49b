//! A client that polls.

use std::time::Duration;

use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::{FlightDescriptor, FlightInfo, PollInfo};
use squadron_server::client::ClientError;
use tonic::Request;
use tonic::transport::{Channel, Endpoint};

use super::{Client, TRANSPORT, error};
use crate::faults::moments::Step;
use crate::wire::statement;

/// How long an answer may be waited for at a time: longer than a node waits for something new, by as much as
/// a busy machine takes to say so.
const PATIENCE: Duration = Duration::from_secs(15);

impl Client<'_> {
    /// Polls until the query is complete.
    pub(super) async fn polled(&self) -> Result<FlightInfo, ClientError> {
        let uri = &self.uris[self.recipe.coordinator];
        let mut service = dial(uri).await?;
        let mut polled = self.poll(&mut service, statement(self.sql())).await?;
        // From here on the nodes know of the query, and it can be met in any phase.
        self.step(Step::Planned);
        while let Some(next) = polled.flight_descriptor {
            polled = self.poll(&mut service, next).await?;
        }
        polled.info.ok_or_else(|| ClientError::Protocol("a poll without a FlightInfo".into()))
    }

    async fn poll(
        &self,
        service: &mut FlightServiceClient<Channel>,
        what: FlightDescriptor,
    ) -> Result<PollInfo, ClientError> {
        let mut request = Request::new(what);
        request.set_timeout(PATIENCE);
        for (name, value) in self.recipe.headers() {
            let name = name.parse::<tonic::metadata::AsciiMetadataKey>();
            let (Ok(name), Ok(value)) = (name, value.parse()) else { continue };
            request.metadata_mut().insert(name, value);
        }
        let answer = service.poll_flight_info(request).await;
        let location = &self.uris[self.recipe.coordinator];
        answer.map(tonic::Response::into_inner).map_err(|status| error(location, status))
    }
}

async fn dial(uri: &str) -> Result<FlightServiceClient<Channel>, ClientError> {
    let failed = |error: tonic::transport::Error| ClientError::Connect {
        location: uri.to_owned(),
        reason: error.to_string(),
    };
    let endpoint = Endpoint::from_shared(uri.replace("grpc+tcp://", "http://")).map_err(failed)?;
    let endpoint = endpoint
        .connect_timeout(TRANSPORT.connect_timeout)
        .http2_keep_alive_interval(TRANSPORT.keep_alive)
        .keep_alive_timeout(TRANSPORT.keep_alive);
    Ok(FlightServiceClient::new(endpoint.connect().await.map_err(failed)?))
}
