//! The `squadron.*` settings: what a user may choose for one query or one session.
//!
//! One definition serves SQL `SET`, Flight session options and request headers (design, section 5):
//! all three end in [`SquadronOptions::set`] through DataFusion's `ConfigOptions`, so a wrong name or
//! value is refused with the same words wherever it comes from.

use std::any::Any;
use std::ops::RangeInclusive;
use std::time::Duration;

use datafusion::config::{ConfigEntry, ConfigExtension, ConfigOptions, ExtensionOptions};
use datafusion::error::{DataFusionError, Result};

mod listed;
mod values;
mod words;

pub use listed::{Setting, erased, listed};
pub use values::{MOST_PARTITIONS, check_setting, check_values};
pub use words::{Delivery, Dialect, Endpoints, ExecutionMode, Locations, Types};

/// Settings of Squadron itself, beside DataFusion's own `datafusion.*`.
#[derive(Debug, Clone, PartialEq)]
pub struct SquadronOptions {
    /// Where a query runs.
    pub execution_mode: ExecutionMode,
    /// How many endpoints a result has.
    pub endpoints: Endpoints,
    /// What the endpoints point to.
    pub locations: Locations,
    /// Target bytes of one result message; 0 lets the node choose.
    pub frame_bytes: usize,
    /// When frames are handed out.
    pub delivery: Delivery,
    /// Longest that a query takes; zero: as long as the node lets it.
    pub query_timeout: Duration,
    /// The types that results are told in.
    pub types: Types,
    /// Whether no two columns of a result may have one name.
    pub unique_names: bool,
    /// How statements are read.
    pub dialect: Dialect,
}

impl Default for SquadronOptions {
    fn default() -> Self {
        Self {
            execution_mode: ExecutionMode::Auto,
            endpoints: Endpoints::Auto,
            locations: Locations::Direct,
            frame_bytes: 0,
            delivery: Delivery::Streaming,
            query_timeout: Duration::ZERO,
            types: Types::Auto,
            unique_names: false,
            dialect: Dialect::Squadron,
        }
    }
}

/// Sizes of messages that a session may choose. Small ones cost memory that no budget sees: measured with
/// 3 GB and a limit of 512 MiB, a process of 770 MiB with frames of 64 or 256 KiB, and of 590 MiB from 1 MiB on
/// (the allocator keeps pages that frames share). No client takes messages of gigabytes.
const FRAMES: RangeInclusive<usize> = 1 << 20..=256 << 20;

/// By hand rather than by DataFusion's macro: its entries leave out the prefix, and then `SHOW
/// squadron.endpoints` and `information_schema.df_settings` do not know them.
impl ExtensionOptions for SquadronOptions {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn cloned(&self) -> Box<dyn ExtensionOptions> {
        Box::new(self.clone())
    }

    fn set(&mut self, key: &str, value: &str) -> Result<()> {
        match key {
            "execution_mode" => self.execution_mode = value.parse()?,
            "endpoints" => self.endpoints = value.parse()?,
            "locations" => self.locations = value.parse()?,
            "frame_bytes" => self.frame_bytes = frame_bytes(value)?,
            "delivery" => self.delivery = value.parse()?,
            "query_timeout" => self.query_timeout = query_timeout(value)?,
            "types" => self.types = value.parse()?,
            "unique_names" => self.unique_names = flag("unique_names", value)?,
            "dialect" => self.dialect = value.parse()?,
            _ => return Err(unknown(key)),
        }
        Ok(())
    }

    fn entries(&self) -> Vec<ConfigEntry> {
        let entry = |key: &str, value: String, description| ConfigEntry {
            key: format!("{}.{key}", Self::PREFIX),
            value: Some(value),
            description,
        };
        vec![
            entry(
                "execution_mode",
                self.execution_mode.to_string(),
                "Where a query runs: auto (distributed when the scan is large enough to gain from it), local (in the node that took it), distributed (on as many workers as have something to do)",
            ),
            entry(
                "endpoints",
                self.endpoints.to_string(),
                "How many endpoints a result has: auto (every serving peer; one where the order matters or the result is local), all, one",
            ),
            entry(
                "locations",
                self.locations.to_string(),
                "What the endpoints point to: direct (each node's advertised address) or proxy (no address: all bytes through the node the client is connected to)",
            ),
            entry(
                "frame_bytes",
                self.frame_bytes.to_string(),
                "Target size in bytes of one result message, the largest is twice this; 0 lets the node choose",
            ),
            entry(
                "delivery",
                self.delivery.to_string(),
                "When rows are handed out: streaming (as they come) or staged (when the result is complete, so that a query that loses a node can always run again)",
            ),
            entry(
                "query_timeout",
                humantime::format_duration(self.query_timeout).to_string(),
                "Longest that a query waits and runs, in seconds or like 30s, 5m; 0s: as long as the node lets it (--query-timeout)",
            ),
            entry(
                "types",
                self.types.to_string(),
                "Types of results: auto (by what the client calls itself), safe (that all clients read), native (as they are), jdbc (no unsigned numbers, no zones), grafana (times in nanoseconds, decimals as doubles), text (intervals and decimals of more than 38 digits as text)",
            ),
            entry(
                "unique_names",
                self.unique_names.to_string(),
                "Whether columns of one name are numbered (a, a_1), for clients that take each name once",
            ),
            entry(
                "dialect",
                self.dialect.to_string(),
                "How statements are read: squadron, or spark (its literals, operators and functions)",
            ),
        ]
    }
}

