//! A share of a result as a stream of messages: from here, or relayed from the peer that holds it.

use std::sync::Arc;

use arrow_flight::FlightData;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use tonic::Status;

use super::frames::{frame_message, schema_message};
use super::status;
use super::ticket::{ResultTicket, Ticket};
use crate::query::{Located, Queries};
use crate::results::QueryResult;

/// What a reader gets: the schema at once, then frames as they come.
pub type Messages = BoxStream<'static, Result<FlightData, Status>>;

/// Reads the share that a client's ticket names, wherever it is. `raw` is the ticket as it came.
///
/// # Errors
/// NOT_FOUND when it expired, UNAVAILABLE when its peer is gone, PERMISSION_DENIED for another
/// principal's.
pub async fn read(
    queries: &Queries,
    share: &ResultTicket,
    raw: Bytes,
    principal: &str,
) -> Result<Messages, Status> {
    match queries.locate(share, principal).await.map_err(|error| status::result(&error))? {
        Located::Here(result) => messages(&result),
        Located::At(peer) => queries.peers().read(&peer, raw).await,
    }
}

/// Reads for a client that brought its ticket to another node, which checked who brought it.
///
/// # Errors
/// As [`read`]; NOT_FOUND when this node does not hold the share, so that nothing is passed on twice.
pub async fn read_forwarded(queries: &Queries, raw: &[u8]) -> Result<Messages, Status> {
    let checked = queries.signer().check_forwarded(raw);
    let (ticket, principal) = checked.map_err(|error| status::ticket(&error))?;
    match ticket {
        Ticket::Result(share) if share.peer == queries.me().node_id => {
            let result = queries.here(&share, &principal).await;
            messages(&result.map_err(|error| status::result(&error))?)
        }
        _ => Err(Status::not_found("the ticket was forwarded to a node that does not hold it")),
    }
}

fn messages(result: &Arc<QueryResult>) -> Result<Messages, Status> {
    let reader = result.read().map_err(|error| status::result(&error))?;
    let schema = Ok(schema_message(result.opening().schema.clone()));
    let frames = reader.into_stream().map(|frame| match frame {
        Ok(frame) => Ok(frame_message(frame)),
        Err(error) => Err(status::result(&error)),
    });
    Ok(futures::stream::iter([schema]).chain(frames).boxed())
}
