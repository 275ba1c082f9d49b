//! A client that polls is answered in time, however long its statement is planned, and nothing is left of
//! that when it is over.

use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::{CommandStatementQuery, ProstMessageExt};
use arrow_flight::{CancelFlightInfoRequest, FlightDescriptor, PollInfo};
use datafusion::arrow::array::AsArray;
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::Int64Type;
use datafusion::prelude::SessionConfig;
use futures::TryStreamExt;
use prost::Message;
use squadron_planner::options::{Endpoints, SquadronOptions};
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

use super::planning::{Seen, kept_waiting, nobody_waits};
use super::*;
use crate::auth::ANONYMOUS;
use crate::flight::caller::COOKIE;
use crate::flight::lifetime::cancel_flight_info;
use crate::flight::service::ClientService;
use crate::flight::testing::{from_anybody, open_gate};
use crate::session::Sessions;

/// Longer than anything is waited for.
const LONG: Duration = Duration::from_secs(3600);

/// The client-facing service of a node, asked without a wire, which would end a call itself.
fn service(node: &TestNode, sessions: &Arc<Sessions>) -> ClientService {
    ClientService::new(Arc::clone(node.queries()), Arc::clone(sessions), open_gate())
}

fn sessions(node: &TestNode) -> Arc<Sessions> {
    Arc::new(Sessions::new("a", node.queries().planner().engine().session_config()))
}

fn statement(sql: &str) -> FlightDescriptor {
    let command = CommandStatementQuery { query: sql.to_owned(), transaction_id: None };
    FlightDescriptor::new_cmd(command.as_any().encode_to_vec())
}

/// Headers of a client that waits for no more than the way there and back.
const HURRIED: (&str, &str) = ("grpc-timeout", "1m");

async fn poll(
    node: &TestNode,
    what: FlightDescriptor,
    headers: &[(&'static str, &'static str)],
) -> Result<PollInfo, Status> {
    let mut request = from_anybody(what);
    for (name, value) in headers {
        request.metadata_mut().insert(*name, MetadataValue::from_static(value));
    }
    let service = service(node, &sessions(node));
    soon(service.poll_flight_info(request)).await.map(tonic::Response::into_inner)
}

/// The handle of the next poll of a statement that is being planned.
fn planned(polled: &PollInfo) -> FlightDescriptor {
    let info = polled.info.as_ref().unwrap();
    let told: serde_json::Value = serde_json::from_slice(&info.app_metadata).unwrap();
    assert_eq!(told["state"], "planning");
    assert!(info.endpoint.is_empty() && polled.expiration_time.is_some());
    polled.flight_descriptor.clone().unwrap()
}

/// Each level doubles what is to be planned.
fn planned_for_long(levels: usize) -> String {
    let mut sql = "WITH c0 AS (SELECT v AS x FROM t)".to_owned();
    for level in 1..=levels {
        let before = level - 1;
        sql += &format!(", c{level} AS (SELECT x + x AS x FROM c{before} WHERE x >= 0)");
    }
    format!("{sql} SELECT x FROM c{levels} WHERE x >= 0")
}

async fn column(node: &TestNode, info: arrow_flight::FlightInfo) -> Vec<i64> {
    let mut values = Vec::new();
    for endpoint in info.endpoint {
        let stream = node.stream(endpoint.ticket.unwrap()).await.unwrap();
        let stream = FlightRecordBatchStream::new_from_flight_data(stream.map_err(Into::into));
        let batches: Vec<_> = soon(stream.try_collect()).await.unwrap();
        let Some(first) = batches.first() else { continue };
        let all = concat_batches(&first.schema(), &batches).unwrap();
        values.extend(all.column(0).as_primitive::<Int64Type>().values());
    }
    values.sort_unstable();
    values
}

#[tokio::test]
async fn polls_of_any_node_come_to_the_result_of_what_is_planned_for_long() {
    let cluster = Plan::of(2).table().await.start().await;
    let [asked, other] = &cluster.nodes[..] else { panic!("two nodes") };
    let first = poll(asked, statement(&planned_for_long(8)), &[HURRIED]).await.unwrap();
    let mut next = Some(planned(&first));
    let mut last = first;
    while let Some(handle) = next {
        last = poll(other, handle, &[]).await.unwrap();
        next = last.flight_descriptor.clone();
    }
    let expected: Vec<i64> = (0..4000).map(|value| value << 8).collect();
    assert_eq!(column(other, last.info.unwrap()).await, expected);
    assert!(asked.queries().plannings.is_empty());
}

#[tokio::test]
async fn a_statement_is_cancelled_while_it_is_planned() {
    let (cluster, mut seen, _server) = kept_waiting().await;
    let node = &cluster.nodes[0];
    let first = poll(node, statement("SELECT * FROM x"), &[HURRIED]).await.unwrap();
    assert_eq!(soon(seen.recv()).await, Some(Seen::Asked));
    let again = poll(node, planned(&first), &[HURRIED]).await.unwrap();
    let next = planned(&again);
    assert_eq!(node.queries().pending().running.len(), 1, "a node that drains waits for it");
    let request = CancelFlightInfoRequest { info: first.info };
    cancel_flight_info(&request.encode_to_vec(), ANYONE, node.queries()).await.unwrap();
    nobody_waits(seen).await;
    assert_eq!(poll(node, next, &[]).await.unwrap_err().code(), Code::Cancelled);
    assert!(node.queries().pending().is_none());
}

