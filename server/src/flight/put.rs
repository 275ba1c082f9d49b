//! DoPut for clients: binding the (empty) parameters of a prepared statement, and statements that give
//! no rows.
//!
//! Only the first message counts, and the answer is given as soon as it is there: drivers wait for that
//! before they end their side.

use arrow_flight::sql::{Command, DoPutPreparedStatementResult, DoPutUpdateResult};
use arrow_flight::{FlightData, PutResult};
use bytes::Bytes;
use prost::Message;
use tonic::{Status, Streaming};

use super::command::{command, not_yet, refuse_transaction};

/// What a DoPut asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    /// Bind nothing to the prepared statement of this handle.
    Bind(Bytes),
    /// Run SQL that gives no rows.
    Run(String),
    /// The same for the prepared statement of this handle.
    RunPrepared(Bytes),
}

/// Reads what is asked for.
///
/// # Errors
/// UNIMPLEMENTED for any other DoPut and for real parameters: statements have none in this version.
pub async fn read(mut messages: Streaming<FlightData>) -> Result<Put, Status> {
    let first = messages.message().await?;
    put(&first.ok_or_else(|| Status::invalid_argument("DoPut without a message"))?)
}

/// What the first message of a DoPut asks for.
///
/// # Errors
/// As [`read`].
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
        other => return Err(not_yet(other.type_url())),
    };
    if binds_columns(first) {
        return Err(not_yet("binding parameters"));
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

/// The answer to a statement that gives no rows, and changes none.
pub fn updated() -> PutResult {
    PutResult { app_metadata: DoPutUpdateResult { record_count: 0 }.encode_to_vec().into() }
}
