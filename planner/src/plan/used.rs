//! `USE`, `SET TIME ZONE` and `RESET ALL`: changes of a session that DataFusion has no plan for.

use datafusion::arrow::array::timezone::Tz;
use datafusion::prelude::SessionConfig;
use datafusion::sql::parser::{ResetStatement, Statement as DfStatement};
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, ObjectName, Set, Statement as SqlStatement, Use, Value,
};

use crate::catalog::INFORMATION_SCHEMA;
use crate::options::{check_values, explain_refusal};
use crate::session::Engine;
use crate::{PlannerError, Result};

const CATALOG: &str = "datafusion.catalog.default_catalog";
const SCHEMA: &str = "datafusion.catalog.default_schema";
const ZONE: &str = "datafusion.execution.time_zone";

/// Whether a statement names a schema, which another node may have made by now.
pub(super) fn names_a_place(statement: &DfStatement) -> bool {
    let DfStatement::Statement(sql) = statement else { return false };
    match sql.as_ref() {
        SqlStatement::Use(_) => true,
        SqlStatement::Set(Set::SingleAssignment { variable, .. }) => {
            let name = variable.to_string().to_lowercase();
            name == CATALOG || name == SCHEMA
        }
        _ => false,
    }
}

/// The settings after such a statement; `None` for any other.
///
/// # Errors
/// `NotFound` for a catalog or schema that there is not; `Invalid` for a zone that is none.
pub(super) fn changed(
    statement: &DfStatement,
    config: &SessionConfig,
    engine: &Engine,
) -> Result<Option<SessionConfig>> {
    let mut config = config.clone();
    match statement {
        DfStatement::Reset(ResetStatement::Variable(name))
            if name.to_string().eq_ignore_ascii_case("all") =>
        {
            return Ok(Some(engine.session_config()));
        }
        DfStatement::Reset(ResetStatement::Variable(name))
            if name.to_string().to_lowercase().starts_with("distributed.") =>
        {
            let key = name.to_string().to_lowercase();
            let default = default_of(&key, engine)
                .ok_or_else(|| PlannerError::Invalid(format!("there is no option {key}")))?;
            set(&mut config, &key, &default)?;
        }
        DfStatement::Statement(sql) => match sql.as_ref() {
            SqlStatement::Use(place) => use_place(place, &mut config, engine)?,
            SqlStatement::Set(Set::SetTimeZone { local, value }) => {
                let default = engine.session_config().options().execution.time_zone.clone();
                let zone = match *local || is_local(value) {
                    true => default.unwrap_or_default(),
                    false => zone(value)?,
                };
                set(&mut config, ZONE, &zone)?;
            }
            _ => return Ok(None),
        },
        _ => return Ok(None),
    }
    check_values(config.options())?;
    Ok(Some(config))
}

fn use_place(place: &Use, config: &mut SessionConfig, engine: &Engine) -> Result<()> {
    let default = engine.session_config();
    let default = &default.options().catalog;
    let (catalog, schema) = match place {
        Use::Catalog(name) => match parts(name).as_slice() {
            [catalog] => (Some(catalog.clone()), None),
            _ => return Err(no_place(name)),
        },
        Use::Object(name) | Use::Schema(name) | Use::Database(name) => match parts(name).as_slice()
        {
            [schema] => (None, Some(schema.clone())),
            [catalog, schema] => (Some(catalog.clone()), Some(schema.clone())),
            _ => return Err(no_place(name)),
        },
        Use::Default => {
            (Some(default.default_catalog.clone()), Some(default.default_schema.clone()))
        }
        other => {
            return Err(PlannerError::Unsupported(format!(
                "{other} is not supported by this version: USE takes a schema, or a catalog and a schema"
            )));
        }
    };
    let catalog = catalog.unwrap_or_else(|| config.options().catalog.default_catalog.clone());
    is_there(&catalog, schema.as_deref(), config, engine)?;
    set(config, CATALOG, &catalog)?;
    match schema {
        Some(schema) => set(config, SCHEMA, &schema),
        None => Ok(()),
    }
}

/// Whether the catalog and the schema that SET has changed are there.
///
/// # Errors
/// `NotFound` for one that is not.
pub(super) fn check_place(
    changed: &SessionConfig,
    before: &SessionConfig,
    engine: &Engine,
) -> Result<()> {
    let (at, was) = (&changed.options().catalog, &before.options().catalog);
    let schema = (at.default_schema != was.default_schema).then_some(at.default_schema.as_str());
    is_there(&at.default_catalog, schema, changed, engine)
}

