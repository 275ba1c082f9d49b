//! Who may run now, who waits, who is refused, and for how long a query may take.

use std::time::Duration;

use arrow_flight::{CancelFlightInfoRequest, FlightDescriptor, FlightInfo, PollInfo};
use prost::Message;
use squadron_dev::cluster::{ClusterOptions, TestCluster};
use squadron_dev::fixtures;
use squadron_dev::wire::{Wire, statement, tickets};
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// More than any test waits for.
const ENDLESS: &str = "select sum(value) from generate_series(1, 9000000000000000)";

async fn cluster(nodes: usize, concurrent: usize, queued: usize) -> TestCluster {
    let options = ClusterOptions::new(nodes).data(fixtures::tpch());
    let options = options.adjust(move |_, args| {
        args.concurrent_queries = Some(concurrent);
        args.queued_queries = Some(queued);
    });
    options.start().await
}

async fn wire(cluster: &TestCluster) -> Wire {
    Wire::connect(&cluster.uri(0)).await.unwrap()
}

async fn poll(wire: &mut Wire, what: FlightDescriptor) -> Result<PollInfo, Status> {
    let request = wire.request(what);
    Ok(wire.service().poll_flight_info(request).await?.into_inner())
}

async fn cancel(wire: &mut Wire, info: FlightInfo) {
    let body = CancelFlightInfoRequest { info: Some(info) }.encode_to_vec();
    wire.act("CancelFlightInfo", body).await.unwrap();
}

fn state(polled: &PollInfo) -> String {
    let metadata = &polled.info.as_ref().unwrap().app_metadata;
    let told: serde_json::Value = serde_json::from_slice(metadata).unwrap();
    told["state"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_waits_for_its_turn_and_says_so() {
    let cluster = cluster(1, 1, 10).await;
    let mut wire = wire(&cluster).await;
    let running = wire.execute(ENDLESS).await.unwrap();
    let mut waiting = poll(&mut wire, statement("select 1")).await.unwrap();
    assert_eq!(state(&waiting), "queued");
    assert!(waiting.info.as_ref().unwrap().endpoint.is_empty());
    cancel(&mut wire, running).await;
    while let Some(next) = waiting.flight_descriptor.take() {
        waiting = poll(&mut wire, next).await.unwrap();
    }
    assert_eq!(state(&waiting), "complete");
    let rows = wire.get(&tickets(&waiting.info.unwrap())[0]).await.unwrap();
    assert_eq!(rows.len(), 2, "a schema and a row");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_is_refused_with_when_to_come_again() {
    let cluster = cluster(1, 1, 1).await;
    let mut wire = wire(&cluster).await;
    let running = wire.execute(ENDLESS).await.unwrap();
    let waiting = wire.execute("select 1").await.unwrap();
    let refused = wire.execute("select 2").await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert!(refused.message().contains("--queued-queries"), "{refused}");
    let details = refused.get_error_details();
    assert!(details.retry_info().unwrap().retry_delay.unwrap() > Duration::ZERO);
    cancel(&mut wire, running).await;
    assert_eq!(wire.get(&tickets(&waiting)[0]).await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_nobody_has_read_yet_is_in_nobodys_way() {
    let cluster = cluster(2, 1, 100).await;
    let mut wire = wire(&cluster).await.header("squadron-execution-mode", "distributed");
    let mut unread = Vec::new();
    for _ in 0..5 {
        unread.push(wire.execute("select l_orderkey from lineitem").await.unwrap());
    }
    let last = wire.execute("select count(*) from lineitem").await.unwrap();
    assert_eq!(wire.get(&tickets(&last)[0]).await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_waits_is_cancelled_like_any_other() {
    let cluster = cluster(1, 1, 1).await;
    let mut wire = wire(&cluster).await;
    let running = wire.execute(ENDLESS).await.unwrap();
    let waiting = wire.execute("select 1").await.unwrap();
    cancel(&mut wire, waiting.clone()).await;
    let error = wire.get(&tickets(&waiting)[0]).await.unwrap_err();
    assert_eq!(error.code(), Code::Cancelled);
    let other = wire.execute("select 2").await.expect("its place is free");
    cancel(&mut wire, running).await;
    wire.get(&tickets(&other)[0]).await.unwrap();
}

/// How it ends, which may be while it is planned.
async fn end_of_endless(wire: &mut Wire) -> Status {
    match wire.execute(ENDLESS).await {
        Ok(info) => wire.get(&tickets(&info)[0]).await.unwrap_err(),
        Err(error) => error,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_takes_no_longer_than_it_may() {
    let cluster = cluster(1, 8, 8).await;
    let mut wire = wire(&cluster).await.header("squadron-query-timeout", "100ms");
    let error = end_of_endless(&mut wire).await;
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert!(error.message().contains("squadron.query_timeout"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_cannot_ask_for_longer_than_its_node_lets_it() {
    let options = ClusterOptions::new(1).data(fixtures::tpch());
    let options = options.adjust(|_, args| args.query_timeout = Some("100ms".into()));
    let cluster = options.start().await;
    let mut wire = wire(&cluster).await.header("squadron-query-timeout", "1h");
    let error = end_of_endless(&mut wire).await;
    assert_eq!(error.code(), Code::DeadlineExceeded);
}
