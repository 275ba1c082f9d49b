//! INSERT … PARTITION: columns whose value a statement gives once, for all of its rows.
//!
//! Rule (Spark's): columns with a value are left out of what the query gives, whose columns are the others in the table's
//! order. OVERWRITE replaces the rows of those values, and no others.

use std::collections::{BTreeMap, HashSet};

use datafusion::arrow::datatypes::Schema;
use datafusion::common::ScalarValue;
use datafusion::error::Result as DfResult;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Projection, cast};
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Expr as SqlExpr, Ident, ObjectName, SelectItem, Statement as SqlStatement,
};

use super::build::{has_query, selected};
use super::running::Running;
use crate::catalog::delta::{DataFile, partition_value};
use crate::catalog::fitting;
use crate::plan::keys::name;
use crate::plan::{bound, logical};
use crate::statement::InsertInto;
use crate::{PlannerError, Result};

/// What a statement gives for all rows.
#[derive(Default)]
pub(super) struct Given {
    /// The values of columns, as the statement has them.
    values: BTreeMap<String, Expr>,
}

impl Running {
    /// The statement that gives the other columns, and what is given for all rows of a table with these columns.
    ///
    /// # Errors
    /// `Invalid` for a column by which files are not told apart, or that is there twice.
    pub(super) async fn given(
        &self,
        state: &SessionState,
        insert: &InsertInto,
        table: &Schema,
        partition_by: &[String],
    ) -> Result<(DfStatement, Given)> {
        if insert.partition.is_empty() {
            return Ok((insert.statement.clone(), Given::default()));
        }
        let invalid =
            |what: String| Err(PlannerError::Invalid(format!("INSERT … PARTITION: {what}")));
        let (mut named, mut values, mut exprs) = (HashSet::new(), Vec::new(), Vec::new());
        for (column, value) in &insert.partition {
            let column = name(column, self.config());
            if !partition_by.contains(&column) {
                return invalid(format!(
                    "the table is not partitioned by '{column}': write it in the list of columns"
                ));
            }
            if !named.insert(column.clone()) {
                return invalid(format!("'{column}' is there twice"));
            }
            if let Some(value) = value {
                if has_query(value) {
                    return Err(no_constant());
                }
                values.push(column);
                exprs.push(value.clone());
            }
        }
        if insert.overwrite && values.is_empty() {
            return invalid(
                "OVERWRITE of what has no value would replace the whole table: give the column a value, or leave PARTITION out".into(),
            );
        }
        let statement =
            others(&insert.statement, table, &values, |ident| name(ident, self.config()))?;
        let values = values.into_iter().zip(self.constants(state, exprs).await?).collect();
        Ok((statement, Given { values }))
    }

    /// Values that depend on no row.
    async fn constants(&self, state: &SessionState, exprs: Vec<SqlExpr>) -> Result<Vec<Expr>> {
        if exprs.is_empty() {
            return Ok(Vec::new());
        }
        let items = exprs.into_iter().map(SelectItem::UnnamedExpr).collect();
        let plan = logical(&mut state.clone(), selected(items)?).await?;
        match plan {
            LogicalPlan::Projection(projection)
                if matches!(projection.input.as_ref(), LogicalPlan::EmptyRelation(_)) =>
            {
                match projection.expr.iter().any(Expr::is_volatile) {
                    true => Err(no_constant()),
                    false => Ok(projection.expr.into_iter().map(Expr::unalias).collect()),
                }
            }
            _ => Err(no_constant()),
        }
    }

