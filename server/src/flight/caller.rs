//! Who a request comes from: its session, its settings, its habits.

use std::sync::Arc;

use datafusion::prelude::SessionConfig;
use squadron_planner::options::{check_setting, check_values, explain_refusal};
use tonic::metadata::{KeyAndValueRef, MetadataMap};
use tonic::{Code, Extensions, Status};

use super::connection::ConnectionInfo;
use super::status;
use crate::query::Caller;
use crate::session::{Session, Sessions};

/// The cookie that JDBC and ODBC keep (Flight SQL's own name for it).
pub const COOKIE: &str = "arrow_flight_session_id";

/// Without users there is one principal.
pub const ANONYMOUS: &str = "anonymous";

/// Clients that read one endpoint only and say who they are: Grafana refuses any other number.
const READS_ONE: &[&str] = &["grafana", "flightsql-datasource"];

/// A request's caller, with the session it belongs to.
pub struct Called {
    /// For running statements.
    pub caller: Caller,
    /// For changing settings.
    pub session: Arc<Session>,
    /// The session's name, if it has one.
    pub name: Option<String>,
}

/// Finds out who calls.
///
/// # Errors
/// INVALID_ARGUMENT for a `squadron-…` header that names no option or no value of one.
pub fn called(
    metadata: &MetadataMap,
    extensions: &Extensions,
    sessions: &Sessions,
) -> Result<Called, Status> {
    let (name, session) = session(metadata, extensions, sessions);
    let mut settings = session.settings();
    apply_headers(metadata, &mut settings)?;
    let reads_one = session.reads_one() || reads_one(metadata);
    let principal = ANONYMOUS.to_owned();
    let caller = Caller { principal, session: name.clone(), settings, reads_one };
    Ok(Called { caller, session, name })
}

fn session(
    metadata: &MetadataMap,
    extensions: &Extensions,
    sessions: &Sessions,
) -> (Option<String>, Arc<Session>) {
    let names = [cookie(metadata), bearer(metadata)];
    for name in names.into_iter().flatten() {
        if let Some(session) = sessions.get(name) {
            return (Some(name.to_owned()), session);
        }
    }
    let connection = extensions.get::<ConnectionInfo>();
    let session = connection.map(|connection| Arc::clone(&connection.session));
    (None, session.unwrap_or_else(|| sessions.unnamed()))
}

fn cookie(metadata: &MetadataMap) -> Option<&str> {
    let cookies = metadata.get_all("cookie").into_iter();
    let pairs = cookies.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
    let pairs = pairs.filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(name, _)| *name == COOKIE).map(|(_, value)| value.trim_matches('"')).next()
}

fn bearer(metadata: &MetadataMap) -> Option<&str> {
    let value = metadata.get("authorization")?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(str::trim)
}

fn reads_one(metadata: &MetadataMap) -> bool {
    let agent = metadata.get("user-agent").and_then(|agent| agent.to_str().ok());
    let agent = agent.unwrap_or_default().to_ascii_lowercase();
    READS_ONE.iter().any(|known| agent.contains(known))
}

/// `squadron-execution-mode: local` and `squadron.execution_mode: local` (a JDBC property) are both
/// `SET squadron.execution_mode = 'local'` for this request.
fn apply_headers(metadata: &MetadataMap, settings: &mut SessionConfig) -> Result<(), Status> {
    for entry in metadata.iter() {
        let KeyAndValueRef::Ascii(key, value) = entry else { continue };
        let name = key.as_str();
        let option = name.strip_prefix("squadron-").or_else(|| name.strip_prefix("squadron."));
        let Some(option) = option else { continue };
        let option = format!("squadron.{}", option.replace('-', "_"));
        let value = value.to_str().map_err(|_| refused(name, "its value is not text"))?;
        set_option(settings, &option, value).map_err(|why| refused(name, &why))?;
    }
    Ok(())
}

/// Sets an option by name; the error says which there are.
pub fn set_option(settings: &mut SessionConfig, key: &str, value: &str) -> Result<(), String> {
    check_setting(key).map_err(|refused| refused.to_string())?;
    let set = settings.options_mut().set(key, value);
    set.map_err(|error| explain_refusal(&error))?;
    // Those of its own it has checked.
    if key.starts_with("squadron.") {
        return Ok(());
    }
    check_values(settings.options()).map_err(|refused| refused.to_string())
}

fn refused(header: &str, why: &str) -> Status {
    status::status(Code::InvalidArgument, &format!("header {header}: {why}"))
}
