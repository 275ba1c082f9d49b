//! The `squadron.*` settings: what a user may choose for one query or one session.
//!
//! One definition serves SQL `SET`, Flight session options and request headers (design, section 5):
//! all three end in [`SquadronOptions::set`] through DataFusion's `ConfigOptions`, so a wrong name or
//! value is refused with the same words wherever it comes from.

use std::any::Any;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use datafusion::arrow::array::timezone::Tz;
use datafusion::config::{ConfigEntry, ConfigExtension, ConfigOptions, ExtensionOptions};
use datafusion::error::{DataFusionError, Result};

use crate::PlannerError;

mod listed;

pub use listed::{Setting, erased, listed};

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

/// Settings of datafusion-distributed that change how fast a query is, never what it gives. Others
/// can make it wait for ever (how much a connection buffers) or are not what it was built with.
const DISTRIBUTED: &[&str] = &[
    "distributed.broadcast_joins",
    "distributed.compression",
    "distributed.file_scan_config_bytes_per_partition",
    "distributed.max_tasks_per_stage",
    "distributed.shuffle_batch_size",
];

/// Whether a session may change a setting.
///
/// # Errors
/// `Invalid` for one that belongs to the node.
pub fn check_setting(key: &str) -> crate::Result<()> {
    if key.starts_with("datafusion.runtime.") {
        return Err(PlannerError::Invalid(
            "datafusion.runtime.* belongs to the whole node: set memory and disk in the node's configuration".into(),
        ));
    }
    if key.starts_with("distributed.") && !DISTRIBUTED.contains(&key) {
        return Err(PlannerError::Invalid(format!(
            "{key} is no session's to change; of distributed.* there are {}",
            DISTRIBUTED.join(", ")
        )));
    }
    Ok(())
}

/// Partitions at most, for a node or a session: what a shuffle needs to get ready grows with their
/// square.
pub const MOST_PARTITIONS: usize = 256;

/// Numbers that a session may choose. DataFusion takes any, and some end in a panic, in a query that
/// never begins, or in more memory than the node has.
const NUMBERS: &[(&str, RangeInclusive<u64>)] = &[
    ("datafusion.execution.batch_size", 1..=1 << 20),
    ("datafusion.execution.hash_join_buffering_capacity", 0..=1 << 30),
    ("datafusion.execution.meta_fetch_concurrency", 1..=1024),
    ("datafusion.execution.planning_concurrency", 1..=1024),
    ("datafusion.execution.target_partitions", 1..=MOST_PARTITIONS as u64),
    ("datafusion.optimizer.max_passes", 1..=100),
    ("datafusion.sql_parser.recursion_limit", 1..=200),
    ("distributed.file_scan_config_bytes_per_partition", 1..=u64::MAX),
    ("distributed.shuffle_batch_size", 0..=1 << 20),
];

const FILTERS_IN_FILES: &str = "datafusion.execution.parquet.pushdown_filters";

const PIECEWISE: &str = "datafusion.optimizer.enable_piecewise_merge_join";

/// What compresses batches between nodes.
const COMPRESSIONS: [&str; 3] = ["none", "lz4", "zstd"];

/// Longest value of a setting: thousands of sessions are kept, each with its own.
const LONGEST: usize = 512;

/// Whether a session's settings have values that queries can run with.
///
/// # Errors
/// `Invalid` with the values that there are.
pub fn check_values(options: &ConfigOptions) -> crate::Result<()> {
    for entry in options.entries() {
        let value = entry.value.as_deref().unwrap_or_default();
        if value.len() > LONGEST {
            return Err(PlannerError::Invalid(format!(
                "{} takes {LONGEST} bytes, not {}",
                entry.key,
                value.len()
            )));
        }
        if let Some((key, range)) = NUMBERS.iter().find(|(key, _)| is(&entry, key))
            && !value.parse().is_ok_and(|value| range.contains(&value))
        {
            let (least, most) = (range.start(), range.end());
            return Err(PlannerError::Invalid(format!(
                "{key} takes {least} to {most}, not {value}"
            )));
        }
        if is(&entry, "datafusion.execution.time_zone")
            && entry.value.is_some()
            && value.parse::<Tz>().is_err()
        {
            return Err(PlannerError::Invalid(format!(
                "datafusion.execution.time_zone takes a zone like 'Europe/Berlin' or '+01:00', not '{value}'"
            )));
        }
        if is(&entry, FILTERS_IN_FILES) && value == "true" {
            // A join's filter, pushed into a file, loses rows with NaN.
            return Err(PlannerError::Invalid(format!(
                "{FILTERS_IN_FILES} stays off in this version: row groups and pages are skipped without it"
            )));
        }
        if is(&entry, PIECEWISE) && value == "true" {
            // It panics with conditions over one side, and no plan carries it to another node.
            return Err(PlannerError::Invalid(format!("{PIECEWISE} stays off in this version")));
        }
        if is(&entry, "distributed.compression") && !COMPRESSIONS.contains(&value) {
            let known = COMPRESSIONS.join(", ");
            return Err(PlannerError::Invalid(format!(
                "distributed.compression takes one of {known}, not '{value}'"
            )));
        }
    }
    Ok(())
}

