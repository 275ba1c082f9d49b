//! Kept frames to Flight messages and back, without touching what is in them.

use arrow_flight::FlightData;
use bytes::Bytes;
use prost::Message;
use squadron_planner::deliver::{PartKey, PartTotals};
use tonic::Status;
use uuid::Uuid;

use super::messages::{PartProto, PutProto, TotalsProto};
use crate::results::Frame;

/// The first message of every stream to a client: the schema, before any data exists. Drivers open
/// all endpoints and wait for each schema in turn; holding it back would make them slow.
pub fn schema_message(schema: Bytes) -> FlightData {
    FlightData { data_header: schema, ..Default::default() }
}

/// A frame on its way to a client.
pub fn frame_message(frame: Frame) -> FlightData {
    FlightData { data_header: frame.header, data_body: frame.body, ..Default::default() }
}

/// A frame on its way to a peer: with its number of rows, which the peer counts.
pub fn put_message(frame: Frame) -> FlightData {
    let metadata = PutProto { rows: frame.rows, end: None };
    FlightData {
        data_header: frame.header,
        data_body: frame.body,
        app_metadata: metadata.encode_to_vec().into(),
        ..Default::default()
    }
}

/// The last message of a part.
pub fn end_message(totals: PartTotals) -> FlightData {
    let metadata = PutProto { rows: 0, end: Some(totals.into()) };
    FlightData { app_metadata: metadata.encode_to_vec().into(), ..Default::default() }
}

/// What a peer receives in a part's stream.
pub enum Put {
    /// A frame.
    Frame(Frame),
    /// The end, with the producer's totals.
    End(PartTotals),
}

/// Reads a message of a part's stream.
///
/// # Errors
/// INVALID_ARGUMENT when it is not one.
pub fn read_put(message: FlightData) -> Result<Put, Status> {
    let put = PutProto::decode(message.app_metadata)
        .map_err(|error| Status::invalid_argument(format!("not a part's message: {error}")))?;
    match put.end {
        Some(totals) => Ok(Put::End(totals.into())),
        None if message.data_header.is_empty() => {
            Err(Status::invalid_argument("a part's message without a frame"))
        }
        None => {
            let (header, body) = (own(message.data_header), own(message.data_body));
            Ok(Put::Frame(Frame::new(header, body, put.rows)))
        }
    }
}

/// Bytes as they come are a view of the buffer that the socket was read into, which holds what came
/// before and after as well. A small frame that is kept must not keep megabytes that nobody counts.
fn own(bytes: Bytes) -> Bytes {
    const SMALL: usize = 64 * 1024;
    match bytes.len() < SMALL {
        true => Bytes::copy_from_slice(&bytes),
        false => bytes,
    }
}

impl From<PartTotals> for TotalsProto {
    fn from(totals: PartTotals) -> Self {
        let PartTotals { rows, frames, bytes, checksum } = totals;
        Self { rows, frames, bytes, checksum }
    }
}

impl From<TotalsProto> for PartTotals {
    fn from(totals: TotalsProto) -> Self {
        let TotalsProto { rows, frames, bytes, checksum } = totals;
        Self { rows, frames, bytes, checksum }
    }
}

impl PartProto {
    /// A part, with its totals once they are known.
    pub fn new(part: PartKey, totals: Option<PartTotals>) -> Self {
        Self {
            query: part.query.as_bytes().to_vec(),
            attempt: part.attempt,
            task: part.task,
            partition: part.partition,
            totals: totals.map(TotalsProto::from),
        }
    }

    /// The part it names.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for an id that is not one.
    pub fn key(&self) -> Result<PartKey, Status> {
        let (attempt, task, partition) = (self.attempt, self.task, self.partition);
        Ok(PartKey { query: query_id(&self.query)?, attempt, task, partition })
    }
}

/// Reads a query id.
///
/// # Errors
/// INVALID_ARGUMENT when it is not 16 bytes.
pub fn query_id(bytes: &[u8]) -> Result<Uuid, Status> {
    Uuid::from_slice(bytes).map_err(|_| Status::invalid_argument("a query id has 16 bytes"))
}
