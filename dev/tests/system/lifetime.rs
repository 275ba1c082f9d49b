//! What clients say about how long a query and its result are to live, over the wire.

use std::time::{Duration, SystemTime};

use arrow_flight::sql::{
    ActionCancelQueryRequest, ActionCancelQueryResult, Any, CommandGetTableTypes, ProstMessageExt,
};
use arrow_flight::{
    CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightDescriptor,
    FlightEndpoint, FlightInfo, PollInfo, RenewFlightEndpointRequest,
};
use prost::Message;
use squadron_dev::cluster::TestCluster;
use squadron_dev::fixtures;
use squadron_dev::wire::{Wire, statement, tickets};
use tonic::{Code, Status};

const LINES: &str = "select l_orderkey from lineitem";

async fn wire(cluster: &TestCluster, node: usize) -> Wire {
    let wire = Wire::connect(&cluster.uri(node)).await.unwrap();
    wire.header("squadron-execution-mode", "distributed")
}

async fn cancel(wire: &mut Wire, info: &FlightInfo) -> Result<CancelStatus, Status> {
    let body = CancelFlightInfoRequest { info: Some(info.clone()) }.encode_to_vec();
    let answers = wire.act("CancelFlightInfo", body).await?;
    let result = CancelFlightInfoResult::decode(answers[0].as_slice()).unwrap();
    Ok(CancelStatus::try_from(result.status).unwrap())
}

