//! Who a request comes from: its session, its settings, its habits.

use std::sync::Arc;

use datafusion::prelude::SessionConfig;
use squadron_planner::options::{check_setting, check_values, explain_refusal, listed};
use squadron_planner::plan::Principal;
use tonic::metadata::{KeyAndValueRef, MetadataMap};
use tonic::{Code, Extensions, Status};

use super::connection::{ConnectionInfo, OwnSession};
use super::{agent, forward, status};
use crate::auth::Identity;
use crate::query::Caller;
use crate::session::{Session, Sessions};

/// The cookie that JDBC and ODBC keep (Flight SQL's own name for it).
pub const COOKIE: &str = "arrow_flight_session_id";

/// A request's caller, with the session it belongs to.
pub struct Called {
    /// For running statements.
    pub caller: Caller,
    /// Who calls.
    pub identity: Identity,
    /// For changing settings.
    pub session: Arc<Session>,
    /// The session's name, if it has one.
    pub name: Option<String>,
    /// What it calls by where it names no session: that of its connection.
    pub connection: Option<OwnSession>,
    /// The id of the other node that its session lives on.
    pub home: Option<String>,
    /// The options that it brings in headers: no session changes those.
    pub fixed: Vec<String>,
    /// Whether it names a session by a cookie, known or not.
    pub has_cookie: bool,
    /// The connection that it came on, where its session is that of its token: others may have the same.
    pub shared_by: Option<Arc<str>>,
    /// Why it cannot have the settings of the session it named.
    without: Option<Without>,
}

/// What became of a session that a call names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Without {
    /// It was one of this node, and had to go with its settings.
    Forgotten,
    /// It is that of another principal.
    Foreign,
}

impl Called {
    /// For what depends on settings.
    ///
    /// # Errors
    /// UNAUTHENTICATED when it names a session whose settings are lost, are another's, or are at a node that is
    /// gone: others would do something else than was asked for.
    pub fn has_its_settings(&self) -> Result<(), Status> {
        match (self.without, &self.home) {
            (None, None) => {
                if let Some(connection) = &self.shared_by {
                    self.session.used_by(connection);
                }
                Ok(())
            }
            (Some(Without::Forgotten), _) => Err(Status::unauthenticated(
                "the session was idle for so long that it is forgotten, with its settings: connect again",
            )),
            (Some(Without::Foreign), _) => Err(Status::unauthenticated(
                "the session is that of another user: connect again, without its cookie",
            )),
            (None, Some(node)) => Err(Status::unauthenticated(format!(
                "the session and its settings are at node {node}, which is not in the cluster: connect again"
            ))),
        }
    }
}

impl Called {
    /// For a change of the session's settings to `changed`.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for a setting that each of its calls brings along: the change would be without effect.
    pub fn can_change(&self, changed: &SessionConfig) -> Result<(), Status> {
        let value = |settings: &SessionConfig, key: &str| {
            listed(settings.options()).into_iter().find(|setting| setting.key == key)
        };
        let (before, now) = (self.session.settings(), &self.caller.settings);
        let in_vain = |key: &&String| {
            let wanted = value(changed, key);
            wanted != value(&before, key) && wanted != value(now, key)
        };
        match self.fixed.iter().find(in_vain) {
            None => Ok(()),
            Some(key) => Err(Status::invalid_argument(format!(
                "{key} comes with each call of this connection, as a header, which counts more than SET: take it out of the connection's URL or its properties"
            ))),
        }
    }
}

/// Whose word is taken for who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// That of the layer before the port.
    Clients,
    /// That of the node that passes the call on.
    Nodes,
}

