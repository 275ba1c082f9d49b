//! A share of a result as a stream of messages: from here, or relayed from the peer that holds it.

use std::sync::Arc;

use arrow_flight::FlightData;
use bytes::Bytes;
use futures::{FutureExt, StreamExt, TryFutureExt, TryStreamExt};
use squadron_cluster::Member;
use tonic::{Code, Status};

use super::peers::RELAY_WINDOW;
use super::pieces::{Piece, Pieces, pieces};
use super::status;
use super::ticket::{ResultTicket, Ticket};
use crate::query::{Located, Queries};
use crate::results::{QueryResult, ResultError, ResultStore};

/// Reads the share that a client's ticket names, wherever it is. `raw` is the ticket as it came.
///
/// # Errors
/// NOT_FOUND when it expired, UNAVAILABLE when its peer is gone (INTERNAL where its query changes something: it is not
/// known what became of it), PERMISSION_DENIED for another principal's.
pub async fn read(
    queries: &Arc<Queries>,
    share: &ResultTicket,
    raw: Bytes,
    principal: &str,
) -> Result<Pieces, Status> {
    let found = find(queries, share, raw, principal).await;
    match share.changes {
        false => found,
        true => {
            let pieces = found.map_err(|error| status::status_of_change(&error))?;
            Ok(pieces.map_err(|error| status::status_of_change(&error)).boxed())
        }
    }
}

async fn find(
    queries: &Arc<Queries>,
    share: &ResultTicket,
    raw: Bytes,
    principal: &str,
) -> Result<Pieces, Status> {
    match queries.locate(share, principal).await.map_err(|error| status::result(&error))? {
        Located::Here(result) => here(queries, &result),
        Located::Lost(result) => Ok(of_lost(queries, result, share, raw)),
        Located::At(peer) => {
            let asked = peer.node_id.clone();
            let there = relayed(queries, peer, share, raw.clone());
            let elsewhere = {
                let (queries, share) = (Arc::clone(queries), share.clone());
                let principal = principal.to_owned();
                move || match queries.instead(&share, &principal)? {
                    Located::Lost(result) => Some(of_lost(&queries, result, &share, raw)),
                    Located::At(other) if other.node_id != asked => {
                        Some(relayed(&queries, other, &share, raw))
                    }
                    _ => None,
                }
            };
            Ok(or_elsewhere(there, elsewhere))
        }
    }
}

/// A peer may be lost before anything of its share has come, with or without membership knowing: then the
/// query may go on without it, and its client need not hear of that.
fn or_elsewhere(
    relayed: Pieces,
    elsewhere: impl FnOnce() -> Option<Pieces> + Send + 'static,
) -> Pieces {
    let first = relayed.into_future();
    let all = first.map(|(first, rest)| match first {
        None => rest,
        Some(Err(error)) if error.code() == Code::Unavailable => match elsewhere() {
            Some(pieces) => pieces,
            None => futures::stream::iter([Err(error)]).boxed(),
        },
        Some(first) => futures::stream::iter([first]).chain(rest).boxed(),
    });
    all.flatten_stream().boxed()
}

/// What becomes of the share of a peer that cannot be reached, as another share here will know. The peer may
/// be back by then, and have got its share in a later run.
fn of_lost(
    queries: &Arc<Queries>,
    result: Arc<QueryResult>,
    share: &ResultTicket,
    raw: Bytes,
) -> Pieces {
    let known = match pieces(&result, result.read_lost(&share.peer), queries.node_id()) {
        Ok(known) => known,
        Err(error) => futures::stream::iter([Err(error)]).boxed(),
    };
    let (queries, share) = (Arc::clone(queries), share.clone());
    or_elsewhere(known, move || {
        let peer = queries.members().get(&share.peer).cloned()?;
        Some(relayed(&queries, (*peer).clone(), &share, raw))
    })
}

fn here(queries: &Arc<Queries>, result: &Arc<QueryResult>) -> Result<Pieces, Status> {
    let reader = result.read().map(|reader| reader.with_leave(queries.leave(result)));
    pieces(result, reader, queries.node_id())
}

