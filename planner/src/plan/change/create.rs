//! CREATE TABLE: a new Delta table in the warehouse, and then its name.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::{ExprSchema, ResolvedTableReference};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{DdlStatement, LogicalPlan, LogicalPlanBuilder, cast};
use datafusion::prelude::col;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{Ident, Statement as SqlStatement};
use uuid::Uuid;

use super::running::{FILE_BYTES, Running};
use crate::catalog::delta::{DeltaTable, may_partition, stored};
use crate::catalog::{
    CatalogStore, Change, ChangeError, DataLocation, Entry, EntryKind, Existing, Managed, State,
    TABLES, WantedKey,
};
use crate::commit::{NotDone, Outcome, changed_since, first_version, publish_first};
use crate::plan::ddl::{full, named_once, no_warehouse, refuse_files, refused};
use crate::plan::keys::{check_columns, check_references, name, primary, wanted};
use crate::plan::{Parameters, bound, logical};
use crate::statement::NewTable;
use crate::write::{Encoding, Folder, Layout, Unclaimed, WriteSpec, WrittenFile, remove_files};
use crate::{PlannerError, Result};

/// What is made: its columns as they are kept, and the rows that it has from the start.
pub(super) struct Made {
    pub(super) schema: Schema,
    pub(super) rows: Option<LogicalPlan>,
}

/// A table that may be made.
pub(super) struct New {
    store: Arc<CatalogStore>,
    name: ResolvedTableReference,
    existing: Existing,
    id: Uuid,
    entry: Entry,
    location: DataLocation,
    pub(super) partition_by: Vec<String>,
    pub(super) properties: Vec<(String, String)>,
    keys: Vec<WantedKey>,
    /// The table that it takes the place of, if its rows are made of that one's.
    reads: Option<Read>,
}

impl New {
    /// The change that gives it its name.
    fn named(&self, state: &State) -> std::result::Result<Vec<Change>, ChangeError> {
        let is_there = state.entry(&self.name.schema, &self.name.table).is_some();
        if is_there && self.existing != Existing::Replace {
            return state.create(&self.name.schema, &self.entry, self.existing);
        }
        let entry = state.with_keys(&self.name.schema, &self.entry, &self.keys)?;
        state.create(&self.name.schema, &entry, self.existing)
    }
}

/// What was read of a table.
struct Read {
    table: Arc<DeltaTable>,
    version: u64,
}

impl Running {
    pub(super) async fn create(
        &self,
        table: &NewTable,
        outcome: &Arc<Outcome>,
    ) -> Result<std::result::Result<u64, String>> {
        let state = self.session().await?;
        let name = full(&table.name, self.config())?;
        let (comment, keys) = (table.comment.clone(), wanted(&table.keys, self.config())?);
        let Some(mut new) = self.new_table(name, table.existing, comment, keys)? else {
            return Ok(Ok(0));
        };
        let made = self.made(&state, table, &primary(&new.keys)).await?;
        new.partition_by = self.partition_by(table, &made.schema)?;
        new.properties.clone_from(&table.properties);
        self.check_keys(&state, &new, &made.schema).await?;
        new.reads = self.replaced(&state, &new, made.rows.as_ref()).await?;
        self.make(&state, new, made, outcome).await
    }

    /// A table of this name, unless there is one that stays. What is there was looked up.
    ///
    /// # Errors
    /// `AlreadyExists` and the like, for the name.
    pub(super) fn new_table(
        &self,
        name: ResolvedTableReference,
        existing: Existing,
        comment: Option<String>,
        keys: Vec<WantedKey>,
    ) -> Result<Option<New>> {
        let store = Arc::clone(self.engine().named().store().ok_or_else(no_warehouse)?);
        refuse_files(self.engine(), &name, PlannerError::AlreadyExists)?;
        let id = Uuid::now_v7();
        let managed = Managed { folder: format!("{TABLES}/{id}") };
        let location = store.place_of(&managed);
        let entry = Entry {
            name: name.table.to_string(),
            id: id.to_string(),
            owner: self.by(),
            comment,
            keys: Vec::new(),
            kind: EntryKind::Managed(managed),
        };
        let (partition_by, properties) = Default::default();
        let new = New {
            store,
            name,
            existing,
            id,
            entry,
            location,
            partition_by,
            properties,
            keys,
            reads: None,
        };
        let changes = new.named(&new.store.known()).map_err(refused)?;
        Ok((!changes.is_empty()).then_some(new))
    }

    /// What the rows of a new table read of the one that it takes the place of.
    async fn replaced(
        &self,
        state: &SessionState,
        new: &New,
        rows: Option<&LogicalPlan>,
    ) -> Result<Option<Read>> {
        let (Existing::Replace, Some(rows)) = (new.existing, rows) else { return Ok(None) };
        match self.target_of(state, new.name.clone()).await {
            Ok(old) if old.is_read(rows)? => {
                let (table, version) = (old.scan.table(), old.scan.snapshot().version);
                Ok(Some(Read { table: Arc::clone(table), version }))
            }
            // There is none, or what has the name has no log.
            _ => Ok(None),
        }
    }

