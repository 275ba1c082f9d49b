//! Coordinators and nodes that end: nobody waits for them for ever, and nothing of them runs on.

use super::*;
use futures::TryStreamExt;

/// Runs for years.
const ENDLESS: &str = "SELECT count(*) FROM generate_series(1, 9000000000000000) AS s(v)";

fn is_unavailable(outcome: Result<(), ResultError>) -> bool {
    match outcome {
        Err(ResultError::Unavailable(_)) => true,
        Err(ResultError::Query { code, .. }) => code == tonic::Code::Unavailable as i32,
        _ => false,
    }
}

#[tokio::test]
async fn a_node_that_ends_ends_its_queries() {
    let cluster = Plan::of(1).start().await;
    let node = &cluster.nodes[0];
    let query = started(node, ENDLESS).await.query;
    let result = node.queries().store().get(query).unwrap();
    assert_eq!(node.queries().running(), 1);
    node.queries().end();
    assert!(is_unavailable(end_of(&result).await));
    assert_eq!(node.queries().running(), 0);
}

#[tokio::test]
async fn a_node_that_stops_does_not_wait_for_ever_for_a_client_that_does_not_read() {
    let mut cluster = Plan::of(1).start().await;
    let _stalled = cluster.nodes[0].in_the_middle().await;
    soon(cluster.nodes[0].stop(Duration::from_millis(50))).await;
    assert_eq!(std::fs::read_dir(cluster.spill_dir()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_node_that_stops_lets_a_client_read_to_the_end() {
    let mut cluster = Plan::of(1).start().await;
    let stream = cluster.nodes[0].in_the_middle().await;
    let stop = cluster.nodes[0].stop(Duration::from_secs(3600));
    let (messages, ()) = soon(async { tokio::join!(stream.try_collect::<Vec<_>>(), stop) }).await;
    let bytes: usize = messages.unwrap().iter().map(|message| message.data_body.len()).sum();
    assert!(bytes >= 8_000_000, "{bytes}");
}

#[tokio::test]
async fn a_dropped_node_leaves_nothing_running() {
    let mut cluster = Plan::of(1).start().await;
    let query = started(&cluster.nodes[0], ENDLESS).await.query;
    let result = cluster.nodes[0].queries().store().get(query).unwrap();
    let queries = Arc::downgrade(cluster.nodes[0].queries());
    cluster.nodes[0].kill();
    assert!(is_unavailable(end_of(&result).await));
    until(|| queries.strong_count() == 0).await;
}

#[tokio::test]
async fn a_node_that_ends_starts_nothing() {
    let cluster = Plan::of(1).start().await;
    let node = &cluster.nodes[0];
    node.queries().end();
    let refused = node.queries().start("SELECT 1", &caller(node)).await;
    assert!(matches!(refused, Err(squadron_planner::PlannerError::Unavailable(_))));
    assert_eq!(node.queries().store().usage().results, 0);
}

/// The worst moment: the manifest matched, the commit never comes.
#[tokio::test]
async fn readers_of_a_dead_coordinators_result_are_told() {
    let mut cluster = Plan::of(2).start().await;
    let record = registered(&cluster.nodes[0], Vec::new());
    let results = cluster.nodes[1].queries().store();
    let result = results.open(record.opening.clone()).unwrap();
    result.verify(0, &[]).unwrap();
    cluster.nodes[0].kill();
    assert!(is_unavailable(end_of(&result).await));
}

#[tokio::test]
async fn a_coordinator_that_came_back_without_its_queries_is_as_good_as_dead() {
    let cluster = Plan::of(2).start().await;
    let unknown = opening(&cluster.nodes[0]);
    let result = cluster.nodes[1].queries().store().open(unknown).unwrap();
    assert!(is_unavailable(end_of(&result).await));
}

#[tokio::test]
async fn a_commit_that_was_lost_is_found() {
    let cluster = Plan::of(2).start().await;
    let record = registered(&cluster.nodes[0], Vec::new());
    let result = cluster.nodes[1].queries().store().open(record.opening.clone()).unwrap();
    result.verify(0, &[]).unwrap();
    record.set_state(QueryState::Committed);
    end_of(&result).await.unwrap();
    assert!(matches!(result.phase(), Phase::Committed));
}

#[tokio::test]
async fn a_failure_that_was_lost_is_found() {
    let cluster = Plan::of(2).start().await;
    let record = registered(&cluster.nodes[0], Vec::new());
    let result = cluster.nodes[1].queries().store().open(record.opening.clone()).unwrap();
    record.set_state(QueryState::Failed(ResultError::Query { code: 3, message: "why".into() }));
    let error = end_of(&result).await.unwrap_err();
    assert!(matches!(&error, ResultError::Query { code: 3, message } if message == "why"));
}
