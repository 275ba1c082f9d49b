//! Rows leave for a client once every node that their run needs was seen.

use super::*;
use crate::flight::testing::TestCluster;

/// A query of node a that runs, with shares on all of them.
async fn running() -> (TestCluster, Arc<Record>) {
    let cluster = Plan::of(3).start().await;
    let peers = cluster.nodes.iter().map(|node| node.member().clone()).collect();
    let record = registered(&cluster.nodes[0], peers);
    for node in &cluster.nodes {
        node.queries().store().open(record.opening.clone()).unwrap();
    }
    (cluster, record)
}

async fn may_leave(cluster: &TestCluster, record: &Record, peer: &str) -> Result<(), ResultError> {
    soon(cluster.nodes[0].queries().may_leave(record.opening.query, 0, peer)).await
}

#[tokio::test]
async fn nothing_leaves_while_a_node_that_is_needed_does_not_answer() {
    let (mut cluster, record) = running().await;
    cluster.nodes[2].kill();
    let error = may_leave(&cluster, &record, "b").await.unwrap_err();
    assert!(matches!(error, ResultError::Unavailable(_)), "{error}");
    assert!(record.end_run().is_empty(), "the query can run again");
}

/// Its own calls arrive; nothing reaches it.
#[tokio::test]
async fn nothing_leaves_a_node_that_asks_and_cannot_be_reached() {
    let (mut cluster, record) = running().await;
    cluster.nodes[2].kill();
    assert!(may_leave(&cluster, &record, "c").await.is_err());
    assert!(record.end_run().is_empty(), "the query can run again");
}

#[tokio::test]
async fn rows_leave_when_all_were_seen() {
    let (mut cluster, record) = running().await;
    may_leave(&cluster, &record, "b").await.unwrap();
    cluster.nodes[2].kill();
    may_leave(&cluster, &record, "a").await.unwrap();
    assert_eq!(record.end_run().len(), 2, "whoever asks later is not held up");
}

#[tokio::test]
async fn a_node_that_an_earlier_run_lost_is_not_waited_for() {
    let (mut cluster, record) = running().await;
    cluster.nodes[2].kill();
    let next = Opening { attempt: 1, lost: vec!["c".into()], ..record.opening.clone() };
    record.run_again(&next, Arc::default());
    let query = record.opening.query;
    soon(cluster.nodes[0].queries().may_leave(query, 1, "b")).await.unwrap();
}

#[tokio::test]
async fn the_share_of_the_coordinator_asks_as_well() {
    let (cluster, record) = running().await;
    let queries = cluster.nodes[0].queries();
    let result = queries.store().get(record.opening.query).unwrap();
    assert!(queries.leave(&result).is_some());
}

/// As after a restart: it is there, and has nothing.
#[tokio::test]
async fn a_node_without_its_share_is_a_loss() {
    let (cluster, record) = running().await;
    cluster.nodes[2].queries().store().remove(record.opening.query);
    assert!(may_leave(&cluster, &record, "b").await.is_err());
    assert!(record.loss().await.to_string().contains("node c"));
}
