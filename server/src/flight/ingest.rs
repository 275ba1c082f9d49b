//! CommandStatementIngest: the rows of a DoPut become a table, or come to one.

use std::sync::Arc;
use std::time::Duration;

use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::sql::{CommandStatementIngest, TableExistsOption, TableNotExistOption};
use datafusion::common::TableReference;
use futures::{StreamExt, TryStreamExt};
use squadron_planner::PlannerError;
use squadron_planner::plan::{Form, IfAbsent, IfThere, Incoming, Ingest};
use tokio::time::timeout;
use tonic::Status;

use super::command::refuse_transaction;
use super::put::{Begun, unreadable};
use crate::query::Asked;

/// How long the next rows are waited for. Whoever sends may have to work them out first.
const NEXT_WITHIN: Duration = Duration::from_secs(600);

/// What is asked for, with the rows that come.
///
/// # Errors
/// INVALID_ARGUMENT for what is no Arrow, or has no columns; UNIMPLEMENTED for a temporary table.
pub async fn asked(command: CommandStatementIngest, begun: Begun) -> Result<Asked, Status> {
    let (if_absent, if_there) = choices(&command)?;
    let table = table(&command)?;
    let messages = begun.messages().map_err(FlightError::from);
    let mut rows = FlightRecordBatchStream::new_from_flight_data(messages);
    // Only then its columns are known.
    let first = next(&mut rows).await.map_err(|error| super::status::planner(&error))?;
    let schema = rows.schema().cloned().filter(|schema| !schema.fields().is_empty());
    let schema = schema.ok_or_else(|| {
        Status::invalid_argument("no columns were sent: a DoPut of rows begins with their schema")
    })?;
    let rest = futures::stream::unfold(rows, |mut rows| async {
        let next = next(&mut rows).await.transpose()?;
        Some((next, rows))
    });
    let rows = futures::stream::iter(first.map(Ok)).chain(rest).boxed();
    let sql = format!("INSERT INTO {} -- CommandStatementIngest", table.to_quoted_string());
    let rows = Arc::new(Incoming::new(&schema, rows));
    let ingest = Arc::new(Ingest { table, if_absent, if_there, rows });
    Ok(Asked { form: Form::Ingest(ingest), ..Asked::new(sql) })
}

async fn next(
    rows: &mut FlightRecordBatchStream,
) -> Result<Option<datafusion::arrow::array::RecordBatch>, PlannerError> {
    match timeout(NEXT_WITHIN, rows.try_next()).await {
        Ok(next) => next.map_err(|error| match unreadable(error) {
            status if status.code() == tonic::Code::InvalidArgument => {
                PlannerError::Invalid(status.message().to_owned())
            }
            status => PlannerError::Cancelled(format!(
                "the client that sent rows went away: {}",
                status.message()
            )),
        }),
        Err(_) => Err(PlannerError::TimedOut(format!(
            "no rows came for {} s, and no end of them: nothing was changed, send them again",
            NEXT_WITHIN.as_secs()
        ))),
    }
}

fn choices(command: &CommandStatementIngest) -> Result<(IfAbsent, IfThere), Status> {
    refuse_transaction(command.transaction_id.as_deref())?;
    if command.temporary {
        return Err(Status::unimplemented(
            "there are no temporary tables: leave out `temporary`, and drop the table when you have done",
        ));
    }
    if let Some(name) = command.options.keys().min() {
        return Err(Status::invalid_argument(format!("there is no option '{name}' of an ingest")));
    }
    let unsaid = |what: &str| {
        Status::invalid_argument(format!(
            "the ingest does not say what to do with a table that {what}: set table_definition_options"
        ))
    };
    let options = command.table_definition_options.ok_or_else(|| unsaid("exists"))?;
    let if_absent = match options.if_not_exist() {
        TableNotExistOption::Create => IfAbsent::Create,
        TableNotExistOption::Fail => IfAbsent::Fail,
        TableNotExistOption::Unspecified => return Err(unsaid("does not exist")),
    };
    let if_there = match options.if_exists() {
        TableExistsOption::Fail => IfThere::Fail,
        TableExistsOption::Append => IfThere::Append,
        TableExistsOption::Replace => IfThere::Replace,
        TableExistsOption::Unspecified => return Err(unsaid("exists")),
    };
    Ok((if_absent, if_there))
}

fn table(command: &CommandStatementIngest) -> Result<TableReference, Status> {
    let given = |name: &Option<String>| name.clone().filter(|name| !name.is_empty());
    match (given(&command.catalog), given(&command.schema), command.table.as_str()) {
        (_, _, "") => Err(Status::invalid_argument("the ingest names no table")),
        (Some(catalog), Some(schema), table) => Ok(TableReference::full(catalog, schema, table)),
        (Some(catalog), None, table) if catalog == squadron_planner::catalog::CATALOG_NAME => {
            Ok(TableReference::bare(table))
        }
        (Some(_), None, _) => {
            Err(Status::invalid_argument("the ingest names a catalog and no schema: name both"))
        }
        (None, Some(schema), table) => Ok(TableReference::partial(schema, table)),
        (None, None, table) => Ok(TableReference::bare(table)),
    }
}
