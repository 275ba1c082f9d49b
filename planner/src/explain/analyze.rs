//! EXPLAIN ANALYZE as an operator: runs a query's plan for its numbers and puts out their text.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::arrow::array::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result as DfResult};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, execute_stream,
};
use datafusion_distributed::{
    DistributedMetricsFormat, NetworkBoundaryExt, display_plan_ascii, explain_analyze,
};
use futures::TryStreamExt;
use tokio::time::timeout;

use crate::deliver::Receipt;
use crate::plan::{QueryPlan, TaskRoute};
use crate::{PlannerError, Result};

/// Metrics are sent when a task ends, and all tasks have ended: a few seconds are a dead node's.
const METRICS_WITHIN: Duration = Duration::from_secs(5);

/// Runs a query whose parts are only counted.
pub(super) struct AnalyzeExec {
    query: Arc<Counted>,
    properties: Arc<PlanProperties>,
}

struct Counted {
    plan: QueryPlan,
    verbose: bool,
}

impl AnalyzeExec {
    /// Analyses `plan`. Its parts are counted, not kept.
    pub(super) fn new(plan: QueryPlan, verbose: bool) -> Result<Self> {
        let plan = plan.counted_only()?;
        let properties = PlanProperties::new(
            EquivalenceProperties::new(super::schema()),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        let query = Arc::new(Counted { plan, verbose });
        Ok(Self { query, properties: Arc::new(properties) })
    }
}

impl fmt::Debug for AnalyzeExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnalyzeExec")
    }
}

impl DisplayAs for AnalyzeExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AnalyzeExec: verbose={}", self.query.verbose)
    }
}

impl ExecutionPlan for AnalyzeExec {
    fn name(&self) -> &str {
        "AnalyzeExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    /// None: the analysed plan is run whole, by this node, as a query of its own.
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
        let query = Arc::clone(&self.query);
        let run = async move { query.run().await.map_err(DataFusionError::from) };
        let stream = futures::stream::once(run);
        Ok(Box::pin(RecordBatchStreamAdapter::new(super::schema(), stream)))
    }
}

impl Counted {
    async fn run(&self) -> Result<RecordBatch> {
        let start = Instant::now();
        let receipts = self.receipts().await?;
        let elapsed = start.elapsed();
        let format = match self.verbose {
            true => DistributedMetricsFormat::PerTask,
            false => DistributedMetricsFormat::Aggregated,
        };
        let plan = self.with_metrics(format).await?;
        let rows: u64 = receipts.iter().map(|receipt| receipt.totals.rows).sum();
        super::rows(&[
            ("Plan with Metrics", plan),
            ("Tasks", self.tasks()),
            ("Delivery", delivery(&receipts)),
            ("Total", format!("{rows} rows in {elapsed:?}")),
        ])
    }

    /// The plan with its metrics. datafusion-distributed waits for those of every task, also of one
    /// that never had to run (a LIMIT that was satisfied before) and never sends any: past a while
    /// the plan is shown without.
    async fn with_metrics(&self, format: DistributedMetricsFormat) -> Result<String> {
        let plan = &self.plan.plan;
        match timeout(METRICS_WITHIN, explain_analyze(Arc::clone(plan), format)).await {
            Ok(text) => Ok(text?),
            Err(_) => Ok(format!(
                "(some task sent no metrics)\n{}",
                display_plan_ascii(plan.as_ref(), false)
            )),
        }
    }

    async fn receipts(&self) -> Result<Vec<Receipt>> {
        let plan = Arc::clone(&self.plan.plan);
        let mut stream = execute_stream(plan, Arc::clone(&self.plan.context))?;
        let mut receipts = Vec::new();
        while let Some(batch) = stream.try_next().await.map_err(PlannerError::from)? {
            receipts.extend(Receipt::from_batch(uuid::Uuid::nil(), &batch)?);
        }
        receipts.sort_by_key(|receipt| receipt.part);
        Ok(receipts)
    }

    /// Which node ran which task of which stage.
    fn tasks(&self) -> String {
        let routes = self.plan.routes.snapshot();
        let mut stages = Vec::new();
        stage_numbers(&self.plan.plan, &mut stages);
        match routes.is_empty() {
            true => "all on the node that took the query".into(),
            false => stages.iter().zip(&routes).map(stage_line).collect::<Vec<_>>().join("\n"),
        }
    }
}

fn stage_line((stage, route): (&usize, &TaskRoute)) -> String {
    let tasks = route.nodes.iter().enumerate();
    let tasks: Vec<String> = tasks.map(|(task, node)| format!("t{task} on {node}")).collect();
    format!("Stage {stage}: {}", tasks.join(", "))
}

/// The stages in the order in which they are routed: children before parents.
fn stage_numbers(plan: &Arc<dyn ExecutionPlan>, stages: &mut Vec<usize>) {
    for child in plan.children() {
        stage_numbers(child, stages);
    }
    if let Some(boundary) = plan.as_network_boundary() {
        stages.push(boundary.input_stage().num());
    }
}

fn delivery(receipts: &[Receipt]) -> String {
    let line = |receipt: &Receipt| {
        let Receipt { part, worker, peer, totals } = receipt;
        let (rows, bytes, frames) = (totals.rows, totals.bytes, totals.frames);
        let id = format!("{}.{}", part.task, part.partition);
        format!("part {id}: {rows} rows, {bytes} bytes in {frames} frames, {worker} to {peer}")
    };
    receipts.iter().map(line).collect::<Vec<_>>().join("\n")
}