/// Reads at a peer for as long as that is in the cluster: of one that hangs nothing would come any
/// more, and its connection would stand. Until its end this node is one that somebody needs.
fn relayed(queries: &Arc<Queries>, peer: Member, share: &ResultTicket, raw: Bytes) -> Pieces {
    let (queries, share) = (Arc::clone(queries), share.clone());
    relaying(queries, peer, share, raw).try_flatten_stream().boxed()
}

async fn relaying(
    queries: Arc<Queries>,
    peer: Member,
    share: ResultTicket,
    raw: Bytes,
) -> Result<Pieces, Status> {
    let here = queries.relaying();
    let away = {
        let (queries, peer) = (Arc::clone(&queries), peer.node_id.clone());
        async move { queries.stays_away(&peer).await }
    };
    let mut away = Box::pin(away);
    let messages = tokio::select! {
        messages = queries.peers().read(&peer, raw) => messages?,
        error = &mut away => return Err(status::result(&error)),
    };
    let store = Arc::clone(queries.store());
    let whole = move || {
        queries.relayed(share.query, &share.peer);
        drop(here);
    };
    let messages = futures::stream::try_unfold(
        (messages, away, Some(whole)),
        |(mut messages, mut away, mut whole)| async {
            let message = tokio::select! {
                biased;
                message = messages.try_next() => message?,
                error = &mut away => return Err(status::result(&error)),
            };
            if message.is_none()
                && let Some(whole) = whole.take()
            {
                whole();
            }
            Ok(message.map(|message| (message, (messages, away, whole))))
        },
    );
    Ok(messages.map_ok(move |message| Piece::Whole(charged(message, &store))).boxed())
}

/// What waits here for a client counts, and so does as much of what follows: it comes while the client
/// does not read.
fn charged(message: FlightData, store: &ResultStore) -> FlightData {
    let behind = message.data_body.len().min(RELAY_WINDOW as usize);
    FlightData { data_body: store.passing(message.data_body, behind), ..message }
}

/// Reads for a client that brought its ticket to another node, which checked who brought it.
///
/// # Errors
/// As [`read`]; NOT_FOUND when this node neither holds the share nor knows who holds another one, so
/// that nothing is passed on in a circle.
pub async fn read_forwarded(queries: &Arc<Queries>, raw: Bytes) -> Result<Pieces, Status> {
    let (share, principal) = forwarded_share(queries, &raw)?;
    if share.peer == queries.me().node_id {
        let result = queries.here(&share, &principal).await;
        return here(queries, &result.map_err(|error| status::result(&error))?);
    }
    match queries.instead(&share, &principal) {
        Some(Located::Lost(result)) => Ok(of_lost(queries, result, &share, raw)),
        Some(Located::At(peer)) if share.coordinator == queries.me().node_id => {
            Ok(relayed(queries, peer, &share, raw))
        }
        _ => Err(status::result(&ResultError::gone(share.query))),
    }
}

/// The share of a ticket that another node forwards, which this node must hold.
///
/// # Errors
/// As [`read_forwarded`].
pub async fn forwarded(queries: &Queries, raw: &[u8]) -> Result<Arc<QueryResult>, Status> {
    let (share, principal) = forwarded_share(queries, raw)?;
    match share.peer == queries.me().node_id {
        true => queries.here(&share, &principal).await.map_err(|error| status::result(&error)),
        false => Err(not_here()),
    }
}

fn forwarded_share(queries: &Queries, raw: &[u8]) -> Result<(ResultTicket, String), Status> {
    let checked = queries.signer().check_forwarded(raw);
    match checked.map_err(|error| status::ticket(&error))? {
        (Ticket::Result(share), principal) => Ok((share, principal)),
        _ => Err(not_here()),
    }
}

fn not_here() -> Status {
    Status::not_found("the ticket was forwarded to a node that does not hold it")
}
