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
use super::sent::refuse_cut_in;
use super::target::Target;
use crate::catalog::delta::{may_partition, stored};
use crate::catalog::{
    CatalogStore, Change, ChangeError, DataLocation, Entry, EntryKind, Existing, Managed, State,
    TABLES, WantedKey, with_comment, with_length,
};
use crate::commit::{Depends, NotDone, Outcome, Proposal, first_version, made_anew, publish_first};
use crate::plan::ddl::{full, named_once, no_warehouse, refuse_files, refused};
use crate::plan::keys::{check_columns, check_references, name, primary, wanted};
use crate::plan::{Parameters, bound, logical};
use crate::statement::{NewTable, lengths};
use crate::write::{Encoding, Folder, Layout, Unclaimed, WriteSpec, WrittenFile, remove_files};
use crate::{PlannerError, Result};

/// What is made: its columns as they are kept, and the rows that it has from the start.
pub(super) struct Made {
    pub(super) schema: Schema,
    pub(super) rows: Option<LogicalPlan>,
}

/// The same of a table that is made anew of its own rows.
struct Remade {
    schema: Schema,
    rows: LogicalPlan,
    old: Target,
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
        match (made.rows, self.replaced(&state, &new).await?) {
            (Some(rows), Some(old)) if old.is_read(&rows)? => {
                let made = Remade { schema: made.schema, rows, old };
                self.replace(&state, new, made, outcome).await
            }
            (rows, _) => self.make(&state, new, Made { rows, ..made }, outcome).await,
        }
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
        let new =
            New { store, name, existing, id, entry, location, partition_by, properties, keys };
        let changes = new.named(&new.store.known()).map_err(refused)?;
        Ok((!changes.is_empty()).then_some(new))
    }

    /// The table that a new one takes the place of: there may be none, or what has the name has no log.
    async fn replaced(&self, state: &SessionState, new: &New) -> Result<Option<Target>> {
        match new.existing {
            Existing::Replace => Ok(self.target_of(state, new.name.clone()).await.ok()),
            _ => Ok(None),
        }
    }

    /// Makes a table anew of its own rows: a version of its log, since whoever writes the old one at the same time would
    /// write what nobody reads any more.
    async fn replace(
        &self,
        state: &SessionState,
        new: New,
        made: Remade,
        outcome: &Arc<Outcome>,
    ) -> Result<std::result::Result<u64, String>> {
        let Remade { schema, rows, old } = made;
        let snapshot = old.scan.snapshot();
        let (properties, comment) = (properties(&new.properties), new.entry.comment.as_deref());
        let alters =
            made_anew(&schema, &new.partition_by, &properties, comment, &snapshot.protocol)?;
        let spec = WriteSpec {
            schema: Arc::new(schema),
            partition_by: new.partition_by.clone().into(),
            ..self.spec(&old)
        };
        let (count, written) = self.write(state, &rows, spec).await?;
        let proposal = Proposal {
            table: Arc::clone(old.scan.table()),
            read: Arc::clone(snapshot),
            adds: written.files().to_vec(),
            removes: snapshot.files.as_ref().clone(),
            alters,
            depends: Depends::Table,
            operation: "CREATE OR REPLACE TABLE AS SELECT",
            count,
        };
        let done = self.commit(proposal, vec![written], outcome).await?;
        if done.is_ok() {
            let place = old.scan.table().log().location().key();
            let told = new.store.change(&self.by(), |state| new.told(state, &place)).await;
            told.map_err(refused)?;
        }
        Ok(done)
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
                match new.store.change(&by, |state| new.named(state)).await {
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
                let query = self.query(state, table).await?;
                let plan = bound(query.clone(), &self.request().parameters)?;
                named_once(&plan, &[], "table")?;
                // Whether a query's column can be NULL is a matter of its plan, and not of what its maker said.
                let fields = plan
                    .schema()
                    .fields()
                    .iter()
                    .map(|field| Field::new(field.name(), field.data_type().clone(), true));
                let stored = stored(&Schema::new(fields.collect::<Vec<_>>())).map_err(invalid)?;
                let stored = required(stored, not_null);
                refuse_cut_in(&cast_to(query, &stored)?, &self.request().parameters)?;
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
            Some(text) => Arc::new(with_comment(field.as_ref().clone(), text)),
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
    /// What is said of the table that has this place and was made anew: its comment and its keys.
    fn told(&self, state: &State, place: &str) -> Result<Vec<Change>, ChangeError> {
        let Some(there) = state.entry(&self.name.schema, &self.name.table) else {
            return Ok(Vec::new());
        };
        match &there.kind {
            EntryKind::Managed(managed) if self.store.place_of(managed).key() == place => {}
            // Another one has its name since.
            _ => return Ok(Vec::new()),
        }
        let (comment, keys) = (self.entry.comment.clone(), Vec::new());
        let bare = Entry { comment, keys, ..there.clone() };
        let entry = state.with_keys(&self.name.schema, &bare, &self.keys)?;
        match entry == *there {
            true => Ok(Vec::new()),
            false => state.create(&self.name.schema, &entry, Existing::Replace),
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
            let fields = made.input.schema().as_arrow().fields().iter();
            let lengths = lengths(columns).into_iter().chain(std::iter::repeat(None));
            let fields = fields.zip(lengths).map(|(field, length)| match length {
                Some(length) => Arc::new(with_length(field.as_ref().clone(), length)),
                None => Arc::clone(field),
            });
            Ok(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
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
