//! SetSessionOptions, GetSessionOptions, CloseSession.
//!
//! arrow-flight 59 has no types for these messages; these follow `Flight.proto` of the Arrow
//! project, field by field.

use std::collections::HashMap;

use datafusion::prelude::SessionConfig;
use prost::Message;
use squadron_planner::options::{Setting, erased, listed};

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

/// Sets what can be set; says what cannot. `defaults` are what an erased option goes back to, and `places` knows
/// the catalogs and schemas that there are.
pub fn set(
    settings: &mut SessionConfig,
    request: SetSessionOptionsRequest,
    defaults: &SessionConfig,
    places: impl Fn(&SessionConfig) -> Place,
) -> SetSessionOptionsResult {
    let mut errors = HashMap::new();
    let mut options: Vec<_> = request.session_options.into_iter().collect();
    // A schema is looked for in the catalog that comes with it.
    options.sort_by_key(|(name, _)| option_key(name));
    for (name, value) in options {
        if let Err(value) = set_one(settings, &name, value, defaults, &places) {
            errors.insert(name, OptionError { value });
        }
    }
    SetSessionOptionsResult { errors }
}

/// What there is of where a session's unqualified tables are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// There is a catalog of that name.
    pub catalog: bool,
    /// It has a schema of that name.
    pub schema: bool,
}

fn set_one(
    settings: &mut SessionConfig,
    name: &str,
    value: SessionOptionValue,
    defaults: &SessionConfig,
    places: impl Fn(&SessionConfig) -> Place,
) -> Result<(), i32> {
    let key = option_key(name);
    if !listed(settings.options()).iter().any(|setting| setting.key == key) {
        return Err(INVALID_NAME);
    }
    let is_place = key == CATALOG || key == SCHEMA;
    let value = match value.option_value {
        // Tools send properties that nobody filled in.
        Some(OptionValue::String(text)) if is_place && text.is_empty() => None,
        Some(OptionValue::String(text)) => Some(text),
        Some(OptionValue::Bool(flag)) => Some(flag.to_string()),
        Some(OptionValue::Int64(number)) => Some(number.to_string()),
        Some(OptionValue::Double(number)) => Some(number.to_string()),
        Some(OptionValue::StringList(_)) => return Err(INVALID_VALUE),
        None => None,
    };
    let mut changed = settings.clone();
    match value {
        Some(value) => set_option(&mut changed, &key, &value).map_err(|_| INVALID_VALUE)?,
        None => {
            let erased = erased(settings.options(), defaults.options(), &key);
            *changed.options_mut() = erased.ok_or(INVALID_NAME)?;
        }
    }
    let there = if is_place { places(&changed) } else { Place { catalog: true, schema: true } };
    if (key == CATALOG && !there.catalog) || (key == SCHEMA && !there.schema) {
        return Err(INVALID_VALUE);
    }
    *settings = changed;
    Ok(())
}

const CATALOG: &str = "datafusion.catalog.default_catalog";
const SCHEMA: &str = "datafusion.catalog.default_schema";

/// `catalog` and `schema` are the protocol's own names for where unqualified tables are looked up. Names are
/// written in any case, as in SQL.
fn option_key(name: &str) -> String {
    match name.to_lowercase() {
        name if name == "catalog" => CATALOG.into(),
        name if name == "schema" => SCHEMA.into(),
        other => other,
    }
}

/// Everything that can be set, as far as it has a value, of the types that the node's `defaults` have.
pub fn get(settings: &SessionConfig, defaults: &SessionConfig) -> GetSessionOptionsResult {
    let usual: HashMap<_, _> = listed(defaults.options())
        .into_iter()
        .filter_map(|setting| Some((setting.key, setting.value?)))
        .collect();
    let mut options = HashMap::new();
    for Setting { key, value } in listed(settings.options()) {
        let Some(value) = value else { continue };
        let usual = usual.get(&key).unwrap_or(&value);
        let value = SessionOptionValue { option_value: Some(typed(&value, usual)) };
        match key.as_str() {
            CATALOG => options.insert("catalog".to_owned(), value.clone()),
            SCHEMA => options.insert("schema".to_owned(), value.clone()),
            _ => None,
        };
        options.insert(key, value);
    }
    GetSessionOptionsResult { session_options: options }
}

/// A value of the type of what it usually is: of settings there is text only.
fn typed(value: &str, usual: &str) -> OptionValue {
    let text = || OptionValue::String(value.to_owned());
    if usual.parse::<bool>().is_ok() {
        return value.parse().map_or_else(|_| text(), OptionValue::Bool);
    }
    if usual.parse::<i64>().is_ok() {
        return value.parse().map_or_else(|_| text(), OptionValue::Int64);
    }
    match usual.parse::<f64>() {
        Ok(_) => value.parse().map_or_else(|_| text(), OptionValue::Double),
        Err(_) => text(),
    }
}