#[tokio::test]
async fn an_error_of_planning_is_told_to_the_polls_that_follow() {
    let (cluster, _seen, _server) = kept_waiting().await;
    let node = &cluster.nodes[0];
    let headers = [HURRIED, ("squadron-query-timeout", "1s")];
    let first = poll(node, statement("SELECT * FROM x"), &headers).await.unwrap();
    for _ in 0..2 {
        let error = poll(node, planned(&first), &[]).await.unwrap_err();
        assert_eq!(error.code(), Code::DeadlineExceeded);
        assert!(error.message().contains("--query-timeout"), "{error}");
    }
}

#[tokio::test]
async fn an_error_that_the_first_poll_tells_leaves_nothing() {
    let cluster = Plan::of(1).start().await;
    let node = &cluster.nodes[0];
    let error = poll(node, statement("SELECT nonsense"), &[]).await.unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
    assert!(node.queries().plannings.is_empty());
}

#[tokio::test]
async fn a_first_poll_that_is_given_up_ends_its_planning() {
    let (cluster, mut seen, _server) = kept_waiting().await;
    let node = &cluster.nodes[0];
    let mut call = Box::pin(poll(node, statement("SELECT * FROM x"), &[]));
    soon(async {
        tokio::select! {
            _ = &mut call => panic!("it cannot be planned without the file"),
            _ = seen.recv() => {}
        }
    })
    .await;
    drop(call);
    nobody_waits(seen).await;
}

#[tokio::test]
async fn what_nobody_polls_any_more_is_not_planned_on() {
    let (cluster, mut seen, _server) = kept_waiting().await;
    let node = &cluster.nodes[0];
    let first = poll(node, statement("SELECT * FROM x"), &[HURRIED]).await.unwrap();
    assert_eq!(soon(seen.recv()).await, Some(Seen::Asked));
    let queries = node.queries();
    queries.end_unpolled(std::time::Instant::now());
    let next = planned(&poll(node, planned(&first), &[HURRIED]).await.unwrap());
    let later = std::time::Instant::now() + LONG;
    queries.end_unpolled(later);
    nobody_waits(seen).await;
    let error = poll(node, next, &[]).await.unwrap_err();
    assert!(error.message().contains("--result-keep"), "{error}");
    until(|| {
        queries.end_unpolled(later);
        queries.plannings.is_empty()
    })
    .await;
}

#[tokio::test]
async fn no_query_comes_of_what_was_cancelled_while_it_was_planned() {
    let cluster = Plan::of(1).start().await;
    let node = &cluster.nodes[0];
    let queries = node.queries();
    let opening = opening(node);
    let begun = queries.begin(opening.query, &caller(node), std::future::pending()).unwrap();
    assert_eq!(queries.cancel(begun.query()).await.unwrap(), Cancelled::Yes);
    let record = Arc::new(Record::new(opening, Vec::new(), Arc::default()));
    let error = queries.register(record).unwrap_err();
    assert!(error.to_string().contains("cancelled"), "{error}");
}

#[tokio::test]
async fn no_more_is_planned_for_polls_than_may_run_and_wait() {
    let cluster = Plan::of(1).start().await;
    let node = &cluster.nodes[0];
    let begin = || node.queries().begin(Uuid::now_v7(), &caller(node), std::future::pending());
    let most = node.queries().admission.most();
    let begun: Vec<_> = (0..most).map(|_| begin().unwrap()).collect();
    let refused = begin().unwrap_err();
    assert!(refused.to_string().contains("--queued-queries"), "{refused}");
    drop(begun);
    drop(begin().unwrap());
}

fn endpoints(settings: &SessionConfig) -> Endpoints {
    settings.options().extensions.get::<SquadronOptions>().unwrap().endpoints
}

#[tokio::test]
async fn a_setting_is_changed_whether_its_first_poll_waits_or_not() {
    let cluster = Plan::of(1).start().await;
    let node = &cluster.nodes[0];
    let sessions = sessions(node);
    let (name, session) = sessions.create(&ANONYMOUS.into()).unwrap();
    let mut what = statement("SET squadron.endpoints = 'one'");
    let info = loop {
        let mut request = from_anybody(what);
        request.metadata_mut().insert(HURRIED.0, MetadataValue::from_static(HURRIED.1));
        request.metadata_mut().insert("cookie", format!("{COOKIE}={name}").parse().unwrap());
        let polled = soon(service(node, &sessions).poll_flight_info(request)).await.unwrap();
        let polled = polled.into_inner();
        match polled.flight_descriptor {
            Some(next) => what = next,
            None => break polled.info.unwrap(),
        }
    };
    assert_eq!(info.endpoint.len(), 1);
    assert!(matches!(endpoints(&session.settings()), Endpoints::One));
}

#[tokio::test]
async fn a_session_that_is_closed_ends_what_is_planned_for_it() {
    let cluster = Plan::of(1).start().await;
    let node = &cluster.nodes[0];
    let queries = node.queries();
    let caller = Caller { session: Some("s".into()), ..caller(node) };
    let begun = queries.begin(Uuid::now_v7(), &caller, std::future::pending()).unwrap();
    queries.close_session("s").await;
    let error = soon(queries.planned(begun.query(), LONG)).await.unwrap_err();
    assert_eq!(error.code(), Code::Cancelled);
}
