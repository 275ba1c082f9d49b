//! Queries that nobody waits for any more end, everywhere.

use tonic::Code;

use super::*;
use crate::results::Interest;

/// More rows than anybody reads.
const ENDLESS: &str = "SELECT v FROM generate_series(1, 9000000000000000) AS s(v)";

#[tokio::test]
async fn a_query_ends_when_its_last_reader_has_left() {
    let cluster = Plan::of(1).reader_grace(Duration::ZERO).start().await;
    let node = &cluster.nodes[0];
    let endpoints = node.execute(ENDLESS, &[]).await.unwrap();
    let mut stream = node.stream(endpoints[0].ticket.clone().unwrap()).await.unwrap();
    assert!(soon(stream.message()).await.unwrap().is_some(), "the schema");
    drop(stream);
    until(|| node.queries().running() == 0).await;
    until(|| node.queries().store().usage().memory == 0).await;
    let error = node.redeem(endpoints[0].ticket.clone().unwrap()).await.unwrap_err();
    assert_eq!(error.code(), Code::Cancelled);
    assert!(error.message().contains("reader"), "{}", error.message());
}

#[tokio::test]
async fn the_workers_of_a_query_that_nobody_reads_end_too() {
    let cluster = Plan::of(2).reader_grace(Duration::ZERO).table().await.start().await;
    let node = &cluster.nodes[0];
    let sql = "SELECT a.v FROM t AS a, t AS b, t AS c, t AS d";
    let options = [("squadron-execution-mode", "distributed"), ("squadron-endpoints", "all")];
    let endpoints = node.execute(sql, &options).await.unwrap();
    let reader = at(&cluster, &endpoints[1]);
    let mut stream = reader.stream(endpoints[1].ticket.clone().unwrap()).await.unwrap();
    assert!(soon(stream.message()).await.unwrap().is_some(), "the schema");
    drop(stream);
    until(|| node.queries().running() == 0).await;
    for node in &cluster.nodes {
        // Operators that hold on to the left sides of their joins have not ended.
        let pool = &node.queries().planner().engine().runtime().memory_pool;
        until(|| pool.reserved() == 0).await;
    }
}

/// It is there, and has said nothing of the share for many looks.
#[tokio::test]
async fn a_query_whose_peer_gave_up_its_share_ends() {
    let cluster = Plan::of(2).start().await;
    let [node, peer] = [&cluster.nodes[0], &cluster.nodes[1]];
    let record = registered(node, vec![peer.member().clone()]);
    soon(async {
        while record.is_running() {
            node.queries().end_hopeless(std::time::Instant::now()).await;
        }
    })
    .await;
    let QueryState::Failed(ResultError::Unavailable(why)) = record.state() else {
        panic!("{:?}", record.state());
    };
    assert!(why.contains("given up"), "{why}");
}

/// However long it takes: its call is there, and ends it when it goes.
#[tokio::test]
async fn a_change_does_not_end_for_want_of_readers() {
    let cluster = Plan::of(1).start().await;
    let node = &cluster.nodes[0];
    let mut record = Record::new(opening(node), vec![node.member().clone()], Arc::default());
    record.outcome = Some(Arc::default());
    let record = Arc::new(record);
    node.queries().register(Arc::clone(&record)).unwrap();
    let (hour, now) = (Duration::from_secs(3600), std::time::Instant::now());
    let interest = Interest { read: false, absent: hour };
    record.interests.report(&node.member().node_id, interest, now + hour);
    node.queries().end_hopeless(now + hour).await;
    assert!(record.is_running());
    record.poll(now);
    node.queries().end_hopeless(now + hour).await;
    assert!(!record.is_running(), "who polled has left");
}
