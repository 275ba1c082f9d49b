//! Which settings are a session's to change, and to what.

use std::ops::RangeInclusive;

use datafusion::arrow::array::timezone::Tz;
use datafusion::config::{ConfigEntry, ConfigOptions};

use crate::PlannerError;

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

#[cfg(test)]
mod tests {
    use super::super::tests::set;
    use super::*;

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
}
