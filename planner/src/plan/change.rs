//! Statements that write: what they ask for becomes files and a commit.
//!
//! ```text
//!   INSERT            its query ──────────────────────────► files ─► version N+1: + files
//!   DELETE, UPDATE    which files have such rows? ─► those files' rows, as they are to be ─► version N+1: − old, + new
//!   MERGE             as UPDATE, and the source's other rows as INSERT
//!   TRUNCATE, OVERWRITE                                            version N+1: − all (+ files)
//!   COPY, INSERT into a folder     files with hidden names ─► their names
//!   CREATE TABLE      (its query ─► files) ─► version 0 of a new table ─► its name in the catalog
//! ```
//!
//! All plans of one run see one version of each table. Conditions are planned as those of any query, and as they are
//! written: DataFusion's own hooks for DELETE and UPDATE are given what its optimizer has left of them, which for
//! `x IN (SELECT …)` is nothing, and change every row (datafusion #24654).

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::prelude::SessionConfig;

use super::{Parameters, PlanRequest, Planner, QueryPlan, deliver_here, for_query, routing};
use crate::Result;
use crate::commit::{Change as Changing, CommitExec, Outcome};
use crate::statement::Change;

mod build;
mod by_place;
mod create;
mod fields;
mod files;
mod find;
mod given;
mod ingest;
mod insert;
mod merge;
mod micros;
mod names;
mod rewrite;
mod running;
mod sent;
mod target;

pub(in crate::plan) use create::columns_of;
pub use ingest::{IfAbsent, IfThere, Incoming, Ingest};
use running::Running;

impl Planner {
    /// A plan that carries a statement out when it runs, and gives how many rows were changed.
    pub(super) async fn plan_change(
        &self,
        work: Work,
        config: &SessionConfig,
        request: &PlanRequest,
    ) -> Result<QueryPlan> {
        let running = Running::new(Arc::clone(&self.engine), config, request);
        let routes = routing::routes(running.config());
        let written = Arc::new(Written { work, running });
        let exec = Arc::new(CommitExec::new(written, Arc::clone(&request.outcome)));
        let state = self.engine.local_state(for_query(config, request));
        let plan = deliver_here(exec, &state, request, &self.engine)?;
        Ok(QueryPlan { routes, is_update: true, ..plan })
    }

    /// The parameters of a statement that writes.
    pub(super) async fn parameters_of(
        &self,
        change: Change,
        config: &SessionConfig,
        request: &PlanRequest,
    ) -> Result<Parameters> {
        let running = Running::new(Arc::clone(&self.engine), config, request);
        match &change {
            Change::Insert(insert) => running.insert_parameters(insert).await,
            Change::Delete(rows) => running.rewrite_parameters(rows, &[]).await,
            Change::Update { rows, set } => running.rewrite_parameters(rows, set).await,
            Change::Create(table) => running.create_parameters(table).await,
            Change::Merge(merge) => running.merge_parameters(merge).await,
            Change::Copy(copy) => running.copy_parameters(copy).await,
            Change::Truncate { .. } => Ok(Parameters::none()),
        }
    }
}

/// What writes.
pub(super) enum Work {
    /// A statement.
    Statement(Box<Change>),
    /// Rows that come from a client.
    Ingest(Arc<Ingest>),
}

/// What writes, and what it runs in.
struct Written {
    work: Work,
    running: Running,
}

impl std::fmt::Debug for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let change = match &self.work {
            Work::Ingest(_) => return f.write_str("INGEST"),
            Work::Statement(change) => change.as_ref(),
        };
        f.write_str(match change {
            Change::Insert(_) => "INSERT",
            Change::Delete(_) => "DELETE",
            Change::Update { .. } => "UPDATE",
            Change::Truncate { .. } => "TRUNCATE",
            Change::Create(_) => "CREATE TABLE",
            Change::Merge(_) => "MERGE",
            Change::Copy(_) => "COPY",
        })
    }
}

#[async_trait]
impl Changing for Written {
    async fn run(&self, outcome: &Arc<Outcome>) -> Result<std::result::Result<u64, String>> {
        let running = &self.running;
        let change = match &self.work {
            Work::Ingest(ingest) => return running.ingest(ingest, outcome).await,
            Work::Statement(change) => change.as_ref(),
        };
        match change {
            Change::Insert(insert) => running.insert(insert, outcome).await,
            Change::Delete(rows) => running.rewrite(rows, None, outcome).await,
            Change::Update { rows, set } => {
                running.rewrite(rows, Some(set.as_slice()), outcome).await
            }
            Change::Truncate { table, or_not } => running.truncate(table, *or_not, outcome).await,
            Change::Create(table) => running.create(table, outcome).await,
            Change::Merge(merge) => running.merge(merge, outcome).await,
            Change::Copy(copy) => running.copy(copy, outcome).await,
        }
    }
}
