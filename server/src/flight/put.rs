//! DoPut for clients: binding the parameters of a prepared statement, and statements that give no rows.
//!
//! The answer is given as soon as what it needs is there, the first message or the first rows: drivers wait for
//! it before they end their side.

use std::time::Duration;

use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::sql::{
    Command, CommandStatementIngest, DoPutPreparedStatementResult, DoPutUpdateResult,
};
use arrow_flight::{FlightData, PutResult};
use bytes::Bytes;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::concat_batches;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use prost::Message;
use tokio::time::timeout;
use tonic::{Code, Status, Streaming};

use super::command::{command, not_yet, refuse_transaction};

/// How long it is waited for more than one batch of values. Whoever has more sends it at once; drivers that have
/// not may wait for the answer with their side open.
const MORE_WITHIN: Duration = Duration::from_millis(500);

/// How long the next rows of an update, or the end of them, are waited for.
const END_WITHIN: Duration = Duration::from_secs(60);

/// Most bytes of rows of values for one update.
const MOST_BYTES: usize = 256 << 20;

/// What a DoPut asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Put {
    /// Bind what follows to the prepared statement of this handle.
    Bind(Bytes),
    /// Run SQL that gives no rows.
    Run(String),
    /// The same for the prepared statement of this handle.
    RunPrepared(Bytes),
    /// Have what follows become a table, or come to one.
    Ingest(Box<CommandStatementIngest>),
}

impl Put {
    /// The handle of the prepared statement that it is about.
    pub fn handle(&self) -> Option<&Bytes> {
        match self {
            Self::Bind(handle) | Self::RunPrepared(handle) => Some(handle),
            Self::Run(_) | Self::Ingest(_) => None,
        }
    }
}

/// A DoPut of which the first message was read.
pub struct Begun {
    /// What it asks for.
    pub put: Put,
    first: FlightData,
    rest: Streaming<FlightData>,
}

/// Reads what is asked for.
///
/// # Errors
/// UNIMPLEMENTED for any other DoPut.
pub async fn begin(mut messages: Streaming<FlightData>) -> Result<Begun, Status> {
    let first = messages.message().await.map_err(undecodable)?;
    let first = first.ok_or_else(|| {
        // ADBC sends none at all for a table without batches.
        Status::invalid_argument(
            "DoPut without a message: not even a descriptor or columns were sent (ADBC's drivers send nothing for a table without \
             rows: make it with CREATE TABLE)",
        )
    })?;
    Ok(Begun { put: put(&first)?, first, rest: messages })
}

impl Begun {
    /// All of its messages, the first one again.
    pub fn messages(self) -> BoxStream<'static, Result<FlightData, Status>> {
        let rest = self.rest.map_err(undecodable);
        futures::stream::iter([Ok(self.first)]).chain(rest).boxed()
    }

    /// The rows that follow, if any do: one batch of them.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for what is no Arrow, and for rows in several batches: those of the first alone would
    /// give another result than was asked for.
    pub async fn rows(self) -> Result<Option<RecordBatch>, Status> {
        if !binds_columns(&self.first) {
            return Ok(None);
        }
        let messages = self.messages().map_err(FlightError::from);
        let batches = FlightRecordBatchStream::new_from_flight_data(messages);
        let has_rows = |batch: &RecordBatch| std::future::ready(batch.num_rows() > 0);
        let mut batches = batches.map_err(unreadable).try_filter(has_rows);
        let Some(batch) = batches.try_next().await? else { return Ok(None) };
        match timeout(MORE_WITHIN, batches.try_next()).await {
            Ok(Ok(Some(_))) => Err(Status::invalid_argument(
                "several batches of values were bound to a query: bind one row, and run it for each",
            )),
            Ok(Err(error)) => Err(error),
            // Its client has ended its side, or waits for the answer before it does.
            Ok(Ok(None)) | Err(_) => Ok(Some(batch)),
        }
    }
}

