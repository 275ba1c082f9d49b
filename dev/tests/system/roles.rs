//! Roles that are split: one node takes queries, others run them, others hold the results. Each kind can be lost.

use squadron_dev::answer::{Answer, ask, read};
use squadron_dev::fixtures;
use squadron_dev::process::{ProcessCluster, ProcessOptions};
use squadron_dev::wait::{SOON, wait_until};
use squadron_dev::wire::{Wire, locations, tickets};
use squadron_server::client::FlightSqlClient;
use squadron_server::inspect::NodeUse;
use tonic::Code;

const ROLES: [&str; 5] = ["coordinator", "worker", "worker", "serve", "serve"];

const OPTIONS: [&str; 6] =
    ["--memory-limit", "512MiB", "--result-keep", "4s", "--scan-bytes-per-partition", "256KiB"];

/// Runs for seconds before the first row is known, on every worker.
const PAIRS: &str = "select a.l_suppkey as s, count(*) as pairs from lineitem a join lineitem b on a.l_suppkey = b.l_suppkey group by a.l_suppkey";

/// The same by arithmetic.
const RIGHT: &str =
    "select l_suppkey as s, count(*) * count(*) as pairs from lineitem group by l_suppkey";

async fn split() -> (ProcessCluster, FlightSqlClient) {
    let options = ProcessOptions::new(ROLES.len(), fixtures::tpch()).roles(&ROLES);
    let cluster = ProcessCluster::start_with(options.arguments(&OPTIONS)).await.unwrap();
    let client = cluster.client(0).await;
    client.set_header("squadron-execution-mode", "distributed").unwrap();
    client.set_header("squadron-endpoints", "all").unwrap();
    (cluster, client)
}

fn rows(answer: &Answer) -> Vec<String> {
    let text = answer.text();
    let mut rows: Vec<String> = text.lines().map(|row| row.replace(' ', "")).collect();
    rows.sort();
    rows
}

/// Loses a node once it has this of a query, of which no row is known yet.
async fn lose(cluster: &mut ProcessCluster, node: usize, has: impl Fn(&NodeUse) -> bool) {
    wait_until("the node has its share of the work", SOON, async || {
        cluster.in_hand(node).await.unwrap().is_some_and(|used| has(&used))
    })
    .await;
    cluster.kill(node).await.unwrap();
}

async fn is_made_good(node: usize, has: impl Fn(&NodeUse) -> bool) {
    let (mut cluster, client) = split().await;
    let right = rows(&ask(&client, RIGHT).await.unwrap());
    let info = client.execute(PAIRS).await.unwrap();
    assert_eq!(info.endpoint.len(), 2, "those that serve");
    lose(&mut cluster, node, has).await;
    let answer = read(&client, info).await;
    let answer =
        answer.unwrap_or_else(|error| panic!("{error}\n{}\n{}", cluster.log(0), cluster.log(4)));
    assert_eq!(rows(&answer), right);
    let others: Vec<_> = (0..ROLES.len()).filter(|other| *other != node).collect();
    cluster.wait_until_idle(&others).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_serves_nothing_is_gone_without() {
    is_made_good(1, |used| used.tasks > 0).await;
}

/// Nothing of the query has to do with that node before there are rows: none leaves elsewhere before it was seen.
#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_runs_nothing_is_gone_without() {
    is_made_good(3, |used| used.results > 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_that_serves_nothing_takes_its_query_with_it() {
    let (mut cluster, client) = split().await;
    let info = client.execute(PAIRS).await.unwrap();
    lose(&mut cluster, 0, |used| used.running > 0).await;
    for (ticket, locations) in tickets(&info).iter().zip(locations(&info)) {
        let mut wire = Wire::connect(&locations[0]).await.unwrap();
        assert_eq!(wire.get(ticket).await.unwrap_err().code(), Code::Unavailable);
    }
    cluster.wait_until_idle(&[1, 2, 3, 4]).await;
}

/// It is there again before anybody has missed it, and has nothing of the query any more.
async fn is_back_at_once(delivery: &str) {
    let (mut cluster, client) = split().await;
    client.set_header("squadron-delivery", delivery).unwrap();
    let right = rows(&ask(&client, RIGHT).await.unwrap());
    let info = client.execute(PAIRS).await.unwrap();
    lose(&mut cluster, 3, |used| used.results > 0).await;
    cluster.restart(3).await.unwrap();
    let answer = read(&client, info).await;
    let answer = answer.unwrap_or_else(|error| panic!("{error}\n{}", cluster.log(0)));
    assert_eq!(rows(&answer), right);
    cluster.wait_until_idle(&[0, 1, 2, 3, 4]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_back_at_once_gets_its_share_anew() {
    is_back_at_once("streaming").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_back_at_once_gets_its_staged_share_anew() {
    is_back_at_once("staged").await;
}
