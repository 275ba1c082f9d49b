//! Shares of others that clients read through a node: for as long as they do, and where one is lost.

use super::*;

const THROUGH: &[(&str, &str)] = &[
    ("squadron-execution-mode", "distributed"),
    ("squadron-endpoints", "all"),
    ("squadron-locations", "proxy"),
];

#[tokio::test]
async fn a_node_is_needed_until_all_that_passes_through_it_was_read() {
    let cluster = Plan::of(2).table().await.start().await;
    let node = &cluster.nodes[0];
    let endpoints = node.execute("SELECT v FROM t", THROUGH).await.unwrap();
    assert_eq!(endpoints.len(), 2);
    for endpoint in endpoints {
        assert!(!node.queries().pending().is_none());
        soon(node.redeem(endpoint.ticket.unwrap())).await.unwrap();
    }
    until(|| node.queries().pending().is_none()).await;
}

#[tokio::test]
async fn a_reader_whose_rows_pass_through_a_node_needs_it() {
    let cluster = Plan::of(2).start().await;
    let node = &cluster.nodes[0];
    let stream = cluster.nodes[1].in_the_middle().await;
    let opening = cluster.nodes[1].queries().store().all()[0].opening().clone();
    drop(stream);
    let ticket = node.ticket(share(&opening, &cluster.nodes[1]));
    let mut stream = node.stream(ticket).await.unwrap();
    soon(stream.message()).await.unwrap().unwrap();
    assert_eq!(node.queries().pending().relays, 1);
    drop(stream);
    until(|| node.queries().pending().is_none()).await;
}

/// Peer c is lost, b holds all there is, and the coordinator a holds nothing.
#[tokio::test]
async fn a_lost_share_is_read_through_a_coordinator_that_holds_none() {
    let roles = ["coordinator", "worker,serve", "worker,serve"];
    let mut cluster = Plan::of(3).roles(&roles).start().await;
    let peers = cluster.nodes[1..].iter().map(|node| node.member().clone()).collect();
    let record = registered(&cluster.nodes[0], peers);
    let lost = share(&record.opening, &cluster.nodes[2]);
    cluster.nodes[2].kill();
    let next = Opening { attempt: 1, lost: vec![lost.peer.clone()], ..record.opening.clone() };
    record.run_again(&next, Arc::default());
    let result = cluster.nodes[1].queries().store().open(next).unwrap();
    result.verify(1, &[]).unwrap();
    result.commit(1).unwrap();
    record.set_state(QueryState::Committed);
    for node in &cluster.nodes[..2] {
        let messages = soon(node.redeem(node.ticket(lost.clone()))).await.unwrap();
        assert_eq!(messages.len(), 1, "a schema and no rows");
    }
}
