//! A query that loses a node runs again on the others, and its client only sees time pass; once rows
//! have left for the client it fails everywhere.

use std::time::Duration;

use datafusion::common::runtime::SpawnedTask;
use futures::TryStreamExt;
use squadron_dev::answer::{ask, read};
use squadron_dev::fixtures;
use squadron_dev::process::ProcessCluster;
use squadron_server::client::{FlightSqlClient, ReadOptions};

/// Runs for seconds before the first row is known, on every node.
const PAIRS: &str = "select a.l_suppkey as s, count(*) as pairs, sum(a.l_quantity) as q from lineitem a join lineitem b on a.l_suppkey = b.l_suppkey group by a.l_suppkey";

/// The same by arithmetic.
const RIGHT: &str =
    "select sum(n * n)::bigint from (select count(*) as n from lineitem group by l_suppkey)";

/// Some 300 MB.
const LARGE: &str = "select l_orderkey, repeat(l_comment, 200) as long from lineitem";

/// The loss of a frozen node shows after some ten seconds, and the query runs once more.
const PATIENCE: Duration = Duration::from_secs(90);

/// Keeps a slot until it is cancelled.
const ENDLESS: &str = "select sum(value) from generate_series(1, 9000000000000000)";

async fn three() -> ProcessCluster {
    ProcessCluster::start(3, fixtures::tpch(), &["--memory-limit", "2GiB"]).await.unwrap()
}

