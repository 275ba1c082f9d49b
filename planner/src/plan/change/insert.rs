//! INSERT: the rows of a query, cast to the table's columns, come to those that are there or take their place.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema};
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::error::Result as DfResult;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Projection, cast};
use datafusion::sql::parser::Statement as DfStatement;

use super::by_place::in_place;
use super::fields::refuse_lost_in;
use super::given::Given;
use super::running::Running;
use super::sent::{parameter, refuse_any_cut, refuse_cut_in, uncast};
use super::target::Target;
use crate::catalog::delta::DataFile;
use crate::commit::{Depends, Outcome, Proposal};
use crate::plan::{Parameters, bound, logical};
use crate::session::types_met;
use crate::statement::InsertInto;
use crate::{PlannerError, Result};

impl Running {
    pub(super) async fn insert(
        &self,
        insert: &InsertInto,
        outcome: &Arc<Outcome>,
    ) -> Result<std::result::Result<u64, String>> {
        let state = self.session().await?;
        let folder = self.folder_of(&state, &insert.table).await?;
        if let Some(folder) = folder.filter(|_| !insert.overwrite) {
            let (_, partition_by, columns) = &folder;
            let (statement, given) = self.given(&state, insert, columns, partition_by).await?;
            let rows = self.rows_of(&state, statement, &given, columns).await?;
            return self.insert_files(&state, folder, &rows, outcome).await;
        }
        let target = self.target(&state, &insert.table).await?;
        if insert.overwrite {
            target.rows_may_go()?;
        }
        let snapshot = target.scan.snapshot();
        let columns = &snapshot.schema;
        let (statement, given) =
            self.given(&state, insert, columns, &snapshot.partition_by).await?;
        let rows = self.rows_of(&state, statement, &given, columns).await?;
        let removes = match insert.overwrite {
            true => Some(self.files_of(&state, &given, columns, &snapshot.files).await?),
            false => None,
        };
        self.insert_rows(&state, &target, &rows, removes, outcome).await
    }

    async fn rows_of(
        &self,
        state: &SessionState,
        statement: DfStatement,
        given: &Given,
        table: &Schema,
    ) -> Result<LogicalPlan> {
        let rows = given.put_in(inserted(state, statement).await?, table)?;
        match &self.request().rows {
            Some(values) => for_each(rows, values),
            None => {
                refuse_cut_in(&rows, &self.request().parameters)?;
                instants(bound(rows, &self.request().parameters)?, table)
            }
        }
    }

    /// Has these rows, whose columns are the table's, come to those that are there, or take the place of those of some files.
    pub(super) async fn insert_rows(
        &self,
        state: &SessionState,
        target: &Target,
        rows: &LogicalPlan,
        replaced: Option<BTreeMap<String, DataFile>>,
        outcome: &Arc<Outcome>,
    ) -> Result<std::result::Result<u64, String>> {
        let depends = match replaced.is_some() || target.is_read(rows)? {
            true => Depends::Table,
            false => Depends::Nothing,
        };
        let (count, written) = self.write(state, rows, self.spec(target)).await?;
        let snapshot = target.scan.snapshot();
        let removes = replaced.unwrap_or_default();
        let proposal = Proposal {
            table: Arc::clone(target.scan.table()),
            read: Arc::clone(snapshot),
            adds: written.files().to_vec(),
            removes,
            alters: Vec::new(),
            depends,
            operation: "WRITE",
            count,
        };
        self.commit(proposal, vec![written], outcome).await
    }

    pub(super) async fn insert_parameters(&self, insert: &InsertInto) -> Result<Parameters> {
        let state = self.session().await?;
        let folder = self.folder_of(&state, &insert.table).await?;
        let (columns, partition_by) = match folder.filter(|_| !insert.overwrite) {
            Some((_, partition_by, columns)) => (columns, partition_by),
            None => {
                let target = self.target(&state, &insert.table).await?;
                let snapshot = target.scan.snapshot();
                (Arc::clone(&snapshot.schema), snapshot.partition_by.to_vec())
            }
        };
        let (statement, given) = self.given(&state, insert, &columns, &partition_by).await?;
        Parameters::of(&given.put_in(inserted(&state, statement).await?, &columns)?)
    }
}

