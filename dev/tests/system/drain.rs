//! A node that is told to end: nobody who waits for an answer goes without, and it takes nothing new.

use std::time::{Duration, Instant};

use futures::TryStreamExt;
use squadron_dev::answer::{ask, read, stream};
use squadron_dev::fixtures;
use squadron_dev::process::ProcessCluster;
use squadron_dev::wait::{SOON, wait_until};
use squadron_dev::wire::{Wire, tickets};
use squadron_server::client::FlightSqlClient;
use tonic::Code;
use tonic_types::StatusExt;

/// Runs for seconds before the first row is known, on every node.
const PAIRS: &str = "select a.l_suppkey as s, count(*) as pairs from lineitem a join lineitem b on a.l_suppkey = b.l_suppkey group by a.l_suppkey";

/// How long a node may still take once nobody waits for it.
const AT_ONCE: Duration = Duration::from_secs(10);

async fn cluster(nodes: usize, drain: &str) -> ProcessCluster {
    let options = ["--memory-limit", "1GiB", "--drain", drain];
    ProcessCluster::start(nodes, fixtures::tpch(), &options).await.unwrap()
}

async fn client(cluster: &ProcessCluster, node: usize) -> FlightSqlClient {
    let client = cluster.client(node).await;
    client.set_header("squadron-execution-mode", "distributed").unwrap();
    client.set_header("squadron-endpoints", "all").unwrap();
    client
}

/// Waits until a node has said this.
async fn said(cluster: &ProcessCluster, node: usize, words: &str) {
    wait_until(words, SOON, async || cluster.log(node).contains(words)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_drains_takes_no_query_and_says_who_does() {
    let cluster = cluster(2, "20s").await;
    let mut wire = Wire::connect(&cluster.nodes()[0].uri).await.unwrap();
    let _unread = wire.execute("select 1").await.unwrap();
    cluster.tell_to_end(0).await.unwrap();
    said(&cluster, 1, "drains").await;
    let refused = wire.execute("select 2").await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert!(refused.message().contains(&cluster.nodes()[1].uri), "{refused}");
    assert!(refused.get_error_details().retry_info().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_drains_gets_no_work_from_others() {
    let cluster = cluster(3, "20s").await;
    let mut holds_back = Wire::connect(&cluster.nodes()[2].uri).await.unwrap();
    holds_back.execute("select 1").await.unwrap();
    cluster.tell_to_end(2).await.unwrap();
    said(&cluster, 0, "drains").await;
    let answer = ask(&client(&cluster, 0).await, "select l_orderkey from lineitem").await.unwrap();
    assert_eq!((answer.rows(), answer.info.endpoint.len()), (60_175, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_is_read_before_its_node_ends() {
    let mut cluster = cluster(1, "25s").await;
    let mut wire = Wire::connect(&cluster.nodes()[0].uri).await.unwrap();
    let info = wire.execute("select * from generate_series(1, 100000)").await.unwrap();
    cluster.tell_to_end(0).await.unwrap();
    said(&cluster, 0, "stopping").await;
    // It says every five seconds whom it waits for.
    said(&cluster, 0, "1 results are not read to their end").await;
    assert!(wire.get(&tickets(&info)[0]).await.unwrap().len() > 1);
    let read = Instant::now();
    assert!(cluster.ended(0).await.unwrap().success());
    assert!(read.elapsed() < AT_ONCE, "{:?}", read.elapsed());
}

/// As worker, as peer and as coordinator.
#[tokio::test(flavor = "multi_thread")]
async fn a_running_query_outlives_none_of_its_nodes() {
    let mut cluster = cluster(3, "25s").await;
    let asked = client(&cluster, 0).await;
    let info = asked.execute(PAIRS).await.unwrap();
    assert_eq!(info.endpoint.len(), 3);
    for node in [2, 0] {
        cluster.tell_to_end(node).await.unwrap();
    }
    assert_eq!(read(&asked, info).await.unwrap().rows(), 100);
    for node in [2, 0] {
        assert!(cluster.ended(node).await.unwrap().success(), "{}", cluster.log(node));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_is_over_when_its_time_is() {
    let mut cluster = cluster(1, "1s").await;
    let mut wire = Wire::connect(&cluster.nodes()[0].uri).await.unwrap();
    wire.execute("select * from generate_series(1, 9000000000000000)").await.unwrap();
    let told = Instant::now();
    assert!(cluster.terminate(0).await.unwrap().success());
    assert!(told.elapsed() < AT_ONCE, "{:?}", told.elapsed());
    assert!(cluster.log(0).contains("left behind"), "{}", cluster.log(0));
}

/// Its client reads one endpoint after another, all of them through it, as ADBC does.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_relays_ends_once_all_was_read() {
    let mut cluster = cluster(3, "25s").await;
    let client = client(&cluster, 0).await;
    client.set_header("squadron-locations", "proxy").unwrap();
    let info =
        client.execute("select l_orderkey, repeat(l_comment, 50) from lineitem").await.unwrap();
    assert_eq!(info.endpoint.len(), 3);
    let only = |endpoint: &arrow_flight::FlightEndpoint| arrow_flight::FlightInfo {
        endpoint: vec![endpoint.clone()],
        ..info.clone()
    };
    let mut rows = 0;
    for (index, endpoint) in info.endpoint.iter().enumerate() {
        let mut batches = stream(&client, &only(endpoint)).unwrap();
        rows += batches.try_next().await.unwrap().expect("rows").num_rows();
        if index == 0 {
            cluster.tell_to_end(0).await.unwrap();
            said(&cluster, 0, "stopping").await;
        }
        while let Some(batch) = batches.try_next().await.unwrap() {
            rows += batch.num_rows();
        }
    }
    assert_eq!(rows, 60_175);
    assert!(cluster.ended(0).await.unwrap().success(), "{}", cluster.log(0));
}
