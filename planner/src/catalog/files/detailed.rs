//! Scans of which the plan codec would lose a detail, and would lose it silently.
//!
//! Problem: DataFusion's protobuf plans have no field for the compression of CSV and JSON files, for
//! JSON arrays, nor for Arrow's stream format. A worker would read gzip bytes as CSV text. Official
//! way: none (DataFusion 55). Here: a node above such a scan that changes nothing where it was
//! planned, travels with the plan, and puts the detail back into the scan where it is decoded.
//!
//! ```text
//! DetailedScanExec: CSV, gzip          DetailedScanExec: CSV, gzip
//!   DataSourceExec (gzip)     ─wire─►    DataSourceExec ( ? ) ◄ gzip
//! ```

use datafusion::catalog::memory::DataSourceExec;
use datafusion::common::parsers::CompressionTypeVariant as Compression;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, Statistics, exec_datafusion_err, internal_err, not_impl_err};
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::physical_plan::{
    ArrowSource, FileScanConfig, FileScanConfigBuilder, FileSource,
};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};
use prost::Message;
use std::fmt::Formatter;
use std::sync::Arc;

/// What the codec would lose, as it goes over the wire.
#[derive(Clone, PartialEq, Message)]
struct Detail {
    /// `CompressionTypeVariant` as text; empty for none.
    #[prost(string, tag = "1")]
    compression: String,
    #[prost(bool, tag = "2")]
    arrow_stream: bool,
}

/// Stands above a scan and remembers what a decoded scan must be told.
#[derive(Debug)]
pub struct DetailedScanExec {
    detail: Detail,
    scan: Arc<dyn ExecutionPlan>,
}

/// Carries [`DetailedScanExec`] over the wire. Register it wherever plans are encoded or decoded.
#[derive(Debug, Default, Clone, Copy)]
pub struct DetailedScanCodec;

/// The plan of a scan in a form that no codec can spoil.
pub(crate) fn keep(scan: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    let detail = Detail::of(&scan);
    match detail == Detail::default() {
        true => scan,
        false => Arc::new(DetailedScanExec { detail, scan }),
    }
}

fn file_scan(plan: &Arc<dyn ExecutionPlan>) -> Option<&FileScanConfig> {
    plan.downcast_ref::<DataSourceExec>()?.data_source().downcast_ref()
}

// === impl Detail ===

impl Detail {
    fn of(plan: &Arc<dyn ExecutionPlan>) -> Self {
        let Some(config) = file_scan(plan) else {
            return Self::default();
        };
        let compression = match config.file_compression_type.get_variant() {
            Compression::UNCOMPRESSED => String::new(),
            other => other.to_string(),
        };
        let arrow_stream = config.file_source().file_type() == "arrow_stream";
        Self { compression, arrow_stream }
    }

    /// Puts the detail into every scan at or below `plan`; there must be one.
    fn restore(&self, plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        let mut found = false;
        let restored = plan.transform_up(|plan| {
            let Some(config) = file_scan(&plan) else {
                return Ok(Transformed::no(plan));
            };
            found = true;
            Ok(Transformed::yes(DataSourceExec::from_data_source(self.complete(config)?)))
        })?;
        match found {
            true => Ok(restored.data),
            false => internal_err!("a detailed scan was decoded without its scan"),
        }
    }

    fn complete(&self, config: &FileScanConfig) -> Result<FileScanConfig> {
        let mut builder = FileScanConfigBuilder::from(config.clone());
        if !self.compression.is_empty() {
            let compression = self.compression.parse::<FileCompressionType>()?;
            builder = builder.with_file_compression_type(compression);
        }
        if self.arrow_stream {
            builder = builder.with_source(stream_source(config.file_source())?);
        }
        Ok(builder.build())
    }
}

fn stream_source(file_source: &Arc<dyn FileSource>) -> Result<Arc<dyn FileSource>> {
    let stream = ArrowSource::new_stream_file_source(file_source.table_schema().clone());
    let Some(projection) = file_source.projection() else {
        return Ok(Arc::new(stream));
    };
    match stream.try_pushdown_projection(projection)? {
        Some(projected) => Ok(projected),
        None => internal_err!("a projection could not be moved to the stream reader"),
    }
}

// === impl DetailedScanExec ===

impl DisplayAs for DetailedScanExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut Formatter) -> std::fmt::Result {
        let compression = &self.detail.compression;
        match self.detail.arrow_stream {
            true => write!(f, "DetailedScanExec: stream format"),
            false => write!(f, "DetailedScanExec: compression={compression}"),
        }
    }
}

impl ExecutionPlan for DetailedScanExec {
    fn name(&self) -> &'static str {
        "DetailedScanExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.scan.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    /// Nothing may come between this node and its scan.
    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.scan]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(scan), true) => Ok(Arc::new(Self { detail: self.detail.clone(), scan })),
            _ => internal_err!("DetailedScanExec has exactly one child"),
        }
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        self.scan.execute(partition, context)
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(
        &self,
        input_stats: &[Arc<Statistics>],
        _: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        Ok(Arc::clone(&input_stats[0]))
    }

    fn supports_limit_pushdown(&self) -> bool {
        true
    }
}

// === impl DetailedScanCodec ===

impl PhysicalExtensionCodec for DetailedScanCodec {
    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        _: &TaskContext,
        _: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let detail = Detail::decode(buf)
            .map_err(|error| exec_datafusion_err!("a detailed scan cannot be decoded: {error}"))?;
        let [scan] = inputs else {
            return internal_err!("DetailedScanExec has exactly one child");
        };
        let scan = detail.restore(Arc::clone(scan))?;
        Ok(Arc::new(DetailedScanExec { detail, scan }))
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buf: &mut Vec<u8>,
        _: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        match node.downcast_ref::<DetailedScanExec>() {
            Some(node) => {
                buf.extend(node.detail.encode_to_vec());
                Ok(())
            }
            None => not_impl_err!("{} is not a DetailedScanExec", node.name()),
        }
    }
}
