//! `CommitExec`: the leaf whose one row says how many rows a statement has changed, once it has.

use std::fmt;
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use datafusion::arrow::array::{Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result as DfResult};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};

use super::Outcome;
use crate::{PlannerError, Result};

/// How often a statement is worked out anew when others are first.
const MOST_RUNS: usize = 10;

static SCHEMA: LazyLock<SchemaRef> =
    LazyLock::new(|| Arc::new(Schema::new(vec![Field::new("count", DataType::Int64, false)])));

/// What a statement that writes gives: one row with how many it has changed.
pub(crate) fn count_schema() -> SchemaRef {
    Arc::clone(&SCHEMA)
}

/// A statement that writes.
#[async_trait]
pub(crate) trait Change: Send + Sync + fmt::Debug {
    /// Carries it out; gives how many rows it has changed, or what came first that it should have seen.
    ///
    /// # Errors
    /// Then nothing is changed, or `outcome` says that it is not known.
    async fn run(&self, outcome: &Arc<Outcome>) -> Result<std::result::Result<u64, String>>;
}

/// Carries a statement out when it is run.
pub(crate) struct CommitExec {
    change: Arc<dyn Change>,
    outcome: Arc<Outcome>,
    properties: Arc<PlanProperties>,
}

impl CommitExec {
    /// Carries out `change`, for the query of this outcome.
    pub(crate) fn new(change: Arc<dyn Change>, outcome: Arc<Outcome>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(count_schema()),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Self { change, outcome, properties: Arc::new(properties) }
    }
}

impl fmt::Debug for CommitExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommitExec: {:?}", self.change)
    }
}

impl DisplayAs for CommitExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommitExec: {:?}", self.change)
    }
}

impl ExecutionPlan for CommitExec {
    fn name(&self) -> &str {
        "CommitExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    /// None: the statement's own plans are run whole, by this node, as queries of their own.
    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> DfResult<SendableRecordBatchStream> {
        let (change, outcome) = (Arc::clone(&self.change), Arc::clone(&self.outcome));
        let run = async move {
            let count = run(change.as_ref(), &outcome).await.map_err(DataFusionError::from)?;
            let count = Int64Array::from(vec![i64::try_from(count).unwrap_or(i64::MAX)]);
            Ok(RecordBatch::try_new(count_schema(), vec![Arc::new(count)])?)
        };
        let stream = futures::stream::once(run);
        Ok(Box::pin(RecordBatchStreamAdapter::new(count_schema(), stream)))
    }
}

async fn run(change: &dyn Change, outcome: &Arc<Outcome>) -> Result<u64> {
    let mut why = String::new();
    for _ in 0..MOST_RUNS {
        if let Some(count) = outcome.earlier().await? {
            return Ok(count);
        }
        match change.run(outcome).await? {
            Ok(count) => return Ok(count),
            Err(conflict) => {
                tracing::debug!(conflict, "a statement is carried out anew");
                why = conflict;
            }
        }
    }
    Err(PlannerError::Changed(format!(
        "others change the table at the same time, {MOST_RUNS} times in a row ({why}): nothing was changed, run the statement again"
    )))
}
