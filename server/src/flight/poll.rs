//! PollFlightInfo: a query without a call that lasts as long as it does.
//!
//! The first poll starts the query, and does not wait longer than its client until that is planned; each
//! answer has the descriptor of the next, a signed handle that any node takes, and says what the client
//! has seen, so that the same poll sent again gives the same answer or a later one. Endpoints are listed
//! once there is something to read on them, and all of them when the query is over.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use arrow_flight::{FlightDescriptor, FlightInfo, PollInfo};
use tonic::Status;
use tonic::metadata::MetadataMap;
use uuid::Uuid;

use super::messages::PolledProto;
use super::ticket::{PollHandle, Ticket, TicketError};
use super::{info, status};
use crate::query::{Begun, Polled, Queries};

/// Longest that a poll waits for something new, whatever the client's patience: a call between a
/// proxy's idle time-outs.
pub const LONGEST: Duration = Duration::from_secs(10);

/// What is left of a client's patience for the way back at least, and at most; a third of it in between,
/// since a busy machine takes its time.
const WAY_BACK: Duration = Duration::from_millis(200);
const LONG_WAY_BACK: Duration = Duration::from_secs(2);

/// How long a handle can be used.
const HANDLES_LAST: Duration = Duration::from_secs(25 * 3600);

/// The handle in a descriptor, if it is that of a poll.
pub fn handle(
    descriptor: &FlightDescriptor,
    principal: &str,
    queries: &Queries,
) -> Result<Option<PollHandle>, Status> {
    match queries.signer().check(&descriptor.cmd, principal) {
        Ok(Ticket::Poll(handle)) => Ok(Some(handle)),
        // Not ours at all: a command.
        Err(TicketError::Foreign) | Ok(_) => Ok(None),
        Err(error) => Err(status::ticket(&error)),
    }
}

/// The first answer: what is known once the statement is planned, or that it is being planned. `changes` says whether
/// it changes something.
///
/// # Errors
/// The statement's own error when it has failed already.
pub async fn first(
    begun: Begun,
    changes: bool,
    within: Duration,
    principal: &str,
    queries: &Arc<Queries>,
) -> Result<PollInfo, Status> {
    let (query, coordinator) = (begun.query(), queries.me().node_id.clone());
    let handle = PollHandle { query, coordinator, seen: 0, changes };
    let polled = next(&handle, within, principal, queries).await?;
    if polled.flight_descriptor.is_some() {
        begun.known();
    }
    Ok(polled)
}

/// Every later answer, from whichever node runs the query.
///
/// # Errors
/// The query's own error when it has failed, NOT_FOUND when it is not known any more, UNAVAILABLE when
/// its coordinator is gone; of one that changes something INTERNAL, since it is not known what became of it.
pub async fn next(
    handle: &PollHandle,
    within: Duration,
    principal: &str,
    queries: &Arc<Queries>,
) -> Result<PollInfo, Status> {
    let found = match handle.coordinator == queries.me().node_id {
        true => here(handle, within, queries).await?,
        false => {
            let polled = queries.poll_elsewhere(handle, within).await;
            polled.map_err(|error| status::result(&error))?
        }
    };
    Ok(answer(found, handle, principal, queries))
}

/// How far a query of this node is, for the node that was asked.
///
/// # Errors
/// As [`next`], and INTERNAL when the schema cannot be encoded.
pub async fn here(
    handle: &PollHandle,
    within: Duration,
    queries: &Queries,
) -> Result<PolledProto, Status> {
    let since = Instant::now();
    if let Some(answer) = queries.planned(handle.query, within).await? {
        return Ok(answer);
    }
    let polled = queries.poll(handle, within.saturating_sub(since.elapsed())).await;
    proto(&polled.map_err(|error| status::result(&error))?)
}

/// What needs no query: a metadata answer, a setting.
pub fn complete(info: FlightInfo) -> PolledProto {
    PolledProto { info: Some(info), progress: 1.0, version: 0, complete: true }
}

