//! Changes of a Delta table itself: one version of its log each.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::catalog::TableProvider;
use datafusion::common::ResolvedTableReference;
use datafusion::execution::SessionState;
use datafusion::prelude::SessionConfig;

use crate::catalog::delta::{DeltaScan, TableChange, altered, stored};
use crate::catalog::{CATALOG_NAME, KeyKind, with_comment};
use crate::commit::{Depends, Proposal, publish};
use crate::plan::Planner;
use crate::plan::change::columns_of;
use crate::plan::keys::name as named;
use crate::statement::{AddedColumns, Alteration};
use crate::{PlannerError, Result};

/// How often it is looked at anew when others are first.
pub(super) const MOST_TRIES: usize = 10;

impl Planner {
    /// Changes the table of this name; where another version came first, what that has made of it.
    pub(super) async fn alter_log(
        &self,
        name: &ResolvedTableReference,
        what: &Alteration,
        config: &SessionConfig,
    ) -> Result<()> {
        let mut why = String::new();
        for _ in 0..MOST_TRIES {
            let session = self.engine().session(config.clone());
            let scan = scan_of(&session, name).await?;
            let change = self.change_of(&session, name, &scan, what, config).await?;
            match tried(&scan, &change).await? {
                Tried::Done => return Ok(()),
                Tried::Others(meanwhile) => why = meanwhile,
            }
        }
        Err(others(&why))
    }

    async fn change_of(
        &self,
        session: &SessionState,
        name: &ResolvedTableReference,
        scan: &DeltaScan,
        what: &Alteration,
        config: &SessionConfig,
    ) -> Result<TableChange> {
        Ok(match what {
            Alteration::AddColumns(added) => {
                TableChange::Add(new_columns(session, added, scan, config).await?)
            }
            Alteration::MayBeNull(column) => {
                let column = named(column, config);
                self.refuse_keys_column(name, &column).await?;
                TableChange::MayBeNull(column)
            }
            Alteration::Comment { column, text } => {
                TableChange::Comment { column: named(column, config), text: text.clone() }
            }
            Alteration::Set(properties) => TableChange::Set(properties.clone()),
            Alteration::Unset { names, or_not } => {
                TableChange::Unset { names: names.clone(), or_not: *or_not }
            }
            Alteration::AddKey(_) | Alteration::DropKey { .. } | Alteration::Rename(_) => {
                return Err(PlannerError::Internal("no change of a log".into()));
            }
        })
    }

    /// Those of a primary key are not NULL. A key that came after the version that was read of the table is met at the log.
    async fn refuse_keys_column(&self, name: &ResolvedTableReference, column: &str) -> Result<()> {
        let Some(store) = self.engine().named().store() else { return Ok(()) };
        let known = store.refresh().await.map_err(|error| PlannerError::from(&error))?;
        let keys = known.entry(&name.schema, &name.table).map(|entry| &entry.keys);
        let mut keys = keys.into_iter().flatten();
        let of = keys.find(|key| {
            key.kind == KeyKind::Primary && key.columns.iter().any(|own| own == column)
        });
        match of {
            None => Ok(()),
            Some(key) => Err(PlannerError::Invalid(format!(
                "column '{column}' is of primary key '{}', whose columns are not NULL: drop that first",
                key.name
            ))),
        }
    }
}

/// What became of a change.
pub(super) enum Tried {
    /// It is made, or was so already.
    Done,
    /// Another came first; what it did.
    Others(String),
}

/// Makes a change the next version of a table.
pub(super) async fn tried(scan: &DeltaScan, change: &TableChange) -> Result<Tried> {
    let snapshot = scan.snapshot();
    let alters = altered(&snapshot.protocol, &snapshot.metadata, change)
        .map_err(|why| PlannerError::Invalid(format!("ALTER TABLE: {why}")))?;
    if alters.is_empty() {
        return Ok(Tried::Done);
    }
    let table = Arc::clone(scan.table());
    let proposal = Proposal {
        table: Arc::clone(&table),
        read: Arc::clone(snapshot),
        adds: Vec::new(),
        removes: Default::default(),
        alters,
        depends: Depends::Nothing,
        operation: change.operation(),
        count: 0,
    };
    // It goes on should nobody wait for it any more.
    let published = table.tasks.spawn(async move { publish(&proposal).await }).await;
    let published =
        published.map_err(|error| PlannerError::Internal(format!("a commit ended: {error}")))?;
    match published? {
        Ok(()) => Ok(Tried::Done),
        Err(not_done) => not_done.conflict().map(Tried::Others),
    }
}

/// When others came first each time.
pub(super) fn others(why: &str) -> PlannerError {
    PlannerError::Changed(format!(
        "others change the table at the same time, {MOST_TRIES} times in a row ({why}): nothing was changed, run the statement again"
    ))
}

/// The table of a name, as it is by now.
pub(super) async fn table_of(
    session: &SessionState,
    name: &ResolvedTableReference,
) -> Result<Arc<dyn TableProvider>> {
    let catalog = session.catalog_list().catalog(CATALOG_NAME);
    let found = match catalog.and_then(|catalog| catalog.schema(&name.schema)) {
        Some(schema) => schema.table(&name.table).await?,
        None => None,
    };
    found.ok_or_else(|| {
        PlannerError::NotFound(format!("there is no table '{}.{}'", name.schema, name.table))
    })
}

async fn scan_of(session: &SessionState, name: &ResolvedTableReference) -> Result<DeltaScan> {
    let full = format!("{}.{}", name.schema, name.table);
    let found = table_of(session, name).await?;
    let Some(scan) = found.downcast_ref::<DeltaScan>() else {
        return Err(PlannerError::Unsupported(format!(
            "'{full}' is of files without a log, whose columns are those of the files: keys and its name are what ALTER TABLE \
             changes of it"
        )));
    };
    match &scan.snapshot().rules.no_writing {
        None => Ok(scan.clone()),
        Some(why) => Err(PlannerError::Unsupported(format!("'{full}': {why}"))),
    }
}

/// The columns that come, as a table keeps them.
async fn new_columns(
    session: &SessionState,
    added: &AddedColumns,
    scan: &DeltaScan,
    config: &SessionConfig,
) -> Result<Schema> {
    let invalid = |problem: String| PlannerError::Invalid(format!("ALTER TABLE: {problem}"));
    let columns = columns_of(session, &added.columns).await?;
    let there = &scan.snapshot().schema;
    let is_there = |field: &Field| {
        let mut names = there.fields().iter().map(|field| field.name().to_lowercase());
        names.any(|name| name == field.name().to_lowercase())
    };
    let fields = columns.fields().iter().filter(|field| !(added.or_not && is_there(field)));
    let fields: Vec<_> = fields.cloned().collect();
    if fields.is_empty() {
        return Ok(Schema::empty());
    }
    let kept = stored(&Schema::new(fields)).map_err(invalid)?;
    let said = added.comments.iter().map(|(column, text)| (named(column, config), text.clone()));
    let said: std::collections::HashMap<_, _> = said.collect();
    let fields = kept.fields().iter().map(|field| {
        let field = field.as_ref().clone();
        match said.get(field.name()) {
            Some(text) => with_comment(field, text),
            None => field,
        }
    });
    Ok(Schema::new(fields.collect::<Vec<_>>()))
}
