//! ALTER TABLE, carried out.

use std::sync::Arc;

use datafusion::common::ResolvedTableReference;
use datafusion::prelude::SessionConfig;
use datafusion::sql::planner::object_name_to_table_reference;
use datafusion::sql::sqlparser::ast::ObjectName;

use super::ddl::{full, refuse_files, refused};
use super::{Planner, keys};
use crate::catalog::{CatalogStore, ChangeError, GoingKey, State};
use crate::statement::{Alter, Alteration, DroppedKey};
use crate::{PlannerError, Result};

mod adding;
mod log;

/// A table that is changed.
struct Changed<'c> {
    store: &'c CatalogStore,
    name: ResolvedTableReference,
    config: &'c SessionConfig,
    by: &'c str,
}

impl Planner {
    /// As [`Planner::execute`].
    pub(super) async fn alter(
        &self,
        store: &CatalogStore,
        alter: &Alter,
        config: &SessionConfig,
        by: &str,
    ) -> Result<()> {
        let name = full(&alter.name, config)?;
        if !matches!(
            alter.what,
            Alteration::AddKey(_) | Alteration::DropKey { .. } | Alteration::Rename(_)
        ) {
            return self.alter_rows(store, alter, &name, config).await;
        }
        refuse_files(self.engine(), &name, |why| {
            PlannerError::Invalid(format!(
                "{why}; make an external table of them to alter it (CREATE EXTERNAL TABLE … LOCATION …)"
            ))
        })?;
        let state = store.refresh().await.map_err(|error| PlannerError::from(&error))?;
        if alter.or_not && state.entry(&name.schema, &name.table).is_none() {
            return Ok(());
        }
        state.table(&name.schema, &name.table).map_err(refused)?;
        let table = Changed { store, name, config, by };
        match &alter.what {
            Alteration::AddKey(key) => self.add_key(&state, &table, key).await,
            Alteration::Rename(to) => {
                let to = renamed(&table.name, to, config)?;
                refuse_files(self.engine(), &to, PlannerError::AlreadyExists)?;
                table.change(|state, schema, table| state.rename(schema, table, &to.table)).await
            }
            Alteration::DropKey { key, or_not, cascade } => {
                let going = match key {
                    DroppedKey::Named(ident) => Some(keys::name(ident, config)),
                    DroppedKey::Primary => None,
                };
                let going = going.as_deref().map_or(GoingKey::Primary, GoingKey::Named);
                table
                    .change(|state, schema, table| {
                        state.drop_key(schema, table, going, *or_not, *cascade)
                    })
                    .await
            }
            _ => Err(PlannerError::Internal("no change of the catalog".into())),
        }
    }

    /// What the log of a table says.
    async fn alter_rows(
        &self,
        store: &CatalogStore,
        alter: &Alter,
        name: &ResolvedTableReference,
        config: &SessionConfig,
    ) -> Result<()> {
        let state = store.refresh().await.map_err(|error| PlannerError::from(&error))?;
        let of_files = self.engine().named().is_of_files(&name.schema, &name.table);
        if !of_files {
            if alter.or_not && state.entry(&name.schema, &name.table).is_none() {
                return Ok(());
            }
            state.table(&name.schema, &name.table).map_err(refused)?;
        }
        self.alter_log(name, &alter.what, config).await
    }
}

/// A table's new name: it stays in its schema.
fn renamed(
    name: &ResolvedTableReference,
    to: &ObjectName,
    config: &SessionConfig,
) -> Result<ResolvedTableReference> {
    let normalize = config.options().sql_parser.enable_ident_normalization;
    let to = object_name_to_table_reference(to.clone(), normalize)?;
    let to = to.resolve(&name.catalog, &name.schema);
    match to.catalog == name.catalog && to.schema == name.schema {
        true => Ok(to),
        false => Err(PlannerError::Unsupported(format!(
            "ALTER TABLE … RENAME TO {}.{}: a table stays in its schema, '{}'",
            to.schema, to.table, name.schema
        ))),
    }
}

impl Changed<'_> {
    async fn change(
        &self,
        decide: impl Fn(&State, &str, &str) -> Result<Vec<crate::catalog::Change>, ChangeError>
        + Send
        + Sync,
    ) -> Result<()> {
        self.state_after(decide).await.map(drop)
    }

    /// What the catalog has after it.
    async fn state_after(
        &self,
        decide: impl Fn(&State, &str, &str) -> Result<Vec<crate::catalog::Change>, ChangeError>
        + Send
        + Sync,
    ) -> Result<Arc<State>> {
        let decide = |state: &State| decide(state, &self.name.schema, &self.name.table);
        self.store.change(self.by, decide).await.map_err(refused)
    }
}
