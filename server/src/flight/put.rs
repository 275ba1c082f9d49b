//! DoPut for clients: binding the (empty) parameters of a prepared statement.

use arrow_flight::sql::{Command, DoPutPreparedStatementResult};
use arrow_flight::{FlightData, PutResult};
use bytes::Bytes;
use prost::Message;
use tonic::{Status, Streaming};

use super::command::{command, not_yet};

/// Reads a binding of no parameters; gives the statement's handle.
///
/// # Errors
/// UNIMPLEMENTED for any other DoPut and for real parameters: statements have none in this version.
pub async fn bind(mut messages: Streaming<FlightData>) -> Result<Bytes, Status> {
    let first = messages.message().await?;
    handle(&first.ok_or_else(|| Status::invalid_argument("DoPut without a message"))?)
}

/// The statement that the first message of a DoPut binds nothing to.
///
/// # Errors
/// As [`bind`].
pub(super) fn handle(first: &FlightData) -> Result<Bytes, Status> {
    let descriptor = first.flight_descriptor.as_ref();
    let descriptor =
        descriptor.ok_or_else(|| Status::invalid_argument("DoPut without a descriptor"))?;
    let Command::CommandPreparedStatementQuery(query) = command(&descriptor.cmd)? else {
        return Err(not_yet(command(&descriptor.cmd)?.type_url()));
    };
    if binds_columns(first) {
        return Err(not_yet("binding parameters"));
    }
    Ok(query.prepared_statement_handle)
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
