//! Who a request comes from: its session, its settings, its habits.

use std::sync::Arc;

use datafusion::prelude::SessionConfig;
use squadron_planner::options::{check_setting, check_values, explain_refusal};
use tonic::metadata::{KeyAndValueRef, MetadataMap};
use tonic::{Code, Extensions, Status};

use super::connection::ConnectionInfo;
use super::forward::AGENT;
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
    /// The inner name of its connection, if it calls by one.
    pub connection: Option<String>,
    /// The id of the other node that its session lives on.
    pub home: Option<String>,
    /// It named a session of this node that had to go with its settings.
    forgotten: bool,
}

impl Called {
    /// For what depends on settings.
    ///
    /// # Errors
    /// UNAUTHENTICATED when it names a session whose settings are lost, or are at a node that is gone: others
    /// would do something else than was asked for.
    pub fn has_its_settings(&self) -> Result<(), Status> {
        match (self.forgotten, &self.home) {
            (false, None) => Ok(()),
            (true, _) => Err(Status::unauthenticated(
                "the session was idle for so long that it is forgotten, with its settings: connect again",
            )),
            (false, Some(node)) => Err(Status::unauthenticated(format!(
                "the session and its settings are at node {node}, which is not in the cluster: connect again"
            ))),
        }
    }
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
    let found = find(metadata, extensions, sessions);
    let Found { name, connection, session, home, forgotten } = found;
    let mut settings = session.settings();
    apply_headers(metadata, &mut settings)?;
    let reads_one = session.reads_one() || reads_one(metadata);
    let principal = ANONYMOUS.to_owned();
    let of = name.as_ref().or(connection.as_ref()).cloned();
    let caller = Caller { principal, session: of, settings, reads_one };
    Ok(Called { caller, session, name, connection, home, forgotten })
}

/// The session of a request.
struct Found {
    name: Option<String>,
    connection: Option<String>,
    session: Arc<Session>,
    home: Option<String>,
    forgotten: bool,
}

/// A name that is not known here is that of another node, or none at all (`Bearer None`): for the latter the
/// connection's session does, unless it is known to have had settings.
fn find(metadata: &MetadataMap, extensions: &Extensions, sessions: &Sessions) -> Found {
    let names = [cookie(metadata), bearer(metadata)];
    let names = names.into_iter().flatten();
    for name in names.clone() {
        if let Some(session) = sessions.get(name) {
            let name = Some(name.to_owned());
            return Found { name, connection: None, session, home: None, forgotten: false };
        }
    }
    let forgotten = names.clone().into_iter().any(|name| sessions.is_forgotten(name));
    let home = names.into_iter().find_map(|name| sessions.elsewhere(name)).map(str::to_owned);
    let info = extensions.get::<ConnectionInfo>();
    let connection = info.map(|info| info.name.to_string());
    let session = info.map(|info| Arc::clone(&info.session));
    let session = session.unwrap_or_else(|| sessions.unnamed());
    Found { name: None, connection, session, home, forgotten }
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
    let agents = ["user-agent", AGENT].into_iter().filter_map(|key| metadata.get(key));
    let mut agents = agents.filter_map(|agent| agent.to_str().ok()).map(str::to_ascii_lowercase);
    agents.any(|agent| READS_ONE.iter().any(|known| agent.contains(known)))
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
    // What is refused changes nothing.
    let mut changed = settings.clone();
    let set = changed.options_mut().set(key, value);
    set.map_err(|error| explain_refusal(&error))?;
    // Those of its own it has checked.
    if !key.starts_with("squadron.") {
        check_values(changed.options()).map_err(|refused| refused.to_string())?;
    }
    *settings = changed;
    Ok(())
}

fn refused(header: &str, why: &str) -> Status {
    status::status(Code::InvalidArgument, &format!("header {header}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_token(sessions: &Sessions, token: &str) -> Called {
        let mut metadata = MetadataMap::new();
        metadata.insert("authorization", format!("Bearer {token}").parse().unwrap());
        called(&metadata, &Extensions::default(), sessions).unwrap()
    }

    #[test]
    fn a_session_that_had_to_go_is_not_replaced_by_another() {
        let sessions = Sessions::new("a", SessionConfig::new());
        let (name, _) = sessions.create().unwrap();
        assert_eq!(with_token(&sessions, &name).name, Some(name.clone()));
        sessions.forget(&name);
        let refused = with_token(&sessions, &name).has_its_settings().unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
    }

    #[test]
    fn a_name_that_was_never_of_this_node_does_no_harm() {
        let sessions = Sessions::new("a", SessionConfig::new());
        for name in ["None", "00000000000000000000000000000000"] {
            with_token(&sessions, name).has_its_settings().unwrap();
        }
    }

    /// It would be run with other settings than it was given.
    #[test]
    fn a_session_of_another_node_is_not_replaced_by_one_of_this() {
        let sessions = Sessions::new("a", SessionConfig::new());
        let called = with_token(&sessions, "00000000000000000000000000000000.b");
        assert_eq!(called.home.as_deref(), Some("b"));
        assert_eq!(called.has_its_settings().unwrap_err().code(), Code::Unauthenticated);
    }
}
