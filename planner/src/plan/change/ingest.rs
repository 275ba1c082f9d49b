//! Rows that a client sends (CommandStatementIngest) become a table, or come to one.
//!
//! They are written by the node that they come to, as they come: each is encoded and compressed before the next is
//! taken, so that a table may be larger than any memory.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::{ResolvedTableReference, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, SessionState, TaskContext};
use datafusion::logical_expr::{LogicalPlanBuilder, Partitioning, cast, lit};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::prelude::Expr;
use datafusion::scalar::ScalarValue;
use futures::StreamExt;
use futures::stream::BoxStream;
use parking_lot::Mutex;

use super::create::{Made, cast_to};
use super::fields::refuse_lost;
use super::micros::refuse_nanoseconds;
use super::running::Running;
use super::sent::whole;
use crate::catalog::Existing;
use crate::catalog::delta::stored;
use crate::commit::Outcome;
use crate::plan::ddl::in_catalog;
use crate::{PlannerError, Result};

/// Rows on their way into a table.
pub struct Ingest {
    /// The table, as it is kept: no letter is changed.
    pub table: TableReference,
    /// Where there is none.
    pub if_absent: IfAbsent,
    /// Where there is one.
    pub if_there: IfThere,
    /// What comes.
    pub rows: Arc<Incoming>,
}

/// What becomes of rows for a table that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfAbsent {
    /// It is made.
    Create,
    /// It is an error.
    Fail,
}

/// What becomes of rows for a table that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfThere {
    /// It is an error.
    Fail,
    /// They come to its own.
    Append,
    /// It is made anew of them.
    Replace,
}

impl fmt::Debug for Ingest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "INGEST INTO {}", self.table)
    }
}

/// Rows that come once.
pub struct Incoming {
    schema: SchemaRef,
    rows: Mutex<Option<BoxStream<'static, Result<RecordBatch>>>>,
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.schema)
    }
}

impl Incoming {
    /// Rows of these columns. What their sender says of them beside (pandas: its own columns' types) is left out.
    pub fn new(schema: &Schema, rows: BoxStream<'static, Result<RecordBatch>>) -> Self {
        let bare = |field: &Arc<Field>| field.as_ref().clone().with_metadata(Default::default());
        let schema = Schema::new(schema.fields().iter().map(bare).collect::<Vec<_>>());
        Self { schema: Arc::new(schema), rows: Mutex::new(Some(rows)) }
    }
}

impl PartitionStream for Incoming {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let schema = Arc::clone(&self.schema);
        let rows = self.rows.lock().take().unwrap_or_else(|| {
            let again = "the rows that were sent are needed once more, and are gone: nothing was changed, send them again";
            futures::stream::iter([Err(PlannerError::Changed(again.into()))]).boxed()
        });
        let named = Arc::clone(&schema);
        let rows = rows.map(move |batch| {
            let batch = batch.map_err(DataFusionError::from)?;
            refuse_nanoseconds(&batch)?;
            // Also sees to it that there is no NULL where its sender said that there is none.
            Ok(RecordBatch::try_new(Arc::clone(&named), batch.columns().to_vec())?)
        });
        Box::pin(RecordBatchStreamAdapter::new(schema, rows))
    }
}

impl Running {
    pub(super) async fn ingest(
        &self,
        ingest: &Ingest,
        outcome: &Arc<Outcome>,
    ) -> Result<std::result::Result<u64, String>> {
        let state = self.session().await?;
        let at = &self.config().options().catalog;
        let name = ingest.table.clone().resolve(&at.default_catalog, &at.default_schema);
        in_catalog(&name.catalog)?;
        let is_there = self.is_there(&name);
        match (is_there, ingest.if_absent, ingest.if_there) {
            (true, _, IfThere::Append) => self.append(&state, name, ingest, outcome).await,
            (true, _, IfThere::Replace) => {
                self.make_of(&state, name, Existing::Replace, ingest, outcome).await
            }
            (true, _, IfThere::Fail) => Err(PlannerError::AlreadyExists(format!(
                "'{}.{}' already exists: append to it, or replace it",
                name.schema, name.table
            ))),
            (false, IfAbsent::Fail, _) => Err(PlannerError::NotFound(format!(
                "there is no table '{}.{}': have it created",
                name.schema, name.table
            ))),
            // Of several who come at once each has its rows in the table.
            (false, IfAbsent::Create, IfThere::Append) => {
                let columns = self.columns(ingest)?;
                if let Some(new) = self.new_table(name.clone(), Existing::Keep, None, Vec::new())? {
                    let made = Made { schema: columns, rows: None };
                    let own = Arc::<Outcome>::default();
                    if let Err(why) = self.make(&state, new, made, &own).await? {
                        return Err(PlannerError::Changed(why));
                    }
                }
                self.append(&self.session().await?, name, ingest, outcome).await
            }
            (false, IfAbsent::Create, then) => {
                let existing = match then {
                    IfThere::Replace => Existing::Replace,
                    _ => Existing::Refuse,
                };
                self.make_of(&state, name, existing, ingest, outcome).await
            }
        }
    }

    fn is_there(&self, name: &ResolvedTableReference) -> bool {
        let named = self.engine().named();
        let made = named.store().map(|store| store.known());
        let made = made.is_some_and(|known| known.entry(&name.schema, &name.table).is_some());
        made || named.is_of_files(&name.schema, &name.table)
    }

