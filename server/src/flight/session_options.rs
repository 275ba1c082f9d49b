//! SetSessionOptions, GetSessionOptions, CloseSession.
//!
//! arrow-flight 59 has no types for these messages; these follow `Flight.proto` of the Arrow
//! project, field by field.

use std::collections::HashMap;

use datafusion::config::ExtensionOptions;
use datafusion::prelude::SessionConfig;
use prost::Message;
use squadron_planner::options::SquadronOptions;

use super::caller::set_option;

/// Action names of the protocol.
pub const SET: &str = "SetSessionOptions";
/// See [`SET`].
pub const GET: &str = "GetSessionOptions";
/// See [`SET`].
pub const CLOSE: &str = "CloseSession";

/// A value: one of the protocol's arms.
#[derive(Clone, PartialEq, Message)]
pub struct SessionOptionValue {
    /// Nothing set means: back to the default.
    #[prost(oneof = "OptionValue", tags = "1, 2, 3, 4, 5")]
    pub option_value: Option<OptionValue>,
}

/// See [`SessionOptionValue`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum OptionValue {
    /// Text.
    #[prost(string, tag = "1")]
    String(String),
    /// A flag.
    #[prost(bool, tag = "2")]
    Bool(bool),
    /// A whole number.
    #[prost(sfixed64, tag = "3")]
    Int64(i64),
    /// A number.
    #[prost(double, tag = "4")]
    Double(f64),
    /// A list of texts.
    #[prost(message, tag = "5")]
    StringList(StringList),
}

/// A list of texts.
#[derive(Clone, PartialEq, Message)]
pub struct StringList {
    /// The texts.
    #[prost(string, repeated, tag = "1")]
    pub values: Vec<String>,
}

/// Options to set.
#[derive(Clone, PartialEq, Message)]
pub struct SetSessionOptionsRequest {
    /// By name.
    #[prost(map = "string, message", tag = "1")]
    pub session_options: HashMap<String, SessionOptionValue>,
}

/// What could not be set.
#[derive(Clone, PartialEq, Message)]
pub struct SetSessionOptionsResult {
    /// By name; empty when all is well.
    #[prost(map = "string, message", tag = "1")]
    pub errors: HashMap<String, OptionError>,
}

/// Why an option could not be set.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct OptionError {
    /// 1 = unknown name, 2 = bad value, 3 = other.
    #[prost(int32, tag = "1")]
    pub value: i32,
}

const INVALID_NAME: i32 = 1;
const INVALID_VALUE: i32 = 2;

/// The session's options.
#[derive(Clone, PartialEq, Message)]
pub struct GetSessionOptionsResult {
    /// By name.
    #[prost(map = "string, message", tag = "1")]
    pub session_options: HashMap<String, SessionOptionValue>,
}

/// How closing went.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct CloseSessionResult {
    /// 1 = closed, 3 = there was none to close.
    #[prost(int32, tag = "1")]
    pub status: i32,
}

/// [`CloseSessionResult::status`]: closed.
pub const CLOSED: i32 = 1;
/// [`CloseSessionResult::status`]: there was none.
pub const NOT_CLOSEABLE: i32 = 3;

/// Sets what can be set; says what cannot.
pub fn set(
    settings: &mut SessionConfig,
    request: SetSessionOptionsRequest,
) -> SetSessionOptionsResult {
    let mut errors = HashMap::new();
    for (name, value) in request.session_options {
        if let Err(value) = set_one(settings, &name, value) {
            errors.insert(name, OptionError { value });
        }
    }
    SetSessionOptionsResult { errors }
}

fn set_one(settings: &mut SessionConfig, name: &str, value: SessionOptionValue) -> Result<(), i32> {
    let key = option_key(name);
    let known = current(settings, &key).ok_or(INVALID_NAME)?;
    let value = match value.option_value {
        Some(OptionValue::String(text)) => text,
        Some(OptionValue::Bool(flag)) => flag.to_string(),
        Some(OptionValue::Int64(number)) => number.to_string(),
        Some(OptionValue::Double(number)) => number.to_string(),
        Some(OptionValue::StringList(_)) => return Err(INVALID_VALUE),
        None => default(&key).unwrap_or(known),
    };
    set_option(settings, &key, &value).map_err(|_| INVALID_VALUE)
}

/// `catalog` and `schema` are the protocol's own names for where unqualified tables are looked up.
fn option_key(name: &str) -> String {
    match name {
        "catalog" => "datafusion.catalog.default_catalog".into(),
        "schema" => "datafusion.catalog.default_schema".into(),
        other => other.into(),
    }
}

/// The node's own settings are no session's.
fn current(settings: &SessionConfig, key: &str) -> Option<String> {
    let entries = settings.options().entries();
    let entry = entries.into_iter().find(|entry| entry.key == key && !key.contains(".runtime."));
    entry.map(|entry| entry.value.unwrap_or_default())
}

fn default(key: &str) -> Option<String> {
    let ours = SquadronOptions::default().entries();
    let entry = ours.into_iter().find(|entry| entry.key == key);
    entry.and_then(|entry| entry.value)
}

/// The options a client may care for: where it is, and everything of ours.
pub fn get(settings: &SessionConfig) -> GetSessionOptionsResult {
    let text =
        |value: String| SessionOptionValue { option_value: Some(OptionValue::String(value)) };
    let catalog = &settings.options().catalog;
    let mut options = HashMap::from([
        ("catalog".to_owned(), text(catalog.default_catalog.clone())),
        ("schema".to_owned(), text(catalog.default_schema.clone())),
    ]);
    let entries = settings.options().entries();
    for entry in entries.into_iter().filter(|entry| entry.key.starts_with("squadron.")) {
        options.insert(entry.key, text(entry.value.unwrap_or_default()));
    }
    GetSessionOptionsResult { session_options: options }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> SessionConfig {
        SessionConfig::new().with_option_extension(SquadronOptions::default())
    }

    fn request(name: &str, value: OptionValue) -> SetSessionOptionsRequest {
        let value = SessionOptionValue { option_value: Some(value) };
        SetSessionOptionsRequest { session_options: HashMap::from([(name.to_owned(), value)]) }
    }

    fn check(name: &str, value: OptionValue, error: Option<i32>) {
        let result = set(&mut settings(), request(name, value));
        assert_eq!(result.errors.get(name).map(|error| error.value), error, "{name}");
    }

    #[test]
    fn names_and_values_are_checked() {
        let text = |text: &str| OptionValue::String(text.to_owned());
        check("schema", text("x"), None);
        check("squadron.execution_mode", text("local"), None);
        check("squadron.execution_mode", text("elsewhere"), Some(INVALID_VALUE));
        check("squadron.nothing", text("x"), Some(INVALID_NAME));
        check("datafusion.execution.batch_size", OptionValue::Int64(10), None);
        check("datafusion.runtime.memory_limit", text("1G"), Some(INVALID_NAME));
    }

    #[test]
    fn a_value_that_is_refused_changes_nothing() {
        let mut settings = settings();
        let before = settings.options().format.null.clone();
        let long = OptionValue::String("x".repeat(1 << 20));
        let result = set(&mut settings, request("datafusion.format.null", long));
        assert_eq!(result.errors["datafusion.format.null"].value, INVALID_VALUE);
        assert_eq!(settings.options().format.null, before);
    }

    #[test]
    fn what_was_set_is_given_back() {
        let mut settings = settings();
        let local = OptionValue::String("local".into());
        set(&mut settings, request("squadron.execution_mode", local.clone()));
        let options = get(&settings).session_options;
        assert_eq!(options["squadron.execution_mode"].option_value, Some(local));
    }
}
