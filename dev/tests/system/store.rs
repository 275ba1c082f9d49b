//! Results are kept, within their memory, and gone when their time is over.

use futures::TryStreamExt;
use squadron_dev::answer::{read, stream};
use squadron_dev::cluster::{ClusterOptions, TestCluster};
use squadron_dev::fixtures;
use squadron_dev::wait::{SOON, wait_for};

/// About 60 MB on the wire, from 60,000 rows.
const LARGE: &str = "select l_orderkey, l_linenumber, repeat(l_comment, 40) as long from lineitem";

async fn small_memory(nodes: usize) -> TestCluster {
    let percent = |_: usize, args: &mut squadron_server::config::ServeArgs| {
        args.result_memory_percent = Some(10);
    };
    let options = ClusterOptions::new(nodes).data(fixtures::tpch()).memory("64MiB");
    options.keep("1s").adjust(percent).start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_larger_than_its_memory_goes_to_disk_and_comes_back_whole() {
    let cluster = small_memory(1).await;
    let client = cluster.client(0).await;
    let info = client.execute(LARGE).await.unwrap();
    let queries = cluster.node(0).queries();
    wait_for("the query completes unread", SOON, || queries.running() == 0).await;
    let usage = queries.store().usage();
    assert!(usage.memory <= (64 << 20) / 10, "{usage:?}");
    assert!(usage.disk > 30 << 20, "{usage:?}");
    let answer = read(&client, info).await.unwrap();
    assert_eq!(answer.rows(), 60_175);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_when_its_time_is_over() {
    let cluster = small_memory(3).await;
    let answer = cluster.ask_distributed(0, LARGE).await.unwrap();
    assert!(answer.rows() > 0);
    cluster.ask_distributed(1, "select cast(l_comment as int) from lineitem").await.unwrap_err();
    let unread = cluster.client(2).await.execute("select * from orders").await.unwrap();
    assert!(!unread.endpoint.is_empty());
    cluster.wait_until_idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_keeps_its_result_past_its_time() {
    let cluster = small_memory(1).await;
    let client = cluster.client(0).await;
    let info = client.execute(LARGE).await.unwrap();
    let mut batches = stream(&client, &info).unwrap();
    let mut rows = batches.try_next().await.unwrap().unwrap().num_rows();
    // The result's second passes while the reader holds the rest back: another one comes and goes.
    let other = client.execute("select 1").await.unwrap();
    read(&client, other).await.unwrap();
    let store = cluster.node(0).queries().store();
    wait_for("the other result goes", SOON, || store.usage().results == 1).await;
    while let Some(batch) = batches.try_next().await.unwrap() {
        rows += batch.num_rows();
    }
    assert_eq!(rows, 60_175);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_away_leaves_nothing_behind() {
    let cluster = small_memory(2).await;
    let client = cluster.client_with(0, &[("squadron-execution-mode", "distributed")]).await;
    let info = client.execute(LARGE).await.unwrap();
    let mut batches = stream(&client, &info).unwrap();
    batches.try_next().await.unwrap();
    drop(batches);
    cluster.wait_until_idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn past_the_disk_limit_the_query_fails_and_names_the_setting() {
    let limit = |_: usize, args: &mut squadron_server::config::ServeArgs| {
        args.result_memory_percent = Some(10);
        args.result_disk_limit = Some("1MiB".into());
    };
    let options = ClusterOptions::new(1).data(fixtures::tpch()).memory("64MiB");
    let cluster = options.adjust(limit).start().await;
    let error = cluster.ask(0, LARGE).await.unwrap_err().to_string();
    assert!(error.starts_with("RESOURCE_EXHAUSTED"), "{error}");
    assert!(error.contains("disk"), "{error}");
    assert_eq!(cluster.ask(0, "select 1").await.unwrap().value(), "1");
}

/// The smaller side of a join is held by its task, in memory.
#[tokio::test(flavor = "multi_thread")]
async fn a_join_is_let_go_of_though_nothing_comes_after_it() {
    let cluster = small_memory(2).await;
    let join = "select count(*) from lineitem join orders on l_orderkey = o_orderkey";
    assert_eq!(cluster.ask_distributed(0, join).await.unwrap().value(), "60175");
    cluster.wait_until_idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_tells_other_nodes_what_it_has_in_hand() {
    let cluster = TestCluster::start(1, fixtures::tpch()).await;
    let inspector = cluster.inspector();
    let node = cluster.node(0).member().internal.to_string();
    assert!(inspector.look(&node).await.unwrap().is_idle());
    cluster.ask(0, "select count(*) from lineitem").await.unwrap();
    let used = inspector.look(&node).await.unwrap();
    assert_eq!((used.results, used.running), (1, 0));
    assert!(used.memory > 0 && used.index > 0 && used.resident > 0, "{used:?}");
}
