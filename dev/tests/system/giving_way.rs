//! Results that were read take no memory from queries: they go to disk, and are there to be read again.

use std::path::Path;

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::Int64Type;
use squadron_dev::answer::{Answer, ask, read};
use squadron_dev::process::ProcessCluster;
use squadron_server::client::FlightSqlClient;

/// More than results may have of a node of 64 MiB.
const KEPT: &str = "select value, repeat('x', 100) as x from generate_series(1, 400000)";

/// Each runs on a node of 64 MiB that has nothing else, and not beside half of that: one can go to disk when it is
/// large, the other cannot.
const QUERIES: [(&str, usize); 2] = [
    (
        "select value % 1000 as g, count(*), count(distinct value % 200000), min(value)
         from generate_series(1, 1000000) group by 1",
        1000,
    ),
    (
        "select count(*) from generate_series(1, 1700000) a join generate_series(1, 1800000) b on a.value = b.value",
        1,
    ),
];

async fn node() -> ProcessCluster {
    let data = tempfile::tempdir().unwrap();
    let arguments = ["--memory-limit", "64MiB"];
    ProcessCluster::start(1, Path::new(data.path()), &arguments).await.unwrap()
}

async fn in_memory(node: &ProcessCluster) -> u64 {
    node.in_hand(0).await.unwrap().unwrap().memory
}

fn is_whole(kept: &Answer) {
    let mut next = 1;
    for batch in &kept.batches {
        assert_eq!(batch.column(1).null_count(), 0);
        for value in batch.column(0).as_primitive::<Int64Type>().values() {
            assert_eq!(*value, next);
            next += 1;
        }
    }
    assert_eq!(next, 400_001);
}

async fn are_answered(client: &FlightSqlClient) {
    for (sql, rows) in QUERIES {
        assert_eq!(ask(client, sql).await.unwrap_or_else(|it| panic!("{sql}: {it}")).rows(), rows);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_runs_as_well_beside_results_that_were_read() {
    let node = node().await;
    let client = node.client(0).await;
    are_answered(&client).await;
    for _ in 0..3 {
        let kept = ask(&client, KEPT).await.unwrap();
        is_whole(&kept);
        let before = in_memory(&node).await;
        assert!(before > 24 << 20, "{before}");
        are_answered(&client).await;
        let after = in_memory(&node).await;
        assert!(after < before, "{after}");
        is_whole(&read(&client, kept.info.clone()).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_in_the_middle_of_a_result_goes_on() {
    use futures::TryStreamExt;
    let node = node().await;
    let client = node.client(0).await;
    let info = client.execute(KEPT).await.unwrap();
    let mut stream = squadron_dev::answer::stream(&client, &info).unwrap();
    let mut batches = vec![stream.try_next().await.unwrap().unwrap()];
    are_answered(&client).await;
    while let Some(batch) = stream.try_next().await.unwrap() {
        batches.push(batch);
    }
    let whole = read(&client, info).await.unwrap();
    is_whole(&whole);
    is_whole(&Answer { batches, ..whole });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_nobody_needs_the_memory_of_stays_there() {
    let node = node().await;
    let client = node.client(0).await;
    let small = "select value from generate_series(1, 100000)";
    let kept = ask(&client, small).await.unwrap();
    let before = in_memory(&node).await;
    assert!(before >= 800_000, "{before}");
    for _ in 0..5 {
        assert_eq!(ask(&client, "select 1").await.unwrap().rows(), 1);
        assert_eq!(read(&client, kept.info.clone()).await.unwrap().rows(), 100_000);
    }
    let used = node.in_hand(0).await.unwrap().unwrap();
    assert!(used.memory >= before && used.disk == 0, "{used:?}");
}
