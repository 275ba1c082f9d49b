//! A client that does not want its query any more says so to any node.

use tonic::Code;

use super::*;

/// More than anybody waits for, on every node.
const ENDLESS: &str = "SELECT a.v FROM t AS a, t AS b, t AS c, t AS d";
const EVERYWHERE: &[(&str, &str)] =
    &[("squadron-execution-mode", "distributed"), ("squadron-endpoints", "all")];

/// Shares of a query as its coordinator gave them out.
fn shares(opening: &Opening, peers: &[&TestNode]) -> Vec<ResultTicket> {
    peers.iter().map(|peer| share(opening, peer)).collect()
}

#[tokio::test]
async fn any_node_cancels_a_query_on_all() {
    let cluster = Plan::of(3).table().await.start().await;
    let endpoints = cluster.nodes[0].execute(ENDLESS, EVERYWHERE).await.unwrap();
    let mut readers = Vec::new();
    for endpoint in &endpoints {
        let ticket = endpoint.ticket.clone().unwrap();
        readers.push(at(&cluster, endpoint).stream(ticket).await.unwrap());
    }
    soon(cluster.nodes[2].cancel(endpoints)).await.unwrap();
    for reader in &mut readers {
        let error = soon(async {
            loop {
                match reader.message().await {
                    Ok(message) => assert!(message.is_some(), "no share ends well"),
                    Err(error) => return error,
                }
            }
        });
        assert_eq!(error.await.code(), Code::Cancelled);
    }
    for node in &cluster.nodes {
        assert_eq!(node.queries().running(), 0);
        let pool = &node.queries().planner().engine().runtime().memory_pool;
        until(|| pool.reserved() == 0).await;
    }
}

#[tokio::test]
async fn a_cancelled_query_waits_no_longer() {
    let cluster = Plan::of(1).concurrent(1).start().await;
    let queries = cluster.nodes[0].queries();
    let _running = queries.admission.enter(ANYONE).unwrap();
    let waiting = started(&cluster.nodes[0], "SELECT 1").await.query;
    assert_eq!(queries.usage().queued, 1);
    queries.cancel(waiting).await.unwrap();
    assert_eq!(queries.usage().queued, 0);
}

#[tokio::test]
async fn a_complete_result_is_gone_once_it_is_cancelled() {
    let cluster = Plan::of(2).table().await.start().await;
    let node = &cluster.nodes[0];
    let endpoints = node.execute("SELECT v FROM t", EVERYWHERE).await.unwrap();
    for endpoint in &endpoints {
        soon(node.redeem(endpoint.ticket.clone().unwrap())).await.unwrap();
    }
    let opening = node.queries().store().all()[0].opening().clone();
    let shares = shares(&opening, &[node, &cluster.nodes[1]]);
    assert_eq!(node.queries().cancel_shares(&shares).await.unwrap(), Cancelled::Yes);
    for endpoint in &endpoints {
        let error = node.redeem(endpoint.ticket.clone().unwrap()).await.unwrap_err();
        assert_eq!(error.code(), Code::Cancelled);
    }
    for node in &cluster.nodes {
        assert_eq!(node.queries().store().usage().memory, 0);
    }
    assert_eq!(node.queries().cancel_shares(&shares).await.unwrap(), Cancelled::Yes, "again");
}

#[tokio::test]
async fn a_query_that_failed_is_not_cancelled_any_more() {
    let cluster = Plan::of(1).start().await;
    let node = &cluster.nodes[0];
    let record = registered(node, vec![node.member().clone()]);
    record.set_state(QueryState::Failed(ResultError::Unavailable("lost".into())));
    let shares = shares(&record.opening, &[node]);
    assert_eq!(node.queries().cancel_shares(&shares).await.unwrap(), Cancelled::TooLate);
    assert!(matches!(record.state(), QueryState::Failed(ResultError::Unavailable(_))));
}

#[tokio::test]
async fn what_a_lost_coordinator_left_is_let_go_of() {
    let mut cluster = Plan::of(2).start().await;
    let opening = opening(&cluster.nodes[0]);
    let result = cluster.nodes[1].queries().store().open(opening.clone()).unwrap();
    result.verify(0, &[]).unwrap();
    result.commit(0).unwrap();
    cluster.nodes[0].kill();
    let node = &cluster.nodes[1];
    let mut members = node.members();
    soon(members.wait_for(|members| members.all().len() == 1)).await.unwrap();
    let shares = shares(&opening, &[node]);
    // Whether it runs there, should that be back, nobody knows.
    assert_eq!(node.queries().cancel_shares(&shares).await.unwrap(), Cancelled::UnderWay);
    assert!(end_of(&result).await.is_err());
}

#[tokio::test]
async fn a_query_that_nobody_knows_is_not_found() {
    let cluster = Plan::of(2).start().await;
    let opening = opening(&cluster.nodes[1]);
    let shares = shares(&opening, &[&cluster.nodes[0], &cluster.nodes[1]]);
    let error = cluster.nodes[0].queries().cancel_shares(&shares).await.unwrap_err();
    assert!(matches!(error, ResultError::NotFound(_)), "{error}");
}

#[tokio::test]
async fn any_node_keeps_a_share_longer() {
    let cluster = Plan::of(2).table().await.start().await;
    let node = &cluster.nodes[0];
    for endpoint in node.execute("SELECT v FROM t", EVERYWHERE).await.unwrap() {
        let ticket = endpoint.ticket.clone().unwrap();
        soon(node.redeem(ticket.clone())).await.unwrap();
        let opening = node.queries().store().all()[0].opening().clone();
        let share = share(&opening, at(&cluster, &endpoint));
        let kept = node.queries().renew(&share, ticket.ticket, ANYONE).await.unwrap();
        assert_eq!(kept, opening.keep);
    }
}
