//! DELETE, UPDATE and TRUNCATE: files with rows that change are written anew, without them or with what they become.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{Int64Type, SchemaRef};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::sqlparser::ast::{Expr, ObjectName};

use super::build::{Part, column, count, first_of, has_query, is_not, named, own_table, typed};
use super::find::{Found, TOUCHED};
use super::names::{Names, Own, Sees, normal};
use super::running::Running;
use super::sent::refuse_cut;
use super::target::Target;
use crate::catalog::delta::DataFile;
use crate::commit::{Depends, Outcome, Proposal};
use crate::plan::{Parameters, bound};
use crate::statement::{Assignment, Rows};
use crate::{PlannerError, Result};

/// What becomes of rows of the table that is changed.
struct RowChange {
    own: Own,
    /// Which rows: all, where there is none.
    condition: Option<Expr>,
    /// The new values of columns; `None`: the rows go.
    values: Option<BTreeMap<String, Expr>>,
}

impl Running {
    /// Carries out a DELETE, or an UPDATE where there is something to `set`.
    pub(super) async fn rewrite(
        &self,
        rows: &Rows,
        set: Option<&[Assignment]>,
        outcome: &Arc<Outcome>,
    ) -> Result<std::result::Result<u64, String>> {
        let table = self.table(&rows.table).await?;
        let _one_at_a_time = table.writing.lock().await;
        // What those have written who were here before is part of it.
        let state = self.session().await?;
        let target = self.target(&state, &rows.table).await?;
        target.rows_may_go()?;
        if rows.predicate.is_none() && set.is_none() {
            return self.remove_all(&state, &target, outcome).await;
        }
        let change = self.row_change(&target, rows, set)?;
        let found = self.find(&state, &target, &change.own, change.condition.clone()).await?;
        let snapshot = target.scan.snapshot();
        let removes = of(&snapshot.files, &found);
        let is_emptied =
            |file: &DataFile| set.is_none() && file.rows == found.files.get(&file.path).copied();
        let rewritten: HashSet<String> = removes
            .values()
            .filter(|file| !is_emptied(file))
            .map(|file| file.path.clone())
            .collect();
        let mut is_read = found.is_read;
        let written = match rewritten.is_empty() {
            true => None,
            false => {
                self.register(&state, TOUCHED, &target, Some(&rewritten))?;
                let plan = self.rewritten(&state, &target, &change).await?;
                let plan = bound(plan, &self.request().parameters)?;
                is_read |= target.is_read(&plan)?;
                let (count, written) = self.write(&state, &plan, self.spec(&target)).await?;
                check(count, &removes, &rewritten, &found, set.is_some())?;
                Some(written)
            }
        };
        // Where it reads the table once more, its rows may depend on any other.
        let depends = if is_read { Depends::Table } else { Depends::Rows };
        let proposal = Proposal {
            table: Arc::clone(target.scan.table()),
            read: Arc::clone(snapshot),
            adds: written.iter().flat_map(|written| written.files()).cloned().collect(),
            removes,
            alters: Vec::new(),
            depends,
            operation: if set.is_some() { "UPDATE" } else { "DELETE" },
            count: found.files.values().sum(),
        };
        self.commit(proposal, written.into_iter().collect(), outcome).await
    }

    /// Carries out a TRUNCATE.
    pub(super) async fn truncate(
        &self,
        table: &ObjectName,
        or_not: bool,
        outcome: &Arc<Outcome>,
    ) -> Result<std::result::Result<u64, String>> {
        let state = self.session().await?;
        match self.target(&state, table).await {
            Err(PlannerError::NotFound(_)) if or_not => Ok(Ok(0)),
            target => {
                let target = target?;
                target.rows_may_go()?;
                self.remove_all(&state, &target, outcome).await
            }
        }
    }

    async fn remove_all(
        &self,
        state: &SessionState,
        target: &Target,
        outcome: &Arc<Outcome>,
    ) -> Result<std::result::Result<u64, String>> {
        let snapshot = target.scan.snapshot();
        let known: Option<u64> = snapshot.files.values().map(|file| file.rows).sum();
        let count = match known {
            Some(count) => count,
            None => self.count(state, target).await?,
        };
        let proposal = Proposal {
            table: Arc::clone(target.scan.table()),
            read: Arc::clone(snapshot),
            adds: Vec::new(),
            removes: snapshot.files.as_ref().clone(),
            alters: Vec::new(),
            depends: Depends::Table,
            operation: "DELETE",
            count,
        };
        self.commit(proposal, Vec::new(), outcome).await
    }

