//! `SET` lasts for the session, however a client names its session: by connection, by token, by
//! cookie; headers last for one call.

use std::collections::HashMap;
use std::time::Duration;

use arrow_flight::sql::{
    ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult, Any,
    CommandPreparedStatementUpdate, CommandStatementUpdate, DoPutUpdateResult, ProstMessageExt,
};
use arrow_flight::{FlightData, FlightDescriptor, FlightInfo, SchemaAsIpc};
use datafusion::arrow::datatypes::Schema;
use datafusion::arrow::ipc::writer::IpcWriteOptions;
use futures::{StreamExt, stream};
use prost::Message;
use squadron_dev::answer::ask;
use squadron_dev::cluster::TestCluster;
use squadron_dev::fixtures;
use squadron_dev::wait::wait_for;
use squadron_dev::wire::{Wire, tickets};
use squadron_server::client::ClientError;
use squadron_server::flight::session_options::{
    CLOSED, CloseSessionResult, GetSessionOptionsResult, NOT_CLOSEABLE, OptionValue,
    SessionOptionValue, SetSessionOptionsRequest, SetSessionOptionsResult,
};
use tonic::{Code, Status};

const SCAN: &str = "select l_orderkey from lineitem";
const SET: &str = "set squadron.execution_mode = 'distributed'";
const NODES: usize = 3;
const SOON: Duration = Duration::from_secs(20);

async fn cluster() -> TestCluster {
    TestCluster::start(NODES, fixtures::tpch()).await
}

/// Endpoints tell whether the setting is in force: 3 distributed, 1 local.
async fn endpoints(wire: &mut Wire) -> usize {
    wire.execute(SCAN).await.unwrap().endpoint.len()
}

async fn run(wire: &mut Wire, sql: &str) {
    let info = wire.execute(sql).await.unwrap();
    for ticket in tickets(&info) {
        wire.get(&ticket).await.unwrap();
    }
}

