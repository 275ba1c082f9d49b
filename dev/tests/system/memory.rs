//! Memory: what is too large for it goes to disk or fails, alone, and whoever asks for little is answered.

use std::path::Path;

use squadron_dev::answer::ask;
use squadron_dev::cluster::{ClusterOptions, TestCluster};
use squadron_dev::faults::{Disks, QUERIES};
use squadron_dev::fixtures;
use squadron_dev::process::{ProcessCluster, ProcessOptions};
use squadron_dev::wait::{SOON, wait_until};
use squadron_server::config::ServeArgs;
use squadron_server::inspect::Inspector;

/// Its smaller side takes more than a node of 64 MiB has, and cannot go to disk.
const TOO_LARGE: &str = "select count(*) from generate_series(1, 6000000) a join generate_series(1, 7000000) b on a.value = b.value";

async fn small(nodes: usize, adjust: impl Fn(&mut ServeArgs) + 'static) -> TestCluster {
    let options = ClusterOptions::new(nodes).data(fixtures::tpch()).memory("64MiB").keep("1s");
    options.adjust(move |_, args| adjust(args)).start().await
}

fn is_past_its_share(error: &str) -> bool {
    error.starts_with("RESOURCE_EXHAUSTED") && error.contains("--query-memory-percent")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_too_large_for_its_share_fails_alone() {
    let cluster = small(1, |_| {}).await;
    let large = cluster.client(0).await;
    let small = cluster.client(0).await;
    let small = async {
        for _ in 0..20 {
            let orders = "select count(*) from orders group by o_orderstatus";
            assert_eq!(ask(&small, orders).await.unwrap().rows(), 3);
        }
    };
    let (large, ()) = tokio::join!(ask(&large, TOO_LARGE), small);
    let error = large.unwrap_err().to_string();
    assert!(is_past_its_share(&error), "{error}");
    cluster.wait_until_idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_window_function_collects_counts_for_its_share() {
    let cluster = small(1, |_| {}).await;
    let window =
        "select max(s) from (select sum(value) over () s from generate_series(1, 5000000))";
    let error = cluster.ask(0, window).await.unwrap_err().to_string();
    assert!(is_past_its_share(&error), "{error}");
    cluster.wait_until_idle().await;
}

/// Each batch of it takes some hundreds of megabytes that no operator tells of.
fn untold() -> String {
    let constant = "x".repeat(100_000);
    format!("select l_orderkey, max(length(l_comment || '{constant}')) from lineitem group by 1")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_a_function_that_is_too_large_is_refused_before_it_is_made() {
    let cluster = small(3, |_| {}).await;
    let is_refused = |error: String| {
        assert!(
            error.starts_with("RESOURCE_EXHAUSTED") && error.contains("() may take"),
            "{error}"
        );
    };
    for sql in [
        "select range(1, 100000000000)",
        "select repeat('x', 2000000000)",
        "select lpad('x', 2147483647, 'y')",
        "select max(array_length(range(0, l_orderkey * 100000))) from lineitem",
        "select count(*) from unnest(range(1, 1000000000))",
        "select max(length(repeat(l_comment, 1000000))) from lineitem group by l_orderkey",
    ] {
        is_refused(cluster.ask(0, sql).await.unwrap_err().to_string());
        is_refused(cluster.ask_distributed(0, sql).await.unwrap_err().to_string());
    }
    cluster.wait_until_idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_whose_operators_do_not_tell_is_ended_before_the_process_is() {
    let arguments = ["--memory-limit", "64MiB"];
    let cluster = ProcessCluster::start(3, fixtures::tpch(), &arguments).await.unwrap();
    let client = cluster.client(0).await;
    client.set_header("squadron-execution-mode", "distributed").unwrap();
    let error = ask(&client, &untold()).await.unwrap_err().to_string();
    let is_ended = error.starts_with("RESOURCE_EXHAUSTED") && error.contains("was ended");
    assert!(is_ended, "{error}");
    wait_until("what it took is free again", SOON, async || are_small(&cluster).await).await;
    let orders = "select count(*) from orders group by o_orderstatus";
    for node in 0..3 {
        let client = cluster.client(node).await;
        assert_eq!(ask(&client, orders).await.unwrap().rows(), 3);
    }
}

/// Whether no node takes more than its limit and what goes beside it (`server/src/memory.rs`: 64, 96 and 2 MiB).
async fn are_small(cluster: &ProcessCluster) -> bool {
    const MOST: u64 = 164 << 20;
    let inspector = Inspector::new(&cluster.secret()).unwrap();
    for node in 0..cluster.nodes().len() {
        match inspector.look(cluster.internal(node)).await {
            Ok(usage) if usage.resident < MOST => {}
            _ => return false,
        }
    }
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_is_of_every_node_that_runs_a_task() {
    let cluster = small(3, |args| args.query_memory_percent = Some(1)).await;
    let join = "select count(*) from lineitem a join lineitem b on a.l_comment = b.l_comment";
    let error = cluster.ask_distributed(0, join).await.unwrap_err().to_string();
    assert!(is_past_its_share(&error), "{error}");
    cluster.wait_until_idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sort_that_finds_its_disk_full_fails_and_the_node_goes_on() {
    let disks = match Disks::mount(1) {
        Ok(disks) => disks,
        Err(error) => {
            return println!("A FULL DISK IS NOT TESTED: nothing can be mounted: {error}");
        }
    };
    let folder = disks.folder(0);
    let options = ProcessOptions::new(1, fixtures::tpch()).arguments(&["--memory-limit", "64MiB"]);
    let cluster = ProcessCluster::start_with(options.spill(move |_| folder.clone())).await.unwrap();
    let client = cluster.client(0).await;
    let sort =
        "select value, repeat('x', 20) as x from generate_series(1, 3000000) order by -value";
    disks.fill(0).unwrap();
    let error = ask(&client, sort).await.unwrap_err().to_string();
    assert!(error.starts_with("RESOURCE_EXHAUSTED") && error.contains("--spill-dir"), "{error}");
    disks.empty();
    assert_eq!(ask(&client, sort).await.unwrap().rows(), 3_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sort_larger_than_memory_goes_to_disk() {
    use datafusion::arrow::array::AsArray;
    use datafusion::arrow::datatypes::Int64Type;
    let cluster = small(1, |_| {}).await;
    let sort =
        "select value, repeat('x', 20) as x from generate_series(1, 3000000) order by -value";
    let answer = cluster.ask(0, sort).await.unwrap();
    let mut next = 3_000_000;
    for batch in &answer.batches {
        for value in batch.column(0).as_primitive::<Int64Type>().values() {
            assert_eq!(*value, next);
            next -= 1;
        }
    }
    assert_eq!(next, 0);
    drop(answer);
    cluster.wait_until_idle().await;
}

/// Rows of a table of twelve files whose order is another one than that of their texts.
const SORTED: usize = 2_400_000;

async fn texts(folder: &Path) {
    use datafusion::dataframe::DataFrameWriteOptions;
    use datafusion::prelude::SessionContext;
    let context = SessionContext::new();
    for file in 0..12 {
        let sql = format!(
            "select value as id, lpad(cast(value * 7919 % {SORTED} as varchar), 64, '0') as s
             from generate_series(1, {SORTED}) where value % 12 = {file}"
        );
        let path = folder.join(format!("t/{file}.parquet"));
        let options = DataFrameWriteOptions::new().with_single_file_output(true);
        let rows = context.sql(&sql).await.unwrap();
        rows.write_parquet(path.to_str().unwrap(), options, None).await.unwrap();
    }
}

/// Three small nodes sort what none of them has room for: sorts go to disk, and what waits on the connections between
/// the nodes leaves room for their merges.
#[tokio::test(flavor = "multi_thread")]
async fn a_sort_of_several_small_nodes_is_whole() {
    use datafusion::arrow::array::AsArray;
    use datafusion::arrow::datatypes::Int64Type;
    let folder = tempfile::tempdir().unwrap();
    texts(folder.path()).await;
    let arguments = ["--memory-limit", "128MiB"];
    let cluster = ProcessCluster::start(3, folder.path(), &arguments).await.unwrap();
    let client = cluster.client(0).await;
    client.set_header("squadron-execution-mode", "distributed").unwrap();
    let answer = ask(&client, "select s, id from t order by s, id").await.unwrap();
    assert_eq!(answer.rows(), SORTED);
    let mut last = (String::new(), 0);
    for batch in &answer.batches {
        let texts = batch.column(0).as_string::<i32>().iter().flatten();
        for (text, id) in texts.zip(batch.column(1).as_primitive::<Int64Type>().values()) {
            let next = (text.to_owned(), *id);
            assert!(last < next, "{next:?} comes after {last:?}");
            last = next;
        }
    }
}

/// Without a LIMIT the sort goes to disk; to keep that many rows at hand takes more than there is.
#[tokio::test(flavor = "multi_thread")]
async fn a_sort_that_gives_many_of_its_rows_goes_to_disk_as_one_that_gives_all() {
    let folder = tempfile::tempdir().unwrap();
    texts(folder.path()).await;
    let cluster =
        ProcessCluster::start(1, folder.path(), &["--memory-limit", "80MiB"]).await.unwrap();
    let client = cluster.client(0).await;
    for (limit, expected) in [(20_000, "19999"), (400_000, "399999")] {
        let sql = format!(
            "select max(s::bigint) from (select s, id from t order by s, id limit {limit})"
        );
        assert_eq!(ask(&client, &sql).await.unwrap().value(), expected);
    }
}

/// Queries that take far more than they ask for, each beside small ones of another client.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_for_little_is_answered_beside_a_hog() {
    let arguments = ["--memory-limit", "256MiB", "--scan-bytes-per-partition", "256KiB"];
    let cluster = ProcessCluster::start(3, fixtures::tpch(), &arguments).await.unwrap();
    let client = cluster.client(0).await;
    client.set_header("squadron-execution-mode", "distributed").unwrap();
    for hog in QUERIES.iter().filter(|query| query.hog) {
        let small = async {
            for _ in 0..10 {
                let lines = "select count(*) from lineitem where l_quantity > 0";
                assert_eq!(ask(&client, lines).await.unwrap().value(), "60175");
            }
        };
        let (large, ()) = tokio::join!(ask(&client, hog.sql), small);
        if let Err(error) = large {
            let error = error.to_string();
            assert!(error.starts_with("RESOURCE_EXHAUSTED"), "{}: {error}", hog.name);
        }
    }
    for node in 0..3 {
        assert!(cluster.in_hand(node).await.unwrap().is_some(), "{}", cluster.log(node));
    }
}
