//! Reading one endpoint: its locations in turn until one answers, then its batches to the end.

use arrow_flight::decode::{DecodedPayload, FlightDataDecoder};
use arrow_flight::error::FlightError;
use arrow_flight::{FlightData, FlightEndpoint, Ticket};
use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::SchemaRef;
use futures::{Stream, TryStreamExt, future};
use prost::Message;
use tokio::sync::mpsc::Sender;

use super::meter::EndpointMeter;
use super::schema::difference;
use crate::client::uri::Target;
use crate::client::{ClientError, FlightSqlClient};

/// The location that means "the connection you have".
const REUSE: &str = "arrow-flight-reuse-connection:";

/// One endpoint, where its batches go, and what they must look like.
pub(super) struct EndpointReader {
    pub(super) client: FlightSqlClient,
    pub(super) index: usize,
    pub(super) schema: SchemaRef,
    pub(super) meter: EndpointMeter,
    pub(super) batches: Sender<RecordBatch>,
}

impl EndpointReader {
    /// Reads to the end. OK means that every batch of the endpoint has been sent on.
    pub(super) async fn read(self, endpoint: FlightEndpoint) -> Result<(), ClientError> {
        let ticket = endpoint.ticket.clone().unwrap_or_default();
        let mut failures = Vec::new();
        for target in self.targets(&endpoint) {
            match self.read_from(target, ticket.clone()).await {
                Ok(()) => return Ok(()),
                // What has been handed on cannot be taken back: no second start after a batch.
                Err(e) if e.try_elsewhere() && !self.meter.has_batches() => failures.push(e),
                Err(e) => return Err(e),
            }
        }
        Err(self.all_failed(failures))
    }

    /// No location at all and the special one mean the connection there is.
    fn targets(&self, endpoint: &FlightEndpoint) -> Vec<Result<Target, ClientError>> {
        let home = || Ok(self.client.target().clone());
        let uris = endpoint.location.iter().map(|location| location.uri.as_str());
        let targets: Vec<_> = uris
            .map(|uri| if uri.starts_with(REUSE) { home() } else { self.elsewhere(uri) })
            .collect();
        if targets.is_empty() { vec![home()] } else { targets }
    }

    /// A bearer token that came through TLS does not leave in clear.
    fn elsewhere(&self, uri: &str) -> Result<Target, ClientError> {
        let unusable = |reason: String| ClientError::Connect { location: uri.to_owned(), reason };
        let target = Target::parse(uri).map_err(|e| unusable(e.to_string()))?;
        let exposed = self.client.target().tls() && !target.tls();
        if exposed && self.client.session.has_secret() {
            let text = "it is not encrypted, and credentials came over an encrypted connection";
            return Err(unusable(text.to_owned()));
        }
        Ok(target)
    }

    async fn read_from(
        &self,
        target: Result<Target, ClientError>,
        ticket: Ticket,
    ) -> Result<(), ClientError> {
        let target = target?;
        let mut service = self.client.connections.service(&target).await?;
        let answer = service.do_get(self.client.session.request(ticket)).await;
        let answer = answer.map_err(|s| ClientError::from_status(&target, s))?;
        self.meter.served_by(target.to_string());
        let frames = self.counted(answer.into_inner());
        self.drain(FlightDataDecoder::new(frames), &target).await
    }

    /// Counts what comes by wire and drops what carries metadata only, which the decoder refuses.
    fn counted(
        &self,
        frames: tonic::Streaming<FlightData>,
    ) -> impl Stream<Item = Result<FlightData, FlightError>> + Send + 'static {
        let meter = self.meter.clone();
        frames
            .inspect_ok(move |frame| meter.message(frame.encoded_len()))
            .try_filter(|frame| future::ready(!frame.data_header.is_empty()))
            .map_err(FlightError::from)
    }

    async fn drain(
        &self,
        mut frames: FlightDataDecoder,
        target: &Target,
    ) -> Result<(), ClientError> {
        let mut same = None;
        while let Some(frame) = frames.try_next().await.map_err(|e| self.translate(e, target))? {
            match frame.payload {
                DecodedPayload::Schema(_) if same.is_some() => {
                    return Err(self.broken(target, "a second schema within the stream"));
                }
                DecodedPayload::Schema(found) => same = Some(self.check(&found, target)?),
                DecodedPayload::RecordBatch(batch) => {
                    if !self.pass_on(batch, same == Some(true)).await {
                        return Ok(()); // Nobody reads any more.
                    }
                }
                DecodedPayload::None => {}
            }
        }
        if same.is_none() {
            return Err(self.broken(target, "the stream ended without a schema"));
        }
        self.meter.finished();
        Ok(())
    }

    /// Gives whether the schema is the promised one to the last metadata entry.
    fn check(&self, found: &SchemaRef, target: &Target) -> Result<bool, ClientError> {
        match difference(&self.schema, found) {
            Some(what) => {
                Err(self.broken(target, &format!("another schema than promised: {what}")))
            }
            None => Ok(*found == self.schema),
        }
    }

    async fn pass_on(&self, batch: RecordBatch, same: bool) -> bool {
        self.meter.batch(batch.num_rows());
        let batch = if same { batch } else { self.promised(batch) };
        self.batches.send(batch).await.is_ok()
    }

    /// The batch under the promised schema; nested metadata, which is part of a type, may stay.
    fn promised(&self, batch: RecordBatch) -> RecordBatch {
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let (schema, columns) = (self.schema.clone(), batch.columns().to_vec());
        RecordBatch::try_new_with_options(schema, columns, &options).unwrap_or(batch)
    }

    fn translate(&self, error: FlightError, target: &Target) -> ClientError {
        match error {
            FlightError::Tonic(status) => ClientError::from_status(target, *status),
            other => self.broken(target, &other.to_string()),
        }
    }

    fn broken(&self, target: &Target, what: &str) -> ClientError {
        ClientError::Protocol(format!("endpoint {} at {target}: {what}", self.index))
    }

    fn all_failed(&self, mut failures: Vec<ClientError>) -> ClientError {
        if failures.len() == 1 {
            return failures.remove(0);
        }
        let reasons: Vec<_> = failures.iter().map(ToString::to_string).collect();
        ClientError::Connect {
            location: format!("endpoint {} at any of its {} locations", self.index, failures.len()),
            reason: reasons.join("; "),
        }
    }
}