async fn renew(wire: &mut Wire, endpoint: &FlightEndpoint) -> Result<FlightEndpoint, Status> {
    let body = RenewFlightEndpointRequest { endpoint: Some(endpoint.clone()) }.encode_to_vec();
    let answers = wire.act("RenewFlightEndpoint", body).await?;
    Ok(FlightEndpoint::decode(answers[0].as_slice()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_query_is_gone_from_every_node() {
    let cluster = TestCluster::start(3, fixtures::tpch()).await;
    let info = wire(&cluster, 0).await.execute(LINES).await.unwrap();
    assert_eq!(cancel(&mut wire(&cluster, 1).await, &info).await.unwrap(), CancelStatus::Cancelled);
    for ticket in tickets(&info) {
        let error = wire(&cluster, 2).await.get(&ticket).await.unwrap_err();
        assert_eq!(error.code(), Code::Cancelled, "{error}");
        assert!(error.message().contains("cancelled by its client"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_older_action_cancels_too() {
    let cluster = TestCluster::start(2, fixtures::tpch()).await;
    let info = wire(&cluster, 0).await.execute(LINES).await.unwrap();
    let request = ActionCancelQueryRequest { info: info.encode_to_vec().into() };
    let mut other = wire(&cluster, 1).await;
    let answers = other.act("CancelQuery", request.as_any().encode_to_vec()).await.unwrap();
    let any = Any::decode(answers[0].as_slice()).unwrap();
    let result = any.unpack::<ActionCancelQueryResult>().unwrap().unwrap();
    assert_eq!(result.result().as_str_name(), "CANCEL_RESULT_CANCELLED");
    let error = other.get(&tickets(&info)[0]).await.unwrap_err();
    assert_eq!(error.code(), Code::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_cancelled_is_said() {
    let cluster = TestCluster::start(1, fixtures::tpch()).await;
    let mut wire = wire(&cluster, 0).await;
    let nothing = cancel(&mut wire, &FlightInfo::default()).await.unwrap_err();
    assert_eq!(nothing.code(), Code::InvalidArgument);
    let setting = wire.execute("SET squadron.endpoints = 'one'").await.unwrap();
    assert_eq!(cancel(&mut wire, &setting).await.unwrap(), CancelStatus::NotCancellable);
    let (first, second) = (wire.execute(LINES).await.unwrap(), wire.execute(LINES).await.unwrap());
    let both = [first.endpoint, second.endpoint].concat();
    let both = FlightInfo { endpoint: both, ..Default::default() };
    assert_eq!(cancel(&mut wire, &both).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_endpoint_is_read_again_with_its_new_ticket() {
    let cluster = TestCluster::start(2, fixtures::tpch()).await;
    let info = wire(&cluster, 0).await.execute(LINES).await.unwrap();
    for endpoint in &info.endpoint {
        let renewed = renew(&mut wire(&cluster, 1).await, endpoint).await.unwrap();
        assert_eq!(renewed.location, endpoint.location);
        let (until, before) = (renewed.expiration_time.unwrap(), endpoint.expiration_time.unwrap());
        assert!((until.seconds, until.nanos) > (before.seconds, before.nanos));
        assert!(SystemTime::try_from(until).unwrap() > SystemTime::now());
        let old = endpoint.ticket.as_ref().unwrap();
        let new = renewed.ticket.as_ref().unwrap();
        let mut wire = wire(&cluster, 0).await;
        let again = (wire.get(&old.ticket).await.unwrap(), wire.get(&new.ticket).await.unwrap());
        assert_eq!(again.0, again.1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_result_is_not_renewed() {
    let cluster = TestCluster::start(1, fixtures::tpch()).await;
    let mut wire = wire(&cluster, 0).await;
    let info = wire.execute(LINES).await.unwrap();
    cancel(&mut wire, &info).await.unwrap();
    let error = renew(&mut wire, &info.endpoint[0]).await.unwrap_err();
    assert_eq!(error.code(), Code::Cancelled);
}

async fn poll(wire: &mut Wire, what: FlightDescriptor) -> Result<PollInfo, Status> {
    let mut request = wire.request(what);
    request.set_timeout(Duration::from_secs(20));
    Ok(wire.service().poll_flight_info(request).await?.into_inner())
}

/// What of an endpoint stays the same: its time is put off for as long as its query runs.
fn place(endpoint: &FlightEndpoint) -> (Option<arrow_flight::Ticket>, Vec<arrow_flight::Location>) {
    (endpoint.ticket.clone(), endpoint.location.clone())
}

fn is_to_come(endpoint: &FlightEndpoint) -> bool {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    endpoint.expiration_time.is_some_and(|time| time.seconds as u64 >= now.as_secs())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_polled_query_grows_until_all_of_it_is_there() {
    let cluster = TestCluster::start(3, fixtures::tpch()).await;
    let mut polled = poll(&mut wire(&cluster, 0).await, statement(LINES)).await.unwrap();
    let mut listed = Vec::new();
    let mut progress = 0.0;
    for node in (0..3).cycle() {
        let info = polled.info.as_ref().unwrap();
        let now: Vec<_> = info.endpoint.iter().map(place).collect();
        assert!(now.starts_with(&listed), "endpoints are only appended");
        assert!(info.endpoint.iter().all(is_to_come));
        listed = now;
        assert!(polled.progress() >= progress, "it goes forwards");
        progress = polled.progress();
        let Some(next) = polled.flight_descriptor else { break };
        polled = poll(&mut wire(&cluster, node).await, next).await.unwrap();
    }
    assert_eq!(listed.len(), 3);
    let client = cluster.client_with(1, &[]).await;
    let answer = squadron_dev::answer::read(&client, polled.info.unwrap()).await.unwrap();
    assert_eq!(answer.rows().to_string(), "60175");
}

/// More than any test waits for.
const ENDLESS: &str = "select * from generate_series(1, 9000000000000000)";

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_is_answered_within_the_clients_patience() {
    let cluster = TestCluster::start(1, fixtures::tpch()).await;
    let mut wire = wire(&cluster, 0).await;
    let mut polled = poll(&mut wire, statement(ENDLESS)).await.unwrap();
    while polled.info.as_ref().unwrap().endpoint.is_empty() {
        polled = poll(&mut wire, polled.flight_descriptor.unwrap()).await.unwrap();
    }
    // From here on nothing changes. Less patience would leave a busy machine no time for the way back.
    let mut request = wire.request(polled.flight_descriptor.unwrap());
    request.set_timeout(Duration::from_secs(5));
    let polled = wire.service().poll_flight_info(request).await.unwrap().into_inner();
    assert!(polled.flight_descriptor.is_some());
    cancel(&mut wire, &polled.info.unwrap()).await.unwrap();
    let error = poll(&mut wire, polled.flight_descriptor.unwrap()).await.unwrap_err();
    assert_eq!(error.code(), Code::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_without_an_endpoint_yet_is_cancelled_by_any_node() {
    let cluster = TestCluster::start(2, fixtures::tpch()).await;
    let nothing = "select sum(a.value) from generate_series(1, 9000000000000000) as a";
    let polled = poll(&mut wire(&cluster, 0).await, statement(nothing)).await.unwrap();
    let info = polled.info.unwrap();
    assert!(info.endpoint.is_empty());
    let mut other = wire(&cluster, 1).await;
    assert_eq!(cancel(&mut other, &info).await.unwrap(), CancelStatus::Cancelled);
    let error = poll(&mut other, polled.flight_descriptor.unwrap()).await.unwrap_err();
    assert_eq!(error.code(), Code::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_no_query_is_complete_at_once() {
    let cluster = TestCluster::start(1, fixtures::tpch()).await;
    let mut wire = wire(&cluster, 0).await;
    let polled = poll(&mut wire, statement("SET squadron.endpoints = 'one'")).await.unwrap();
    assert!(polled.flight_descriptor.is_none());
    let info = polled.info.unwrap();
    assert_eq!(info.endpoint.len(), 1);
    assert!(is_to_come(&info.endpoint[0]));
    let error = poll(&mut wire, statement("select nonsense")).await.unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
}

/// What a ticket alone can do without: each answers it when it is read.
async fn without_a_query(wire: &mut Wire) -> [FlightInfo; 2] {
    let set = wire.execute("set squadron.endpoints = 'auto'").await.unwrap();
    let command = CommandGetTableTypes {}.as_any().encode_to_vec();
    let request = wire.request(FlightDescriptor::new_cmd(command));
    [set, wire.service().get_flight_info(request).await.unwrap().into_inner()]
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_without_a_query_say_how_long_their_tickets_are_good() {
    let cluster = TestCluster::start(1, fixtures::tpch()).await;
    let mut wire = wire(&cluster, 0).await;
    for info in without_a_query(&mut wire).await {
        assert!(is_to_come(&info.endpoint[0]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_without_a_query_can_be_renewed() {
    let cluster = TestCluster::start(1, fixtures::tpch()).await;
    let mut wire = wire(&cluster, 0).await;
    for info in without_a_query(&mut wire).await {
        let old = FlightEndpoint { expiration_time: None, ..info.endpoint[0].clone() };
        let renewed = renew(&mut wire, &old).await.unwrap();
        assert!(is_to_come(&renewed));
        let tickets = [&old, &renewed].map(|endpoint| endpoint.ticket.clone().unwrap().ticket);
        for ticket in tickets {
            wire.get(&ticket).await.unwrap();
        }
    }
}
