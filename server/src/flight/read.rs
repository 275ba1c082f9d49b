//! A share of a result as a stream of messages: from here, or relayed from the peer that holds it.

use std::sync::Arc;

use arrow_flight::FlightData;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use squadron_cluster::Member;
use tonic::{Code, Status};

use super::frames::{frame_message, schema_message};
use super::status;
use super::ticket::{ResultTicket, Ticket};
use crate::query::{Located, Queries};
use crate::results::{QueryResult, ResultError, ResultReader};

/// What a reader gets: the schema at once, then frames as they come.
pub type Messages = BoxStream<'static, Result<FlightData, Status>>;

/// Reads the share that a client's ticket names, wherever it is. `raw` is the ticket as it came.
///
/// # Errors
/// NOT_FOUND when it expired, UNAVAILABLE when its peer is gone, PERMISSION_DENIED for another
/// principal's.
pub async fn read(
    queries: &Arc<Queries>,
    share: &ResultTicket,
    raw: Bytes,
    principal: &str,
) -> Result<Messages, Status> {
    match queries.locate(share, principal).await.map_err(|error| status::result(&error))? {
        Located::Here(result) => messages(&result, result.read()),
        Located::Lost(result) => messages(&result, result.read_lost(&share.peer)),
        Located::At(peer) => match relayed(Arc::clone(queries), peer, raw).await {
            // It may be lost without membership knowing yet: then the query may go on without it.
            Err(error) if error.code() == Code::Unavailable => match queries.lost(share, principal)
            {
                Some(result) => messages(&result, result.read_lost(&share.peer)),
                None => Err(error),
            },
            messages => messages,
        },
    }
}

/// Reads at a peer for as long as that is in the cluster: of one that hangs nothing would come any
/// more, and its connection would stand.
async fn relayed(queries: Arc<Queries>, peer: Member, raw: Bytes) -> Result<Messages, Status> {
    let away = {
        let (queries, peer) = (Arc::clone(&queries), peer.node_id.clone());
        async move { queries.stays_away(&peer).await }
    };
    let mut away = Box::pin(away);
    let messages = tokio::select! {
        messages = queries.peers().read(&peer, raw) => messages?,
        error = &mut away => return Err(status::result(&error)),
    };
    let messages = futures::stream::try_unfold(
        (messages, away),
        |(mut messages, mut away)| async {
            tokio::select! {
                biased;
                message = messages.try_next() => Ok(message?.map(|message| (message, (messages, away)))),
                error = &mut away => Err(status::result(&error)),
            }
        },
    );
    Ok(messages.boxed())
}

/// Reads for a client that brought its ticket to another node, which checked who brought it.
///
/// # Errors
/// As [`read`]; NOT_FOUND when this node does not hold the share, so that nothing is passed on twice.
pub async fn read_forwarded(queries: &Queries, raw: &[u8]) -> Result<Messages, Status> {
    let result = forwarded(queries, raw).await?;
    messages(&result, result.read())
}

/// The share of a ticket that another node forwards, which this node must hold.
///
/// # Errors
/// As [`read_forwarded`].
pub async fn forwarded(queries: &Queries, raw: &[u8]) -> Result<Arc<QueryResult>, Status> {
    let checked = queries.signer().check_forwarded(raw);
    let (ticket, principal) = checked.map_err(|error| status::ticket(&error))?;
    match ticket {
        Ticket::Result(share) if share.peer == queries.me().node_id => {
            queries.here(&share, &principal).await.map_err(|error| status::result(&error))
        }
        _ => Err(Status::not_found("the ticket was forwarded to a node that does not hold it")),
    }
}

fn messages(
    result: &QueryResult,
    reader: Result<ResultReader, ResultError>,
) -> Result<Messages, Status> {
    let reader = reader.map_err(|error| status::result(&error))?;
    let schema = Ok(schema_message(result.opening().schema.clone()));
    let frames = reader.into_stream().map(|frame| match frame {
        Ok(frame) => Ok(frame_message(frame)),
        Err(error) => Err(status::result(&error)),
    });
    Ok(futures::stream::iter([schema]).chain(frames).boxed())
}
