//! A ticket is good for whom it was given to, until it expires, and nothing else is a ticket.

use squadron_dev::cluster::{ClusterOptions, TestCluster};
use squadron_dev::fixtures;
use squadron_dev::wait::{SOON, wait_until};
use squadron_dev::wire::{Wire, tickets};
use tonic::{Code, Status};

const SCAN: &str = "select l_orderkey from lineitem";

async fn ticket(cluster: &TestCluster) -> Vec<u8> {
    let wire = Wire::connect(&cluster.uri(0)).await.unwrap();
    let mut wire = wire.header("squadron-execution-mode", "distributed");
    tickets(&wire.execute(SCAN).await.unwrap()).remove(0)
}

async fn refusal(cluster: &TestCluster, ticket: &[u8]) -> Status {
    let mut wire = Wire::connect(&cluster.uri(0)).await.unwrap();
    wire.get(ticket).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_no_ticket() {
    let cluster = TestCluster::start(2, fixtures::tpch()).await;
    for garbage in [&b""[..], b"x", &[1; 33], &[0xff; 200], &[1; 4000]] {
        let refused = refusal(&cluster, garbage).await;
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
        assert!(refused.message().contains("GetFlightInfo"), "it says what to do: {refused}");
    }
    assert_eq!(refusal(&cluster, &[1; 100_000]).await.code(), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_with_any_byte_changed_is_no_ticket() {
    let cluster = TestCluster::start(2, fixtures::tpch()).await;
    let good = ticket(&cluster).await;
    for place in 0..good.len() {
        let mut forged = good.clone();
        forged[place] ^= 1;
        assert_eq!(refusal(&cluster, &forged).await.code(), Code::InvalidArgument, "byte {place}");
    }
    assert_eq!(refusal(&cluster, &good[..good.len() - 1]).await.code(), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_of_another_cluster_is_no_ticket() {
    let (ours, theirs) = (
        TestCluster::start(1, fixtures::tpch()).await,
        TestCluster::start(1, fixtures::tpch()).await,
    );
    let refused = refusal(&ours, &ticket(&theirs).await).await;
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("this cluster"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_result_is_not_found_and_says_to_run_it_again() {
    let cluster = ClusterOptions::new(2).data(fixtures::tpch()).keep("100ms").start().await;
    let ticket = ticket(&cluster).await;
    let mut wire = Wire::connect(&cluster.uri(0)).await.unwrap();
    let mut last = None;
    wait_until("the result expires", SOON, async || {
        last = wire.get(&ticket).await.err();
        last.is_some()
    })
    .await;
    let refused = last.unwrap();
    assert_eq!(refused.code(), Code::NotFound, "{refused}");
    assert!(refused.message().contains("again"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_statements_handle_is_no_ticket() {
    use arrow_flight::sql::{
        ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult, Any,
        ProstMessageExt,
    };
    use prost::Message;
    let cluster = TestCluster::start(1, fixtures::tpch()).await;
    let mut wire = Wire::connect(&cluster.uri(0)).await.unwrap();
    let request = ActionCreatePreparedStatementRequest { query: SCAN.into(), transaction_id: None };
    let body = request.as_any().encode_to_vec();
    let answer = wire.act("CreatePreparedStatement", body).await.unwrap().remove(0);
    let answer: ActionCreatePreparedStatementResult =
        Any::decode(&answer[..]).unwrap().unpack().unwrap().unwrap();
    let refused = refusal(&cluster, &answer.prepared_statement_handle).await;
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
}
