//! MERGE: rows of a table that belong to those of a source change, and rows of the source that belong to none come.
//!
//! ```text
//!   which rows change        all t WHERE EXISTS (s ON … AND some clause applies)          → files, how many
//!   is each changed once?    t JOIN s ON … WHERE some clause applies: as many pairs as rows
//!   the files' rows          those that do not change  ∪  those that are updated          → new files
//!   new rows                 s WHERE NOT EXISTS (all t ON …) AND some clause applies      → new files
//! ```
//!
//! Each part is a plain query. A full join would give all of it at once, and has to carry every row of both sides through
//! one join to change a few.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Int64Type, SchemaRef};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::sqlparser::ast::{Expr, TableFactor};

use super::build::{
    Part, and, applies, boolean, column, count, counts, exists, first_of, is_not, named, not, null,
    own_table, refuse_chance, typed,
};
use super::find::{ALL, TOUCHED, by_file};
use super::names::{Names, Own, Sees};
use super::running::Running;
use super::target::Target;
use crate::catalog::delta::DataFile;
use crate::commit::{Depends, Outcome, Proposal};
use crate::plan::{Parameters, bound};
use crate::statement::{Assignment, Clause, MergeInto, NewRow};
use crate::write::Unclaimed;
use crate::{PlannerError, Result};

/// Rows of the table that change, by file.
type Counts = BTreeMap<String, u64>;

impl Running {
    pub(super) async fn merge(
        &self,
        merge: &MergeInto,
        outcome: &Arc<Outcome>,
    ) -> Result<std::result::Result<u64, String>> {
        let table = self.table(&merge.target.table).await?;
        let _one_at_a_time = table.writing.lock().await;
        // What those have written who were here before is part of it.
        let state = self.session().await?;
        let target = self.target(&state, &merge.target.table).await?;
        self.register(&state, ALL, &target, None)?;
        let (own, merge) = &self.meant(&target, merge)?;
        let is_read = AtomicBool::new(false);
        let query = Merging { running: self, state: &state, target: &target, own, merge, is_read };
        let pairs = query.pairs().await?;
        let mut found = query.matched().await?;
        let rows: u64 = found.values().sum();
        if pairs != rows && !merge.is_plain_delete() {
            return Err(PlannerError::Execution(format!(
                "MERGE: rows of the table belong to more than one row of the source ({rows} to {pairs}): nothing was changed; \
                 leave one row of the source for each"
            )));
        }
        let unmatched = query.unmatched().await?;
        let changed = rows + unmatched.values().sum::<u64>();
        for (path, count) in unmatched {
            *found.entry(path).or_default() += count;
        }
        if !found.is_empty() {
            target.rows_may_go()?;
        }
        let snapshot = target.scan.snapshot();
        let removes: BTreeMap<String, DataFile> = snapshot
            .files
            .iter()
            .filter(|(path, _)| found.contains_key(*path))
            .map(|(path, file)| (path.clone(), file.clone()))
            .collect();
        let rewritten = query.rewritten(&removes, changed).await?;
        let (inserted, new) = query.inserted().await?;
        let written: Vec<_> = rewritten.into_iter().chain(new).collect();
        // A row that another adds may be the one that was missing, or one of the source.
        let depends = match merge.by_target.is_empty() && !query.is_read.into_inner() {
            true => Depends::Rows,
            false => Depends::Table,
        };
        let proposal = Proposal {
            table: Arc::clone(target.scan.table()),
            read: Arc::clone(snapshot),
            adds: written.iter().flat_map(|written| written.files()).cloned().collect(),
            removes,
            alters: Vec::new(),
            depends,
            operation: "MERGE",
            count: changed + inserted,
        };
        self.commit(proposal, written, outcome).await
    }