impl Begun {
    /// All rows that follow, as one batch; `None` where there are none and no columns for them. Of an update every
    /// row counts: its client ends its side when it has sent all.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for what is no Arrow; RESOURCE_EXHAUSTED for more than is kept in memory; DEADLINE_EXCEEDED where
    /// no more comes and no end.
    pub async fn all_rows(self) -> Result<Option<RecordBatch>, Status> {
        if !binds_columns(&self.first) {
            return Ok(None);
        }
        let messages = self.messages().map_err(FlightError::from);
        let mut batches = FlightRecordBatchStream::new_from_flight_data(messages);
        let (mut all, mut bytes) = (Vec::new(), 0);
        loop {
            let next = timeout(END_WITHIN, batches.try_next()).await.map_err(|_| unended())?;
            let Some(batch) = next.map_err(unreadable)? else { break };
            bytes += batch.get_array_memory_size();
            if bytes > MOST_BYTES {
                return Err(Status::resource_exhausted(format!(
                    "rows of values are more than {} MiB: send them in several updates, or use CommandStatementIngest",
                    MOST_BYTES >> 20
                )));
            }
            all.push(batch);
        }
        let Some(schema) = batches.schema().cloned() else { return Ok(None) };
        let all = concat_batches(&schema, &all);
        all.map(Some).map_err(|error| unreadable(FlightError::Arrow(error)))
    }
}

fn unended() -> Status {
    Status::deadline_exceeded(
        "rows of values came to no end: a client ends its side of DoPut when it has sent all of them",
    )
}

/// What tonic calls a bug of the server's is its client's: bytes that are no message.
fn undecodable(error: Status) -> Status {
    match error.code() {
        Code::OutOfRange | Code::ResourceExhausted => Status::resource_exhausted(format!(
            "a message of the DoPut is too large: send its rows in smaller batches ({})",
            error.message()
        )),
        Code::Internal => Status::invalid_argument(format!(
            "a message of the DoPut cannot be read as FlightData: {}",
            error.message()
        )),
        _ => error,
    }
}

pub(super) fn unreadable(error: FlightError) -> Status {
    match error {
        FlightError::Tonic(status) => *status,
        error => Status::invalid_argument(format!("unreadable rows: {error}")),
    }
}

/// What the first message of a DoPut asks for.
///
/// # Errors
/// As [`begin`].
pub(super) fn put(first: &FlightData) -> Result<Put, Status> {
    let descriptor = first.flight_descriptor.as_ref();
    let descriptor =
        descriptor.ok_or_else(|| Status::invalid_argument("DoPut without a descriptor"))?;
    let put = match command(&descriptor.cmd)? {
        Command::CommandPreparedStatementQuery(query) => Put::Bind(query.prepared_statement_handle),
        Command::CommandPreparedStatementUpdate(update) => {
            Put::RunPrepared(update.prepared_statement_handle)
        }
        Command::CommandStatementUpdate(update) => {
            refuse_transaction(update.transaction_id.as_deref())?;
            Put::Run(update.query)
        }
        Command::CommandStatementIngest(ingest) => Put::Ingest(Box::new(ingest)),
        other => return Err(not_yet(other.type_url())),
    };
    if matches!(put, Put::Run(_)) && binds_columns(first) {
        return Err(Status::invalid_argument(
            "values were sent with a statement that was not prepared: prepare it, and send them with its handle",
        ));
    }
    Ok(put)
}

/// Whether the schema that a DoPut begins with has columns: parameters to bind.
fn binds_columns(first: &FlightData) -> bool {
    let message = arrow_ipc::root_as_message(&first.data_header).ok();
    let schema = message.and_then(|message| message.header_as_schema());
    schema.and_then(|schema| schema.fields()).is_some_and(|fields| !fields.is_empty())
}

/// The answer: the handle is still good.
pub fn bound(handle: Bytes) -> PutResult {
    let result = DoPutPreparedStatementResult { prepared_statement_handle: Some(handle) };
    PutResult { app_metadata: result.encode_to_vec().into() }
}

/// Why an update of several rows of values ended before all of them.
pub fn partly(error: &Status, done: usize, of: usize) -> Status {
    let message = format!(
        "the statement was carried out for the first {done} of {of} rows of values, and not for the rest: {}",
        error.message()
    );
    Status::new(error.code(), message)
}

/// The answer to a statement that gives no rows, and has changed so many.
pub fn updated(rows: u64) -> PutResult {
    let record_count = i64::try_from(rows).unwrap_or(i64::MAX);
    PutResult { app_metadata: DoPutUpdateResult { record_count }.encode_to_vec().into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_message_are_their_senders_mistake() {
        let error = undecodable(Status::internal("failed to decode Protobuf message"));
        assert_eq!(error.code(), Code::InvalidArgument);
        assert_eq!(undecodable(Status::unavailable("gone")).code(), Code::Unavailable);
    }
}
