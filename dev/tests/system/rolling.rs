//! Three nodes are restarted one after the other while clients ask all of them: nobody who was given a
//! FlightInfo goes without its rows.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use datafusion::common::runtime::SpawnedTask;
use squadron_dev::answer::read;
use squadron_dev::fixtures;
use squadron_dev::process::ProcessCluster;
use squadron_dev::wait::{SOON, wait_for};
use squadron_server::client::{ClientError, FlightSqlClient};

const CLIENTS: usize = 3;

/// Statements with the number of rows that each gives: from every node, joined, of one row.
const QUERIES: &[(&str, usize)] = &[
    ("select l_orderkey, l_comment from lineitem", 60_175),
    (
        "select l_suppkey, count(*) from lineitem join orders on l_orderkey = o_orderkey group by 1",
        100,
    ),
    ("select count(*) from lineitem", 1),
];

/// What the clients saw.
#[derive(Default)]
struct Seen {
    stop: AtomicBool,
    answers: AtomicUsize,
    refused: AtomicUsize,
}

/// Asks one node after the other until told to stop. A node may refuse a query: then another is asked.
async fn ask_on(uris: Vec<String>, first: usize, seen: Arc<Seen>) {
    for turn in first.. {
        if seen.stop.load(Ordering::Relaxed) {
            return;
        }
        let (sql, rows) = QUERIES[turn % QUERIES.len()];
        match started(&uris[turn % uris.len()], sql).await {
            Some((client, info)) => {
                let answer = read(&client, info).await;
                let answer = answer.unwrap_or_else(|error| panic!("{sql} was lost: {error}"));
                assert_eq!(answer.rows(), rows, "{sql}");
                seen.answers.fetch_add(1, Ordering::Relaxed);
            }
            None => drop(seen.refused.fetch_add(1, Ordering::Relaxed)),
        }
    }
}

/// A query that a node has taken; nothing if it is not there, or takes none.
async fn started(uri: &str, sql: &str) -> Option<(FlightSqlClient, arrow_flight::FlightInfo)> {
    let client = FlightSqlClient::connect(uri).await.ok()?;
    client.set_header("squadron-execution-mode", "distributed").unwrap();
    match client.execute(sql).await {
        Ok(info) => Some((client, info)),
        // It went between the connection and the statement.
        Err(ClientError::Connect { .. } | ClientError::Disconnected { .. }) => None,
        Err(error) => {
            assert!(error.to_string().contains("UNAVAILABLE"), "{error}");
            None
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_loses_no_query() {
    let options = ["--memory-limit", "1GiB"];
    let mut cluster = ProcessCluster::start(3, fixtures::tpch(), &options).await.unwrap();
    let uris: Vec<String> = cluster.nodes().iter().map(|node| node.uri.clone()).collect();
    let seen = Arc::new(Seen::default());
    let clients: Vec<_> = (0..CLIENTS)
        .map(|first| SpawnedTask::spawn(ask_on(uris.clone(), first, Arc::clone(&seen))))
        .collect();
    for node in 0..3 {
        let before = seen.answers.load(Ordering::Relaxed);
        let more = || seen.answers.load(Ordering::Relaxed) > before + CLIENTS;
        wait_for("the clients are at work", SOON, more).await;
        cluster.tell_to_end(node).await.unwrap();
        assert!(cluster.ended(node).await.unwrap().success(), "{}", cluster.log(node));
        cluster.restart(node).await.unwrap();
    }
    seen.stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.join().await.unwrap_or_else(|error| panic!("{error}"));
    }
    assert!(seen.answers.load(Ordering::Relaxed) > 4 * CLIENTS);
}
