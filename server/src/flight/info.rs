//! FlightInfo: what GetFlightInfo answers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arrow_flight::{FlightDescriptor, FlightEndpoint, FlightInfo, Location, SchemaAsIpc, Ticket};
use arrow_ipc::writer::IpcWriteOptions;
use bytes::Bytes;
use datafusion::arrow::datatypes::Schema;
use prost_types::Timestamp;
use tonic::Status;

use super::status;
use crate::query::{Endpoint, Started};

/// The answer for a started query. Its id travels as metadata, for humans, logs and cancelling.
///
/// # Errors
/// INTERNAL when the schema cannot be encoded.
pub fn started(query: &Started, descriptor: FlightDescriptor) -> Result<FlightInfo, Status> {
    let expires = timestamp(query.expires);
    let endpoints = query.endpoints.iter().map(|endpoint| wire_endpoint(endpoint, expires));
    let mut info = info(&query.schema, descriptor)?;
    info.endpoint = endpoints.collect();
    info.app_metadata = query.query.to_string().into();
    Ok(info)
}

/// The answer for a query as far as it is: with those of its endpoints that can be read.
///
/// # Errors
/// INTERNAL when the schema cannot be encoded.
pub fn polled<'e>(
    query: &Started,
    readable: impl Iterator<Item = &'e Endpoint>,
    expires: SystemTime,
) -> Result<FlightInfo, Status> {
    let expires = timestamp(expires);
    let mut info = info(&query.schema, FlightDescriptor::default())?;
    info.endpoint = readable.map(|endpoint| wire_endpoint(endpoint, expires)).collect();
    Ok(info)
}

/// The answer for what is computed when it is read: one endpoint, wherever the client is connected, whose
/// ticket is good until `expires`.
///
/// # Errors
/// INTERNAL when the schema cannot be encoded.
pub fn on_demand(
    schema: &Schema,
    ticket: Bytes,
    expires: SystemTime,
    descriptor: FlightDescriptor,
) -> Result<FlightInfo, Status> {
    let endpoint = Endpoint { ticket, locations: Vec::new() };
    let mut info = info(schema, descriptor)?;
    info.endpoint = vec![wire_endpoint(&endpoint, timestamp(expires))];
    Ok(info)
}

/// A table that can be asked for: its schema, and no endpoint until it is.
///
/// # Errors
/// INTERNAL when the schema cannot be encoded.
pub fn table(schema: &Schema, descriptor: FlightDescriptor) -> Result<FlightInfo, Status> {
    info(schema, descriptor)
}

fn info(schema: &Schema, descriptor: FlightDescriptor) -> Result<FlightInfo, Status> {
    let info = FlightInfo::new().try_with_schema(schema);
    let info = info.map_err(|error| status::internal(error.to_string()))?;
    Ok(FlightInfo { total_records: -1, total_bytes: -1, ..info.with_descriptor(descriptor) })
}

fn wire_endpoint(endpoint: &Endpoint, expires: Option<Timestamp>) -> FlightEndpoint {
    let location = |uri: &String| Location { uri: uri.clone() };
    FlightEndpoint {
        ticket: Some(Ticket { ticket: endpoint.ticket.clone() }),
        location: endpoint.locations.iter().map(location).collect(),
        expiration_time: expires,
        app_metadata: Bytes::new(),
    }
}

/// A time as protobuf has it.
pub fn timestamp(time: SystemTime) -> Option<Timestamp> {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let seconds = i64::try_from(since.as_secs()).ok()?;
    Some(Timestamp { seconds, nanos: since.subsec_nanos() as i32 })
}

/// A schema as GetSchema and prepared statements carry it: an encapsulated IPC message.
///
/// # Errors
/// INTERNAL when it cannot be encoded.
pub fn schema_bytes(schema: &Schema) -> Result<Bytes, Status> {
    let options = IpcWriteOptions::default();
    let message = SchemaAsIpc::new(schema, &options).try_into();
    let message: arrow_flight::IpcMessage =
        message.map_err(|error: datafusion::arrow::error::ArrowError| {
            status::internal(error.to_string())
        })?;
    Ok(message.0)
}
