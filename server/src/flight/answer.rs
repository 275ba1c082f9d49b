//! Metadata commands, answered when their ticket is read: by any node, without anything kept.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::sql::Command;
use bytes::Bytes;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::prelude::SessionConfig;
use futures::{StreamExt, TryStreamExt};
use squadron_planner::wire_schema::Wire;
use tonic::Status;

use super::command::{command, not_yet};
use super::pieces::{Piece, Pieces};
use super::ticket::{Signer, Ticket};
use super::{metadata, status};
use crate::query::Queries;

/// How long the ticket of a metadata command is good.
const TICKETS_LAST: Duration = Duration::from_secs(3600);

/// The ticket of a packed command, and until when it is good.
pub fn ticket(command: Vec<u8>, principal: &str, signer: &Signer) -> (Bytes, SystemTime) {
    let ticket = signer.sign(Ticket::Command(command), principal, TICKETS_LAST);
    (ticket, SystemTime::now() + TICKETS_LAST)
}

/// The schema that a command's answer will have.
///
/// # Errors
/// UNIMPLEMENTED for a command that is none of metadata.
pub fn schema(command: &Command) -> Result<SchemaRef, Status> {
    metadata::answer_schema(command).ok_or_else(|| not_yet(command.type_url()))
}

/// Answers a packed command; an empty one stands for the empty result of a statement like SET.
///
/// # Errors
/// INVALID_ARGUMENT for what is no metadata command.
pub async fn answer(
    packed: &[u8],
    settings: SessionConfig,
    queries: &Arc<Queries>,
) -> Result<Pieces, Status> {
    let batch = match packed.is_empty() {
        true => RecordBatch::new_empty(Arc::new(Schema::empty())),
        false => metadata_batch(&command(packed)?, settings, queries).await?,
    };
    let batches = futures::stream::iter([Ok::<_, FlightError>(batch.clone())]);
    let messages = FlightDataEncoderBuilder::new().with_schema(batch.schema()).build(batches);
    let pieces = messages.map_ok(Piece::Whole);
    Ok(pieces.map_err(|error| status::internal(error.to_string())).boxed())
}

async fn metadata_batch(
    command: &Command,
    settings: SessionConfig,
    queries: &Arc<Queries>,
) -> Result<RecordBatch, Status> {
    let engine = queries.planner().engine();
    match command {
        Command::CommandGetTables(_) => engine.refresh_tables().await,
        Command::CommandGetDbSchemas(_)
        | Command::CommandGetPrimaryKeys(_)
        | Command::CommandGetImportedKeys(_)
        | Command::CommandGetExportedKeys(_)
        | Command::CommandGetCrossReference(_) => engine.refresh_catalog().await,
        _ => {}
    }
    let wire = Wire::of(settings.options());
    let session = engine.session(settings);
    let answer = metadata::answer(command, &session, wire).await;
    let answer = answer.ok_or_else(|| not_yet(command.type_url()))?;
    answer.map_err(|error| status::metadata(&error))
}