/// A statement that is being planned: there is an info even so, to cancel it by.
pub fn planning(query: Uuid) -> PolledProto {
    let state = serde_json::json!({ "query_id": query.to_string(), "state": "planning" });
    let info = FlightInfo::new().with_app_metadata(state.to_string());
    let info = FlightInfo { total_records: -1, total_bytes: -1, ..info };
    PolledProto { info: Some(info), progress: 0.0, version: 0, complete: false }
}

/// What a poll found.
fn proto(polled: &Polled) -> Result<PolledProto, Status> {
    let Polled { progress, version, complete, .. } = *polled;
    let mut info = info::polled(&polled.started, polled.readable(), polled.expires)?;
    info.app_metadata = state(polled).to_string().into();
    Ok(PolledProto { info: Some(info), progress, version, complete })
}

/// For humans and programs that show what a query waits for.
fn state(polled: &Polled) -> serde_json::Value {
    let state = match (polled.complete, polled.queued) {
        (true, _) => "complete",
        (false, true) => "queued",
        (false, false) => "running",
    };
    let waited_ms = polled.waited.as_millis() as u64;
    let query_id = polled.started.query.to_string();
    serde_json::json!({
        "query_id": query_id, "state": state, "waited_ms": waited_ms, "attempt": polled.attempt,
    })
}

fn answer(found: PolledProto, handle: &PollHandle, principal: &str, queries: &Queries) -> PollInfo {
    let seen = PollHandle { seen: found.version, ..handle.clone() };
    let signed = queries.signer().sign(Ticket::Poll(seen), principal, HANDLES_LAST);
    let descriptor = FlightDescriptor::new_cmd(signed);
    // In the info as well: what names the query for CancelFlightInfo before there is an endpoint. What
    // needed none keeps its own.
    let info = found.info.map(|info| {
        match info.flight_descriptor.as_ref().is_some_and(|own| !own.cmd.is_empty()) {
            true => info,
            false => info.with_descriptor(descriptor.clone()),
        }
    });
    PollInfo {
        info,
        flight_descriptor: (!found.complete).then_some(descriptor),
        progress: Some(found.progress),
        expiration_time: match found.complete {
            true => None,
            false => info::timestamp(SystemTime::now() + HANDLES_LAST),
        },
    }
}

/// How long a poll may wait: as long as its client does, but for the way back.
pub fn patience(metadata: &MetadataMap) -> Duration {
    let header = metadata.get("grpc-timeout").and_then(|value| value.to_str().ok());
    let asked = header.and_then(parse_timeout).unwrap_or(LONGEST);
    asked.saturating_sub((asked / 3).clamp(WAY_BACK, LONG_WAY_BACK)).min(LONGEST)
}

/// `grpc-timeout`: up to eight digits and a unit (gRPC over HTTP/2, "Requests").
fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count.saturating_mul(3600))),
        "M" => Some(Duration::from_secs(count.saturating_mul(60))),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patience_of(timeout: &str) -> Duration {
        let mut metadata = MetadataMap::new();
        metadata.insert("grpc-timeout", timeout.parse().unwrap());
        patience(&metadata)
    }

    #[test]
    fn a_poll_leaves_time_for_the_way_back() {
        assert_eq!(patience_of("9S"), Duration::from_secs(7));
        assert_eq!(patience_of("1500m"), Duration::from_secs(1));
        assert_eq!(patience_of("300m"), Duration::from_millis(100));
        assert_eq!(patience_of("50000u"), Duration::ZERO);
    }

    #[test]
    fn no_poll_waits_longer_than_proxies_bear() {
        assert_eq!(patience_of("1H"), LONGEST);
        assert!(patience(&MetadataMap::new()) <= LONGEST);
    }

    #[test]
    fn a_timeout_that_is_none_is_no_timeout() {
        for text in ["", "S", "12", "-1S", "1s"] {
            assert_eq!(parse_timeout(text), None, "{text}");
        }
    }
}