    async fn check_keys(&self, state: &SessionState, new: &New, columns: &Schema) -> Result<()> {
        check_columns(&new.keys, columns)?;
        let known = new.store.known();
        let entry = known.with_keys(&new.name.schema, &new.entry, &new.keys).map_err(refused)?;
        check_references(state, &known, &new.name, columns, &entry.keys).await
    }

    /// Writes its rows, then its first version, and then its name.
    pub(super) async fn make(
        &self,
        state: &SessionState,
        new: New,
        made: Made,
        outcome: &Arc<Outcome>,
    ) -> Result<std::result::Result<u64, String>> {
        let schema = Arc::new(made.schema);
        let (properties, comment) = (properties(&new.properties), new.entry.comment.as_deref());
        let first = |files: &[WrittenFile]| {
            first_version(&schema, &new.partition_by, &properties, comment, files, new.id)
        };
        // What cannot be kept is refused before anything is written.
        first(&[])?;
        let (count, mut files) = match made.rows {
            None => (0, None),
            Some(rows) => {
                let spec = WriteSpec {
                    query: self.request().query,
                    attempt: self.request().attempt,
                    location: new.location.absolute(),
                    schema: Arc::clone(&schema),
                    partition_by: new.partition_by.clone().into(),
                    layout: Layout::Table,
                    file_bytes: FILE_BYTES,
                    encoding: Encoding::Parquet,
                };
                let (count, files) = self.write(state, &rows, spec).await?;
                (count, Some(files))
            }
        };
        let actions = first(files.as_ref().map_or(&[] as &[_], Unclaimed::files))?;
        let delta = self.engine().named().tables().at(&new.location);
        let delta = delta.map_err(|error| PlannerError::from(&error))?;
        let by = self.by();
        let written = Arc::clone(&delta);
        let done = outcome
            .commit(&written.tasks, async move {
                let written = Folder::of(delta.log());
                let files = files.as_mut().map_or_else(Vec::new, Unclaimed::claim);
                if let Err(failed) = publish_first(&delta, &actions, new.id).await? {
                    remove_files(&written, &files).await;
                    return Ok(Err(failed));
                }
                if let Some(why) = new.outdated().await {
                    remove_files(&written, &files).await;
                    return Ok(Err(why));
                }
                let decide = |state: &State| {
                    new.still_replaces(state)?;
                    new.named(state)
                };
                match new.store.change(&by, decide).await {
                    Ok(state) if is_there(&state, &new.name, &new.entry) => Ok(Ok(count)),
                    Ok(_) => {
                        remove_files(&written, &files).await;
                        Ok(Ok(0))
                    }
                    Err(error @ ChangeError::Unknown(_)) => Err(refused(error)),
                    Err(error) => {
                        remove_files(&written, &files).await;
                        Ok(Err(match error {
                            ChangeError::Store(error) => NotDone::failed(&error),
                            error => NotDone::Conflict(error.to_string()),
                        }))
                    }
                }
            })
            .await?;
        match done {
            Ok(count) => Ok(Ok(count)),
            Err(not_done) => not_done.conflict().map(Err),
        }
    }

    /// Its columns, of which these are not NULL, and its rows.
    async fn made(
        &self,
        state: &SessionState,
        table: &NewTable,
        not_null: &HashSet<&str>,
    ) -> Result<Made> {
        let invalid = |problem: String| PlannerError::Invalid(format!("CREATE TABLE: {problem}"));
        match (&table.columns, &table.query) {
            (Some(columns), _) => {
                let schema = columns_of(state, columns).await?;
                let stored = required(stored(&schema).map_err(invalid)?, not_null);
                Ok(Made { schema: self.commented(stored, table), rows: None })
            }
            (None, Some(_)) => {
                let plan = bound(self.query(state, table).await?, &self.request().parameters)?;
                named_once(&plan, &[], "table")?;
                // Whether a query's column can be NULL is a matter of its plan, and not of what its maker said.
                let fields = plan
                    .schema()
                    .fields()
                    .iter()
                    .map(|field| Field::new(field.name(), field.data_type().clone(), true));
                let stored = stored(&Schema::new(fields.collect::<Vec<_>>())).map_err(invalid)?;
                let stored = required(stored, not_null);
                let rows = cast_to(plan, &stored)?;
                Ok(Made { schema: self.commented(stored, table), rows: Some(rows) })
            }
            (None, None) => Err(invalid("no columns".into())),
        }
    }

    async fn query(&self, state: &SessionState, table: &NewTable) -> Result<LogicalPlan> {
        let query = table.query.clone();
        let query =
            query.ok_or_else(|| PlannerError::Internal("a table without a query".into()))?;
        let query = DfStatement::Statement(Box::new(SqlStatement::Query(query)));
        logical(&mut state.clone(), query).await
    }

