//! ALTER TABLE, carried out.

use datafusion::common::ResolvedTableReference;
use datafusion::prelude::SessionConfig;

use super::ddl::{full, refuse_files, refused};
use super::{Planner, keys};
use crate::catalog::{CatalogStore, ChangeError, GoingKey, State};
use crate::statement::{Alter, Alteration, DroppedKey, NewKey};
use crate::{PlannerError, Result};

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
        }
    }

    async fn add_key(&self, state: &State, table: &Changed<'_>, key: &NewKey) -> Result<()> {
        let wanted = keys::wanted(std::slice::from_ref(key), table.config)?;
        let session = self.engine().session(table.config.clone());
        let (schema, name) = (&table.name.schema, &table.name.table);
        let columns = keys::columns_of(&session, schema, name).await?;
        keys::check_columns(&wanted, &columns)?;
        keys::check_not_null(&wanted, &columns)?;
        let there = state.table(schema, name).map_err(refused)?;
        let there = state.with_keys(schema, there, &wanted).map_err(refused)?;
        keys::check_references(&session, state, &table.name, &columns, &there.keys).await?;
        for wanted in &wanted {
            table.change(|state, schema, table| state.add_key(schema, table, wanted)).await?;
        }
        Ok(())
    }
}

impl Changed<'_> {
    async fn change(
        &self,
        decide: impl Fn(&State, &str, &str) -> Result<Vec<crate::catalog::Change>, ChangeError>
        + Send
        + Sync,
    ) -> Result<()> {
        let decide = |state: &State| decide(state, &self.name.schema, &self.name.table);
        self.store.change(self.by, decide).await.map(drop).map_err(refused)
    }
}