    async fn count(&self, state: &SessionState, target: &Target) -> Result<u64> {
        self.register(state, TOUCHED, target, None)?;
        let own = Own::plain();
        let part = Part {
            columns: vec![count()?],
            from: own_table(TOUCHED, &own)?,
            joined: None,
            condition: None,
            group: false,
        };
        let plan = self.part(state, part, &own).await?;
        let counts = self.rows(state, &plan).await?;
        let counts = counts.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>());
        Ok(counts.flatten().map(|count| count as u64).sum())
    }

    /// What is asked of the table's rows.
    fn row_change(
        &self,
        target: &Target,
        rows: &Rows,
        set: Option<&[Assignment]>,
    ) -> Result<RowChange> {
        let mut names = Names::new(target, rows.alias.as_ref(), self.config());
        for Assignment { column, .. } in set.unwrap_or_default() {
            names.refuse_field(column)?;
        }
        let mut seen = |expr| names.seen(Sees::Target, expr);
        let condition = rows.predicate.clone().map(&mut seen).transpose()?;
        let values = set.map(|set| self.values(target, set)).transpose()?;
        let values = values.map(|values| {
            let values = values.into_iter().map(|(column, value)| Ok((column, seen(value)?)));
            values.collect::<Result<_>>()
        });
        Ok(RowChange { condition, values: values.transpose()?, own: names.own() })
    }

    /// The new values of columns, by name.
    pub(super) fn values(
        &self,
        target: &Target,
        set: &[Assignment],
    ) -> Result<BTreeMap<String, Expr>> {
        let schema = &target.scan.snapshot().schema;
        let mut values = BTreeMap::new();
        for Assignment { column, value } in set {
            let name = normal(&column.name, self.config());
            let Ok(field) = schema.field_with_name(&name) else {
                return Err(PlannerError::NotFound(format!(
                    "SET {name}: there is no such column in '{}.{}'",
                    target.name.schema, target.name.table
                )));
            };
            refuse_cut(value, field, &self.request().parameters)?;
            if values.insert(name.clone(), value.clone()).is_some() {
                return Err(PlannerError::Invalid(format!("SET {name} is there twice")));
            }
        }
        Ok(values)
    }

    /// The rows of the touched files as they are to be.
    async fn rewritten(
        &self,
        state: &SessionState,
        target: &Target,
        change: &RowChange,
    ) -> Result<LogicalPlan> {
        let schema = &target.scan.snapshot().schema;
        let RowChange { own, condition, values } = change;
        let Some(values) = values else {
            let kept = rewriting(schema, own, None, condition.clone().map(is_not))?;
            return self.part(state, kept, own).await;
        };
        // Of subqueries within CASE few are planned: such rows are put together of those that change and those that do not.
        let apart = condition.as_ref().filter(|condition| has_query(condition));
        let Some(apart) = apart else {
            let all = rewriting(schema, own, Some((values, condition.as_ref())), None)?;
            let all = self.part(state, all, own).await?;
            return typed(all, schema, |name| values.contains_key(name));
        };
        let changed = rewriting(schema, own, Some((values, None)), Some(apart.clone()))?;
        let changed = self.part(state, changed, own).await?;
        let changed = typed(changed, schema, |name| values.contains_key(name))?;
        let kept = rewriting(schema, own, None, Some(is_not(apart.clone())))?;
        let kept = self.part(state, kept, own).await?;
        Ok(LogicalPlanBuilder::from(changed).union(kept)?.build()?)
    }

    pub(super) async fn rewrite_parameters(
        &self,
        rows: &Rows,
        set: &[Assignment],
    ) -> Result<Parameters> {
        let state = self.session().await?;
        let target = self.target(&state, &rows.table).await?;
        let change = self.row_change(&target, rows, (!set.is_empty()).then_some(set))?;
        self.register(&state, TOUCHED, &target, None)?;
        Parameters::of(&self.rewritten(&state, &target, &change).await?)
    }
}

fn of(files: &BTreeMap<String, DataFile>, found: &Found) -> BTreeMap<String, DataFile> {
    let files = files.iter().filter(|(path, _)| found.files.contains_key(*path));
    files.map(|(path, file)| (path.clone(), file.clone())).collect()
}

/// What was written must be what was there, but for what was deleted: a row lost here is lost for ever.
fn check(
    written: u64,
    removes: &BTreeMap<String, DataFile>,
    rewritten: &HashSet<String>,
    found: &Found,
    all_stay: bool,
) -> Result<()> {
    let there = removes.values().filter(|file| rewritten.contains(&file.path));
    let Some(there) = there.map(|file| file.rows).sum::<Option<u64>>() else { return Ok(()) };
    let changed: u64 = rewritten.iter().filter_map(|path| found.files.get(path)).sum();
    let expected = if all_stay { there } else { there - changed.min(there) };
    match written == expected {
        true => Ok(()),
        false => Err(PlannerError::Internal(format!(
            "nothing was changed: of {there} rows {changed} change, and {written} were written"
        ))),
    }
}

/// The query of those of the touched rows for which a condition is true, with new values where another one is.
fn rewriting(
    schema: &SchemaRef,
    own: &Own,
    values: Option<(&BTreeMap<String, Expr>, Option<&Expr>)>,
    condition: Option<Expr>,
) -> Result<Part> {
    let items = schema.fields().iter().map(|field| {
        let old = column(own, field.name());
        let new = values.and_then(|(values, when)| Some((values.get(field.name())?, when)));
        let value = match new {
            Some((new, when)) => first_of(vec![(when.cloned(), new.clone())], Some(old)),
            None => old,
        };
        named(value, field.name())
    });
    Ok(Part {
        columns: items.collect(),
        from: own_table(TOUCHED, own)?,
        joined: None,
        condition,
        group: false,
    })
}