/// Finds out who calls.
///
/// # Errors
/// INVALID_ARGUMENT for a `squadron-…` header that names no option or no value of one.
pub fn called(
    metadata: &MetadataMap,
    extensions: &Extensions,
    sessions: &Sessions,
    port: Port,
) -> Result<Called, Status> {
    let identity = match port {
        Port::Clients => extensions.get::<Identity>().cloned(),
        Port::Nodes => forward::read_identity(metadata),
    };
    // Nobody comes here without: should the layer be forgotten one day, nothing is open.
    let identity = identity.ok_or_else(|| Status::unauthenticated("nobody has said who calls"))?;
    let found = find(metadata, extensions, sessions, &identity);
    let Found { name, connection, session, home, without } = found;
    let is_of_token = name.is_some() && name == identity.session;
    let shared_by = match port {
        _ if !is_of_token => None,
        Port::Clients => {
            let info = extensions.get::<ConnectionInfo>();
            info.map(|info| info.of(&identity.principal.name).name)
        }
        Port::Nodes => forward::read_connection(metadata),
    };
    let mut settings = session.settings();
    let fixed = apply_headers(metadata, &mut settings)?;
    let agent = agent::agent(metadata);
    agent::choose_types(agent, &mut settings);
    let reads_one = agent::reads_one(agent);
    let principal = identity.principal.name.to_string();
    settings.set_extension(Arc::new(Principal(principal.clone())));
    let of = connection.as_ref().map(|own| own.name.to_string());
    let of = name.clone().or(of);
    let caller = Caller { principal, session: of, settings, reads_one };
    let has_cookie = cookie(metadata).is_some();
    Ok(Called {
        caller,
        identity,
        session,
        name,
        connection,
        home,
        fixed,
        has_cookie,
        shared_by,
        without,
    })
}

/// The session of a request.
struct Found {
    name: Option<String>,
    connection: Option<OwnSession>,
    session: Arc<Session>,
    home: Option<String>,
    without: Option<Without>,
}

/// A name that is not known here is that of another node, or of a session that was closed, and begins anew, or none at all: for
/// the last of these the connection's session does, unless it is known to have had settings.
fn find(
    metadata: &MetadataMap,
    extensions: &Extensions,
    sessions: &Sessions,
    identity: &Identity,
) -> Found {
    let principal = &identity.principal.name;
    let names = [cookie(metadata), identity.session.as_deref()];
    let names = names.into_iter().flatten();
    let mut without = None;
    let connection = extensions.get::<ConnectionInfo>().map(|info| info.of(principal));
    for name in names.clone() {
        match sessions.get(name).or_else(|| sessions.anew(name, principal)) {
            Some(session) if session.is_of(principal) => {
                if let Some(own) = &connection {
                    own.brought(name, sessions.defaults());
                }
                let name = Some(name.to_owned());
                return Found { name, connection: None, session, home: None, without: None };
            }
            Some(_) => without = Some(Without::Foreign),
            None if sessions.is_forgotten(name) => without = Some(Without::Forgotten),
            None => {}
        }
    }
    let home = names.into_iter().find_map(|name| sessions.elsewhere(name)).map(str::to_owned);
    let session = connection.as_ref().map(|own| Arc::clone(&own.session));
    let session = session.unwrap_or_else(|| sessions.unnamed(principal));
    Found { name: None, connection, session, home, without }
}

fn cookie(metadata: &MetadataMap) -> Option<&str> {
    let cookies = metadata.get_all("cookie").into_iter();
    let pairs = cookies.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
    let pairs = pairs.filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(name, _)| *name == COOKIE).map(|(_, value)| value.trim_matches('"')).next()
}

