//! Sorts of more than a query's share go to disk and come back whole, however many partitions merge them.

use std::sync::Arc;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;
use datafusion::config::TableParquetOptions;
use datafusion::dataframe::DataFrameWriteOptions;
use datafusion::execution::memory_pool::{FairSpillPool, MemoryPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SessionStateBuilder, TaskContext};
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use futures::TryStreamExt;
use tempfile::TempDir;
use uuid::Uuid;

use super::super::guard::guard_query;
use super::{ShareLimits, Shares};

const LIMIT: usize = 64 << 20;
const ROWS: i64 = 250_000;

/// A table of some 60 MB in memory, in no order.
async fn table() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let rows = format!(
        "select value as k, md5(value::varchar) as s, concat(md5((value + 1)::varchar), ' ', repeat(md5((value + 2)::varchar), 4)) as c
         from generate_series(1, {ROWS})"
    );
    let rows = SessionContext::new().sql(&rows).await.unwrap();
    let path = folder.path().join("t.parquet");
    // As DuckDB writes: a page has all of a row group, and each batch of it points into all of the page.
    let mut pages = TableParquetOptions::default();
    pages.global.data_pagesize_limit = 64 << 20;
    pages.global.data_page_row_count_limit = 100_000;
    pages.global.dictionary_enabled = Some(false);
    let path = path.to_str().unwrap();
    rows.write_parquet(path, DataFrameWriteOptions::new(), Some(pages)).await.unwrap();
    folder
}

struct Node {
    shares: Shares,
    pool: Arc<dyn MemoryPool>,
}

impl Node {
    fn new(percent: usize) -> Self {
        let pool: Arc<dyn MemoryPool> = Arc::new(FairSpillPool::new(LIMIT));
        let runtime = RuntimeEnvBuilder::new().with_memory_pool(Arc::clone(&pool));
        let limits = ShareLimits { most: LIMIT / 100 * percent, least: LIMIT / 256 };
        Self {
            shares: Shares::new(runtime.build_arc().unwrap(), limits, Arc::new(|| 0), "a"),
            pool,
        }
    }

    async fn context(&self, folder: &TempDir, partitions: usize) -> SessionContext {
        let runtime: Arc<RuntimeEnv> = self.shares.of(Uuid::now_v7());
        let mut config = SessionConfig::new().with_target_partitions(partitions);
        let most = self.shares.limits.most;
        config.options_mut().execution.sort_spill_reservation_bytes =
            super::merge_reserve(most, partitions);
        let state = SessionStateBuilder::new_with_default_features()
            .with_config(config)
            .with_runtime_env(runtime)
            .build();
        let context = SessionContext::new_with_state(state);
        let path = folder.path().join("t.parquet");
        let options = ParquetReadOptions::default();
        context.register_parquet("t", path.to_str().unwrap(), options).await.unwrap();
        context
    }

    /// Runs a query that is ordered by its second column; gives how many rows there are.
    async fn sorted(&self, context: &SessionContext, sql: &str) -> i64 {
        let plan = context.sql(sql).await.unwrap().create_physical_plan().await.unwrap();
        let shape = datafusion::physical_plan::displayable(plan.as_ref()).indent(false).to_string();
        assert!(shape.contains("SortExec"), "{shape}");
        let task: Arc<TaskContext> = context.task_ctx();
        let mut stream =
            execute_stream(guard_query(plan, &task.runtime_env()).unwrap(), Arc::clone(&task))
                .unwrap();
        let (mut rows, mut sum, mut last) = (0, 0, String::new());
        while let Some(batch) = stream.try_next().await.unwrap() {
            rows += batch.num_rows() as i64;
            sum += batch.column(0).as_primitive::<Int64Type>().values().iter().sum::<i64>();
            for text in batch.column(1).as_string_view().iter().flatten() {
                assert!(last.as_str() <= text);
                text.clone_into(&mut last);
            }
        }
        drop(stream);
        if rows == ROWS {
            assert_eq!(sum, ROWS * (ROWS + 1) / 2);
        }
        rows
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sort_larger_than_its_share_gives_every_row_in_order() {
    let folder = table().await;
    for (percent, partitions) in [(80, 2), (80, 4), (100, 2), (100, 4)] {
        let node = Node::new(percent);
        let context = node.context(&folder, partitions).await;
        for sql in [
            "select * from t order by s",
            "select k, c, s from t order by c, k",
            "select k, s from t order by s",
        ] {
            assert_eq!(node.sorted(&context, sql).await, ROWS, "{percent} {partitions}");
        }
        drop(context);
        assert_eq!(node.pool.reserved(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sorts_of_several_queries_leave_each_other_room() {
    let folder = table().await;
    let node = Node::new(80);
    let [one, other] = [node.context(&folder, 2).await, node.context(&folder, 2).await];
    let sql = "select * from t order by s";
    let rows = tokio::join!(node.sorted(&one, sql), node.sorted(&other, sql));
    assert_eq!(rows, (ROWS, ROWS));
}
