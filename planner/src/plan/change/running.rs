//! What a run of a statement that writes has at hand: sessions, plans, and the way to a commit.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::execution::{SendableRecordBatchStream, SessionState};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::SessionConfig;
use futures::TryStreamExt;

use super::build::Part;
use super::names::Own;
use crate::catalog::DataLocation;
use crate::commit::{Outcome, Proposal, publish};
use crate::plan::here::Principal;
use crate::plan::{PlanRequest, logical, physical, placement, query_state, routing};
use crate::session::{Engine, guard_query};
use crate::write::{
    Folder, Unclaimed, WriteReceipt, WriteSpec, WrittenFile, check_receipts, first_missing,
    remove_files,
};
use crate::{PlannerError, Result};

/// A file is closed when it has so many bytes: what is read by one task at least, and moved at most when one of its rows changes.
pub(super) const FILE_BYTES: u64 = 128 << 20;

/// The node, the session's settings and the query that a statement runs as.
pub(super) struct Running {
    engine: Arc<Engine>,
    config: SessionConfig,
    request: PlanRequest,
}

impl Running {
    pub(super) fn new(engine: Arc<Engine>, config: &SessionConfig, request: &PlanRequest) -> Self {
        let mut config = config.clone();
        routing::set_workers(&mut config, &request.workers);
        Self { engine, config, request: request.clone() }
    }

    pub(super) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    pub(super) fn config(&self) -> &SessionConfig {
        &self.config
    }

    pub(super) fn request(&self) -> &PlanRequest {
        &self.request
    }

    /// Who runs it.
    pub(super) fn by(&self) -> String {
        let user = self.config.get_extension::<Principal>();
        user.map_or_else(String::new, |user| user.0.clone())
    }

    /// A session in which all plans see the same tables.
    pub(super) async fn session(&self) -> Result<SessionState> {
        if let Some(store) = self.engine.named().store() {
            store.refresh().await.map_err(|error| PlannerError::from(&error))?;
        }
        query_state(&self.engine, self.config.clone(), &self.request.workers)
    }

    /// The plan of a part of a change.
    pub(super) async fn part(
        &self,
        state: &SessionState,
        part: Part,
        own: &Own,
    ) -> Result<LogicalPlan> {
        let plan = logical(&mut state.clone(), part.statement()?).await?;
        own.refuse_fields(&plan)?;
        Ok(plan)
    }

    /// The rows of a plan, which are few.
    pub(super) async fn rows(
        &self,
        state: &SessionState,
        logical: &LogicalPlan,
    ) -> Result<Vec<RecordBatch>> {
        let (state, config) = (state.clone(), self.config.clone());
        let (plan, state) = physical(&self.engine, logical, state, config).await?;
        Ok(self.stream(plan, &state)?.try_collect().await?)
    }

    /// Writes the rows of a plan; gives how many there are and the files that they are in, which go again unless they are
    /// committed.
    pub(super) async fn write(
        &self,
        state: &SessionState,
        logical: &LogicalPlan,
        spec: WriteSpec,
    ) -> Result<(u64, Unclaimed)> {
        let (spec, location) = (Arc::new(spec.clone()), spec.location);
        let (mut state, mut config) = (state.clone(), self.config.clone());
        state.config_mut().set_extension(Arc::clone(&spec));
        config.set_extension(spec);
        let (plan, state) = physical(&self.engine, logical, state, config).await?;
        let shape = placement::shape(&plan)?;
        let folder = self.folder_at(&location)?;
        let mut written = Unclaimed::new(folder.clone());
        let mut receipts = Vec::new();
        let mut rows = self.stream(plan, &state)?;
        while let Some(batch) = rows.try_next().await? {
            let arrived = WriteReceipt::from_batch(&batch)?;
            arrived.iter().for_each(|receipt| written.add(receipt.files.clone()));
            receipts.extend(arrived);
        }
        check_receipts(&receipts, self.request.attempt, (shape.tasks, shape.partitions))?;
        receipts.sort_by_key(|receipt| (receipt.task, receipt.partition));
        let rows = receipts.iter().map(|receipt| receipt.rows).sum();
        let files: Vec<_> = receipts.into_iter().flat_map(|receipt| receipt.files).collect();
        must_see(&folder, &files).await?;
        written.claim();
        written.add(files);
        Ok((rows, written))
    }

    fn folder_at(&self, location: &str) -> Result<Folder> {
        Folder::at(&DataLocation::warehouse(location)?, self.engine.runtime())
    }

    fn stream(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        state: &SessionState,
    ) -> Result<SendableRecordBatchStream> {
        let context = self.engine.task_context(state, self.request.query);
        let plan = guard_query(plan, &context.runtime_env())?;
        Ok(execute_stream(plan, context)?)
    }

    /// Commits what a statement would do, with the files that it has `written` for it. Where that cannot be, they go.
    pub(super) async fn commit(
        &self,
        proposal: Proposal,
        written: Vec<Unclaimed>,
        outcome: &Arc<Outcome>,
    ) -> Result<std::result::Result<u64, String>> {
        if proposal.adds.is_empty() && proposal.removes.is_empty() && proposal.alters.is_empty() {
            let count = proposal.count;
            let nothing = async move { Ok(Ok::<_, String>(count)) };
            return outcome.commit(&proposal.table.tasks, nothing).await;
        }
        let table = Arc::clone(&proposal.table);
        let commit = async move {
            for mut files in written {
                files.claim();
            }
            let published = publish(&proposal).await?;
            if published.is_err() {
                remove_files(&Folder::of(proposal.table.log()), &proposal.adds).await;
            }
            Ok(published.map(|()| proposal.count))
        };
        match outcome.commit(&table.tasks, commit).await? {
            Ok(count) => Ok(Ok(count)),
            Err(not_done) => not_done.conflict().map(Err),
        }
    }
}

/// Whether what workers have written is what this node finds: on disks of their own it would not be, and a log
/// would name files that nobody can read.
async fn must_see(folder: &Folder, files: &[WrittenFile]) -> Result<()> {
    match first_missing(folder, files).await? {
        None => Ok(()),
        Some(first) => Err(PlannerError::Unsupported(format!(
            "nothing was changed: {first}, which a worker has written, is not there for this node; start all nodes with \
             one --warehouse, a folder or an object store that all of them see"
        ))),
    }
}
