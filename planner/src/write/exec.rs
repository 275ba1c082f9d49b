//! `WriteExec`: the operator that puts rows into files. It stands where a query delivers, and puts out receipts.

use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result as DfResult};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, CardinalityEffect, EmissionType};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
};
use datafusion_distributed::DistributedTaskContext;
use futures::TryStreamExt;

use super::receipt::{WriteReceipt, receipt_schema};
use super::rows::Rows;
use super::{Folder, WriteSpec};
use crate::Result;
use crate::catalog::DataLocation;

/// Writes each partition of its input to files of its own.
#[derive(Debug)]
pub struct WriteExec {
    input: Arc<dyn ExecutionPlan>,
    spec: Arc<WriteSpec>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl WriteExec {
    /// Writes the rows of `input` as `spec` says.
    pub fn new(input: Arc<dyn ExecutionPlan>, spec: WriteSpec) -> Self {
        let partitions = input.output_partitioning().partition_count();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(receipt_schema()),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        let (spec, metrics) = (Arc::new(spec), ExecutionPlanMetricsSet::new());
        Self { input, spec, properties: Arc::new(properties), metrics }
    }

    /// What is written where.
    pub fn spec(&self) -> &WriteSpec {
        &self.spec
    }
}

impl DisplayAs for WriteExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WriteExec: location={}", self.spec.location)?;
        match &self.spec.partition_by[..] {
            [] => Ok(()),
            columns => write!(f, ", partition_by=[{}]", columns.join(", ")),
        }
    }
}

impl ExecutionPlan for WriteExec {
    fn name(&self) -> &str {
        "WriteExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => Ok(Arc::new(Self::new(input, self.spec.as_ref().clone()))),
            _ => Err(DataFusionError::Internal("WriteExec has exactly one child".into())),
        }
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::LowerEqual
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> DfResult<SendableRecordBatchStream> {
        let task = DistributedTaskContext::from_ctx(&context).task_index as u32;
        let work = Work {
            spec: Arc::clone(&self.spec),
            part: (task, partition as u32),
            baseline: BaselineMetrics::new(&self.metrics, partition),
            written: MetricBuilder::new(&self.metrics).counter("written_rows", partition),
            input: self.input.execute(partition, Arc::clone(&context))?,
            context,
        };
        let receipt = async move { Ok(work.run().await?.to_batch()?) };
        let stream = futures::stream::once(receipt);
        Ok(Box::pin(RecordBatchStreamAdapter::new(receipt_schema(), stream)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// One partition on its way into files.
struct Work {
    spec: Arc<WriteSpec>,
    part: (u32, u32),
    input: SendableRecordBatchStream,
    context: Arc<TaskContext>,
    baseline: BaselineMetrics,
    written: datafusion::physical_plan::metrics::Count,
}

impl Work {
    async fn run(mut self) -> Result<WriteReceipt> {
        let (task, partition) = self.part;
        let location = DataLocation::warehouse(&self.spec.location)?;
        let folder = Folder::at(&location, &self.context.runtime_env())?;
        let memory = MemoryConsumer::new(format!("WriteExec[{partition}]"))
            .register(self.context.memory_pool());
        let mut rows = Rows::new(Arc::clone(&self.spec), folder, self.part, memory);
        let mut count = 0;
        while let Some(batch) = self.input.try_next().await? {
            rows.write(&batch).await?;
            count += batch.num_rows() as u64;
            self.written.add(batch.num_rows());
        }
        let files = rows.finish().await?;
        self.baseline.record_output(1);
        self.baseline.done();
        Ok(WriteReceipt { attempt: self.spec.attempt, task, partition, rows: count, files })
    }
}
