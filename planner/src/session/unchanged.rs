//! A scan reads the very files that it was planned for, or the query says that they were changed.
//!
//! Problem: what a scan reads, and which bytes of it, was decided when it was planned, by the size and age
//! that the listing told. A query may wait for its slot after that, or read for minutes. Of a file that is
//! replaced meanwhile it would read some of the new bytes as if they were the old ones: rows of neither,
//! without an error; and DataFusion's reader of JSON turns for ever at the end of a file that became
//! shorter. Official way: none (DataFusion 55 asks stores for a path and nothing else). Here: every scan of a
//! task is given object stores that compare what they read with what was listed ([`store`]), and looks once
//! more when it is through. Which error a decoder makes of it does not matter: it is told here.
//!
//! ```text
//!   DataSourceExec ── get ──► PinnedStore ── get ──► the node's store
//!                                  └─ another size or age ──► "has changed": the query is planned again
//! ```

mod store;

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::catalog::memory::DataSourceExec;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{
    CsvSource, FileScanConfig, FileScanConfigBuilder, FileSource, JsonSource, ParquetSource,
};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion_distributed::DistributedLeafExec;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};

use super::stand_in::{self, Run, stand_in};
use store::{Opened, PinnedStore, PinnedStores, Pins};

use crate::catalog::{Checked, Footers};
use crate::error::PlannerError;

/// Has the file scans of one stage read nothing but what they were planned for. `runtime` is what they run in.
pub(super) fn unchanged(
    plan: Arc<dyn ExecutionPlan>,
    runtime: &RuntimeEnv,
) -> Result<Arc<dyn ExecutionPlan>> {
    stand_in::each(plan, |node| {
        if let Some(leaf) = node.downcast_ref::<DistributedLeafExec>() {
            return pinned_leaf(leaf, runtime);
        }
        let Some(scan) = scan_of(node) else { return Ok(None) };
        let pins = Arc::new(Pins::of(&[scan]));
        Ok(Some(stand_in(pinned(node, &pins, runtime)?, Unchanged(pins))))
    })
}

fn scan_of(node: &Arc<dyn ExecutionPlan>) -> Option<&FileScanConfig> {
    let source = node.downcast_ref::<DataSourceExec>().map(DataSourceExec::data_source);
    source.and_then(|source| source.downcast_ref::<FileScanConfig>())
}

/// The scans of a stage that runs in the coordinator: tasks elsewhere are sent their own alone.
fn pinned_leaf(
    leaf: &DistributedLeafExec,
    runtime: &RuntimeEnv,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    // A lone task runs what the variants were made of.
    let all = leaf.variants().iter().chain([leaf.original()]);
    let scans: Vec<_> = all.filter_map(scan_of).collect();
    if scans.is_empty() {
        return Ok(None);
    }
    let pins = Arc::new(Pins::of(&scans));
    let variants = leaf.variants().iter().map(|variant| pinned(variant, &pins, runtime));
    let variants = variants.collect::<Result<Vec<_>>>()?;
    let original = pinned(leaf.original(), &pins, runtime)?;
    let leaf = DistributedLeafExec::try_new(original, variants)?;
    Ok(Some(stand_in(Arc::new(leaf), Unchanged(pins))))
}

/// A scan that reads through such stores where it brings its own.
fn pinned(
    node: &Arc<dyn ExecutionPlan>,
    pins: &Arc<Pins>,
    runtime: &RuntimeEnv,
) -> Result<Arc<dyn ExecutionPlan>> {
    let Some(scan) = scan_of(node) else { return Ok(Arc::clone(node)) };
    let files = scan.file_source();
    if let Some(source) = files.downcast_ref::<ParquetSource>() {
        return pinned_parquet(scan, source, pins, runtime);
    }
    if let Some(source) = files.downcast_ref::<CsvSource>() {
        return Ok(reading(scan, Arc::new(Checked::new(source.clone()))));
    }
    match files.downcast_ref::<JsonSource>() {
        Some(source) => Ok(reading(scan, Arc::new(Checked::new(source.clone())))),
        None => Ok(Arc::clone(node)),
    }
}

