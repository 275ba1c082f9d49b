//! Prepared statements: what their handles stand for, and what is bound to them.
//!
//! The handle of a statement without parameters is its signed text: any node knows it, none remembers it. One
//! with parameters is kept, with what was bound to it, by the node that prepared it (`query/prepared.rs`), which its
//! handle names: others ask there (`forward.rs`).

use arrow_flight::sql::{
    ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest,
    ActionCreatePreparedSubstraitPlanRequest, Any,
};
use bytes::Bytes;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::Schema;
use prost::Message;
use squadron_cluster::Member;
use squadron_planner::options::dialect;
use squadron_planner::plan::{Form, Parameters, Prepared};
use tonic::{Code, Status};

use std::sync::Arc;
use std::time::Duration;

use super::caller::Called;
use super::command::{brought, refuse_transaction};
use super::ticket::{PreparedHandle, Ticket, Written};
use super::{info, status};
use crate::query::{Asked, Queries};

/// Connection pools keep statements for as long as they live.
const HANDLES_LAST: Duration = Duration::from_secs(30 * 24 * 3600);

/// `ActionCreatePreparedStatementResult` of `FlightSql.proto`, with the field that arrow-flight 59 lacks.
#[derive(Clone, PartialEq, Message)]
pub struct Created {
    /// What the statement is called from now on.
    #[prost(bytes = "bytes", tag = "1")]
    pub prepared_statement_handle: Bytes,
    /// The schema of what it gives.
    #[prost(bytes = "bytes", tag = "2")]
    pub dataset_schema: Bytes,
    /// The schema of what is bound to it.
    #[prost(bytes = "bytes", tag = "3")]
    pub parameter_schema: Bytes,
    /// Whether it is to be run as an update. Drivers that are not told go by the schema.
    #[prost(bool, optional, tag = "4")]
    pub is_update: Option<bool>,
}

const CREATED: &str =
    "type.googleapis.com/arrow.flight.protocol.sql.ActionCreatePreparedStatementResult";

/// Answers CreatePreparedStatement.
///
/// # Errors
/// Those of planning the statement.
pub async fn create(
    request: ActionCreatePreparedStatementRequest,
    called: &Called,
    queries: &Arc<Queries>,
) -> Result<Bytes, Status> {
    refuse_transaction(request.transaction_id.as_deref())?;
    created(Asked::new(request.query), called, queries).await
}

/// Answers CreatePreparedSubstraitPlan.
///
/// # Errors
/// Those of planning it.
pub async fn create_plan(
    request: ActionCreatePreparedSubstraitPlanRequest,
    called: &Called,
    queries: &Arc<Queries>,
) -> Result<Bytes, Status> {
    refuse_transaction(request.transaction_id.as_deref())?;
    created(Asked::plan(brought(request.plan)?), called, queries).await
}

async fn created(asked: Asked, called: &Called, queries: &Arc<Queries>) -> Result<Bytes, Status> {
    let prepared = queries.prepare(&asked, &called.caller).await;
    let prepared = prepared.map_err(|error| status::planner(&error))?;
    let Prepared { schema, parameters, is_update } = prepared;
    let principal = &called.caller.principal;
    let bindable = parameters.schema();
    let dialect = dialect(called.caller.settings.options());
    let ticket = match (asked.form, parameters.count()) {
        (Form::Substrait(plan), _) => Ticket::Plan(plan),
        (_, 0) => Ticket::Statement(Written { sql: asked.sql, dialect }),
        _ => Ticket::Prepared(PreparedHandle {
            statement: Written { sql: asked.sql, dialect },
            id: queries.statements().keep(principal, parameters),
            node: queries.me().node_id.clone(),
        }),
    };
    let result = Created {
        prepared_statement_handle: queries.signer().sign(ticket, principal, HANDLES_LAST),
        // Drivers take an empty schema for a statement that gives no rows, or has no parameters.
        dataset_schema: if is_update { Bytes::new() } else { bytes(&schema)? },
        parameter_schema: bytes(&bindable)?,
        is_update: Some(is_update),
    };
    let any = Any { type_url: CREATED.to_owned(), value: result.encode_to_vec().into() };
    Ok(any.encode_to_vec().into())
}

fn bytes(schema: &Schema) -> Result<Bytes, Status> {
    match schema.fields().is_empty() {
        true => Ok(Bytes::new()),
        false => info::schema_bytes(schema),
    }
}

/// Answers ClosePreparedStatement: whoever closes what is closed already is told nothing else.
pub fn close(request: &ActionClosePreparedStatementRequest, called: &Called, queries: &Queries) {
    if let Ok(Ticket::Prepared(handle)) = open(&request.prepared_statement_handle, called, queries)
    {
        queries.statements().close(handle.id, &called.caller.principal);
    }
}

