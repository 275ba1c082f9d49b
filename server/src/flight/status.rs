//! Errors to gRPC: one mapping, exhaustive, in one place.
//!
//! Every status says what happened, on which node and for which query, in under 4 KB: gRPC carries
//! the text in a header, and clients hang or hide it when headers grow (clients.md, 1.5).

use std::collections::HashMap;
use std::time::Duration;

use squadron_planner::PlannerError;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};
use uuid::Uuid;

use super::messages::FailProto;
use super::metadata::MetadataError;
use super::ticket::TicketError;
use crate::auth::Denied;
use crate::results::ResultError;
use crate::session::Full;

/// Longest text of a status in bytes. Percent-encoding can triple it, and details come beside it.
const MAX_TEXT: usize = 1200;

/// Whose reasons they are, in the details of a status.
const DOMAIN: &str = "squadron";

/// When a query is worth a second try after a node was lost: membership knows of it by then.
const LOST_NODE: Duration = Duration::from_secs(3);

/// When it is after the queue was full.
const BUSY_NODE: Duration = Duration::from_secs(1);

/// The status of an error, with its text cut to what a header can carry. What may be tried again
/// says so in `google.rpc` details, for programs.
pub fn status(code: Code, text: &str) -> Status {
    match code {
        Code::Unavailable => again(code, text, "UNAVAILABLE", LOST_NODE),
        _ => Status::new(code, shorten(text)),
    }
}

/// The node has as much to do as it may.
fn busy(text: &str) -> Status {
    again(Code::ResourceExhausted, text, "QUEUE_FULL", BUSY_NODE)
}

fn again(code: Code, text: &str, reason: &str, after: Duration) -> Status {
    let mut details = ErrorDetails::new();
    details.set_error_info(reason, DOMAIN, HashMap::new());
    details.set_retry_info(Some(after));
    Status::with_error_details(code, shorten(text), details)
}

/// The status where there is no place for another session.
pub fn session(full: &Full) -> Status {
    status(Code::ResourceExhausted, &full.to_string())
}

/// The status of a call that is not let in.
pub fn denied(denied: &Denied) -> Status {
    let code = match denied {
        Denied::Missing
        | Denied::Wrong
        | Denied::Garbled(_)
        | Denied::Foreign
        | Denied::Idle(_)
        | Denied::Expired(_)
        | Denied::NotTheirs(_)
        | Denied::Gone(_) => Code::Unauthenticated,
        Denied::Busy => return busy(&denied.to_string()),
        Denied::Unavailable(_) => Code::Unavailable,
    };
    status(code, &denied.to_string())
}

/// A bug of this program.
pub fn internal(text: impl AsRef<str>) -> Status {
    status(Code::Internal, text.as_ref())
}

fn shorten(text: &str) -> String {
    if text.len() <= MAX_TEXT {
        return text.to_owned();
    }
    let cut = text.floor_char_boundary(MAX_TEXT);
    format!("{} … ({} more bytes)", &text[..cut], text.len() - cut)
}

/// The gRPC code of a planner's error.
pub fn planner_code(error: &PlannerError) -> Code {
    match error {
        PlannerError::Syntax(_) | PlannerError::Invalid(_) => Code::InvalidArgument,
        PlannerError::NotFound(_) => Code::NotFound,
        PlannerError::AlreadyExists(_) => Code::AlreadyExists,
        PlannerError::Denied(_) => Code::PermissionDenied,
        PlannerError::Unsupported(_) => Code::Unimplemented,
        PlannerError::BadData(_) => Code::FailedPrecondition,
        PlannerError::Corrupt(_) => Code::DataLoss,
        PlannerError::Exhausted(_) | PlannerError::Busy(_) => Code::ResourceExhausted,
        PlannerError::Unavailable(_) => Code::Unavailable,
        PlannerError::Changed(_) => Code::Aborted,
        PlannerError::Execution(_) => Code::InvalidArgument,
        PlannerError::Cancelled(_) => Code::Cancelled,
        PlannerError::TimedOut(_) => Code::DeadlineExceeded,
        PlannerError::Internal(_) => Code::Internal,
    }
}

/// The status of a planner's error.
pub fn planner(error: &PlannerError) -> Status {
    let code = planner_code(error);
    if code == Code::Internal {
        tracing::error!(error = error as &dyn std::error::Error, "a query met a bug");
    }
    match error {
        PlannerError::Busy(text) => busy(text),
        _ => status(code, &error.to_string()),
    }
}