/// The same scan of the same files by another source.
fn reading(scan: &FileScanConfig, source: Arc<dyn FileSource>) -> Arc<dyn ExecutionPlan> {
    let scan = FileScanConfigBuilder::from(scan.clone()).with_source(source).build();
    DataSourceExec::from_data_source(scan)
}

/// Parquet sources hold the store that they read from since they were made.
fn pinned_parquet(
    scan: &FileScanConfig,
    source: &ParquetSource,
    pins: &Arc<Pins>,
    runtime: &RuntimeEnv,
) -> Result<Arc<dyn ExecutionPlan>> {
    let store = runtime.object_store(&scan.object_store_url)?;
    let store = Arc::new(PinnedStore::new(store, Arc::clone(pins)));
    let footers = runtime.cache_manager.get_file_metadata_cache();
    let files = Arc::new(CachedParquetFileReaderFactory::new(store, Arc::clone(&footers)));
    let files = Arc::new(Footers::new(files, footers));
    Ok(reading(scan, Arc::new(source.clone().with_parquet_file_reader_factory(files))))
}

/// Runs a scan on stores that know what it was planned for.
#[derive(Debug)]
struct Unchanged(Arc<Pins>);

impl Run for Unchanged {
    fn run(
        &self,
        node: &Arc<dyn ExecutionPlan>,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let runtime = context.runtime_env();
        let opened = Arc::<Opened>::default();
        let stores = PinnedStores::new(&runtime, Arc::clone(&self.0), Arc::clone(&opened));
        let pinned = RuntimeEnv { object_store_registry: Arc::new(stores), ..(*runtime).clone() };
        let context = Arc::new(within(&context, pinned));
        let stream = node.execute(partition, context)?;
        let schema = stream.schema();
        let stream = checked(stream, Arc::clone(&self.0), opened, runtime);
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream)))
    }
}

/// The same context in another runtime, without its functions: a scan looks for none by their names, and
/// copying hundreds of them for each partition costs more than a small file.
fn within(context: &TaskContext, runtime: RuntimeEnv) -> TaskContext {
    TaskContext::new(
        context.task_id(),
        context.session_id(),
        context.session_config().clone(),
        HashMap::new(),
        HashMap::new(),
        HashMap::new(),
        HashMap::new(),
        Arc::new(runtime),
    )
}

/// What a scan gives, each batch after a look at the files that it may come from (a `LIMIT` reads none to its end),
/// and at the end another look at all that was read.
fn checked(
    stream: SendableRecordBatchStream,
    pins: Arc<Pins>,
    opened: Arc<Opened>,
    runtime: Arc<RuntimeEnv>,
) -> BoxStream<'static, Result<RecordBatch>> {
    let (told, there) = (Arc::clone(&pins), Arc::clone(&runtime));
    let held = Arc::clone(&pins);
    let batches = stream.map(move |batch| {
        opened.compare(&held);
        held.why().map_or(batch, Err)
    });
    let batches = batches.or_else(move |error| {
        let (pins, runtime) = (Arc::clone(&told), Arc::clone(&there));
        async move { Err(pins.look_again(&runtime).await.err().unwrap_or(error)) }
    });
    let end = futures::stream::once(async move { pins.look_again(&runtime).await });
    let end = end.filter_map(async |looked: Result<()>| looked.err().map(Err));
    batches.chain(end).boxed()
}

impl Pins {
    /// What was found to be changed, if anything was.
    fn why(&self) -> Option<DataFusionError> {
        let file = self.changed()?;
        Some(DataFusionError::from(PlannerError::Changed(format!(
            "{file} has changed since the query was planned: run the query again, and replace files of a table by files of other names where queries run all the time; if it did not change, a node has a copy of another age or size than the node that planned: copy with times (rsync -t, cp -p)"
        ))))
    }

    /// Compares once more what was read, where that costs nothing.
    async fn look_again(&self, runtime: &RuntimeEnv) -> Result<()> {
        self.compare_read(runtime).await?;
        self.why().map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests;
