//! A share of a result as a stream of messages: from here, or relayed from the peer that holds it.

use std::sync::Arc;

use arrow_flight::FlightData;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, TryFutureExt, TryStreamExt};
use squadron_cluster::Member;
use tonic::{Code, Status};

use super::frames::{frame_message, schema_message};
use super::status;
use super::ticket::{ResultTicket, Ticket};
use crate::query::{Located, Queries};
use crate::results::{QueryResult, ResultError, ResultReader};

/// What a reader gets: the schema, then frames as they come.
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
        Located::Here(result) => here(queries, &result),
        Located::Lost(result) => messages(&result, result.read_lost(&share.peer)),
        Located::At(peer) => {
            let relayed = relayed(Arc::clone(queries), peer, raw);
            let elsewhere = {
                let (queries, share) = (Arc::clone(queries), share.clone());
                let principal = principal.to_owned();
                move || {
                    let result = queries.lost(&share, &principal)?;
                    messages(&result, result.read_lost(&share.peer)).ok()
                }
            };
            Ok(or_elsewhere(relayed.try_flatten_stream().boxed(), elsewhere))
        }
    }
}

/// A peer may be lost before anything of its share has come, with or without membership knowing: then the
/// query may go on without it, and its client need not hear of that.
fn or_elsewhere(
    relayed: Messages,
    elsewhere: impl FnOnce() -> Option<Messages> + Send + 'static,
) -> Messages {
    let first = relayed.into_future();
    let all = first.map(|(first, rest)| match first {
        None => rest,
        Some(Err(error)) if error.code() == Code::Unavailable => match elsewhere() {
            Some(messages) => messages,
            None => futures::stream::iter([Err(error)]).boxed(),
        },
        Some(first) => futures::stream::iter([first]).chain(rest).boxed(),
    });
    all.flatten_stream().boxed()
}

fn here(queries: &Arc<Queries>, result: &Arc<QueryResult>) -> Result<Messages, Status> {
    let reader = result.read().map(|reader| reader.with_leave(queries.leave(result)));
    messages(result, reader)
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
pub async fn read_forwarded(queries: &Arc<Queries>, raw: &[u8]) -> Result<Messages, Status> {
    let result = forwarded(queries, raw).await?;
    here(queries, &result)
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

/// The schema comes with the first frame, or the end: an endpoint that fails before that has given
/// nothing, and clients go on to its next location.
fn messages(
    result: &QueryResult,
    reader: Result<ResultReader, ResultError>,
) -> Result<Messages, Status> {
    let mut reader = reader.map_err(|error| status::result(&error))?;
    let schema = schema_message(result.opening().schema.clone());
    let all = async move {
        let first = reader.next().await.map_err(|error| status::result(&error))?;
        let first = first.into_iter().map(frame_message);
        let begin = futures::stream::iter([schema].into_iter().chain(first).map(Ok));
        let rest = reader.into_stream().map(|frame| match frame {
            Ok(frame) => Ok(frame_message(frame)),
            Err(error) => Err(status::result(&error)),
        });
        Ok(begin.chain(rest))
    };
    Ok(all.try_flatten_stream().boxed())
}