fn is_there(
    catalog: &str,
    schema: Option<&str>,
    config: &SessionConfig,
    engine: &Engine,
) -> Result<()> {
    let known = engine.session(config.clone());
    let known = known.catalog_list().catalog(catalog).ok_or_else(|| {
        PlannerError::NotFound(format!(
            "there is no catalog '{catalog}': SHOW CATALOGS lists those that there are"
        ))
    })?;
    match schema {
        Some(schema) if schema != INFORMATION_SCHEMA && known.schema(schema).is_none() => {
            Err(PlannerError::NotFound(format!(
                "there is no schema '{schema}' in catalog '{catalog}': SHOW SCHEMAS lists those that there are"
            )))
        }
        _ => Ok(()),
    }
}

fn parts(name: &ObjectName) -> Vec<String> {
    let folded = |ident: &Ident| match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    };
    name.0.iter().filter_map(|part| part.as_ident().map(folded)).collect()
}

fn no_place(name: &ObjectName) -> PlannerError {
    PlannerError::Invalid(format!("USE takes a schema, or a catalog and a schema, not {name}"))
}

/// The distributed planner tells its settings without their prefix.
fn default_of(key: &str, engine: &Engine) -> Option<String> {
    let bare = key.strip_prefix("distributed.")?;
    let entries = engine.session_config().options().entries();
    entries.into_iter().find(|entry| entry.key == bare || entry.key == key)?.value
}

fn is_local(value: &Expr) -> bool {
    matches!(value, Expr::Identifier(name) if name.quote_style.is_none() && name.value.eq_ignore_ascii_case("local"))
}

/// A zone is a text or a name, of one that there is.
fn zone(value: &Expr) -> Result<String> {
    let zone = named_zone(value)?;
    match zone.parse::<Tz>() {
        Ok(_) => Ok(zone),
        Err(_) => Err(no_zone(value)),
    }
}

fn named_zone(value: &Expr) -> Result<String> {
    match value {
        Expr::Value(of) => match &of.value {
            Value::SingleQuotedString(zone) | Value::DoubleQuotedString(zone) => Ok(zone.clone()),
            _ => Err(no_zone(value)),
        },
        Expr::Identifier(name) => Ok(name.value.clone()),
        _ => Err(no_zone(value)),
    }
}

fn no_zone(value: &Expr) -> PlannerError {
    PlannerError::Invalid(format!(
        "SET TIME ZONE takes a zone like 'Europe/Berlin' or '+02:00', not {value}"
    ))
}

fn set(config: &mut SessionConfig, key: &str, value: &str) -> Result<()> {
    let set = config.options_mut().set(key, value);
    set.map_err(|error| PlannerError::Invalid(explain_refusal(&error)))
}

#[cfg(test)]
mod tests {
    use crate::plan::Planned;
    use crate::plan::tests::{Planning, request};
    use crate::{PlannerError, Result};

    async fn after(planning: &Planning, sql: &[&str]) -> Result<(String, String, String)> {
        let mut config = planning.config("local");
        for sql in sql {
            let planned = planning.planner.plan(sql, &config, &request()).await?;
            let Planned::Session(statement) = planned else { panic!("{sql}") };
            config = planning.planner.change(*statement, &config).await?;
        }
        let options = config.options();
        let zone = options.execution.time_zone.clone().unwrap_or_default();
        let catalog = &options.catalog;
        Ok((catalog.default_catalog.clone(), catalog.default_schema.clone(), zone))
    }

    #[tokio::test]
    async fn use_goes_to_places_that_there_are() {
        let planning = Planning::new().await;
        for (sql, schema) in [
            ("USE information_schema", "information_schema"),
            ("USE squadron.public", "public"),
            ("SET SCHEMA 'information_schema'", "information_schema"),
        ] {
            assert_eq!(after(&planning, &[sql]).await.unwrap().1, schema, "{sql}");
        }
        for sql in
            ["USE nowhere", "USE nowhere.public", "SET SCHEMA 'nowhere'", "SET CATALOG nowhere"]
        {
            let refused = after(&planning, &[sql]).await;
            assert!(matches!(refused, Err(PlannerError::NotFound(_))), "{sql}: {refused:?}");
        }
    }

    #[tokio::test]
    async fn a_zone_is_set_and_everything_is_reset() {
        let planning = Planning::new().await;
        let zone = "SET TIME ZONE 'Europe/Berlin'";
        assert_eq!(after(&planning, &[zone]).await.unwrap().2, "Europe/Berlin");
        assert_eq!(after(&planning, &[zone, "SET TIME ZONE LOCAL"]).await.unwrap().2, "+00:00");
        let reset = after(&planning, &[zone, "USE information_schema", "RESET ALL"]).await.unwrap();
        assert_eq!((reset.1.as_str(), reset.2.as_str()), ("public", "+00:00"));
        let lz4 = ["SET distributed.compression = 'lz4'", "RESET distributed.compression"];
        assert!(after(&planning, &lz4).await.is_ok());
        let nowhere = after(&planning, &["SET TIME ZONE 'Mars/Phobos'"]).await;
        assert!(matches!(nowhere, Err(PlannerError::Invalid(_))), "{nowhere:?}");
    }
}