    /// The statement, with the table's own name where it means the table.
    fn meant(&self, target: &Target, merge: &MergeInto) -> Result<(Own, MergeInto)> {
        let fields = target.scan.snapshot().schema.fields().iter();
        let columns: Vec<_> = fields.map(|field| field.name().clone()).collect();
        let mut merge = merge.clone().with_columns(&columns)?;
        let mut names = Names::new(target, merge.target.alias.as_ref(), self.config());
        merge.source = names.source(merge.source)?;
        let all = merge.matched.iter().chain(&merge.by_source);
        let set = all.flat_map(|clause| clause.set.iter().flatten()).map(|set| &set.column);
        let inserted = merge.by_target.iter().flat_map(|row| &row.columns);
        set.chain(inserted).try_for_each(|column| names.refuse_field(column))?;
        let mut seen = |sees, expr: &mut Expr| {
            *expr = names.seen(sees, expr.clone())?;
            Ok::<_, PlannerError>(())
        };
        seen(Sees::Both, &mut merge.on)?;
        let existing = [(Sees::Both, &mut merge.matched), (Sees::Target, &mut merge.by_source)];
        for (sees, clauses) in existing {
            for Clause { condition, set } in clauses {
                let values = set.iter_mut().flatten().map(|assignment| &mut assignment.value);
                condition.iter_mut().chain(values).try_for_each(|expr| seen(sees, expr))?;
            }
        }
        for NewRow { condition, values, .. } in &mut merge.by_target {
            let mut all = condition.iter_mut().chain(values);
            all.try_for_each(|expr| seen(Sees::Source, expr))?;
        }
        Ok((names.own(), merge))
    }

    pub(super) async fn merge_parameters(&self, merge: &MergeInto) -> Result<Parameters> {
        let state = self.session().await?;
        let target = self.target(&state, &merge.target.table).await?;
        self.register(&state, ALL, &target, None)?;
        self.register(&state, TOUCHED, &target, None)?;
        let (own, merge) = &self.meant(&target, merge)?;
        let is_read = AtomicBool::new(false);
        let query = Merging { running: self, state: &state, target: &target, own, merge, is_read };
        let mut plans = vec![query.plan(query.join()?).await?];
        plans.extend(query.parts().await?);
        if !merge.by_target.is_empty() {
            plans.push(query.new_rows().await?);
        }
        Parameters::of_all(&plans)
    }
}

impl MergeInto {
    /// Whether a row that is matched twice is deleted once all the same.
    fn is_plain_delete(&self) -> bool {
        matches!(&self.matched[..], [Clause { condition: None, set: None }])
    }
}

/// A MERGE on its way.
struct Merging<'m> {
    running: &'m Running,
    state: &'m SessionState,
    target: &'m Target,
    own: &'m Own,
    merge: &'m MergeInto,
    /// Whether one of its plans reads the table by its name: in the source, say.
    is_read: AtomicBool,
}

