//! DataFusion in this process, with the settings, pool and allocator of a node: what a query costs
//! when nobody delivers its result.

use std::time::Instant;

use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::prelude::{DataFrame, SessionContext};
use futures::TryStreamExt;
use squadron_benches::{Taken, fixtures};
use squadron_server::node::Node;
use tokio::task::JoinSet;

use crate::Result;
use crate::world::World;

/// A node of which only the engine is used, so that no setting can differ.
pub struct Inside {
    node: Node,
}

impl Inside {
    /// An engine over the run's data.
    pub async fn start(world: &World) -> Result<Self> {
        let data = world.data.display().to_string();
        let flags = ["--data", &data].into_iter().chain(world.serve.iter().map(String::as_str));
        Ok(Self { node: fixtures::node(flags).await? })
    }

    /// Runs a statement and counts its rows as they come, all partitions at once.
    pub async fn read(&self, sql: &str) -> Result<Taken> {
        let start = Instant::now();
        let streams = self.plan(sql).await?.execute_stream_partitioned().await?;
        let mut tasks = JoinSet::new();
        for stream in streams {
            tasks.spawn(count(stream));
        }
        let mut taken = Taken::default();
        while let Some(counted) = tasks.join_next().await {
            let (rows, batches) = counted??;
            taken.rows += rows;
            taken.batches += batches;
        }
        taken.seconds = start.elapsed().as_secs_f64();
        Ok(taken)
    }

    async fn plan(&self, sql: &str) -> Result<DataFrame> {
        let engine = self.node.queries().planner().engine();
        let state = engine.session(engine.session_config());
        Ok(SessionContext::new_with_state(state).sql(sql).await?)
    }
}

async fn count(mut stream: SendableRecordBatchStream) -> Result<(u64, u64)> {
    let (mut rows, mut batches) = (0, 0);
    while let Some(batch) = stream.try_next().await? {
        rows += batch.num_rows() as u64;
        batches += 1;
    }
    Ok((rows, batches))
}