    /// The files whose rows have what is given.
    pub(super) async fn files_of(
        &self,
        state: &SessionState,
        given: &Given,
        table: &Schema,
        files: &BTreeMap<String, DataFile>,
    ) -> Result<BTreeMap<String, DataFile>> {
        if given.values.is_empty() {
            return Ok(files.clone());
        }
        let typed = given.values.iter().map(|(column, value)| {
            let of = table.field_with_name(column)?.data_type().clone();
            Ok(cast(value.clone(), of).alias(column))
        });
        let typed = typed.collect::<DfResult<Vec<_>>>()?;
        let one = LogicalPlanBuilder::empty(true).project(typed)?.build()?;
        let one = bound(one, &self.request().parameters)?;
        let rows = self.rows(state, &one).await?;
        let batch = rows.iter().find(|batch| batch.num_rows() > 0);
        let batch = batch.ok_or_else(|| PlannerError::Internal("no row of constants".into()))?;
        let wanted = given.values.keys().zip(batch.columns()).map(|(column, value)| {
            // As it is kept: blanks that the column has no place for are not there.
            let value = fitting(value, table.field_with_name(column)?)?;
            Ok(ScalarValue::try_from_array(&value, 0)?)
        });
        let wanted = wanted.collect::<Result<Vec<_>>>()?;
        let mut found = BTreeMap::new();
        for (path, file) in files {
            let mut all = true;
            for (column, wanted) in given.values.keys().zip(&wanted) {
                let of = table
                    .field_with_name(column)
                    .map_err(datafusion::error::DataFusionError::from)?
                    .data_type();
                let text = file.values.get(column).cloned().flatten();
                let value = partition_value(text.as_deref(), of).map_err(PlannerError::BadData)?;
                all &= if is_empty(wanted) { value.is_null() } else { value == *wanted };
            }
            if all {
                found.insert(path.clone(), file.clone());
            }
        }
        Ok(found)
    }
}

fn no_constant() -> PlannerError {
    PlannerError::Unsupported(
        "INSERT … PARTITION: a value is a constant; write the column in the list of columns".into(),
    )
}

/// What is kept as NULL.
fn is_empty(value: &ScalarValue) -> bool {
    value.is_null() || value.try_as_str() == Some(Some(""))
}

impl Given {
    /// Whether nothing is given.
    pub(super) fn is_nothing(&self) -> bool {
        self.values.is_empty()
    }

    /// The rows of a plan of all of the table's columns, with what is given in theirs.
    pub(super) fn put_in(&self, rows: LogicalPlan, table: &Schema) -> Result<LogicalPlan> {
        if self.is_nothing() {
            return Ok(rows);
        }
        let LogicalPlan::Projection(projection) = rows else {
            return Err(PlannerError::Internal("an INSERT that is no projection".into()));
        };
        let columns = projection.expr.iter().zip(table.fields()).map(|(expr, field)| {
            match self.values.get(field.name()) {
                Some(value) => cast(value.clone(), field.data_type().clone()).alias(field.name()),
                None => expr.clone(),
            }
        });
        let columns = columns.collect();
        Ok(LogicalPlan::Projection(Projection::try_new(columns, projection.input)?))
    }
}

/// The statement for all columns but these.
fn others(
    statement: &DfStatement,
    table: &Schema,
    given: &[String],
    name: impl Fn(&Ident) -> String,
) -> Result<DfStatement> {
    let mut statement = statement.clone();
    let DfStatement::Statement(sql) = &mut statement else {
        return Err(PlannerError::Internal("an INSERT of another kind".into()));
    };
    let SqlStatement::Insert(insert) = sql.as_mut() else {
        return Err(PlannerError::Internal("an INSERT of another kind".into()));
    };
    let is_given = |column: &ObjectName| {
        let ident = column.0.last().and_then(|part| part.as_ident());
        ident.is_some_and(|ident| given.contains(&name(ident)))
    };
    if let Some(column) = insert.columns.iter().find(|column| is_given(column)) {
        return Err(PlannerError::Invalid(format!(
            "INSERT … PARTITION gives {column} a value: leave it out of the list of columns"
        )));
    }
    if insert.columns.is_empty() {
        let fields = table.fields().iter().filter(|field| !given.contains(field.name()));
        let idents = fields.map(|field| Ident::with_quote('"', field.name()));
        insert.columns = idents.map(ObjectName::from).collect();
    }
    Ok(statement)
}
