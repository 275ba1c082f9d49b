//! The settings that are a session's to change, by their whole names.
//!
//! DataFusion lists those of an extension without its prefix, and resets its own to defaults that are not the
//! node's: what a session is told of its settings, and what it goes back to, comes from here.

use datafusion::config::{ConfigEntry, ConfigOptions, ExtensionOptions};
use datafusion_distributed::DistributedConfig;

use super::check_setting;

/// A setting: its name and its value, if it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// As SET takes it.
    pub key: String,
    /// As SET takes it.
    pub value: Option<String>,
}

/// All that a session may change.
pub fn listed(options: &ConfigOptions) -> Vec<Setting> {
    let whole = |entry: &ConfigEntry| {
        entry.key.starts_with("datafusion.") || entry.key.starts_with("squadron.")
    };
    let own = options.entries().into_iter().filter(whole);
    let own = own.map(|entry| Setting { key: entry.key, value: entry.value });
    let distributed = options.extensions.get::<DistributedConfig>();
    let distributed = distributed.map(DistributedConfig::entries).unwrap_or_default().into_iter();
    let distributed = distributed
        .map(|entry| Setting { key: format!("distributed.{}", entry.key), value: entry.value });
    own.chain(distributed).filter(|setting| check_setting(&setting.key).is_ok()).collect()
}

/// The same settings with that of `key` as in `defaults`; `None` where there is none of that name.
pub fn erased(
    options: &ConfigOptions,
    defaults: &ConfigOptions,
    key: &str,
) -> Option<ConfigOptions> {
    let before = listed(defaults);
    before.iter().find(|setting| setting.key == key)?;
    // One that has no value by default can be set to none in no other way.
    let mut erased = defaults.clone();
    for setting in listed(options) {
        if setting.key == key || before.contains(&setting) {
            continue;
        }
        let Setting { key, value: Some(value) } = setting else { continue };
        erased.set(&key, &value).ok()?;
    }
    Some(erased)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::SquadronOptions;

    fn options() -> ConfigOptions {
        let mut options = ConfigOptions::default();
        options.extensions.insert(SquadronOptions::default());
        options.extensions.insert(DistributedConfig::default());
        options
    }

    fn value(options: &ConfigOptions, key: &str) -> Option<String> {
        listed(options).into_iter().find(|setting| setting.key == key).unwrap().value
    }

    #[test]
    fn what_is_listed_can_be_set_to_what_it_is() {
        for Setting { key, value } in listed(&options()) {
            let Some(value) = value else { continue };
            // Of these DataFusion does not read what it shows.
            if key.contains("bloom_filter") {
                continue;
            }
            options().set(&key, &value).unwrap_or_else(|error| panic!("{key}: {error}"));
        }
    }

    #[test]
    fn all_kinds_are_listed_and_none_of_the_node() {
        let keys: Vec<_> = listed(&options()).into_iter().map(|setting| setting.key).collect();
        let has = |key: &str| keys.iter().any(|known| known == key);
        assert!(has("datafusion.execution.batch_size") && has("squadron.types"));
        assert!(has("distributed.compression") && !has("distributed.dynamic_task_count"));
        assert!(!keys.iter().any(|key| key.starts_with("datafusion.runtime.")));
    }

    #[test]
    fn an_erased_setting_is_the_nodes_and_others_stay() {
        let mut defaults = options();
        defaults.set("datafusion.execution.batch_size", "100").unwrap();
        let mut changed = defaults.clone();
        for (key, value) in [
            ("datafusion.execution.batch_size", "7"),
            ("datafusion.execution.parquet.bloom_filter_fpp", "0.5"),
            ("distributed.compression", "zstd"),
        ] {
            changed.set(key, value).unwrap();
        }
        let erased = erased(&changed, &defaults, "datafusion.execution.batch_size").unwrap();
        assert_eq!(value(&erased, "datafusion.execution.batch_size").as_deref(), Some("100"));
        assert_eq!(value(&erased, "distributed.compression").as_deref(), Some("zstd"));
        let key = "datafusion.execution.parquet.bloom_filter_fpp";
        assert_eq!(value(&erased, key).as_deref(), Some("0.5"));
        let erased = super::erased(&erased, &defaults, key).unwrap();
        assert_eq!(value(&erased, key), None);
    }

    #[test]
    fn what_is_not_there_is_not_erased() {
        for key in ["squadron.nothing", "datafusion.runtime.memory_limit"] {
            assert!(erased(&options(), &options(), key).is_none());
        }
    }
}
