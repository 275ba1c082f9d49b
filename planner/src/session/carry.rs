//! A query's id and its session's `datafusion.*` settings on their way to the workers.
//!
//! Expressions and operators look at settings when they run (time zone, batch size, ANSI mode …),
//! and a decoded plan takes them from the worker's session. Whatever differs from DataFusion's
//! defaults travels with the plan in one header, and each worker hands it on to the next
//! (datafusion-distributed passes headers one hop).

use std::collections::HashMap;
use std::sync::LazyLock;

use datafusion::config::ConfigOptions;
use datafusion::prelude::SessionConfig;
use datafusion_distributed::DistributedExt;
use http::{HeaderMap, HeaderName, HeaderValue};
use url::form_urlencoded;
use uuid::Uuid;

use crate::deliver::DeliverSpec;
use crate::{PlannerError, Result};

const SETTINGS: HeaderName = HeaderName::from_static("squadron-settings");
const QUERY: HeaderName = HeaderName::from_static("squadron-query");

static DEFAULTS: LazyLock<HashMap<String, Option<String>>> = LazyLock::new(|| {
    let entries = ConfigOptions::default().entries().into_iter();
    entries.map(|entry| (entry.key, entry.value)).collect()
});

/// The headers of a query: its id, and all settings that differ from DataFusion's defaults.
pub(super) fn headers(config: &SessionConfig) -> HeaderMap {
    let mut headers = settings(config.options());
    let query = config.get_extension::<DeliverSpec>().map(|spec| spec.query.to_string());
    if let Some(Ok(query)) = query.map(HeaderValue::try_from) {
        headers.insert(QUERY, query);
    }
    headers
}

/// The query that a task is of.
pub(super) fn query(headers: &HeaderMap) -> Option<Uuid> {
    headers.get(QUERY)?.to_str().ok()?.parse().ok()
}

fn settings(options: &ConfigOptions) -> HeaderMap {
    let mut encoder = form_urlencoded::Serializer::new(String::new());
    for entry in options.entries() {
        let Some(value) = entry.value else { continue };
        let changed =
            DEFAULTS.get(&entry.key).is_some_and(|default| default.as_ref() != Some(&value));
        if changed && is_carried(&entry.key) {
            encoder.append_pair(&entry.key, &value);
        }
    }
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_str(&encoder.finish()) {
        headers.insert(SETTINGS, value);
    }
    headers
}

/// The catalog's settings mean nothing to a worker, which plans nothing.
fn is_carried(key: &str) -> bool {
    key.starts_with("datafusion.") && !key.starts_with("datafusion.catalog.")
}

/// Sets on a worker's session what the coordinator's had, and passes it on to the next hop.
pub(super) fn apply(config: &mut SessionConfig, headers: &HeaderMap) -> Result<()> {
    let Some(value) = headers.get(SETTINGS) else {
        return Ok(());
    };
    for (key, value) in form_urlencoded::parse(value.as_bytes()) {
        config.options_mut().set(&key, &value).map_err(PlannerError::from)?;
    }
    let ours = [SETTINGS, QUERY].into_iter();
    let ours = ours.filter_map(|name| Some((name.clone(), headers.get(&name)?.clone())));
    let onward = HeaderMap::from_iter(ours);
    config.set_distributed_passthrough_headers(onward).map_err(PlannerError::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_settings_reach_the_worker() {
        let mut options = ConfigOptions::default();
        options.set("datafusion.execution.time_zone", "Europe/Zürich & co").unwrap();
        options.set("datafusion.execution.batch_size", "77").unwrap();

        let mut config = SessionConfig::new();
        apply(&mut config, &settings(&options)).unwrap();

        assert_eq!(config.options().execution.time_zone.as_deref(), Some("Europe/Zürich & co"));
        assert_eq!(config.batch_size(), 77);
    }

    #[test]
    fn defaults_are_not_sent() {
        assert!(settings(&ConfigOptions::default())[SETTINGS].is_empty());
    }

    #[test]
    fn a_worker_learns_whose_task_it_is_and_tells_the_next() {
        let id = Uuid::from_u128(7);
        let sent = HeaderMap::from_iter([(QUERY, HeaderValue::try_from(id.to_string()).unwrap())]);
        assert_eq!(query(&sent), Some(id));
        assert_eq!(query(&HeaderMap::new()), None);
    }
}
