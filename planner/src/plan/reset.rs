//! `RESET squadron.…`: DataFusion resets its own settings only.

use datafusion::config::ExtensionOptions;
use datafusion::prelude::SessionConfig;
use datafusion::sql::parser::{ResetStatement, Statement};

use crate::options::{SquadronOptions, explain_refusal};
use crate::{PlannerError, Result};

/// The settings after a RESET of one of ours; `None` for any other statement.
///
/// # Errors
/// `Invalid` for a setting of ours that there is not.
pub(super) fn reset(
    statement: &Statement,
    config: &SessionConfig,
) -> Result<Option<SessionConfig>> {
    let Statement::Reset(ResetStatement::Variable(name)) = statement else { return Ok(None) };
    let key = name.to_string().to_lowercase();
    if !key.starts_with("squadron.") {
        return Ok(None);
    }
    let defaults = SquadronOptions::default().entries();
    let default = defaults.into_iter().find(|entry| entry.key == key);
    let value = default.and_then(|entry| entry.value).unwrap_or_default();
    let mut config = config.clone();
    let set = config.options_mut().set(&key, &value);
    set.map_err(|error| PlannerError::Invalid(explain_refusal(&error)))?;
    Ok(Some(config))
}

#[cfg(test)]
mod tests {
    use datafusion::sql::parser::DFParser;

    use super::*;

    fn after(sql: &str) -> Result<Option<String>> {
        let mut config = SessionConfig::new().with_option_extension(SquadronOptions::default());
        config.options_mut().set("squadron.endpoints", "all").unwrap();
        let statement = DFParser::parse_sql(sql).unwrap().pop_front().unwrap();
        let config = reset(&statement, &config)?;
        let options =
            config.map(|config| config.options().extensions.get::<SquadronOptions>().cloned());
        Ok(options.flatten().map(|options| options.endpoints.to_string()))
    }

    #[test]
    fn our_settings_go_back_to_their_defaults() {
        assert_eq!(after("reset squadron.endpoints").unwrap().as_deref(), Some("auto"));
        assert_eq!(after("RESET Squadron.Endpoints").unwrap().as_deref(), Some("auto"));
    }

    #[test]
    fn other_settings_are_left_to_datafusion() {
        assert!(after("reset datafusion.execution.batch_size").unwrap().is_none());
    }

    #[test]
    fn a_setting_that_is_not_there_is_refused() {
        assert!(matches!(after("reset squadron.nothing"), Err(PlannerError::Invalid(_))));
    }
}