impl Merging<'_> {
    fn schema(&self) -> &SchemaRef {
        &self.target.scan.snapshot().schema
    }

    async fn plan(&self, part: Part) -> Result<LogicalPlan> {
        let plan = self.running.part(self.state, part, self.own).await?;
        if self.target.is_read(&plan)? {
            self.is_read.store(true, Ordering::Relaxed);
        }
        Ok(plan)
    }

    async fn run(&self, part: Part) -> Result<Vec<RecordBatch>> {
        let plan = bound(self.plan(part).await?, &self.running.request().parameters)?;
        refuse_chance(&plan)?;
        self.running.rows(self.state, &plan).await
    }

    fn table(&self, name: &str) -> Result<TableFactor> {
        own_table(name, self.own)
    }

    /// Whether a row of the source belongs to the row at hand, and also `more` is true.
    fn has_source(&self, more: Option<Expr>) -> Result<Expr> {
        exists(self.merge.source.clone(), and(self.merge.on.clone(), more))
    }

    fn join(&self) -> Result<Part> {
        Ok(Part {
            columns: vec![count()?],
            from: self.table(ALL)?,
            joined: Some((self.merge.source.clone(), self.merge.on.clone())),
            condition: applies(self.merge.matched.iter().map(|clause| &clause.condition)),
            group: false,
        })
    }

    /// Pairs of rows for which a clause applies. Planned as a join, in which a name that both sides have is told.
    async fn pairs(&self) -> Result<u64> {
        let counted = self.run(self.join()?).await?;
        let counts = counted.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>());
        let pairs = counts.flatten().map(|count| count as u64).sum();
        Ok(if self.merge.matched.is_empty() { 0 } else { pairs })
    }

    async fn counts(&self, condition: Expr) -> Result<Counts> {
        counts(&self.run(by_file(self.own, Some(condition))?).await?)
    }

    /// Rows that belong to one of the source, and for which a clause applies.
    async fn matched(&self) -> Result<Counts> {
        if self.merge.matched.is_empty() {
            return Ok(Counts::new());
        }
        let applies = applies(self.merge.matched.iter().map(|clause| &clause.condition));
        self.counts(self.has_source(applies)?).await
    }

    /// Rows that belong to none.
    async fn unmatched(&self) -> Result<Counts> {
        if self.merge.by_source.is_empty() {
            return Ok(Counts::new());
        }
        let applies = applies(self.merge.by_source.iter().map(|clause| &clause.condition));
        self.counts(and(not(self.has_source(None)?), applies)).await
    }

    /// The rows of the touched files as they are to be.
    async fn rewritten(
        &self,
        removes: &BTreeMap<String, DataFile>,
        changed: u64,
    ) -> Result<Option<Unclaimed>> {
        if removes.is_empty() {
            return Ok(None);
        }
        let touched: HashSet<String> = removes.keys().cloned().collect();
        self.running.register(self.state, TOUCHED, self.target, Some(&touched))?;
        let mut parts = self.parts().await?.into_iter();
        let first =
            parts.next().ok_or_else(|| PlannerError::Internal("a MERGE of nothing".into()))?;
        let all = parts.try_fold(LogicalPlanBuilder::from(first), |all, part| all.union(part))?;
        let all = bound(all.build()?, &self.running.request().parameters)?;
        let spec = self.running.spec(self.target);
        let (written, files) = self.running.write(self.state, &all, spec).await?;
        self.check(written, removes, changed)?;
        Ok(Some(files))
    }

    /// No row is lost but those that were deleted.
    fn check(
        &self,
        written: u64,
        removes: &BTreeMap<String, DataFile>,
        changed: u64,
    ) -> Result<()> {
        let Some(there) = removes.values().map(|file| file.rows).sum::<Option<u64>>() else {
            return Ok(());
        };
        let deletes = |clauses: &[Clause]| clauses.iter().any(|clause| clause.set.is_none());
        let may_go = deletes(&self.merge.matched) || deletes(&self.merge.by_source);
        let least = if may_go { there.saturating_sub(changed) } else { there };
        match (least..=there).contains(&written) {
            true => Ok(()),
            false => Err(PlannerError::Internal(format!(
                "nothing was changed: of {there} rows {changed} change, and {written} were written"
            ))),
        }
    }

    /// Each as a query of all columns.
    async fn parts(&self) -> Result<Vec<LogicalPlan>> {
        let MergeInto { matched, by_source, .. } = self.merge;
        let mut parts = Vec::new();
        let applied = applies(matched.iter().map(|clause| &clause.condition));
        let may = applies(by_source.iter().map(|clause| &clause.condition));
        // Those that do not change.
        let matches = self.has_source(None)?;
        match (matched.is_empty(), by_source.is_empty()) {
            (false, true) => parts.push(self.kept(not(self.has_source(applied)?)).await?),
            (_, false) => {
                let none_applies = match matched.is_empty() {
                    true => None,
                    false => Some(not(self.has_source(applied)?)),
                };
                parts.push(self.kept(and(matches.clone(), none_applies)).await?);
                if let Some(may) = may {
                    let stays = and(not(matches.clone()), Some(is_not(may)));
                    parts.push(self.kept(stays).await?);
                }
            }
            (true, true) => {}
        }
        if matched.iter().any(|clause| clause.set.is_some()) {
            let join = Some((self.merge.source.clone(), self.merge.on.clone()));
            parts.push(self.updated(matched, join, None).await?);
        }
        if by_source.iter().any(|clause| clause.set.is_some()) {
            parts.push(self.updated(by_source, None, Some(not(matches))).await?);
        }
        Ok(parts)
    }

    async fn kept(&self, condition: Expr) -> Result<LogicalPlan> {
        let columns = self.schema().fields().iter();
        let part = Part {
            columns: columns
                .map(|field| named(column(self.own, field.name()), field.name()))
                .collect(),
            from: self.table(TOUCHED)?,
            joined: None,
            condition: Some(condition),
            group: false,
        };
        typed(self.plan(part).await?, self.schema(), |_| false)
    }

    async fn updated(
        &self,
        clauses: &[Clause],
        joined: Option<(TableFactor, Expr)>,
        condition: Option<Expr>,
    ) -> Result<LogicalPlan> {
        let sets = clauses.iter().map(|clause| {
            clause.set.as_ref().map(|set| self.running.values(self.target, set)).transpose()
        });
        let sets = sets.collect::<Result<Vec<_>>>()?;
        let items = self.schema().fields().iter().map(|field| {
            let old = column(self.own, field.name());
            let new = clauses.iter().zip(&sets).map(|(clause, set)| {
                let new = set.as_ref().and_then(|set| set.get(field.name()));
                (clause.condition.clone(), new.unwrap_or(&old).clone())
            });
            named(first_of(new.collect(), Some(old.clone())), field.name())
        });
        // One to which no clause applies is among those that do not change.
        let stays =
            clauses.iter().map(|clause| (clause.condition.clone(), boolean(clause.set.is_some())));
        let stays = first_of(stays.collect(), Some(boolean(false)));
        let part = Part {
            columns: items.collect(),
            from: self.table(TOUCHED)?,
            joined,
            condition: Some(and(stays, condition)),
            group: false,
        };
        let is_set = |name: &str| sets.iter().flatten().any(|set| set.contains_key(name));
        typed(self.plan(part).await?, self.schema(), is_set)
    }

    async fn inserted(&self) -> Result<(u64, Option<Unclaimed>)> {
        if self.merge.by_target.is_empty() {
            return Ok((0, None));
        }
        let plan = bound(self.new_rows().await?, &self.running.request().parameters)?;
        let spec = self.running.spec(self.target);
        let (rows, files) = self.running.write(self.state, &plan, spec).await?;
        Ok((rows, Some(files)))
    }

    /// Rows of the source that belong to none of the table.
    async fn new_rows(&self) -> Result<LogicalPlan> {
        let clauses = &self.merge.by_target;
        let rows = clauses.iter().map(|clause| self.row(clause)).collect::<Result<Vec<_>>>()?;
        let items = self.schema().fields().iter().map(|field| {
            let values = clauses.iter().zip(&rows).map(|(clause, row)| {
                let value = row.get(field.name()).cloned().unwrap_or_else(null);
                (clause.condition.clone(), value)
            });
            named(first_of(values.collect(), None), field.name())
        });
        let known = exists(self.table(ALL)?, self.merge.on.clone())?;
        let applies = applies(clauses.iter().map(|clause| &clause.condition));
        let part = Part {
            columns: items.collect(),
            from: self.merge.source.clone(),
            joined: None,
            condition: Some(and(not(known), applies)),
            group: false,
        };
        typed(self.plan(part).await?, self.schema(), |_| true)
    }

    /// The values of a new row, by column.
    fn row(&self, clause: &NewRow) -> Result<BTreeMap<String, Expr>> {
        let fields = self.schema().fields();
        if clause.columns.is_empty() {
            if clause.values.len() != fields.len() {
                return Err(PlannerError::Invalid(format!(
                    "MERGE … INSERT has {} values for {} columns",
                    clause.values.len(),
                    fields.len()
                )));
            }
            let names = fields.iter().map(|field| field.name().clone());
            return Ok(names.zip(clause.values.iter().cloned()).collect());
        }
        let set: Vec<_> = clause
            .columns
            .iter()
            .zip(&clause.values)
            .map(|(column, value)| Assignment { column: column.clone(), value: value.clone() })
            .collect();
        self.running.values(self.target, &set)
    }
}
