//! CREATE TABLE: a new Delta table in the warehouse, and then its name.

use std::collections::HashMap;
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
use crate::catalog::delta::{may_partition, stored};
use crate::catalog::{ChangeError, Entry, EntryKind, Managed};
use crate::commit::{NotDone, Outcome, first_version, publish_first};
use crate::plan::ddl::{full, named_once, no_warehouse, refuse_files, refused};
use crate::plan::{Parameters, bound, logical};
use crate::statement::NewTable;
use crate::write::{WriteSpec, remove_files};
use crate::{PlannerError, Result};

/// The folder of tables in a warehouse.
const FOLDER: &str = "tables";

/// What is made: its columns as they are kept, and the rows that it has from the start.
struct Made {
    schema: Schema,
    rows: Option<LogicalPlan>,
}

impl Running {
    pub(super) async fn create(
        &self,
        table: &NewTable,
        outcome: &Arc<Outcome>,
    ) -> Result<std::result::Result<u64, String>> {
        let named = self.engine().named();
        let store = Arc::clone(named.store().ok_or_else(no_warehouse)?);
        let name = full(&table.name, self.config())?;
        refuse_files(self.engine(), &name, PlannerError::AlreadyExists)?;
        let state = self.session().await?;
        let (id, entry) = self.entry(&name, table);
        let changes = store.known().create(&name.schema, &entry, table.existing);
        if changes.map_err(refused)?.is_empty() {
            return Ok(Ok(0));
        }
        let made = self.made(&state, table).await?;
        let partition_by = self.partition_by(table, &made.schema)?;
        let EntryKind::Managed(managed) = &entry.kind else {
            return Err(PlannerError::Internal("no table is made".into()));
        };
        let location = store.place_of(managed);
        let schema = Arc::new(made.schema);
        let (count, files) = match made.rows {
            None => (0, Vec::new()),
            Some(rows) => {
                let spec = WriteSpec {
                    query: self.request().query,
                    attempt: self.request().attempt,
                    location: location.absolute(),
                    schema: Arc::clone(&schema),
                    partition_by: partition_by.clone().into(),
                    in_folders: false,
                    file_bytes: FILE_BYTES,
                };
                self.write(&state, &rows, spec).await?
            }
        };
        let (properties, comment) = (properties(table), table.comment.as_deref());
        let actions = first_version(&schema, &partition_by, &properties, comment, &files, id)?;
        let delta = named.tables().at(&location).map_err(|error| PlannerError::from(&error))?;
        let (by, existing) = (self.by(), table.existing);
        let written = Arc::clone(&delta);
        let done = outcome
            .commit(&written.tasks, async move {
                if let Err(failed) = publish_first(&delta, &actions, id).await? {
                    remove_files(delta.log(), &files).await;
                    return Ok(Err(failed));
                }
                let decide =
                    |state: &crate::catalog::State| state.create(&name.schema, &entry, existing);
                match store.change(&by, decide).await {
                    Ok(state) if is_there(&state, &name, &entry) => Ok(Ok(count)),
                    Ok(_) => {
                        remove_files(delta.log(), &files).await;
                        Ok(Ok(0))
                    }
                    Err(error @ ChangeError::Unknown(_)) => Err(refused(error)),
                    Err(error) => {
                        remove_files(delta.log(), &files).await;
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

    fn entry(&self, name: &ResolvedTableReference, table: &NewTable) -> (Uuid, Entry) {
        let id = Uuid::now_v7();
        let managed = Managed { folder: format!("{FOLDER}/{id}") };
        let entry = Entry {
            name: name.table.to_string(),
            id: id.to_string(),
            owner: self.by(),
            comment: table.comment.clone(),
            kind: EntryKind::Managed(managed),
        };
        (id, entry)
    }

    async fn made(&self, state: &SessionState, table: &NewTable) -> Result<Made> {
        let invalid = |problem: String| PlannerError::Invalid(format!("CREATE TABLE: {problem}"));
        match (&table.columns, &table.query) {
            (Some(columns), _) => {
                let schema = columns_of(state, columns).await?;
                let stored = stored(&schema).map_err(invalid)?;
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
        let normalize = self.config().options().sql_parser.enable_ident_normalization;
        match ident.quote_style {
            None if normalize => ident.value.to_lowercase(),
            _ => ident.value.clone(),
        }
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

/// Whether it is this one that has the name: it was kept, where another one was there.
fn is_there(state: &crate::catalog::State, name: &ResolvedTableReference, entry: &Entry) -> bool {
    state.entry(&name.schema, &name.table).is_some_and(|there| there.id == entry.id)
}

/// A checkpoint for each ten versions, as Spark does; old versions of the log stay.
fn properties(table: &NewTable) -> Vec<(String, String)> {
    let own = [("delta.checkpointInterval", "10"), ("delta.enableExpiredLogCleanup", "false")];
    let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
    own.into_iter().chain(table.properties.iter().cloned()).collect()
}

/// The columns that a statement names, with their types.
async fn columns_of(state: &SessionState, columns: &DfStatement) -> Result<SchemaRef> {
    let plan = state.statement_to_plan(columns.clone()).await?;
    match plan {
        LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(made)) => {
            Ok(Arc::new(made.input.schema().as_arrow().clone()))
        }
        other => Err(PlannerError::Internal(format!("no columns: {}", other.display()))),
    }
}

/// The same rows with the types that a table keeps.
fn cast_to(plan: LogicalPlan, schema: &Schema) -> Result<LogicalPlan> {
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
