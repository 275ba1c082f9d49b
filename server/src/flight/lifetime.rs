//! How long a result is there: CancelFlightInfo, the older CancelQuery, RenewFlightEndpoint.
//!
//! All three speak of a query by its tickets, which are signed and bound to their principal: whoever has
//! them may cancel, and nobody else.

use std::sync::Arc;
use std::time::SystemTime;

use arrow_flight::sql::{ActionCancelQueryRequest, ActionCancelQueryResult, ProstMessageExt};
use arrow_flight::{
    CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightEndpoint, FlightInfo,
    RenewFlightEndpointRequest, Ticket as FlightTicket,
};
use bytes::Bytes;
use prost::Message;
use tonic::Status;

use super::command::body;
use super::info::timestamp;
use super::ticket::{PollHandle, ResultTicket, Ticket};
use super::{answer, poll, status};
use crate::query::{Cancelled, Queries};
use crate::results::ResultError;

/// The action of the Flight protocol that cancels.
pub const CANCEL_FLIGHT_INFO: &str = "CancelFlightInfo";
/// The action of Flight SQL that did so before.
pub const CANCEL_QUERY: &str = "CancelQuery";
/// The action that keeps a share longer.
pub const RENEW: &str = "RenewFlightEndpoint";

/// Answers CancelFlightInfo.
///
/// # Errors
/// INVALID_ARGUMENT for what is no FlightInfo of this cluster, PERMISSION_DENIED for another
/// principal's, NOT_FOUND for a query that is not known any more.
pub async fn cancel_flight_info(
    bytes: &[u8],
    principal: &str,
    queries: &Arc<Queries>,
) -> Result<Bytes, Status> {
    let request = read::<CancelFlightInfoRequest>(bytes)?;
    let info = request.info.ok_or_else(|| Status::invalid_argument("the FlightInfo is missing"))?;
    let status = cancel(&info, principal, queries).await? as i32;
    Ok(CancelFlightInfoResult { status }.encode_to_vec().into())
}

/// Answers CancelQuery.
///
/// # Errors
/// As [`cancel_flight_info`].
pub async fn cancel_query(
    bytes: &[u8],
    principal: &str,
    queries: &Arc<Queries>,
) -> Result<Bytes, Status> {
    let request = body::<ActionCancelQueryRequest>(bytes)?;
    let info = read::<FlightInfo>(&request.info)?;
    // `CancelResult`, which arrow-flight does not let out, has the same numbers.
    let result = cancel(&info, principal, queries).await? as i32;
    Ok(ActionCancelQueryResult { result }.as_any().encode_to_vec().into())
}

/// Answers RenewFlightEndpoint: the same endpoint, with a ticket and a time that last longer.
///
/// # Errors
/// As [`cancel_flight_info`], and the query's own error when it has failed.
pub async fn renew(bytes: &[u8], principal: &str, queries: &Arc<Queries>) -> Result<Bytes, Status> {
    let request = read::<RenewFlightEndpointRequest>(bytes)?;
    let endpoint = request.endpoint.unwrap_or_default();
    let (ticket, expires) = match redeems(&endpoint, principal, queries)? {
        Redeems::Share(share) => {
            let raw = endpoint.ticket.map(|ticket| ticket.ticket).unwrap_or_default();
            let kept = queries.renew(&share, raw, principal).await;
            let kept = kept.map_err(|error| status::result(&error))?;
            (queries.ticket(share, principal, kept), SystemTime::now() + kept)
        }
        // Answered when it is read: there is nothing that could expire but the ticket.
        Redeems::Command(command) => answer::ticket(command, principal, queries.signer()),
    };
    let ticket = Some(FlightTicket { ticket });
    let renewed = FlightEndpoint { ticket, expiration_time: timestamp(expires), ..endpoint };
    Ok(renewed.encode_to_vec().into())
}

async fn cancel(
    info: &FlightInfo,
    principal: &str,
    queries: &Arc<Queries>,
) -> Result<CancelStatus, Status> {
    let redeemed = info.endpoint.iter().map(|endpoint| redeems(endpoint, principal, queries));
    let redeemed: Vec<Redeems> = redeemed.collect::<Result<_, _>>()?;
    let shares: Vec<ResultTicket> = redeemed.into_iter().filter_map(Redeems::share).collect();
    match shares.as_slice() {
        [] if let Some(handle) = polled(info, principal, queries)? => {
            outcome(queries.cancel_polled(&handle).await)
        }
        [] if info.endpoint.is_empty() => {
            Err(Status::invalid_argument("the FlightInfo has no endpoint: send it as it was given"))
        }
        // A metadata answer: nothing runs before it is read.
        [] => Ok(CancelStatus::NotCancellable),
        [first, others @ ..] if others.iter().any(|other| other.query != first.query) => {
            Err(Status::invalid_argument("the endpoints are of several queries: cancel one by one"))
        }
        shares => outcome(queries.cancel_shares(shares).await),
    }
}

/// The handle of a poll whose info has no endpoint yet.
fn polled(
    info: &FlightInfo,
    principal: &str,
    queries: &Queries,
) -> Result<Option<PollHandle>, Status> {
    let descriptor = info.flight_descriptor.as_ref();
    descriptor.map_or(Ok(None), |descriptor| poll::handle(descriptor, principal, queries))
}

fn outcome(cancelled: Result<Cancelled, ResultError>) -> Result<CancelStatus, Status> {
    match cancelled {
        Ok(Cancelled::Yes) => Ok(CancelStatus::Cancelled),
        Ok(Cancelled::UnderWay) => Ok(CancelStatus::Cancelling),
        Ok(Cancelled::TooLate) => Ok(CancelStatus::NotCancellable),
        Err(error) => Err(status::result(&error)),
    }
}

/// What an endpoint's ticket redeems.
enum Redeems {
    /// A share of a query's result.
    Share(ResultTicket),
    /// What is answered when it is read.
    Command(Vec<u8>),
}

impl Redeems {
    fn share(self) -> Option<ResultTicket> {
        match self {
            Self::Share(share) => Some(share),
            Self::Command(_) => None,
        }
    }
}

fn redeems(
    endpoint: &FlightEndpoint,
    principal: &str,
    queries: &Queries,
) -> Result<Redeems, Status> {
    let ticket = endpoint.ticket.as_ref().map(|ticket| ticket.ticket.as_ref()).unwrap_or_default();
    match queries.signer().check(ticket, principal).map_err(|error| status::ticket(&error))? {
        Ticket::Result(share) => Ok(Redeems::Share(share)),
        Ticket::Command(command) => Ok(Redeems::Command(command)),
        Ticket::Statement(_) | Ticket::Plan(_) | Ticket::Prepared(_) | Ticket::Poll(_) => {
            Err(Status::invalid_argument("an endpoint with a handle in place of a ticket"))
        }
    }
}

fn read<M: Message + Default>(bytes: &[u8]) -> Result<M, Status> {
    M::decode(bytes)
        .map_err(|error| Status::invalid_argument(format!("unreadable action body: {error}")))
}