    fn columns(&self, ingest: &Ingest) -> Result<Schema> {
        let fields = ingest.rows.schema.fields().iter();
        let fields = fields.map(|field| {
            let data_type = texts_for_nulls(field.data_type());
            field.as_ref().clone().with_data_type(data_type)
        });
        let columns = Schema::new(fields.collect::<Vec<_>>());
        stored(&columns).map_err(PlannerError::Invalid)
    }

    async fn make_of(
        &self,
        state: &SessionState,
        name: ResolvedTableReference,
        existing: Existing,
        ingest: &Ingest,
        outcome: &Arc<Outcome>,
    ) -> Result<std::result::Result<u64, String>> {
        let schema = self.columns(ingest)?;
        let rows = cast_to(self.incoming(state, ingest)?.build()?, &schema)?;
        let new = self.new_table(name, existing, None, Vec::new())?;
        let new = new.ok_or_else(|| PlannerError::Internal("no table is to be made".into()))?;
        self.make(state, new, Made { schema, rows: Some(rows) }, outcome).await
    }

    async fn append(
        &self,
        state: &SessionState,
        name: ResolvedTableReference,
        ingest: &Ingest,
        outcome: &Arc<Outcome>,
    ) -> Result<std::result::Result<u64, String>> {
        let target = self.target_of(state, name).await?;
        let table = Arc::clone(&target.scan.snapshot().schema);
        let columns = matched(&ingest.rows.schema, &table)?;
        let rows = self.incoming(state, ingest)?.project(columns)?.build()?;
        self.insert_rows(state, &target, &rows, None, outcome).await
    }

    /// What comes, shared out to the cores.
    fn incoming(&self, state: &SessionState, ingest: &Ingest) -> Result<LogicalPlanBuilder> {
        let rows: Arc<dyn PartitionStream> = Arc::clone(&ingest.rows) as _;
        let table = StreamingTable::try_new(Arc::clone(&ingest.rows.schema), vec![rows])?;
        let scan = LogicalPlanBuilder::scan("$rows", provider_as_source(Arc::new(table)), None)?;
        let partitions = state.config().target_partitions();
        Ok(scan.repartition(Partitioning::RoundRobinBatch(partitions))?)
    }
}

/// Of a column that has no value yet nothing is known: pandas and polars send such of text without a type.
fn texts_for_nulls(of: &DataType) -> DataType {
    let within = |field: &FieldRef| {
        let data_type = texts_for_nulls(field.data_type());
        Arc::new(field.as_ref().clone().with_data_type(data_type))
    };
    match of {
        DataType::Null => DataType::Utf8,
        DataType::List(item) => DataType::List(within(item)),
        DataType::LargeList(item) => DataType::LargeList(within(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(within(item), *size),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(within).collect()),
        of => of.clone(),
    }
}

/// The columns of a table out of those that come, by their names: exactly, or but for upper and lower case. One that does
/// not come is NULL, one that the table has not is refused.
fn matched(comes: &Schema, table: &Schema) -> Result<Vec<Expr>> {
    let mut taken = vec![false; comes.fields().len()];
    let mut columns = Vec::new();
    for field in table.fields() {
        let is = |same: &dyn Fn(&str) -> bool| comes.fields().iter().position(|it| same(it.name()));
        let at = is(&|name| name == field.name())
            .or_else(|| is(&|name| name.eq_ignore_ascii_case(field.name())));
        let value = match at {
            Some(at) => {
                taken[at] = true;
                refuse_lost(field.name(), comes.field(at).data_type(), field.data_type())?;
                let column = datafusion::common::Column::new(Some("$rows"), comes.field(at).name());
                whole(Expr::Column(column), comes.field(at).data_type(), field.data_type())?
            }
            None => cast(lit(ScalarValue::Null), field.data_type().clone()),
        };
        columns.push(value.alias(field.name()));
    }
    let extra = taken.iter().position(|taken| !taken);
    match extra.map(|at| comes.field(at).name()) {
        None => Ok(columns),
        Some(name) if table.fields().iter().any(|it| it.name().eq_ignore_ascii_case(name)) => {
            Err(PlannerError::Invalid(format!(
                "the column '{name}' is sent twice: names are the same in capitals and small letters"
            )))
        }
        Some(name) => Err(PlannerError::Invalid(format!(
            "the table has no column '{name}': it has {}",
            table.fields().iter().map(|it| it.name().as_str()).collect::<Vec<_>>().join(", ")
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(names: &[&str]) -> Schema {
        let field = |name: &&str| Field::new(*name, DataType::Int32, true);
        Schema::new(names.iter().map(field).collect::<Vec<_>>())
    }

    #[test]
    fn columns_are_matched_by_name() {
        let columns = matched(&schema(&["B", "a"]), &schema(&["a", "b", "c"])).unwrap();
        let shown: Vec<_> = columns.iter().map(ToString::to_string).collect();
        assert!(shown[0].contains("$rows.a") && shown[1].contains("$rows.B"), "{shown:?}");
        assert!(shown[2].contains("NULL"), "{shown:?}");
    }

    #[test]
    fn a_column_that_the_table_has_not_is_refused() {
        let refused = matched(&schema(&["a", "d"]), &schema(&["a"])).unwrap_err();
        assert!(refused.to_string().contains("'d'"), "{refused}");
        matched(&schema(&["a", "A"]), &schema(&["a"])).unwrap_err();
    }
}