async fn client(cluster: &ProcessCluster, options: &[(&'static str, &str)]) -> FlightSqlClient {
    let client = cluster.client(0).await;
    client.set_header("squadron-execution-mode", "distributed").unwrap();
    client.set_header("squadron-endpoints", "all").unwrap();
    for (option, value) in options {
        client.set_header(option, value).unwrap();
    }
    client
}

async fn pairs(client: &FlightSqlClient, info: arrow_flight::FlightInfo) -> (usize, i64) {
    use datafusion::arrow::array::AsArray;
    use datafusion::arrow::datatypes::Int64Type;
    let answer = tokio::time::timeout(PATIENCE, read(client, info)).await.expect("in time");
    let batch = answer.unwrap_or_else(|error| panic!("{error}")).batch();
    let counts = batch.column_by_name("pairs").unwrap().as_primitive::<Int64Type>();
    (batch.num_rows(), counts.values().iter().sum())
}

async fn right(client: &FlightSqlClient) -> i64 {
    ask(client, RIGHT).await.unwrap().value().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_survives_a_killed_node() {
    let mut cluster = three().await;
    let client = client(&cluster, &[]).await;
    let right = right(&client).await;
    let info = client.execute(PAIRS).await.unwrap();
    assert_eq!(info.endpoint.len(), 3);
    cluster.kill(2).await.unwrap();
    assert_eq!(pairs(&client, info).await, (100, right));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_survives_a_frozen_node() {
    let mut cluster = three().await;
    let client = client(&cluster, &[]).await;
    let right = right(&client).await;
    let info = client.execute(PAIRS).await.unwrap();
    cluster.freeze(1).await.unwrap();
    // A client that dials a frozen node waits for its own time-out: it is sent through the first.
    let mut through_first = info.clone();
    through_first.endpoint.iter_mut().for_each(|endpoint| endpoint.location.clear());
    assert_eq!(pairs(&client, through_first).await, (100, right));
}

/// Three nodes with one slot, and a query that waits for it while another has it.
struct Waiting {
    cluster: ProcessCluster,
    client: FlightSqlClient,
    right: i64,
    running: arrow_flight::FlightInfo,
    waits: arrow_flight::FlightInfo,
}

impl Waiting {
    async fn start() -> Self {
        let options = ["--memory-limit", "2GiB", "--concurrent-queries", "1"];
        let cluster = ProcessCluster::start(3, fixtures::tpch(), &options).await.unwrap();
        let client = client(&cluster, &[]).await;
        let right = right(&client).await;
        let running = cluster.client(0).await.execute(ENDLESS).await.unwrap();
        let waits = client.execute(PAIRS).await.unwrap();
        let used = cluster.in_hand(0).await.unwrap().unwrap();
        assert_eq!((used.running, used.queued), (2, 1));
        Self { cluster, client, right, running, waits }
    }

    /// Its turn comes: it is answered without the node that was lost meanwhile.
    async fn answer(self) {
        self.client.cancel(self.running).await.unwrap();
        assert_eq!(pairs(&self.client, self.waits).await, (100, self.right));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_waits_while_a_node_is_killed_runs_on_the_others() {
    let mut waiting = Waiting::start().await;
    waiting.cluster.kill(2).await.unwrap();
    waiting.answer().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_waits_while_a_node_is_frozen_runs_on_the_others() {
    let mut waiting = Waiting::start().await;
    waiting.cluster.freeze(1).await.unwrap();
    waiting.waits.endpoint.iter_mut().for_each(|endpoint| endpoint.location.clear());
    waiting.answer().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_whose_rows_have_left_fails() {
    let mut cluster = three().await;
    let client = client(&cluster, &[]).await;
    let info = client.execute(LARGE).await.unwrap();
    let mut batches = client.read_all(&info, ReadOptions::default()).unwrap();
    batches.try_next().await.unwrap().expect("rows");
    cluster.kill(1).await.unwrap();
    while let Ok(batch) = batches.try_next().await {
        assert!(batch.is_some(), "a result ended as if it were whole");
    }
}

/// The node that gave rows is the one that is lost: the others cannot know that it did.
#[tokio::test(flavor = "multi_thread")]
async fn a_query_whose_rows_have_left_with_the_lost_node_fails() {
    let mut cluster = three().await;
    let client = client(&cluster, &[]).await;
    let info = client.execute(LARGE).await.unwrap();
    let only = |endpoints: &[usize]| {
        let endpoint = endpoints.iter().map(|index| info.endpoint[*index].clone()).collect();
        arrow_flight::FlightInfo { endpoint, ..info.clone() }
    };
    let mut batches = client.read_all(&only(&[2]), ReadOptions::default()).unwrap();
    batches.try_next().await.unwrap().expect("rows");
    let killed = info.endpoint[2].location[0].uri.clone();
    let killed = cluster.nodes().iter().position(|node| node.uri == killed).unwrap();
    assert_ne!(killed, 0, "the coordinator goes on");
    cluster.kill(killed).await.unwrap();
    let others = tokio::time::timeout(PATIENCE, read(&client, only(&[0, 1]))).await;
    let error = others.expect("in time").map(|answer| answer.rows()).unwrap_err().to_string();
    assert!(error.contains("UNAVAILABLE"), "{error}");
    let lost = format!("node-{killed}");
    assert!(error.contains(&lost) && error.contains("(query "), "{error}");
    assert!(!error.contains(cluster.internal(killed)), "{error}");
}

/// Nothing leaves before the commit, whoever waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_staged_query_survives_a_killed_node_whenever() {
    let mut cluster = three().await;
    let client = client(&cluster, &[("squadron-delivery", "staged")]).await;
    let info = client.execute(LARGE).await.unwrap();
    let reading = SpawnedTask::spawn({
        let client = client.clone();
        async move { read(&client, info).await.map(|answer| answer.rows()) }
    });
    let lines = ask(&client, "select count(*) from orders").await.unwrap().value();
    assert_eq!(lines, "15000");
    cluster.kill(2).await.unwrap();
    match tokio::time::timeout(PATIENCE, reading.join()).await.expect("in time").unwrap() {
        Ok(rows) => assert_eq!(rows, 60_175),
        // It was complete before the node was killed, and that node's share is lost.
        Err(error) => assert!(error.to_string().contains("UNAVAILABLE"), "{error}"),
    }
}