/// The other node that keeps what is bound to the statement of this handle.
pub fn home(handle: &[u8], called: &Called, queries: &Queries) -> Option<Member> {
    let Ok(Ticket::Prepared(handle)) = open(handle, called, queries) else { return None };
    let members = queries.members();
    let elsewhere = handle.node != queries.me().node_id;
    members.get(&handle.node).filter(|_| elsewhere).map(|member| Member::clone(member))
}

/// The text of the statement of a handle.
pub fn text(handle: &[u8], called: &Called, queries: &Queries) -> Option<String> {
    match open(handle, called, queries) {
        Ok(Ticket::Statement(statement)) => Some(statement.sql),
        Ok(Ticket::Prepared(handle)) => Some(handle.statement.sql),
        _ => None,
    }
}

/// What the statement of a handle asks for, with the values that are bound to it.
///
/// # Errors
/// NOT_FOUND for a handle that is none, or that is not known any more.
pub fn asked(handle: &[u8], called: &Called, queries: &Queries) -> Result<Asked, Status> {
    match open(handle, called, queries)? {
        Ticket::Statement(statement) => Ok(asked_as(statement)),
        Ticket::Plan(plan) => Ok(Asked::plan(plan)),
        Ticket::Prepared(PreparedHandle { statement, id, .. }) => {
            let kept = queries.statements().get(id, &called.caller.principal);
            let (_, values) = kept.ok_or_else(unknown)?;
            Ok(Asked { values: values.unwrap_or_default(), ..asked_as(statement) })
        }
        _ => Err(unknown()),
    }
}

/// Binds the row of a batch to the statement of a handle; without a batch, nothing any more.
///
/// # Errors
/// As [`asked`], and INVALID_ARGUMENT for values that are not those of the statement's parameters, or of
/// several rows: a query has one result; RESOURCE_EXHAUSTED for more than a node keeps.
pub fn bind(
    handle: &[u8],
    batch: Option<&RecordBatch>,
    called: &Called,
    queries: &Queries,
) -> Result<(), Status> {
    match (open(handle, called, queries)?, batch) {
        (Ticket::Statement(_) | Ticket::Plan(_), None) => Ok(()),
        (Ticket::Statement(_) | Ticket::Plan(_), Some(_)) => Err(no_parameters()),
        (Ticket::Prepared(PreparedHandle { id, .. }), batch) => {
            let kept = queries.statements().get(id, &called.caller.principal);
            let (parameters, _) = kept.ok_or_else(unknown)?;
            let rows = batch.map(|batch| parameters.rows(batch)).transpose();
            let mut rows = rows.map_err(|error| status::planner(&error))?.unwrap_or_default();
            let values = rows.pop().map(Into::into);
            if !rows.is_empty() {
                return Err(Status::invalid_argument(format!(
                    "{} rows of values were bound to a query: bind one, and run it for each",
                    rows.len() + 1
                )));
            }
            let bound = queries.statements().bind(id, values);
            bound.map_err(|large| status::status(Code::ResourceExhausted, &large.to_string()))
        }
        _ => Err(unknown()),
    }
}

/// What the statement of a handle asks for, with rows of values for its parameters.
///
/// # Errors
/// As [`bind`], but for the number of rows.
pub fn asked_for_each(
    handle: &[u8],
    batch: &RecordBatch,
    called: &Called,
    queries: &Queries,
) -> Result<(Asked, RecordBatch, Arc<Parameters>), Status> {
    match open(handle, called, queries)? {
        Ticket::Statement(_) | Ticket::Plan(_) => Err(no_parameters()),
        Ticket::Prepared(PreparedHandle { statement, id, .. }) => {
            let kept = queries.statements().get(id, &called.caller.principal);
            let (parameters, _) = kept.ok_or_else(unknown)?;
            let rows = parameters.batch(batch).map_err(|error| status::planner(&error))?;
            Ok((asked_as(statement), rows, parameters))
        }
        _ => Err(unknown()),
    }
}

fn asked_as(Written { sql, dialect }: Written) -> Asked {
    Asked { dialect: Some(dialect), ..Asked::new(sql) }
}

fn no_parameters() -> Status {
    Status::invalid_argument(
        "values were bound to a statement that has no parameters: write ? or $1 where they belong",
    )
}

fn open(handle: &[u8], called: &Called, queries: &Queries) -> Result<Ticket, Status> {
    let opened = queries.signer().check(handle, &called.caller.principal);
    opened.map_err(|_| unknown())
}

fn unknown() -> Status {
    Status::not_found("no such prepared statement: prepare it again")
}