/// `squadron-execution-mode: local` and `squadron.execution_mode: local` (a JDBC property) are both
/// `SET squadron.execution_mode = 'local'` for this request. Gives the names of the options.
fn apply_headers(
    metadata: &MetadataMap,
    settings: &mut SessionConfig,
) -> Result<Vec<String>, Status> {
    let mut fixed = Vec::new();
    for entry in metadata.iter() {
        let KeyAndValueRef::Ascii(key, value) = entry else { continue };
        let name = key.as_str();
        let option = name.strip_prefix("squadron-").or_else(|| name.strip_prefix("squadron."));
        let Some(option) = option else { continue };
        let option = format!("squadron.{}", option.replace('-', "_"));
        let value = value.to_str().map_err(|_| refused(name, "its value is not text"))?;
        set_option(settings, &option, value).map_err(|why| refused(name, &why))?;
        fixed.push(option);
    }
    Ok(fixed)
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
    use squadron_planner::options::SquadronOptions;

    use super::*;
    use crate::auth::Principal;

    fn me() -> Arc<str> {
        "me".into()
    }

    fn call(sessions: &Sessions, identity: Identity, cookie: Option<&str>) -> Called {
        let (mut metadata, mut extensions) = (MetadataMap::new(), Extensions::default());
        if let Some(cookie) = cookie {
            metadata.insert("cookie", format!("{COOKIE}={cookie}").parse().unwrap());
        }
        extensions.insert(identity);
        called(&metadata, &extensions, sessions, Port::Clients).unwrap()
    }

    fn with_token(sessions: &Sessions, session: &str) -> Called {
        let mut identity = Identity::new(Principal::named("me"));
        identity.session = Some(session.to_owned());
        call(sessions, identity, None)
    }

    #[test]
    fn a_session_that_had_to_go_is_not_replaced_by_another() {
        let sessions = Sessions::new("a", SessionConfig::new());
        let (name, _) = sessions.create(&me()).unwrap();
        assert_eq!(with_token(&sessions, &name).name, Some(name.clone()));
        sessions.forget(&name);
        let refused = with_token(&sessions, &name).has_its_settings().unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
    }

    #[test]
    fn a_setting_that_a_header_brings_is_not_changed_without_effect() {
        let settings = SessionConfig::new().with_option_extension(SquadronOptions::default());
        let sessions = Sessions::new("a", settings);
        let (mut metadata, mut extensions) = (MetadataMap::new(), Extensions::default());
        metadata.insert("squadron-endpoints", "one".parse().unwrap());
        extensions.insert(Identity::new(Principal::named("me")));
        let called = called(&metadata, &extensions, &sessions, Port::Clients).unwrap();
        let can_set = |key: &str, value: &str| {
            let mut changed = called.session.settings();
            set_option(&mut changed, key, value).unwrap();
            called.can_change(&changed)
        };
        let refused = can_set("squadron.endpoints", "all").unwrap_err();
        assert!(refused.message().contains("squadron.endpoints"), "{refused}");
        can_set("squadron.endpoints", "one").unwrap();
        can_set("squadron.delivery", "staged").unwrap();
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

    #[test]
    fn nobody_is_in_the_session_of_another() {
        let sessions = Sessions::new("a", SessionConfig::new());
        let (name, session) = sessions.create(&me()).unwrap();
        session.set_settings(SessionConfig::new().with_batch_size(7));
        let mine = call(&sessions, Identity::new(Principal::named("me")), Some(&name));
        assert_eq!(mine.caller.settings.batch_size(), 7);
        let other = call(&sessions, Identity::new(Principal::named("you")), Some(&name));
        assert_ne!(other.caller.settings.batch_size(), 7);
        let refused = other.has_its_settings().unwrap_err();
        assert!(refused.message().contains("another user"), "{refused}");
    }

    #[test]
    fn a_call_that_nobody_vouches_for_is_refused() {
        let sessions = Sessions::new("a", SessionConfig::new());
        let (metadata, extensions) = (MetadataMap::new(), Extensions::default());
        for port in [Port::Clients, Port::Nodes] {
            let refused = called(&metadata, &extensions, &sessions, port).err().unwrap();
            assert_eq!(refused.code(), Code::Unauthenticated);
        }
    }

    /// Behind the client port's layer there are no such headers; should there be, they are not believed.
    #[test]
    fn a_client_is_not_believed_what_it_says_of_itself() {
        let sessions = Sessions::new("a", SessionConfig::new());
        let (mut metadata, mut extensions) = (MetadataMap::new(), Extensions::default());
        metadata.insert(forward::PRINCIPAL, "root".parse().unwrap());
        extensions.insert(Identity::new(Principal::named("me")));
        let known = called(&metadata, &extensions, &sessions, Port::Clients).unwrap();
        assert_eq!(known.caller.principal, "me");
    }
}
