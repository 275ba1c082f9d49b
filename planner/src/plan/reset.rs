//! `RESET`: a setting is again what the node starts its sessions with.
//!
//! DataFusion resets its own settings only, and to its own defaults.

use datafusion::prelude::SessionConfig;
use datafusion::sql::parser::{ResetStatement, Statement};

use crate::options::erased;
use crate::{PlannerError, Result};

/// The settings after a RESET, of a node with these `defaults`; `None` for any other statement.
///
/// # Errors
/// `Invalid` for a setting that there is not.
pub(super) fn reset(
    statement: &Statement,
    config: &SessionConfig,
    defaults: &SessionConfig,
) -> Result<Option<SessionConfig>> {
    let Statement::Reset(ResetStatement::Variable(name)) = statement else { return Ok(None) };
    let key = match name.to_string().to_lowercase().as_str() {
        "timezone" | "time zone" | "time.zone" => "datafusion.execution.time_zone".to_owned(),
        key => key.to_owned(),
    };
    let erased = erased(config.options(), defaults.options(), &key).ok_or_else(|| {
        PlannerError::Invalid(format!(
            "there is no setting {key}: SHOW ALL lists those that there are"
        ))
    })?;
    let mut config = config.clone();
    *config.options_mut() = erased;
    Ok(Some(config))
}

#[cfg(test)]
mod tests {
    use datafusion::sql::parser::DFParser;

    use super::*;
    use crate::options::{SquadronOptions, listed};

    /// What a setting is after a statement, where it was another before.
    fn after(sql: &str, key: &str, before: &str) -> Result<Option<String>> {
        let mut defaults = SessionConfig::new().with_option_extension(SquadronOptions::default());
        defaults.options_mut().set("datafusion.execution.batch_size", "100").unwrap();
        let mut config = defaults.clone();
        config.options_mut().set(key, before).unwrap();
        let statement = DFParser::parse_sql(sql).unwrap().pop_front().unwrap();
        let config = reset(&statement, &config, &defaults)?;
        let value = |config: SessionConfig| {
            listed(config.options()).into_iter().find(|setting| setting.key == key).unwrap().value
        };
        Ok(config.and_then(value))
    }

    #[test]
    fn our_settings_go_back_to_their_defaults() {
        for sql in ["reset squadron.endpoints", "RESET Squadron.Endpoints"] {
            let value = after(sql, "squadron.endpoints", "all").unwrap();
            assert_eq!(value.as_deref(), Some("auto"));
        }
    }

    #[test]
    fn settings_of_the_engine_go_back_to_the_nodes_defaults() {
        let key = "datafusion.execution.batch_size";
        assert_eq!(after(&format!("RESET {key}"), key, "7").unwrap().as_deref(), Some("100"));
    }

    #[test]
    fn a_setting_that_is_not_there_is_refused() {
        let refused = after("reset squadron.nothing", "squadron.endpoints", "all");
        assert!(matches!(refused, Err(PlannerError::Invalid(_))));
    }
}
