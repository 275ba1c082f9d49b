//! Clients that go, or do not want a statement any more, while it writes.

use std::time::Duration;

use arrow_flight::{
    CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightDescriptor, PollInfo,
};
use prost::Message;
use squadron_dev::bucket::Wrong;
use squadron_dev::wait::{SOON, wait_until};
use squadron_dev::wire::{Wire, statement};
use tonic::Status;

use super::*;

const INSERT: &str = "insert into t select l_orderkey from lineitem";
const COUNT: &str = "select count(*) from t";

async fn lake() -> Lake {
    let lake = Lake::start(2).await;
    value(&lake.cluster, 0, "create table t as select l_orderkey from lineitem where false").await;
    lake
}

/// Nothing of a statement runs any more, and no version has come of it.
async fn is_as_before(lake: &Lake) {
    for node in 0..2 {
        wait_until("nothing of it runs", SOON, async || {
            let used = lake.cluster.in_hand(node).await.unwrap();
            used.is_some_and(|used| used.running + used.tasks == 0)
        })
        .await;
    }
    assert_eq!(value(&lake.cluster, 1, COUNT).await, "0");
    assert_eq!(lake.bucket.keys(VERSION).len(), 1, "the version that made the table");
    assert_eq!(value(&lake.cluster, 0, INSERT).await, "60175");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_whose_client_goes_before_the_commit_changes_nothing() {
    let lake = lake().await;
    lake.bucket.next(DATA, 1, Wrong::Waits);
    let inserting = lake.begin(0, INSERT);
    lake.bucket.met(1).await;
    drop(inserting);
    is_as_before(&lake).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_goes_on_when_its_client_goes() {
    let lake = lake().await;
    lake.bucket.next(VERSION, 1, Wrong::Waits);
    let inserting = lake.begin(0, INSERT);
    lake.bucket.met(1).await;
    drop(inserting);
    lake.bucket.go_on();
    wait_until("the rows are there", SOON, async || {
        value(&lake.cluster, 1, COUNT).await == "60175"
    })
    .await;
    assert_eq!(value(&lake.cluster, 0, INSERT).await, "60175");
    assert_eq!(value(&lake.cluster, 1, COUNT).await, "120350");
}

async fn wire(lake: &Lake) -> Wire {
    let wire = Wire::connect(&lake.cluster.nodes()[0].uri).await.unwrap();
    wire.header("squadron-execution-mode", "distributed")
}

async fn poll(wire: &mut Wire, what: FlightDescriptor) -> Result<PollInfo, Status> {
    let mut request = wire.request(what);
    request.set_timeout(Duration::from_secs(1));
    Ok(wire.service().poll_flight_info(request).await?.into_inner())
}

async fn cancel(wire: &mut Wire, polled: &PollInfo) -> CancelStatus {
    let body = CancelFlightInfoRequest { info: polled.info.clone() }.encode_to_vec();
    let answers = wire.act("CancelFlightInfo", body).await.unwrap();
    let result = CancelFlightInfoResult::decode(answers[0].as_slice()).unwrap();
    CancelStatus::try_from(result.status).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_is_cancelled_before_the_commit_changes_nothing() {
    let lake = lake().await;
    lake.bucket.next(DATA, 1, Wrong::Waits);
    let mut wire = wire(&lake).await;
    let polled = poll(&mut wire, statement(INSERT)).await.unwrap();
    lake.bucket.met(1).await;
    assert_eq!(cancel(&mut wire, &polled).await, CancelStatus::Cancelled);
    let next = polled.flight_descriptor.expect("it runs");
    assert_eq!(poll(&mut wire, next).await.unwrap_err().code(), Code::Cancelled);
    is_as_before(&lake).await;
}

/// Who polls on is told how many rows it has changed.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_is_being_committed_cannot_be_cancelled() {
    let lake = lake().await;
    lake.bucket.next(VERSION, 1, Wrong::DoneAndWaits);
    let mut wire = wire(&lake).await;
    let mut polled = poll(&mut wire, statement(INSERT)).await.unwrap();
    lake.bucket.met(1).await;
    assert_eq!(cancel(&mut wire, &polled).await, CancelStatus::NotCancellable);
    lake.bucket.go_on();
    while let Some(next) = polled.flight_descriptor.take() {
        polled = poll(&mut wire, next).await.unwrap();
    }
    let client = lake.cluster.client(0).await;
    let answer = squadron_dev::answer::read(&client, polled.info.unwrap()).await.unwrap();
    assert_eq!(answer.value(), "60175");
    assert_eq!(value(&lake.cluster, 1, COUNT).await, "60175");
}

async fn limited(uri: String) -> Done {
    let client = squadron_server::client::FlightSqlClient::connect(&uri).await?;
    client.set_header("squadron-query-timeout", "2s")?;
    Ok(ask(&client, INSERT).await?.value())
}

/// The second one's time is up later than the first one's.
#[tokio::test(flavor = "multi_thread")]
async fn time_is_up_before_a_commit_and_not_while_it_lasts() {
    let lake = lake().await;
    let uri = &lake.cluster.nodes()[0].uri;
    lake.bucket.next(VERSION, 1, Wrong::Waits);
    let first = SpawnedTask::spawn(limited(uri.clone()));
    lake.bucket.met(1).await;
    lake.bucket.next(DATA, 1, Wrong::Waits);
    let second = SpawnedTask::spawn(limited(uri.clone()));
    assert_eq!(refused(answered(second).await).0, Code::DeadlineExceeded);
    lake.bucket.go_on();
    assert_eq!(answered(first).await.unwrap(), "60175");
    assert_eq!(value(&lake.cluster, 1, COUNT).await, "60175");
}
