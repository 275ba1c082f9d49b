//! ALTER TABLE … ADD a key: the catalog keeps it, the table's log its columns, and neither knows of the other's changes.
//!
//! So a key is told to both. First the catalog has it, then the log gets a version that changes nothing: whoever changes the
//! table itself at the same time meets either the version, and looks at the keys again, or was first, and the key is taken
//! back where the columns are no longer those it can be of.

use super::log::{MOST_TRIES, Tried, others, table_of, tried};
use super::{Changed, keys, refused};
use crate::Result;
use crate::catalog::delta::{DeltaScan, TableChange};
use crate::catalog::{ChangeError, GoingKey, State, WantedKey};
use crate::plan::Planner;
use crate::statement::NewKey;

impl Planner {
    /// As [`Planner::execute`].
    pub(super) async fn add_key(
        &self,
        state: &State,
        table: &Changed<'_>,
        key: &NewKey,
    ) -> Result<()> {
        let wanted = keys::wanted(std::slice::from_ref(key), table.config)?;
        let of = self.can_have(state, table, &wanted).await?;
        let mut names = Vec::new();
        for wanted in &wanted {
            let put =
                |state: &State, schema: &str, table: &str| match state.table(schema, table)?.id
                    == of
                {
                    true => state.add_key(schema, table, wanted),
                    false => Err(ChangeError::Refused(format!(
                        "'{schema}.{table}' was made anew meanwhile: run the statement again"
                    ))),
                };
            let after = table.state_after(put).await?;
            let entry = after.table(&table.name.schema, &table.name.table).map_err(refused)?;
            names.extend(entry.keys.last().map(|key| key.name.clone()));
        }
        let told = self.tell_log(table, &wanted).await;
        if told.is_err() {
            for name in &names {
                let going = GoingKey::Named(name);
                let take = |state: &State, schema: &str, table: &str| {
                    state.drop_key(schema, table, going, true, false)
                };
                table.change(take).await?;
            }
        }
        told
    }

    /// The table's entry, which can have these keys.
    async fn can_have(
        &self,
        state: &State,
        table: &Changed<'_>,
        wanted: &[WantedKey],
    ) -> Result<String> {
        let session = self.engine().session(table.config.clone());
        let (schema, name) = (&table.name.schema, &table.name.table);
        let columns = keys::columns_of(&session, schema, name).await?;
        keys::check_columns(wanted, &columns)?;
        keys::check_not_null(wanted, &columns)?;
        let there = state.table(schema, name).map_err(refused)?;
        let id = there.id.clone();
        let there = state.with_keys(schema, there, wanted).map_err(refused)?;
        keys::check_references(&session, state, &table.name, &columns, &there.keys).await?;
        Ok(id)
    }

    /// Makes a version of the table's log, if it has one, that has columns for these keys.
    async fn tell_log(&self, table: &Changed<'_>, wanted: &[WantedKey]) -> Result<()> {
        let mut why = String::new();
        for _ in 0..MOST_TRIES {
            let session = self.engine().session(table.config.clone());
            let there = table_of(&session, &table.name).await?;
            keys::check_columns(wanted, &there.schema())?;
            keys::check_not_null(wanted, &there.schema())?;
            // Whose log is not ours to write has a maker who knows nothing of keys.
            let Some(scan) = there.downcast_ref::<DeltaScan>() else { return Ok(()) };
            if scan.snapshot().rules.no_writing.is_some() {
                return Ok(());
            }
            match tried(scan, &TableChange::Key).await? {
                Tried::Done => return Ok(()),
                Tried::Others(meanwhile) => why = meanwhile,
            }
        }
        Err(others(&why))
    }
}