    pub(super) async fn create_parameters(&self, table: &NewTable) -> Result<Parameters> {
        match table.query {
            Some(_) => {
                let state = self.session().await?;
                Parameters::of(&self.query(&state, table).await?)
            }
            None => Ok(Parameters::none()),
        }
    }

    fn name(&self, ident: &Ident) -> String {
        name(ident, self.config())
    }

    fn partition_by(&self, table: &NewTable, schema: &Schema) -> Result<Vec<String>> {
        let names: Vec<_> = table.partition_by.iter().map(|ident| self.name(ident)).collect();
        for (at, name) in names.iter().enumerate() {
            let invalid = |problem: &str| {
                Err(PlannerError::Invalid(format!("PARTITIONED BY {name}: {problem}")))
            };
            match schema.field_with_name(name) {
                Err(_) => return invalid("there is no such column"),
                Ok(_) if names[..at].contains(name) => return invalid("it is there twice"),
                Ok(field) if !may_partition(field.data_type()) => {
                    return invalid("columns of this type do not tell files apart");
                }
                Ok(_) => {}
            }
        }
        match !names.is_empty() && names.len() == schema.fields().len() {
            true => Err(PlannerError::Invalid(
                "PARTITIONED BY all columns leaves none for the files".into(),
            )),
            false => Ok(names),
        }
    }

    /// What is said of columns, in the words that Delta and Spark have for it.
    fn commented(&self, schema: Schema, table: &NewTable) -> Schema {
        let comments: HashMap<_, _> =
            table.comments.iter().map(|(ident, text)| (self.name(ident), text.clone())).collect();
        let fields = schema.fields().iter().map(|field| match comments.get(field.name()) {
            Some(text) => {
                let said = HashMap::from([("comment".to_owned(), text.clone())]);
                Arc::new(field.as_ref().clone().with_metadata(said))
            }
            None => Arc::clone(field),
        });
        Schema::new(fields.collect::<Vec<_>>())
    }
}

/// The same columns, of which these are never NULL.
fn required(schema: Schema, names: &HashSet<&str>) -> Schema {
    let fields = schema.fields().iter().map(|field| {
        let nullable = field.is_nullable() && !names.contains(field.name().as_str());
        field.as_ref().clone().with_nullable(nullable)
    });
    Schema::new(fields.collect::<Vec<_>>())
}

impl New {
    /// Why its rows are to be made anew: those that they are made of are others now. What comes to the old table after this
    /// look, and before the name is the new one's, is not in it.
    async fn outdated(&self) -> Option<NotDone> {
        let Read { table, version } = self.reads.as_ref()?;
        match changed_since(table, *version).await {
            Ok(why) => why.map(NotDone::Conflict),
            Err(error) => Some(NotDone::failed(&error)),
        }
    }

    /// # Errors
    /// Where another table has the name meanwhile than the one that was read.
    fn still_replaces(&self, state: &State) -> Result<(), ChangeError> {
        let Some(Read { table, .. }) = &self.reads else { return Ok(()) };
        let there = state.entry(&self.name.schema, &self.name.table);
        let is_same = match there.map(|entry| &entry.kind) {
            Some(EntryKind::Managed(managed)) => {
                self.store.place_of(managed).key() == table.log().location().key()
            }
            _ => false,
        };
        match is_same {
            true => Ok(()),
            false => Err(ChangeError::Refused("the table was replaced by another".into())),
        }
    }
}

/// Whether it is this one that has the name: it was kept, where another one was there.
fn is_there(state: &State, name: &ResolvedTableReference, entry: &Entry) -> bool {
    state.entry(&name.schema, &name.table).is_some_and(|there| there.id == entry.id)
}

/// A checkpoint for each ten versions, as Spark does; old versions of the log stay.
fn properties(asked: &[(String, String)]) -> Vec<(String, String)> {
    let own = [("delta.checkpointInterval", "10"), ("delta.enableExpiredLogCleanup", "false")];
    let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
    own.into_iter().chain(asked.iter().cloned()).collect()
}

/// The columns that a statement names, with their types.
pub(in crate::plan) async fn columns_of(
    state: &SessionState,
    columns: &DfStatement,
) -> Result<SchemaRef> {
    let plan = state.statement_to_plan(columns.clone()).await?;
    match plan {
        LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(made)) => {
            Ok(Arc::new(made.input.schema().as_arrow().clone()))
        }
        other => Err(PlannerError::Internal(format!("no columns: {}", other.display()))),
    }
}

/// The same rows with the types that a table keeps.
pub(super) fn cast_to(plan: LogicalPlan, schema: &Schema) -> Result<LogicalPlan> {
    let columns = plan.schema().columns().into_iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| {
        let name = field.name();
        let same = plan.schema().data_type(&column).is_ok_and(|own| own == field.data_type());
        match same {
            true => col(column).alias(name),
            false => cast(col(column), field.data_type().clone()).alias(name),
        }
    });
    let columns: Vec<_> = columns.collect();
    Ok(LogicalPlanBuilder::from(plan).project(columns)?.build()?)
}
