//! DoAction for clients: prepared statements, session options, the lifetime of results.

use std::sync::Arc;

use arrow_flight::sql::ActionClosePreparedStatementRequest;
use arrow_flight::{Action, ActionType};
use bytes::Bytes;
use datafusion::execution::SessionState;
use datafusion::prelude::SessionConfig;
use prost::Message;
use squadron_planner::catalog::INFORMATION_SCHEMA;
use tonic::{Response, Status};

use super::caller::{COOKIE, Called};
use super::command::{body, not_yet};
use super::session_options::{
    self as options, CloseSessionResult, Place, SetSessionOptionsRequest,
};
use super::{lifetime, prepared, status};
use crate::query::Queries;
use crate::session::Sessions;

const CREATE: &str = "CreatePreparedStatement";
const CREATE_PLAN: &str = "CreatePreparedSubstraitPlan";
const CLOSE_PREPARED: &str = "ClosePreparedStatement";

/// What an action answers.
pub struct Answer {
    /// The message, if there is one.
    pub body: Option<Bytes>,
    /// A session that began with this action.
    pub cookie: Option<String>,
}

impl From<Bytes> for Answer {
    fn from(body: Bytes) -> Self {
        Self { body: Some(body), cookie: None }
    }
}

/// The actions there are.
pub fn types() -> Vec<ActionType> {
    let action = |name: &str, description: &str| ActionType {
        r#type: name.to_owned(),
        description: description.to_owned(),
    };
    vec![
        action(CREATE, "Prepare a statement: its result's schema without running it"),
        action(CREATE_PLAN, "Prepare a Substrait plan"),
        action(CLOSE_PREPARED, "Forget a prepared statement"),
        action(lifetime::CANCEL_FLIGHT_INFO, "End a query and let go of its result"),
        action(lifetime::CANCEL_QUERY, "The same, for clients of older versions"),
        action(lifetime::RENEW, "Keep an endpoint's share of a result longer"),
        action(options::SET, "Set options of the session"),
        action(options::GET, "The session's options"),
        action(options::CLOSE, "End the session"),
    ]
}

/// Whether an action is about a session, or depends on its settings.
pub fn is_of_a_session(name: &str) -> bool {
    matches!(name, CREATE | CREATE_PLAN | options::SET | options::GET | options::CLOSE)
}

/// The handle of the prepared statement that an action is about.
pub fn handle(action: &Action) -> Option<Bytes> {
    let closes = action.r#type == CLOSE_PREPARED;
    let request = body::<ActionClosePreparedStatementRequest>(&action.body).ok();
    request.filter(|_| closes).map(|request| request.prepared_statement_handle)
}

/// Carries out an action.
///
/// # Errors
/// INVALID_ARGUMENT for an unreadable body, UNIMPLEMENTED for an unknown action, and a statement's
/// own errors.
pub async fn act(
    action: &Action,
    called: &Called,
    queries: &Arc<Queries>,
    sessions: &Sessions,
) -> Result<Answer, Status> {
    let principal = called.caller.principal.as_str();
    if matches!(action.r#type.as_str(), CREATE | CREATE_PLAN | options::SET | options::GET) {
        called.has_its_settings()?;
    }
    match action.r#type.as_str() {
        CREATE => prepared::create(body(&action.body)?, called, queries).await.map(Into::into),
        CREATE_PLAN => {
            prepared::create_plan(body(&action.body)?, called, queries).await.map(Into::into)
        }
        CLOSE_PREPARED => {
            prepared::close(&body(&action.body)?, called, queries);
            Ok(Answer { body: None, cookie: None })
        }
        lifetime::CANCEL_FLIGHT_INFO => {
            lifetime::cancel_flight_info(&action.body, principal, queries).await.map(Into::into)
        }
        lifetime::CANCEL_QUERY => {
            lifetime::cancel_query(&action.body, principal, queries).await.map(Into::into)
        }
        lifetime::RENEW => lifetime::renew(&action.body, principal, queries).await.map(Into::into),
        options::SET => set(&action.body, called, queries, sessions).await,
        options::GET => {
            let answer = options::get(&called.session.settings(), sessions.defaults());
            Ok(Bytes::from(answer.encode_to_vec()).into())
        }
        options::CLOSE => close(called, sessions, queries).await.map(Into::into),
        other => Err(not_yet(&format!("action {other}"))),
    }
}

/// Options need a session to stay in: a client without one is given a cookie.
async fn set(
    bytes: &[u8],
    called: &Called,
    queries: &Queries,
    sessions: &Sessions,
) -> Result<Answer, Status> {
    let request = SetSessionOptionsRequest::decode(bytes)
        .map_err(|error| Status::invalid_argument(format!("unreadable options: {error}")))?;
    let mut settings = called.session.settings();
    let engine = queries.planner().engine();
    engine.refresh_tables().await;
    let places = |settings: &SessionConfig| place(&engine.session(settings.clone()));
    let result = options::set(&mut settings, request, sessions.defaults(), places);
    called.session.set_settings(settings.clone());
    let cookie = match called.name {
        Some(_) => None,
        None => {
            let (name, session) = sessions
                .create(&called.identity.principal.name)
                .map_err(|full| status::session(&full))?;
            session.set_settings(settings);
            if let Some(own) = &called.connection {
                own.gave(&name);
            }
            Some(name)
        }
    };
    Ok(Answer { body: Some(result.encode_to_vec().into()), cookie })
}

/// What there is of where the unqualified tables of a session are looked up.
fn place(session: &SessionState) -> Place {
    let at = &session.config().options().catalog;
    let catalog = session.catalog_list().catalog(&at.default_catalog);
    let schema = catalog.as_ref().is_some_and(|catalog| {
        let names = catalog.schema_names();
        at.default_schema == INFORMATION_SCHEMA || names.contains(&at.default_schema)
    });
    Place { catalog: catalog.is_some(), schema }
}

/// Whether other connections of the same token are in the session: it is theirs, with its settings and what they read.
fn is_left_to_others(called: &Called) -> bool {
    let connection = called.shared_by.as_ref();
    connection.is_some_and(|connection| called.session.is_left_to_others(connection))
}

/// A session's results go with it; of that of a connection those that were read, since the connection may
/// be a proxy's, and others' as well.
async fn close(called: &Called, sessions: &Sessions, queries: &Queries) -> Result<Bytes, Status> {
    let status = match (&called.name, &called.connection) {
        _ if called.home.is_some() => options::NOT_CLOSEABLE,
        (Some(_), _) if is_left_to_others(called) => options::CLOSED,
        (Some(name), _) if sessions.close(name) => {
            queries.close_session(name).await;
            options::CLOSED
        }
        (None, Some(connection)) if !called.has_cookie => {
            connection.session.set_settings(sessions.defaults().clone());
            queries.leave_session(&connection.name).await;
            options::CLOSED
        }
        _ => {
            return Err(Status::not_found(
                "there is no such session: it was closed, or has expired",
            ));
        }
    };
    Ok(CloseSessionResult { status }.encode_to_vec().into())
}

/// Tells a cookie-keeping client its session.
pub fn set_cookie<T>(response: &mut Response<T>, session: &str) {
    if let Ok(value) = format!("{COOKIE}={session}; Path=/; HttpOnly").parse() {
        response.metadata_mut().insert("set-cookie", value);
    }
}
