//! Batches and nodes to measure with.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use clap::Parser;
use datafusion::arrow::array::{Int64Array, RecordBatch, RecordBatchReader};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use squadron_server::config::{NodeConfig, ServeArgs};
use squadron_server::node::{Listeners, Node};
use squadron_server::planner::deliver::PartKey;
use squadron_server::planner::wire_schema::{to_wire, wire_schema};
use squadron_server::query::{Caller, Outcome, Started};
use squadron_server::results::Opening;
use tpchgen::generators::LineItemGenerator;
use tpchgen_arrow::LineItemArrow;
use uuid::Uuid;

use crate::Result;

/// About `rows` rows of TPC-H `lineitem` (170 bytes each) as a client sees them.
///
/// # Errors
/// When a batch cannot be cast to its wire schema.
pub fn lineitem(rows: usize, batch_rows: usize) -> Result<Vec<RecordBatch>> {
    let generator = LineItemGenerator::new(rows as f64 / 6e6, 1, 1);
    let batches = LineItemArrow::new(generator).with_batch_size(batch_rows);
    let schema = wire_schema(&batches.schema());
    batches.map(|batch| Ok(to_wire(&batch?, &schema)?)).collect()
}

/// `rows` rows of one number.
///
/// # Errors
/// None that is expected.
pub fn numbers(rows: usize, batch_rows: usize) -> Result<Vec<RecordBatch>> {
    let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]));
    let starts = (0..rows).step_by(batch_rows);
    let batch = |start: usize| {
        let column = Int64Array::from_iter_values(start as i64..(start + batch_rows) as i64);
        Ok(RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(column)])?)
    };
    starts.map(batch).collect()
}

/// The opening of a new result.
pub fn opening(keep: Duration) -> Opening {
    Opening {
        query: Uuid::now_v7(),
        attempt: 0,
        lost: Vec::new(),
        staged: false,
        owner: "anonymous".into(),
        coordinator: "bench".into(),
        schema: Vec::new().into(),
        keep,
    }
}

/// The first part of a result.
pub fn part(query: Uuid) -> PartKey {
    PartKey { query, attempt: 0, task: 0, partition: 0 }
}

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    serve: ServeArgs,
}

/// A node in this process with the flags of `squadron serve`. Ports that no flag names are free ones.
///
/// # Errors
/// Those of a node's start.
pub async fn node<'a>(flags: impl IntoIterator<Item = &'a str>) -> Result<Node> {
    let own = ["node", "--listen", "127.0.0.1:0", "--cluster-listen", "127.0.0.1:0"];
    let flags = Flags::try_parse_from(own.into_iter().chain(flags))?;
    let config = NodeConfig::load(&flags.serve)?;
    let listeners = Listeners::bind(&config).await?;
    Ok(Node::build(config, listeners).await?)
}

/// Starts a query on a node and waits until its result is complete; gives it with its bytes unread.
///
/// # Errors
/// The query's.
pub async fn complete(node: &Node, sql: &str) -> Result<Arc<Started>> {
    let queries = node.queries();
    let settings = queries.planner().engine().session_config();
    let principal = "anonymous".into();
    let caller = Caller { principal, session: None, settings, reads_one: false };
    let Outcome::Started(started) = queries.start(sql, &caller).await? else {
        return Err("not a query".into());
    };
    let deadline = SystemTime::now() + Duration::from_secs(60);
    while SystemTime::now() < deadline {
        let status = queries.status(started.query)?;
        match status.failed {
            Some(failed) => return Err(failed.message.into()),
            None if status.committed => return Ok(started),
            None => tokio::time::sleep(Duration::from_micros(100)).await,
        }
    }
    Err("the query did not end".into())
}