/// Extensions give their entries without their prefix.
fn is(entry: &ConfigEntry, key: &str) -> bool {
    entry.key == key || key.strip_prefix("distributed.") == Some(&entry.key)
}

/// Declares a setting with a fixed list of words, refused by naming all of them.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $key:literal, { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $word),+ })
            }
        }

        impl FromStr for $name {
            type Err = DataFusionError;
            fn from_str(text: &str) -> Result<Self> {
                match text.trim().to_ascii_lowercase().as_str() {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(DataFusionError::Configuration(format!(
                        "squadron.{} takes one of {}, not '{text}'", $key, [$($word),+].join(", ")
                    ))),
                }
            }
        }
    };
}

words!(
    /// Where a query runs.
    ExecutionMode, "execution_mode", {
    /// Distributed when the scan is large enough to gain from it.
    Auto = "auto",
    /// In the node that took the query.
    Local = "local",
    /// On as many workers as have something to do.
    Distributed = "distributed",
});

words!(
    /// How many endpoints a result has.
    Endpoints, "endpoints", {
    /// Every serving peer, or one where the order matters or the result is local.
    Auto = "auto",
    /// Every serving peer.
    All = "all",
    /// One.
    One = "one",
});

words!(
    /// What the endpoints point to.
    Locations, "locations", {
    /// Each node's advertised address.
    Direct = "direct",
    /// Nothing: the client reads through the node it is connected to.
    Proxy = "proxy",
});

words!(
    /// When frames are handed out.
    Delivery, "delivery", {
    /// As they come.
    Streaming = "streaming",
    /// When the result is complete.
    Staged = "staged",
});

words!(
    /// The types that results are told in (`wire_schema/types.rs` has the table).
    Types, "types", {
    /// By what the client calls itself.
    Auto = "auto",
    /// Those that all clients read.
    Safe = "safe",
    /// As they are, but for encodings.
    Native = "native",
    /// What the JDBC driver reads rightly.
    Jdbc = "jdbc",
    /// What Grafana's plugin reads rightly.
    Grafana = "grafana",
    /// What polars and ODBC have no type for is text.
    Text = "text",
});

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

    fn set(key: &str, value: &str) -> std::result::Result<ConfigOptions, String> {
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
    fn what_belongs_to_the_node_is_no_sessions_to_change() {
        assert!(check_setting("datafusion.runtime.memory_limit").is_err());
        assert!(check_setting("distributed.worker_connection_buffer_budget_bytes").is_err());
        assert!(check_setting("distributed.dynamic_task_count").is_err());
        assert!(check_setting("distributed.compression").is_ok());
        assert!(check_setting("datafusion.execution.batch_size").is_ok());
    }

    fn refusal(key: &str, value: &str) -> Option<String> {
        check_values(&set(key, value).unwrap()).err().map(|error| error.to_string())
    }

    #[test]
    fn every_number_is_taken_within_its_range_and_refused_past_it() {
        for (key, range) in NUMBERS {
            for taken in [range.start(), range.end()] {
                assert_eq!(refusal(key, &taken.to_string()), None);
            }
            if let Some(past) = range.end().checked_add(1).map(|value| value.to_string()) {
                let refused = refusal(key, &past).unwrap_or_else(|| panic!("{key} = {past}"));
                assert!(refused.contains(key) && refused.contains(&past), "{refused}");
            }
        }
    }

    #[test]
    fn a_compression_that_workers_do_not_know_is_refused_with_those_that_they_do() {
        assert!(refusal("distributed.compression", "brotli").unwrap().contains("none, lz4, zstd"));
        assert_eq!(refusal("distributed.compression", "zstd"), None);
    }

    #[test]
    fn a_zone_that_nobody_knows_is_refused() {
        let key = "datafusion.execution.time_zone";
        assert!(refusal(key, "Mars/Phobos").unwrap().contains("'Mars/Phobos'"));
        for known in ["Europe/Berlin", "+01:00", "UTC"] {
            assert_eq!(refusal(key, known), None);
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