/// The rows that a statement inserts, as the table has them.
async fn inserted(state: &SessionState, statement: DfStatement) -> Result<LogicalPlan> {
    let plan = logical(&mut state.clone(), statement).await?;
    match plan {
        LogicalPlan::Dml(dml) => {
            let rows = in_place(Arc::unwrap_or_clone(dml.input))?;
            refuse_lost_in(&rows)?;
            with_nulls(rows)
        }
        other => {
            Err(PlannerError::Internal(format!("an INSERT without rows: {}", other.display())))
        }
    }
}

/// What was bound to a column of instants is cast to it within the plan: the session's zone is known there.
fn instants(rows: LogicalPlan, table: &Schema) -> Result<LogicalPlan> {
    let schema = rows.schema();
    let each = || schema.iter().zip(table.fields());
    let is_cast = |of: &DataType, to: &DataType| matches!(to, DataType::Timestamp(..)) && of != to;
    if !each().any(|((_, of), to)| is_cast(of.data_type(), to.data_type())) {
        return Ok(rows);
    }
    let columns = each().map(|((table, of), to)| {
        let column = Expr::Column(Column::new(table.cloned(), of.name()));
        match is_cast(of.data_type(), to.data_type()) {
            true => cast(column, to.data_type().clone()).alias(of.name()),
            false => column,
        }
    });
    let columns = columns.collect::<Vec<_>>();
    Ok(LogicalPlanBuilder::from(rows).project(columns)?.build()?)
}

/// VALUES that may be NULL: whether a column of the table may be is told where its rows are written, by its name.
fn with_nulls(plan: LogicalPlan) -> Result<LogicalPlan> {
    let nullable = plan.transform_up(|node| {
        let LogicalPlan::Values(mut values) = node else {
            return Ok(if node.inputs().is_empty() {
                Transformed::no(node)
            } else {
                // Its own columns are what is below.
                Transformed::yes(node.recompute_schema()?)
            });
        };
        let fields = values.schema.iter().map(|(qualifier, field)| {
            (qualifier.cloned(), Arc::new(field.as_ref().clone().with_nullable(true)))
        });
        let metadata = values.schema.metadata().clone();
        values.schema = Arc::new(DFSchema::new_with_metadata(fields.collect(), metadata)?);
        Ok(Transformed::yes(LogicalPlan::Values(values)))
    })?;
    Ok(nullable.data)
}

/// One row of VALUES for each row of values: `$1` is a column of theirs, also directly above them.
fn for_each(plan: LogicalPlan, values: &RecordBatch) -> Result<LogicalPlan> {
    let table = MemTable::try_new(values.schema(), vec![vec![values.clone()]])?;
    let source = provider_as_source(Arc::new(table));
    let of_each = plan.transform_up(|node| match &node {
        LogicalPlan::Values(one) if one.values.len() == 1 => {
            let columns = one.values[0].iter().zip(one.schema.fields()).map(|(expr, field)| {
                let to = field.data_type();
                refuse_any_cut(parameter(expr), values, to)?;
                Ok(cast(with_columns(expr, values)?, to.clone()).alias(field.name()))
            });
            let mut columns = columns.collect::<DfResult<Vec<_>>>()?;
            let names = values.schema_ref().fields().iter().map(|field| field.name());
            columns.extend(names.map(|name| Expr::Column(Column::from_name(name))));
            let scan = LogicalPlanBuilder::scan("$values", Arc::clone(&source), None)?;
            Ok(Transformed::yes(scan.project(columns)?.build()?))
        }
        LogicalPlan::Projection(projection) => {
            let columns = projection.expr.iter().zip(projection.schema.fields());
            let columns = columns.map(|(expr, field)| {
                refuse_any_cut(parameter(uncast(expr)), values, field.data_type())?;
                with_columns(expr, values)
            });
            let columns = columns.collect::<DfResult<Vec<_>>>()?;
            let input = Arc::clone(&projection.input);
            Ok(Transformed::yes(LogicalPlan::Projection(Projection::try_new(columns, input)?)))
        }
        _ => Ok(Transformed::no(node)),
    })?;
    Ok(types_met(of_each.data.recompute_schema()?)?)
}

/// An expression with columns of values for its parameters.
fn with_columns(expr: &Expr, values: &RecordBatch) -> DfResult<Expr> {
    let with_columns = expr.clone().transform(|expr| match expr {
        Expr::Placeholder(parameter) if values.column_by_name(&parameter.id).is_some() => {
            Ok(Transformed::yes(Expr::Column(Column::from_name(parameter.id))))
        }
        other => Ok(Transformed::no(other)),
    })?;
    Ok(with_columns.data)
}