fn frame_bytes(value: &str) -> Result<usize> {
    let taken = |bytes: &usize| *bytes == 0 || FRAMES.contains(bytes);
    let bytes = value.trim().parse().ok().filter(taken);
    bytes.ok_or_else(|| {
        DataFusionError::Configuration(format!(
            "squadron.frame_bytes takes 0 (the node chooses) or {} to {} bytes, not '{value}'",
            FRAMES.start(),
            FRAMES.end()
        ))
    })
}

/// Plain numbers are seconds, as in other databases' settings of that name.
fn query_timeout(value: &str) -> Result<Duration> {
    let value = value.trim();
    let seconds = value.parse().ok().map(Duration::from_secs);
    seconds.or_else(|| humantime::parse_duration(value).ok()).ok_or_else(|| {
        DataFusionError::Configuration(format!(
            "squadron.query_timeout takes seconds, or a time like 30s or 5m, not '{value}'"
        ))
    })
}

/// As tools write flags.
fn flag(key: &str, value: &str) -> Result<bool> {
    match value.trim().to_ascii_lowercase().as_str() {
        "true" | "on" | "1" => Ok(true),
        "false" | "off" | "0" => Ok(false),
        _ => Err(DataFusionError::Configuration(format!(
            "squadron.{key} takes true or false, not '{value}'"
        ))),
    }
}

/// How the statements of a session are read.
pub fn dialect(options: &ConfigOptions) -> Dialect {
    options.extensions.get::<SquadronOptions>().map(|chosen| chosen.dialect).unwrap_or_default()
}

fn unknown(key: &str) -> DataFusionError {
    let known = SquadronOptions::default().entries();
    let known: Vec<&str> = known.iter().map(|entry| entry.key.as_str()).collect();
    DataFusionError::Configuration(format!(
        "there is no option squadron.{key}; there are {}",
        known.join(", ")
    ))
}

impl ConfigExtension for SquadronOptions {
    const PREFIX: &'static str = "squadron";
}

/// Says why a setting was refused, without DataFusion's preamble.
pub fn explain_refusal(error: &DataFusionError) -> String {
    match error.find_root() {
        DataFusionError::Configuration(text) => text.clone(),
        other => other.strip_backtrace(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::config::ConfigOptions;
    use datafusion_distributed::DistributedConfig;

    pub(super) fn set(key: &str, value: &str) -> std::result::Result<ConfigOptions, String> {
        let mut options = ConfigOptions::default();
        options.extensions.insert(SquadronOptions::default());
        options.extensions.insert(DistributedConfig::default());
        options.set(key, value).map_err(|error| explain_refusal(&error))?;
        Ok(options)
    }

    #[test]
    fn every_option_can_be_set_to_what_it_shows() {
        for entry in SquadronOptions::default().entries() {
            let value = entry.value.unwrap();
            assert!(set(&entry.key, &value).is_ok(), "{}", entry.key);
        }
    }

    #[test]
    fn a_time_is_in_seconds_or_says_its_unit() {
        for (text, seconds) in [("90", 90), ("90s", 90), ("1m 30s", 90), (" 0 ", 0)] {
            let options = set("squadron.query_timeout", text).unwrap();
            let chosen = options.extensions.get::<SquadronOptions>().unwrap().query_timeout;
            assert_eq!(chosen, Duration::from_secs(seconds));
        }
    }

    #[test]
    fn an_option_is_shown_as_it_was_set() {
        let options = set("squadron.execution_mode", "LOCAL").unwrap();
        let shown =
            options.entries().into_iter().find(|entry| entry.key == "squadron.execution_mode");
        assert_eq!(shown.unwrap().value.as_deref(), Some("local"));
    }

    #[test]
    fn a_mistake_is_answered_with_what_there_is() {
        let unknown = set("squadron.mode", "x").unwrap_err();
        assert!(unknown.contains("no option squadron.mode"), "{unknown}");
        assert!(unknown.contains("squadron.execution_mode"), "{unknown}");
        let value = set("squadron.endpoints", "two").unwrap_err();
        assert_eq!(value, "squadron.endpoints takes one of auto, all, one, not 'two'");
        for bytes in ["-1", "1", "18446744073709551615"] {
            let refused = set("squadron.frame_bytes", bytes).unwrap_err();
            assert!(refused.contains("1048576") && refused.contains(bytes), "{refused}");
        }
        assert!(set("squadron.query_timeout", "soon").unwrap_err().contains("'soon'"));
    }
}
