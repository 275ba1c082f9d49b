//! What a client asks for: a descriptor or an action, read and named.

use arrow_flight::FlightDescriptor;
use arrow_flight::flight_descriptor::DescriptorType;
use arrow_flight::sql::{Any, Command, ProstMessageExt, SubstraitPlan};
use bytes::Bytes;
use prost::Message;
use tonic::{Code, Status};

use super::status;

/// A client's wish.
#[derive(Debug, Clone)]
pub enum Wish {
    /// Run SQL.
    Statement(String),
    /// Run a Substrait plan.
    Plan(Bytes),
    /// Run a prepared statement.
    Prepared(Vec<u8>),
    /// Answer a metadata command.
    Metadata(Command),
    /// Read a table named by its path.
    Path(Vec<String>),
}

/// Reads a descriptor.
///
/// # Errors
/// INVALID_ARGUMENT for what is not a Flight SQL command, UNIMPLEMENTED for a command of a later
/// version.
pub fn wish(descriptor: &FlightDescriptor) -> Result<Wish, Status> {
    match descriptor.r#type() {
        DescriptorType::Path if !descriptor.path.is_empty() => {
            Ok(Wish::Path(descriptor.path.clone()))
        }
        DescriptorType::Cmd => from_command(command(&descriptor.cmd)?),
        _ => Err(Status::invalid_argument(
            "a descriptor has a Flight SQL command or the path of a table, like [\"lineitem\"]",
        )),
    }
}

/// Decodes a packed Flight SQL command.
///
/// # Errors
/// INVALID_ARGUMENT when it is none.
pub fn command(bytes: &[u8]) -> Result<Command, Status> {
    let any = Any::decode(bytes).map_err(|_| {
        Status::invalid_argument("the command is not a Flight SQL command packed in an Any")
    })?;
    let name = any.type_url.clone();
    if name.is_empty() {
        return Err(Status::invalid_argument("the command is empty: it has no type"));
    }
    Command::try_from(any).map_err(|error| {
        status::status(Code::InvalidArgument, &format!("unreadable {name}: {error}"))
    })
}

fn from_command(command: Command) -> Result<Wish, Status> {
    match command {
        Command::CommandStatementQuery(query) => {
            refuse_transaction(query.transaction_id.as_deref())?;
            Ok(Wish::Statement(query.query))
        }
        Command::CommandStatementSubstraitPlan(query) => {
            refuse_transaction(query.transaction_id.as_deref())?;
            Ok(Wish::Plan(brought(query.plan)?))
        }
        Command::CommandPreparedStatementQuery(query) => {
            Ok(Wish::Prepared(query.prepared_statement_handle.to_vec()))
        }
        Command::CommandGetCatalogs(_)
        | Command::CommandGetDbSchemas(_)
        | Command::CommandGetTables(_)
        | Command::CommandGetTableTypes(_)
        | Command::CommandGetSqlInfo(_)
        | Command::CommandGetXdbcTypeInfo(_)
        | Command::CommandGetPrimaryKeys(_)
        | Command::CommandGetImportedKeys(_)
        | Command::CommandGetExportedKeys(_)
        | Command::CommandGetCrossReference(_) => Ok(Wish::Metadata(command)),
        other => Err(not_yet(other.type_url())),
    }
}

/// Transactions are reported as unsupported (SqlInfo 8 = 0): none can be open.
pub fn refuse_transaction(transaction: Option<&[u8]>) -> Result<(), Status> {
    match transaction {
        None | Some(&[]) => Ok(()),
        Some(_) => Err(Status::invalid_argument(
            "there are no transactions here: connect with autocommit on",
        )),
    }
}

/// The plan that a client brings.
///
/// # Errors
/// INVALID_ARGUMENT where there is none.
pub fn brought(plan: Option<SubstraitPlan>) -> Result<Bytes, Status> {
    let plan = plan.map(|plan| plan.plan).filter(|plan| !plan.is_empty());
    plan.ok_or_else(|| Status::invalid_argument("no Substrait plan was sent"))
}

/// A known command that this version does not answer.
pub fn not_yet(name: &str) -> Status {
    let name = name.rsplit(['.', '/']).next().unwrap_or(name);
    status::status(Code::Unimplemented, &format!("{name} is not supported by this version"))
}

/// Decodes an action's body, packed in an `Any` or bare: clients do both.
///
/// # Errors
/// INVALID_ARGUMENT when it is neither.
pub fn body<M: ProstMessageExt + Default>(bytes: &[u8]) -> Result<M, Status> {
    let packed = Any::decode(bytes).ok().and_then(|any| any.unpack::<M>().ok()).flatten();
    match packed {
        Some(message) => Ok(message),
        None => M::decode(bytes).map_err(|error| {
            status::status(Code::InvalidArgument, &format!("unreadable action body: {error}"))
        }),
    }
}
