//! EXPLAIN shows the plan that would run, stages and all; EXPLAIN ANALYZE also where it ran.

use squadron_dev::cluster::TestCluster;
use squadron_dev::fixtures;
use squadron_server::demo::tpch::QUERIES;

async fn explained(prefix: &str, distributed: bool) -> String {
    let cluster = TestCluster::start(3, fixtures::tpch()).await;
    let sql = format!("{prefix} {}", QUERIES[4]);
    let answer = match distributed {
        true => cluster.ask_distributed(0, &sql).await,
        false => cluster.ask(0, &sql).await,
    };
    let answer = answer.unwrap();
    assert_eq!(answer.info.endpoint.len(), 1);
    assert_eq!(answer.schema.fields().len(), 2);
    answer.text()
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_shows_the_stages() {
    let text = explained("explain", true).await;
    for part in ["logical_plan", "physical_plan", "DistributedExec", "Stage 1", "Network"] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_analyze_shows_the_stages_rows_and_nodes() {
    let text = explained("explain analyze", true).await;
    for part in ["Stage 1", "output_rows", "node-0", "node-1", "node-2"] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_query_is_shown_to_stay_where_it_is() {
    let cluster = TestCluster::start(3, fixtures::tpch()).await;
    let text = cluster.ask(0, "explain select 1").await.unwrap().text();
    assert!(!text.contains("Stage"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_analyze_keeps_nothing_of_the_result() {
    let cluster = TestCluster::start(3, fixtures::tpch()).await;
    cluster.ask_distributed(0, "explain analyze select * from lineitem").await.unwrap();
    let held: u64 = cluster.usage().iter().map(|usage| usage.memory).sum();
    assert!(held < 1 << 20, "{held} bytes are held for a page of text");
}
