//! DELETE, UPDATE and TRUNCATE: files with rows that change are written anew, without them or with what they become.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{Int64Type, SchemaRef};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{Expr, Ident, ObjectName};

use super::build::{Part, column, count, first_of, has_query, is_not, named, own_table, typed};
use super::find::{Found, TOUCHED};
use super::running::Running;
use super::target::Target;
use crate::catalog::delta::DataFile;
use crate::commit::{Depends, Outcome, Proposal};
use crate::plan::{Parameters, bound, logical};
use crate::statement::{Assignment, Rows};
use crate::{PlannerError, Result};

impl Running {
    /// Carries out a DELETE, or an UPDATE where there is something to `set`.
    pub(super) async fn rewrite(
        &self,
        rows: &Rows,
        set: Option<&Vec<Assignment>>,
        outcome: &Arc<Outcome>,
    ) -> Result<std::result::Result<u64, String>> {
        let state = self.session().await?;
        let target = self.target(&state, &rows.table).await?;
        target.rows_may_go()?;
        let values = set.map(|set| self.values(&target, set)).transpose()?;
        if rows.predicate.is_none() && values.is_none() {
            return self.remove_all(&state, &target, outcome).await;
        }
        let _one_at_a_time = target.scan.table().writing.lock().await;
        let found = self.find(&state, &target, rows).await?;
        let snapshot = target.scan.snapshot();
        let removes = of(&snapshot.files, &found);
        let is_emptied =
            |file: &DataFile| values.is_none() && file.rows == found.files.get(&file.path).copied();
        let rewritten: HashSet<String> = removes
            .values()
            .filter(|file| !is_emptied(file))
            .map(|file| file.path.clone())
            .collect();
        let adds = match rewritten.is_empty() {
            true => Vec::new(),
            false => {
                self.register(&state, TOUCHED, &target, Some(&rewritten))?;
                let plan = self.rewritten(&state, &target, rows, values.as_ref()).await?;
                let plan = bound(plan, &self.request().parameters)?;
                let (count, adds) = self.write(&state, &plan, self.spec(&target)).await?;
                check(count, &removes, &rewritten, &found, values.is_some())?;
                adds
            }
        };
        // Where it reads the table once more, its rows may depend on any other.
        let depends = if found.times_read > 1 { Depends::Table } else { Depends::Rows };
        let proposal = Proposal {
            table: Arc::clone(target.scan.table()),
            read: Arc::clone(snapshot),
            adds,
            removes,
            alters: Vec::new(),
            depends,
            operation: if values.is_some() { "UPDATE" } else { "DELETE" },
            count: found.files.values().sum(),
        };
        self.commit(proposal, outcome).await
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
        self.commit(proposal, outcome).await
    }

    async fn count(&self, state: &SessionState, target: &Target) -> Result<u64> {
        self.register(state, TOUCHED, target, None)?;
        let rows = Rows {
            table: ObjectName(Vec::new()),
            alias: Ident::with_quote('"', "x"),
            predicate: None,
        };
        let part = Part {
            columns: vec![count()?],
            from: own_table(TOUCHED, &rows)?,
            joined: None,
            condition: None,
            group: false,
        };
        let query = part.statement(&rows)?;
        let plan = logical(&mut state.clone(), query).await?;
        let counts = self.rows(state, &plan).await?;
        let counts = counts.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>());
        Ok(counts.flatten().map(|count| count as u64).sum())
    }

    /// The new values of columns, by name.
    pub(super) fn values(
        &self,
        target: &Target,
        set: &[Assignment],
    ) -> Result<BTreeMap<String, Expr>> {
        let normalize = self.config().options().sql_parser.enable_ident_normalization;
        let schema = &target.scan.snapshot().schema;
        let mut values = BTreeMap::new();
        for Assignment { column, value } in set {
            let name = match column.quote_style {
                None if normalize => column.value.to_lowercase(),
                _ => column.value.clone(),
            };
            if schema.index_of(&name).is_err() {
                return Err(PlannerError::NotFound(format!(
                    "SET {name}: there is no such column in '{}.{}'",
                    target.name.schema, target.name.table
                )));
            }
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
        rows: &Rows,
        values: Option<&BTreeMap<String, Expr>>,
    ) -> Result<LogicalPlan> {
        let schema = &target.scan.snapshot().schema;
        let Some(values) = values else {
            let kept = rewriting(schema, rows, None, rows.predicate.clone().map(is_not))?;
            return logical(&mut state.clone(), kept).await;
        };
        // Of subqueries within CASE few are planned: such rows are put together of those that change and those that do not.
        let apart = rows.predicate.as_ref().filter(|predicate| has_query(predicate));
        let Some(predicate) = apart else {
            let all = rewriting(schema, rows, Some((values, rows.predicate.as_ref())), None)?;
            let all = logical(&mut state.clone(), all).await?;
            return typed(all, schema, |name| values.contains_key(name));
        };
        let changed = rewriting(schema, rows, Some((values, None)), Some(predicate.clone()))?;
        let changed = logical(&mut state.clone(), changed).await?;
        let changed = typed(changed, schema, |name| values.contains_key(name))?;
        let kept = rewriting(schema, rows, None, Some(is_not(predicate.clone())))?;
        let kept = logical(&mut state.clone(), kept).await?;
        Ok(LogicalPlanBuilder::from(changed).union(kept)?.build()?)
    }

    pub(super) async fn rewrite_parameters(
        &self,
        rows: &Rows,
        set: &[Assignment],
    ) -> Result<Parameters> {
        let state = self.session().await?;
        let target = self.target(&state, &rows.table).await?;
        let values = (!set.is_empty()).then(|| self.values(&target, set)).transpose()?;
        self.register(&state, TOUCHED, &target, None)?;
        Parameters::of(&self.rewritten(&state, &target, rows, values.as_ref()).await?)
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
    rows: &Rows,
    values: Option<(&BTreeMap<String, Expr>, Option<&Expr>)>,
    condition: Option<Expr>,
) -> Result<DfStatement> {
    let items = schema.fields().iter().map(|field| {
        let old = column(rows, field.name());
        let new = values.and_then(|(values, when)| Some((values.get(field.name())?, when)));
        let value = match new {
            Some((new, when)) => first_of(vec![(when.cloned(), new.clone())], Some(old)),
            None => old,
        };
        named(value, field.name())
    });
    let part = Part {
        columns: items.collect(),
        from: own_table(TOUCHED, rows)?,
        joined: None,
        condition,
        group: false,
    };
    part.statement(rows)
}
