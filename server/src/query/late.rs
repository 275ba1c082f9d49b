//! Queries that have used up their time.
//!
//! The clock of a query runs where sockets are served: on the threads that queries themselves keep busy it would be
//! looked at when they are through.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tonic::Code;

use super::Queries;
use super::record::Record;
use crate::results::ResultError;

impl Queries {
    /// Ends a query when it has run `within` from `since` on; zero: never.
    pub(super) fn limit_time(
        self: &Arc<Self>,
        record: &Arc<Record>,
        within: Duration,
        since: Instant,
    ) {
        let until = since.checked_add(within).filter(|_| !within.is_zero());
        let Some(until) = until else { return };
        let (queries, record) = (Arc::clone(self), Arc::clone(record));
        self.serving.spawn(async move {
            if tokio::time::timeout_at(until.into(), record.progress.ended()).await.is_ok() {
                return;
            }
            let (code, message) = (Code::DeadlineExceeded as i32, too_long(within));
            // One that is being committed may have to begin anew, for which there is no time either.
            while !queries
                .end_in(&record, ResultError::Query { code, message: message.clone() })
                .await
                && matches!(record.decided().await, Ok(None))
                && record.is_running()
            {}
        });
    }
}

/// What a query is told that has used up its time.
pub(super) fn too_long(within: Duration) -> String {
    let within = humantime::format_duration(within);
    format!(
        "the query took longer than {within}: raise squadron.query_timeout, or --query-timeout of the node"
    )
}