/// The status of a metadata answer that could not be made.
pub fn metadata(error: &MetadataError) -> Status {
    let code = match error {
        MetadataError::Encode(_) => Code::Internal,
        MetadataError::Table { why, .. } => planner_code(why),
    };
    status(code, &error.to_string())
}

/// The gRPC code of the result store's error.
pub fn result_code(error: &ResultError) -> Code {
    match error {
        ResultError::NotFound(_) => Code::NotFound,
        ResultError::Forbidden(_) => Code::PermissionDenied,
        ResultError::Exhausted(_) | ResultError::Busy(_) => Code::ResourceExhausted,
        ResultError::Disk(_) => Code::ResourceExhausted,
        ResultError::Unavailable(_) => Code::Unavailable,
        ResultError::Corrupt(_) => Code::DataLoss,
        ResultError::Query { code, .. } => failure_code(*code),
    }
}

/// A failure that another node told of. OK is no failure, and would end a reader as if it had been
/// given everything.
fn failure_code(code: i32) -> Code {
    match Code::from_i32(code) {
        Code::Ok => Code::Internal,
        code => code,
    }
}

/// The status of the result store's error.
pub fn result(error: &ResultError) -> Status {
    match error {
        ResultError::Busy(text) => busy(text),
        _ => status(result_code(error), &error.to_string()),
    }
}

/// The status of a refused ticket.
pub fn ticket(error: &TicketError) -> Status {
    let code = match error {
        TicketError::Foreign => Code::InvalidArgument,
        TicketError::Expired(_) => Code::NotFound,
        TicketError::NotYours => Code::PermissionDenied,
    };
    status(code, &error.to_string())
}

/// A failure on its way to the other nodes.
pub fn failure(query: Uuid, error: &ResultError) -> FailProto {
    let code = result_code(error) as i32;
    FailProto { query: query.as_bytes().to_vec(), code, message: error.to_string() }
}

/// What a result store keeps of a status that another node gave.
pub fn to_result_error(status: &Status) -> ResultError {
    let message = status.message().to_owned();
    match status.code() {
        Code::NotFound => ResultError::NotFound(message),
        Code::Unavailable => ResultError::Unavailable(message),
        code => ResultError::Query { code: code as i32, message },
    }
}

/// The end of a text that says that what has failed can be run again.
const RUN_AGAIN: &str = ": run the query again";

/// Of a statement that changes something, what is to be said where its query, its node or its result cannot be found:
/// whoever ran it again could do twice what was done.
pub fn of_change(error: ResultError) -> ResultError {
    let not_known = |text: &str| {
        let text = text.strip_suffix(RUN_AGAIN).unwrap_or(text);
        format!(
            "it is not known whether the statement was carried out ({text}): look before you run it again"
        )
    };
    match error {
        ResultError::Unavailable(text) => {
            ResultError::Query { code: Code::Internal as i32, message: not_known(&text) }
        }
        ResultError::NotFound(text) if text.ends_with(RUN_AGAIN) => {
            ResultError::NotFound(not_known(&text))
        }
        other => other,
    }
}

/// The same of the status of a call.
pub fn status_of_change(error: &Status) -> Status {
    match error.code() {
        Code::Unavailable | Code::NotFound => result(&of_change(to_result_error(error))),
        _ => error.clone(),
    }
}

/// What a failed query's result is kept as.
pub fn query_failure(error: &PlannerError) -> ResultError {
    let status = planner(error);
    ResultError::Query { code: status.code() as i32, message: status.message().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        let status = status(Code::Internal, &"ü".repeat(10_000));
        assert!(status.message().len() < 1400);
        assert!(status.message().contains("more bytes"));
    }

    #[test]
    fn what_may_be_tried_again_says_when() {
        for (error, reason) in [
            (ResultError::Busy("full".into()), "QUEUE_FULL"),
            (ResultError::Unavailable("lost".into()), "UNAVAILABLE"),
        ] {
            let details = result(&error).get_error_details();
            assert_eq!(details.error_info().unwrap().reason, reason);
            assert!(details.retry_info().unwrap().retry_delay.is_some());
        }
        let final_one = result(&ResultError::Exhausted("disk".into()));
        assert!(final_one.get_error_details().retry_info().is_none());
    }

    #[test]
    fn a_failure_never_ends_as_a_success() {
        for (told, given) in [(0, Code::Internal), (14, Code::Unavailable), (99, Code::Unknown)] {
            let error = ResultError::Query { code: told, message: "why".into() };
            assert_eq!(result(&error).code(), given);
        }
    }
}
