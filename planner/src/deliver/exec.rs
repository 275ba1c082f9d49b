//! `DeliverExec`: the operator that hands a query's result to the sink.
//!
//! It keeps the partitioning of its input and puts out receipts, so it can stand at the root of any
//! plan, on one node or inside a stage: the plan stays right either way.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result as DfResult};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, CardinalityEffect, EmissionType};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
};
use datafusion_distributed::DistributedTaskContext;
use futures::TryStreamExt;
use tokio::time::timeout;

use super::{DeliverSpec, PartKey, PartWriter, Receipt, ResultSink, SinkHandle, receipt_schema};
use crate::wire_schema::to_wire;
use crate::{PlannerError, Result};

/// A slow query's first rows are shown to its client after this long at the latest.
const FLUSH_AFTER: Duration = Duration::from_millis(50);

/// Delivers each partition of its input to the session's [`ResultSink`], cast to the wire schema.
#[derive(Debug)]
pub struct DeliverExec {
    input: Arc<dyn ExecutionPlan>,
    spec: DeliverSpec,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl DeliverExec {
    /// Delivers `input`, cast to the wire schema `schema` of the same columns, as `spec` says.
    pub fn new(input: Arc<dyn ExecutionPlan>, spec: DeliverSpec, schema: SchemaRef) -> Self {
        let partitions = input.output_partitioning().partition_count();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(receipt_schema()),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        let metrics = ExecutionPlanMetricsSet::new();
        Self { input, spec, schema, properties: Arc::new(properties), metrics }
    }

    /// Where the parts go.
    pub fn spec(&self) -> &DeliverSpec {
        &self.spec
    }

    /// The wire schema of what is delivered.
    pub fn wire_schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// What is delivered.
    pub fn input(&self) -> &Arc<dyn ExecutionPlan> {
        &self.input
    }

    /// The same delivery with another spec.
    pub fn with_spec(&self, spec: DeliverSpec) -> Self {
        Self::new(Arc::clone(&self.input), spec, Arc::clone(&self.schema))
    }

    fn part(&self, partition: usize, context: &Arc<TaskContext>) -> PartKey {
        let task = DistributedTaskContext::from_ctx(context).task_index;
        let DeliverSpec { query, attempt, .. } = self.spec;
        PartKey { query, attempt, task: task as u32, partition: partition as u32 }
    }
}

impl DisplayAs for DeliverExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = if self.spec.counted_only { ", counted only" } else { "" };
        write!(f, "DeliverExec: peers=[{}]{counted}", self.spec.targets.join(", "))
    }
}

impl ExecutionPlan for DeliverExec {
    fn name(&self) -> &str {
        "DeliverExec"
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
            (Some(input), true) => {
                Ok(Arc::new(Self::new(input, self.spec.clone(), Arc::clone(&self.schema))))
            }
            _ => Err(DataFusionError::Internal("DeliverExec has exactly one child".into())),
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
        let sink = context.session_config().get_extension::<SinkHandle>().ok_or_else(|| {
            DataFusionError::Internal("DeliverExec in a session without a result sink".into())
        })?;
        let delivery = Delivery {
            part: self.part(partition, &context),
            spec: self.spec.clone(),
            schema: Arc::clone(&self.schema),
            delivered: MetricBuilder::new(&self.metrics).counter("delivered_rows", partition),
            bytes: MetricBuilder::new(&self.metrics).counter("delivered_bytes", partition),
            baseline: BaselineMetrics::new(&self.metrics, partition),
            input: self.input.execute(partition, context)?,
        };
        let receipt = async move { Ok(delivery.run(sink.0.as_ref()).await?.to_batch()?) };
        let stream = futures::stream::once(receipt);
        Ok(Box::pin(RecordBatchStreamAdapter::new(receipt_schema(), stream)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// One partition on its way to the sink.
struct Delivery {
    part: PartKey,
    spec: DeliverSpec,
    schema: SchemaRef,
    input: SendableRecordBatchStream,
    delivered: Count,
    bytes: Count,
    baseline: BaselineMetrics,
}

impl Delivery {
    async fn run(mut self, sink: &dyn ResultSink) -> Result<Receipt> {
        let mut writer = sink.open(self.part, &self.spec, Arc::clone(&self.schema)).await?;
        while let Some(batch) = self.next(writer.as_mut()).await? {
            let rows = batch.num_rows();
            writer.write(to_wire(&batch, &self.schema)?).await?;
            self.delivered.add(rows);
        }
        let receipt = writer.finish().await?;
        self.bytes.add(receipt.totals.bytes as usize);
        self.baseline.record_output(1);
        self.baseline.done();
        self.check(receipt)
    }

    /// The next batch. Rows that wait to be joined with more are let go when more is slow to come.
    async fn next(&mut self, writer: &mut dyn PartWriter) -> Result<Option<RecordBatch>> {
        if writer.is_waiting() {
            match timeout(FLUSH_AFTER, self.input.try_next()).await {
                Ok(next) => return next.map_err(PlannerError::from),
                Err(_) => writer.flush().await?,
            }
        }
        self.input.try_next().await.map_err(PlannerError::from)
    }

    /// The sink must have counted the rows that were put in: the first link of the chain that ends
    /// in the manifest.
    fn check(&self, receipt: Receipt) -> Result<Receipt> {
        let put_in = self.delivered.value() as u64;
        match receipt.totals.rows == put_in {
            true => Ok(receipt),
            false => Err(PlannerError::Internal(format!(
                "{}: {put_in} rows were delivered but {} arrived",
                self.part, receipt.totals.rows
            ))),
        }
    }
}
