//! A coordinator that was out of sight for a while and comes back: its query is whole on every node or over on
//! every node, and is over everywhere once nobody wants it.

use std::time::Duration;

use arrow_flight::FlightInfo;
use futures::future::join_all;
use squadron_dev::answer::ask;
use squadron_dev::fixtures;
use squadron_dev::process::ProcessCluster;
use squadron_dev::wait::{SOON, wait_until};
use squadron_dev::wire::{Wire, locations, tickets};
use squadron_server::client::FlightSqlClient;

/// Runs on every node for far longer than any test waits, and never has a row.
const ENDLESS: &str =
    "select a.l_orderkey from lineitem a join lineitem b on length(a.l_comment || b.l_comment) < 0";

/// One slot; results go soon, and queries that lost their readers too.
const OPTIONS: [&str; 10] = [
    "--result-keep",
    "4s",
    "--memory-limit",
    "512MiB",
    "--concurrent-queries",
    "1",
    "--reader-grace",
    "1s",
    "--scan-bytes-per-partition",
    "256KiB",
];

/// Shorter than nodes take to fail a query for one that does not answer, and longer.
const BLINK: Duration = Duration::from_millis(4500);
const ABSENCE: Duration = Duration::from_secs(12);

/// How long after its coordinator is back a query may be over on some nodes and not on others.
const SETTLED: Duration = Duration::from_secs(30);

const ALL: [usize; 3] = [0, 1, 2];

/// Three nodes, all of them at work for one query.
async fn at_work() -> (ProcessCluster, FlightSqlClient, FlightInfo) {
    let cluster = ProcessCluster::start(3, fixtures::tpch(), &OPTIONS).await.unwrap();
    let client = cluster.client(0).await;
    client.set_header("squadron-execution-mode", "distributed").unwrap();
    client.set_header("squadron-endpoints", "all").unwrap();
    let info = client.execute(ENDLESS).await.unwrap();
    assert_eq!(info.endpoint.len(), 3);
    for node in ALL {
        has(&cluster, node, |used| used.tasks > 0).await;
    }
    (cluster, client, info)
}

async fn has(
    cluster: &ProcessCluster,
    node: usize,
    what: impl Fn(&squadron_server::inspect::NodeUse) -> bool,
) {
    wait_until("the node has its share", SOON, async || {
        cluster.in_hand(node).await.unwrap().is_some_and(|used| what(&used))
    })
    .await;
}

/// Reads an endpoint as clients do, at its next location when one is lost: the query may go on without that.
/// `None` when it has neither ended nor failed in this time.
async fn end_of(locations: &[String], ticket: &[u8], within: Duration) -> Option<String> {
    let failing = async {
        let mut failed = None;
        for location in locations {
            let mut wire = Wire::connect(location).await.unwrap();
            let got = wire.get(ticket).await;
            failed = Some(got.expect_err("it never has a row, and never ends well"));
        }
        failed.map(|error| error.to_string())
    };
    tokio::time::timeout(within, failing).await.ok()?
}

async fn is_whole_or_over(absence: Duration) {
    let (mut cluster, client, info) = at_work().await;
    let (tickets, locations) = (tickets(&info), locations(&info));
    let readers = tickets.iter().zip(&locations);
    let reading = join_all(readers.map(|(ticket, at)| end_of(at, ticket, absence + SETTLED)));
    let out_of_sight = async {
        for node in ALL {
            has(&cluster, node, |used| used.readers > 0).await;
        }
        cluster.freeze_for(0, absence).await.unwrap();
    };
    let (ends, ()) = tokio::join!(reading, out_of_sight);
    let over = ends.iter().flatten().count();
    assert!(
        over == 0 || over == ALL.len(),
        "over on some nodes only: {ends:?}\n{}",
        cluster.log(0)
    );
    cluster.wait_until_idle(&ALL).await;
    assert_eq!(ask(&client, "select 1").await.expect("its slot is free").value(), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_whose_coordinator_is_soon_back_is_whole_or_over() {
    is_whole_or_over(BLINK).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_whose_coordinator_is_back_after_long_is_whole_or_over() {
    is_whole_or_over(ABSENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_cancelled_elsewhere_meanwhile_does_not_run_on() {
    let (mut cluster, client, info) = at_work().await;
    let other = cluster.client(1).await;
    // Whether the other node could do it at once or not.
    let cancelled = other.cancel(info);
    let (frozen, _) = tokio::join!(cluster.freeze_for(0, BLINK), cancelled);
    frozen.unwrap();
    cluster.wait_until_idle(&ALL).await;
    assert_eq!(ask(&client, "select 1").await.expect("its slot is free").value(), "1");
}