fn options(name: &str, value: OptionValue) -> Vec<u8> {
    let value = SessionOptionValue { option_value: Some(value) };
    let session_options = HashMap::from([(name.to_owned(), value)]);
    SetSessionOptionsRequest { session_options }.encode_to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_stays_with_its_connection() {
    let cluster = cluster().await;
    let mut wire = Wire::connect(&cluster.uri(0)).await.unwrap();
    run(&mut wire, "set squadron.execution_mode = 'local'").await;
    assert_eq!(endpoints(&mut wire).await, 1);
    run(&mut wire, SET).await;
    assert_eq!(endpoints(&mut wire).await, NODES);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_does_not_reach_another_connection() {
    let cluster = cluster().await;
    let mut wire = Wire::connect(&cluster.uri(0)).await.unwrap();
    run(&mut wire, "set squadron.endpoints = 'all'").await;
    let mut other = Wire::connect(&cluster.uri(0)).await.unwrap();
    assert_eq!(wire.execute("select 1").await.unwrap().endpoint.len(), NODES);
    assert_eq!(other.execute("select 1").await.unwrap().endpoint.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_follows_the_token_of_a_handshake() {
    let cluster = cluster().await;
    let client = cluster.client(0).await;
    client.run(SET).await.unwrap();
    client.run("set squadron.endpoints = 'one'").await.unwrap();
    assert_eq!(client.execute(SCAN).await.unwrap().endpoint.len(), 1);
    client.run("set squadron.endpoints = 'all'").await.unwrap();
    assert_eq!(client.execute(SCAN).await.unwrap().endpoint.len(), NODES);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_brings_the_default_back() {
    let cluster = cluster().await;
    let client = cluster.client(0).await;
    client.run("set squadron.endpoints = 'all'").await.unwrap();
    client.run("reset squadron.endpoints").await.unwrap();
    assert_eq!(client.execute("select 1").await.unwrap().endpoint.len(), 1);
}

/// The cookie of a new session in which every endpoint is given.
async fn cookie(wire: &mut Wire) -> String {
    let body = options("squadron.endpoints", OptionValue::String("all".into()));
    let action = wire.request(arrow_flight::Action::new("SetSessionOptions", body));
    let answer = wire.service().do_action(action).await.unwrap();
    let cookie = answer.metadata().get("set-cookie").expect("a cookie").to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_follows_the_cookie() {
    let cluster = cluster().await;
    let mut wire = Wire::connect(&cluster.uri(0)).await.unwrap();
    let cookie = cookie(&mut wire).await;
    let mut elsewhere = Wire::connect(&cluster.uri(0)).await.unwrap().header("cookie", &cookie);
    assert_eq!(elsewhere.execute("select 1").await.unwrap().endpoint.len(), NODES);
}

/// Behind a balancer a client comes to one node and then to another.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_the_same_at_every_node() {
    let cluster = cluster().await;
    let mut wire = Wire::connect(&cluster.uri(0)).await.unwrap();
    let cookie = cookie(&mut wire).await;
    for node in 0..NODES {
        let plain = Wire::connect(&cluster.uri(node)).await.unwrap();
        let mut wire = plain.header("cookie", &cookie);
        let info = wire.execute("select 1").await.unwrap();
        assert_eq!(info.endpoint.len(), NODES, "node {node}");
        for ticket in tickets(&info) {
            wire.get(&ticket).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_is_changed_at_any_node() {
    let cluster = cluster().await;
    let mut wire = Wire::connect(&cluster.uri(0)).await.unwrap();
    let cookie = cookie(&mut wire).await;
    let mut here = wire.header("cookie", &cookie);
    let mut elsewhere = Wire::connect(&cluster.uri(1)).await.unwrap().header("cookie", &cookie);
    run(&mut elsewhere, "set squadron.endpoints = 'one'").await;
    assert_eq!(here.execute(SCAN).await.unwrap().endpoint.len(), 1);
    update(&mut elsewhere, direct(ALL)).await.unwrap();
    assert_eq!(here.execute("select 1").await.unwrap().endpoint.len(), NODES);
    let one = options("squadron.endpoints", OptionValue::String("one".into()));
    elsewhere.act("SetSessionOptions", one).await.unwrap();
    assert_eq!(here.execute("select 1").await.unwrap().endpoint.len(), 1);
    let answer = elsewhere.act("GetSessionOptions", Vec::new()).await.unwrap().remove(0);
    let shown = GetSessionOptionsResult::decode(&answer[..]).unwrap().session_options;
    let endpoints = shown["squadron.endpoints"].option_value.clone();
    assert_eq!(endpoints, Some(OptionValue::String("one".into())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_closed_at_any_node_with_its_results() {
    let cluster = cluster().await;
    let mut stranger = Wire::connect(&cluster.uri(0)).await.unwrap();
    let cookie = cookie(&mut stranger).await;
    let mut wire = stranger.header("cookie", &cookie);
    let mut elsewhere = Wire::connect(&cluster.uri(2)).await.unwrap().header("cookie", &cookie);
    let mine = wire.execute(SCAN).await.unwrap();
    let answer = elsewhere.act("CloseSession", Vec::new()).await.unwrap().remove(0);
    assert_eq!(CloseSessionResult::decode(&answer[..]).unwrap().status, CLOSED);
    for ticket in tickets(&mine) {
        assert_eq!(wire.get(&ticket).await.unwrap_err().code(), Code::Cancelled);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_of_a_session_that_was_closed_begins_another() {
    let cluster = cluster().await;
    let mut stranger = Wire::connect(&cluster.uri(0)).await.unwrap();
    let cookie = cookie(&mut stranger).await;
    let mut wire = stranger.header("cookie", &cookie);
    let mut elsewhere = Wire::connect(&cluster.uri(2)).await.unwrap().header("cookie", &cookie);
    wire.act("CloseSession", Vec::new()).await.unwrap();
    assert_eq!(elsewhere.execute("select 1").await.unwrap().endpoint.len(), 1);
    run(&mut elsewhere, "set squadron.endpoints = 'all'").await;
    assert_eq!(elsewhere.execute("select 1").await.unwrap().endpoint.len(), NODES);
    assert_eq!(wire.execute("select 1").await.unwrap().endpoint.len(), NODES);
}

/// Its settings are gone: with others it would do something else than was asked for.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_node_is_gone_is_no_more() {
    let cluster = cluster().await;
    let gone = format!("arrow_flight_session_id={}.nobody", "0".repeat(32));
    let mut wire = Wire::connect(&cluster.uri(1)).await.unwrap().header("cookie", &gone);
    let refused = wire.execute("select 1").await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated, "{refused}");
    assert!(refused.message().contains("nobody"), "{refused}");
    let answer = wire.act("CloseSession", Vec::new()).await.unwrap().remove(0);
    assert_eq!(CloseSessionResult::decode(&answer[..]).unwrap().status, NOT_CLOSEABLE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_is_for_its_call_alone() {
    let cluster = cluster().await;
    let mut wire = Wire::connect(&cluster.uri(0)).await.unwrap();
    let mut with = wire.header("squadron-endpoints", "all");
    assert_eq!(with.execute("select 1").await.unwrap().endpoint.len(), NODES);
    assert_eq!(wire.execute("select 1").await.unwrap().endpoint.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn session_options_are_set_shown_and_named_when_wrong() {
    let cluster = cluster().await;
    let mut wire = Wire::connect(&cluster.uri(0)).await.unwrap();
    for (name, value, error) in [
        ("squadron.execution_mode", "local", None),
        ("squadron.execution_mode", "elsewhere", Some(2)),
        ("squadron.nothing", "x", Some(1)),
    ] {
        let body = options(name, OptionValue::String(value.into()));
        let answer = wire.act("SetSessionOptions", body).await.unwrap().remove(0);
        let errors = SetSessionOptionsResult::decode(&answer[..]).unwrap().errors;
        assert_eq!(errors.get(name).map(|error| error.value), error, "{name} = {value}");
    }
    let answer = wire.act("GetSessionOptions", Vec::new()).await.unwrap().remove(0);
    let shown = GetSessionOptionsResult::decode(&answer[..]).unwrap().session_options;
    let mode = shown["squadron.execution_mode"].option_value.clone();
    assert_eq!(mode, Some(OptionValue::String("local".into())));
}

async fn error_of(wire: &mut Wire, name: &str, value: &str) -> Option<i32> {
    let body = options(name, OptionValue::String(value.into()));
    let answer = wire.act("SetSessionOptions", body).await.unwrap().remove(0);
    let errors = SetSessionOptionsResult::decode(&answer[..]).unwrap().errors;
    errors.get(name).map(|error| error.value)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_or_schema_that_is_not_there_is_refused() {
    let cluster = cluster().await;
    let mut wire = Wire::connect(&cluster.uri(0)).await.unwrap();
    for (name, value, error) in [
        ("catalog", "nope", Some(2)),
        ("schema", "nope", Some(2)),
        ("catalog", "", None),
        ("catalog", "squadron", None),
        ("schema", "information_schema", None),
        ("schema", "public", None),
    ] {
        assert_eq!(error_of(&mut wire, name, value).await, error, "{name} = {value}");
    }
    wire.execute("select * from nation").await.unwrap();
}

/// A proxy gives the connection to the next client.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_with_a_cookie_has_set_is_no_other_clients() {
    let cluster = cluster().await;
    let mut stranger = Wire::connect(&cluster.uri(0)).await.unwrap();
    let cookie = cookie(&mut stranger).await;
    let mut wire = stranger.header("cookie", &cookie);
    assert_eq!(wire.execute("select 1").await.unwrap().endpoint.len(), NODES);
    assert_eq!(stranger.execute("select 1").await.unwrap().endpoint.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_session_that_is_closed_starts_anew() {
    let cluster = cluster().await;
    let mut wire = Wire::connect(&cluster.uri(0)).await.unwrap();
    assert_eq!(error_of(&mut wire, "squadron.endpoints", "all").await, None);
    assert_eq!(wire.execute("select 1").await.unwrap().endpoint.len(), NODES);
    wire.act("CloseSession", Vec::new()).await.unwrap();
    assert_eq!(wire.execute("select 1").await.unwrap().endpoint.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_comes_with_each_call_is_not_set_in_vain() {
    let cluster = cluster().await;
    let wire = Wire::connect(&cluster.uri(0)).await.unwrap();
    let mut wire = wire.header("squadron-endpoints", "one");
    let refused = wire.execute("set squadron.endpoints = 'all'").await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    assert!(refused.message().contains("header"), "{refused}");
}

async fn refused(cluster: &TestCluster, sql: &str) -> (Code, String) {
    match ask(&cluster.client(0).await, sql).await.unwrap_err() {
        ClientError::Server(status) => (status.code(), status.message().to_owned()),
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_option_is_refused_with_the_ones_there_are() {
    let cluster = cluster().await;
    let (code, text) = refused(&cluster, "set squadron.nothing = 'x'").await;
    assert_eq!(code, Code::InvalidArgument, "{text}");
    assert!(
        text.contains("squadron.nothing") && text.contains("squadron.execution_mode"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_value_is_refused_with_the_ones_there_are() {
    let cluster = cluster().await;
    let (code, text) = refused(&cluster, "set squadron.execution_mode = 'elsewhere'").await;
    assert_eq!(code, Code::InvalidArgument, "{text}");
    assert!(text.contains("elsewhere") && text.contains("auto, local, distributed"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_headers_are_refused_by_name() {
    let cluster = cluster().await;
    let wire = Wire::connect(&cluster.uri(0)).await.unwrap();
    let cases =
        [("squadron-nothing", "x", "squadron-nothing"), ("squadron-endpoints", "seven", "seven")];
    for (header, value, named) in cases {
        let refused = wire.header(header, value).execute("select 1").await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
        assert!(refused.message().contains(named), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nodes_own_settings_are_no_sessions() {
    let cluster = cluster().await;
    let (code, text) = refused(&cluster, "set datafusion.runtime.memory_limit = '1G'").await;
    assert_eq!(code, Code::InvalidArgument, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_results_of_a_closed_session_go_with_it() {
    let cluster = cluster().await;
    let mut stranger = Wire::connect(&cluster.uri(0)).await.unwrap();
    let cookie = cookie(&mut stranger).await;
    let mut wire = stranger.header("cookie", &cookie);
    let (mine, others) = (wire.execute(SCAN).await.unwrap(), stranger.execute(SCAN).await.unwrap());
    for ticket in tickets(&mine) {
        wire.get(&ticket).await.unwrap();
    }
    wire.act("CloseSession", Vec::new()).await.unwrap();
    for ticket in tickets(&mine) {
        assert_eq!(wire.get(&ticket).await.unwrap_err().code(), Code::Cancelled);
    }
    for ticket in tickets(&others) {
        stranger.get(&ticket).await.unwrap();
    }
}

/// Sends the first messages of a DoPut and reads the answer, without ever ending its own side.
async fn update(wire: &mut Wire, first: FlightData) -> Result<Vec<DoPutUpdateResult>, Status> {
    let batch = FlightData { data_header: vec![0; 8].into(), ..Default::default() };
    let request = wire.request(stream::iter([first, batch]).chain(stream::pending()));
    let mut answers = wire.service().do_put(request).await?.into_inner();
    let mut results = Vec::new();
    while let Some(answer) = answers.message().await? {
        results.push(DoPutUpdateResult::decode(answer.app_metadata).unwrap());
    }
    Ok(results)
}

fn first(command: &impl ProstMessageExt, schema: Option<&Schema>) -> FlightData {
    let options = IpcWriteOptions::default();
    let message = schema.map(|schema| FlightData::from(SchemaAsIpc::new(schema, &options)));
    let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
    message.unwrap_or_default().with_descriptor(descriptor)
}

fn direct(sql: &str) -> FlightData {
    let command = CommandStatementUpdate { query: sql.to_owned(), transaction_id: None };
    first(&command, None)
}

async fn prepare(wire: &mut Wire, sql: &str) -> CommandPreparedStatementUpdate {
    let request =
        ActionCreatePreparedStatementRequest { query: sql.to_owned(), transaction_id: None };
    let body = request.as_any().encode_to_vec();
    let answer = wire.act("CreatePreparedStatement", body).await.unwrap().remove(0);
    let result = Any::decode(&answer[..]).unwrap();
    let result: ActionCreatePreparedStatementResult = result.unpack().unwrap().unwrap();
    let handle = result.prepared_statement_handle;
    CommandPreparedStatementUpdate { prepared_statement_handle: handle }
}

const ALL: &str = "set squadron.endpoints = 'all'";

#[tokio::test(flavor = "multi_thread")]
async fn an_update_sets_and_resets() {
    let cluster = cluster().await;
    let mut wire = Wire::connect(&cluster.uri(0)).await.unwrap();
    for (sql, endpoints) in [(ALL, NODES), ("reset squadron.endpoints", 1)] {
        let results = update(&mut wire, direct(sql)).await.unwrap();
        assert_eq!(results, [DoPutUpdateResult { record_count: 0 }]);
        assert_eq!(wire.execute("select 1").await.unwrap().endpoint.len(), endpoints);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_update_runs_when_it_is_executed() {
    let cluster = cluster().await;
    for schema in [None, Some(Schema::empty())] {
        let mut wire = Wire::connect(&cluster.uri(0)).await.unwrap();
        let prepared = prepare(&mut wire, ALL).await;
        assert_eq!(wire.execute("select 1").await.unwrap().endpoint.len(), 1, "only prepared");
        let results = update(&mut wire, first(&prepared, schema.as_ref())).await.unwrap();
        assert_eq!(results, [DoPutUpdateResult { record_count: 0 }]);
        assert_eq!(wire.execute("select 1").await.unwrap().endpoint.len(), NODES);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_would_give_rows_is_refused() {
    let cluster = cluster().await;
    let mut wire = Wire::connect(&cluster.uri(0)).await.unwrap();
    let prepared = prepare(&mut wire, "select 1").await;
    for message in [direct("select 1"), first(&prepared, None)] {
        let refused = update(&mut wire, message).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
        assert!(refused.message().contains("GetFlightInfo"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_updates_are_not_supported() {
    let cluster = cluster().await;
    let mut wire = Wire::connect(&cluster.uri(0)).await.unwrap();
    let refused = update(&mut wire, direct("create index i on t (a)")).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented, "{refused}");
}

/// Reads all of a result, until nobody reads it any more.
async fn read(cluster: &TestCluster, wire: &mut Wire, info: &FlightInfo) {
    for ticket in tickets(info) {
        wire.get(&ticket).await.unwrap();
    }
    let readers = || cluster.usage().iter().map(|usage| usage.readers).sum::<u64>();
    wait_for("every reader is gone", SOON, || readers() == 0).await;
}

fn results(cluster: &TestCluster) -> Vec<u64> {
    cluster.usage().iter().map(|usage| usage.results).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_plain_client_has_read_goes_when_it_closes() {
    let cluster = TestCluster::start(2, fixtures::tpch()).await;
    let plain = Wire::connect(&cluster.uri(0)).await.unwrap();
    let mut wire = plain.header("squadron-execution-mode", "distributed");
    let (mine, later) = (wire.execute(SCAN).await.unwrap(), wire.execute(SCAN).await.unwrap());
    assert_eq!(mine.endpoint.len(), 2);
    read(&cluster, &mut wire, &mine).await;
    let running = || cluster.usage().iter().map(|usage| usage.running).sum::<u64>();
    wait_for("both are complete", SOON, || running() == 0).await;
    let answer = wire.act("CloseSession", Vec::new()).await.unwrap().remove(0);
    assert_eq!(CloseSessionResult::decode(&answer[..]).unwrap().status, CLOSED);
    assert_eq!(results(&cluster), [1, 1], "the one that nobody has read");
    for ticket in tickets(&mine) {
        assert_eq!(wire.get(&ticket).await.unwrap_err().code(), Code::NotFound);
    }
    read(&cluster, &mut wire, &later).await;
}

/// Connections break: reading again is what a client does then.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_plain_client_has_read_stays_when_its_connection_ends() {
    let cluster = TestCluster::start(2, fixtures::tpch()).await;
    let plain = Wire::connect(&cluster.uri(0)).await.unwrap();
    let mut wire = plain.header("squadron-execution-mode", "distributed");
    let mine = wire.execute(SCAN).await.unwrap();
    read(&cluster, &mut wire, &mine).await;
    drop((plain, wire));
    let mut again = Wire::connect(&cluster.uri(0)).await.unwrap();
    read(&cluster, &mut again, &mine).await;
}
