//! What is planned for a cluster of three, without one: no plan is run here.

mod prepared;
mod recursive;
mod shapes;
mod taken;

use std::fs::File;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result as DfResult};
use datafusion::execution::memory_pool::UnboundedMemoryPool;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::prelude::SessionConfig;
use datafusion_distributed::{ChannelResolver, WorkerChannel};
use tempfile::TempDir;
use url::Url;
use uuid::Uuid;

use super::{PlanRequest, Planned, Planner, QueryPlan, WorkerAddr};
use crate::deliver::{DeliverSpec, PartKey, PartWriter, ResultSink};
use crate::session::{Engine, EngineConfig, ShareLimits};
use crate::{PlannerError, Result};

/// Plans dial nobody and deliver nothing.
#[derive(Debug)]
struct Nowhere;

#[async_trait]
impl ResultSink for Nowhere {
    async fn open(
        &self,
        part: PartKey,
        _: &DeliverSpec,
        _: SchemaRef,
    ) -> Result<Box<dyn PartWriter>> {
        Err(PlannerError::Internal(format!("{part} is delivered by a plan that is not run")))
    }
}

#[async_trait]
impl ChannelResolver for Nowhere {
    async fn get_worker_client_for_url(&self, url: &Url) -> DfResult<Box<dyn WorkerChannel>> {
        Err(DataFusionError::Internal(format!("{url} is dialled by a plan that is not run")))
    }
}

/// A planner over two tables: `t`, of four files, and `small`, of one.
pub(super) struct Planning {
    pub(super) planner: Planner,
    _data: TempDir,
}

impl Planning {
    pub(super) async fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        for file in 0..4 {
            write(&data, &format!("t/{file}.parquet"), 20_000);
        }
        write(&data, "small.parquet", 3);
        let config = EngineConfig {
            warehouse: None,
            locations: Vec::new(),
            data: vec![data.path().to_str().unwrap().parse().unwrap()],
            target_partitions: 2,
            scan_bytes_per_partition: 16 << 20,
            memory_pool: Arc::new(UnboundedMemoryPool::default()),
            spare_memory: Arc::new(|| 0),
            query_memory: ShareLimits::NONE,
            spill_root: None,
            spill_limit: 0,
            sink: Arc::new(Nowhere),
            channels: Arc::new(Nowhere),
            node: "a".into(),
            worker_url: None,
            version: "0".into(),
        };
        let engine = Engine::open(config).await.unwrap();
        Self { planner: Planner::new(Arc::new(engine)), _data: data }
    }

    pub(super) fn config(&self, mode: &str) -> SessionConfig {
        let mut config = self.planner.engine().session_config();
        config.options_mut().set("squadron.execution_mode", mode).unwrap();
        config
    }

    async fn plan_in(&self, mode: &str, sql: &str) -> Result<QueryPlan> {
        match self.planner.plan(sql, &self.config(mode), &request()).await? {
            Planned::Query(plan) => Ok(*plan),
            Planned::Session(_) | Planned::Ddl(_) => panic!("{sql} is no query"),
        }
    }

    /// With these values for its parameters, in one node.
    async fn bound(&self, sql: &str, values: &[ScalarValue]) -> Result<QueryPlan> {
        let request = PlanRequest { parameters: values.into(), ..request() };
        match self.planner.plan(sql, &self.config("local"), &request).await? {
            Planned::Query(plan) => Ok(*plan),
            Planned::Session(_) | Planned::Ddl(_) => panic!("{sql} is no query"),
        }
    }

    async fn plan(&self, sql: &str) -> QueryPlan {
        self.plan_in("distributed", sql).await.unwrap()
    }
}

fn write(data: &TempDir, name: &str, rows: i64) {
    let path = data.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let schema = Arc::new(Schema::new(vec![
        Field::new("n", DataType::Int64, false),
        Field::new("s", DataType::Utf8, false),
    ]));
    let numbers = Int64Array::from_iter_values(0..rows);
    let texts = StringArray::from_iter_values((0..rows).map(|row| format!("text {}", row % 100)));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(numbers), Arc::new(texts)]);
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), schema, None).unwrap();
    writer.write(&batch.unwrap()).unwrap();
    writer.close().unwrap();
}

pub(super) fn request() -> PlanRequest {
    let worker = |node: &str| WorkerAddr {
        node: node.to_owned(),
        url: format!("http://{node}:1").parse().unwrap(),
    };
    PlanRequest {
        query: Uuid::nil(),
        attempt: 0,
        workers: ["a", "b", "c"].map(worker).into(),
        peers: ["a", "b", "c"].map(str::to_owned).into(),
        frame_bytes: 1 << 20,
        parameters: [].into(),
        rows: None,
        form: Default::default(),
        outcome: Arc::default(),
    }
}