#[cfg(test)]
mod tests {
    use squadron_planner::options::SquadronOptions;

    use super::*;

    fn settings() -> SessionConfig {
        SessionConfig::new().with_option_extension(SquadronOptions::default())
    }

    fn request(name: &str, value: Option<OptionValue>) -> SetSessionOptionsRequest {
        let value = SessionOptionValue { option_value: value };
        SetSessionOptionsRequest { session_options: HashMap::from([(name.to_owned(), value)]) }
    }

    /// There is catalog `c` with schema `s`, and DataFusion's own.
    fn places(settings: &SessionConfig) -> Place {
        let catalog = &settings.options().catalog;
        let catalogs = ["c", "datafusion"].contains(&catalog.default_catalog.as_str());
        let schemas = ["s", "public"].contains(&catalog.default_schema.as_str());
        Place { catalog: catalogs, schema: catalogs && schemas }
    }

    fn set_in(settings: &mut SessionConfig, name: &str, value: Option<OptionValue>) -> Option<i32> {
        let result = set(settings, request(name, value), &self::settings(), places);
        result.errors.get(name).map(|error| error.value)
    }

    fn text(text: &str) -> Option<OptionValue> {
        Some(OptionValue::String(text.to_owned()))
    }

    fn shown(settings: &SessionConfig, name: &str) -> Option<OptionValue> {
        get(settings, &self::settings()).session_options.remove(name)?.option_value
    }

    #[test]
    fn names_and_values_are_checked() {
        for (name, value, error) in [
            ("schema", text("s"), None),
            ("SCHEMA", text("s"), None),
            ("squadron.execution_mode", text("local"), None),
            ("Squadron.Execution_Mode", text("local"), None),
            ("squadron.execution_mode", text("elsewhere"), Some(INVALID_VALUE)),
            ("squadron.nothing", text("x"), Some(INVALID_NAME)),
            ("datafusion.execution.batch_size", Some(OptionValue::Int64(10)), None),
            ("datafusion.execution.time_zone", text("Mars/Phobos"), Some(INVALID_VALUE)),
            ("datafusion.runtime.memory_limit", text("1G"), Some(INVALID_NAME)),
        ] {
            assert_eq!(set_in(&mut settings(), name, value), error, "{name}");
        }
    }

    #[test]
    fn a_place_that_is_not_there_is_refused() {
        for (name, value) in [("catalog", "nope"), ("schema", "nope")] {
            let mut settings = settings();
            assert_eq!(set_in(&mut settings, name, text(value)), Some(INVALID_VALUE));
            assert_eq!(shown(&settings, name), shown(&self::settings(), name));
        }
    }

    #[test]
    fn an_empty_place_is_the_usual_one() {
        let mut settings = settings();
        assert_eq!(set_in(&mut settings, "catalog", text("c")), None);
        assert_eq!(set_in(&mut settings, "catalog", text("")), None);
        assert_eq!(shown(&settings, "catalog"), text("datafusion"));
    }

    #[test]
    fn a_value_that_is_refused_changes_nothing() {
        let mut settings = settings();
        let before = settings.options().format.null.clone();
        let long = text(&"x".repeat(1 << 20));
        assert_eq!(set_in(&mut settings, "datafusion.format.null", long), Some(INVALID_VALUE));
        assert_eq!(settings.options().format.null, before);
    }

    #[test]
    fn what_was_set_is_given_back_in_its_type() {
        for (name, value) in [
            ("squadron.execution_mode", text("local")),
            ("squadron.frame_bytes", Some(OptionValue::Int64(1 << 20))),
            ("squadron.unique_names", Some(OptionValue::Bool(true))),
            ("datafusion.execution.batch_size", Some(OptionValue::Int64(7))),
            ("datafusion.execution.parquet.bloom_filter_fpp", Some(OptionValue::Double(0.5))),
        ] {
            let mut settings = settings();
            assert_eq!(set_in(&mut settings, name, value.clone()), None, "{name}");
            assert_eq!(shown(&settings, name), value, "{name}");
        }
    }

    #[test]
    fn what_is_erased_is_as_it_was() {
        for (name, value) in [
            ("schema", text("s")),
            ("datafusion.execution.batch_size", Some(OptionValue::Int64(7))),
            ("datafusion.execution.parquet.bloom_filter_fpp", Some(OptionValue::Double(0.5))),
            ("squadron.endpoints", text("all")),
        ] {
            let mut settings = settings();
            assert_eq!(set_in(&mut settings, name, value), None, "{name}");
            assert_eq!(set_in(&mut settings, name, None), None, "{name}");
            assert_eq!(shown(&settings, name), shown(&self::settings(), name), "{name}");
        }
    }
}
