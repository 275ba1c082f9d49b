//! What a session knows of itself: where its tables are looked for, and whose it is.

use datafusion::prelude::SessionConfig;

use crate::statement::Here;

/// Whose session it is: an extension of its settings, which no SET reaches.
#[derive(Debug, Clone)]
pub struct Principal(pub String);

/// Read from a session's settings.
pub(super) fn here(config: &SessionConfig) -> Here {
    let catalog = &config.options().catalog;
    let user = config.get_extension::<Principal>();
    Here {
        catalog: catalog.default_catalog.clone(),
        schema: catalog.default_schema.clone(),
        user: user.map_or_else(String::new, |user| user.0.clone()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::physical_plan::displayable;

    use super::*;
    use crate::plan::Planned;
    use crate::plan::tests::{Planning, request};

    /// Whatever runs elsewhere has the constant in its plan.
    #[tokio::test]
    async fn who_asks_and_where_is_constant_in_distributed_plans() {
        let planning = Planning::new().await;
        let mut config = planning.config("distributed");
        config.set_extension(Arc::new(Principal("alice".into())));
        for (sql, expected) in [
            ("SELECT n FROM t WHERE s = current_user", "alice"),
            ("SELECT n FROM t WHERE s = current_schema", "public"),
            ("SELECT n FROM t WHERE s = current_database()", "squadron"),
        ] {
            let planned = planning.planner.plan(sql, &config, &request()).await.unwrap();
            let Planned::Query(plan) = planned else { panic!("{sql}") };
            let plan = displayable(plan.plan.as_ref()).indent(false).to_string();
            assert!(plan.contains(&format!("= {expected}")), "{plan}");
        }
    }

    #[tokio::test]
    async fn now_is_in_the_zone_of_the_session() {
        let planning = Planning::new().await;
        let mut config = planning.config("local");
        config.options_mut().set("datafusion.execution.time_zone", "Europe/Berlin").unwrap();
        let schema = planning.planner.schema("SELECT now()", &config, &request()).await.unwrap();
        assert!(schema.field(0).data_type().to_string().contains("Europe/Berlin"), "{schema}");
    }
}
