//! What no good client sends: a precise code, a message that says what to do, and the node lives.

use arrow_flight::sql::{CommandPreparedStatementQuery, ProstMessageExt};
use arrow_flight::{
    Action, Criteria, Empty, FlightData, FlightDescriptor, HandshakeRequest, Ticket,
};
use prost::Message;
use squadron_dev::answer::ask;
use squadron_dev::cluster::TestCluster;
use squadron_dev::fixtures;
use squadron_dev::wire::Wire;
use squadron_server::client::ClientError;
use tonic::{Code, Status};

/// Bytes that are no message of any kind, and some that nearly are.
fn garbage() -> Vec<Vec<u8>> {
    let mut packed = FlightDescriptor::new_cmd(vec![1, 2, 3]).encode_to_vec();
    packed.truncate(packed.len() - 1);
    vec![
        vec![],
        vec![0],
        vec![0xff; 64],
        b"select 1".to_vec(),
        packed,
        (0..=255).cycle().take(100_000).collect(),
    ]
}

fn descriptors() -> Vec<FlightDescriptor> {
    let commands = garbage().into_iter().map(FlightDescriptor::new_cmd);
    let odd = [
        FlightDescriptor::default(),
        FlightDescriptor { r#type: 77, ..Default::default() },
        FlightDescriptor::new_path(vec![]),
        FlightDescriptor::new_path((0..9).map(|i| i.to_string()).collect()),
    ];
    commands.chain(odd).collect()
}

fn messages() -> Vec<FlightData> {
    let data = |bytes: Vec<u8>| FlightData {
        data_header: bytes.clone().into(),
        data_body: bytes.clone().into(),
        app_metadata: bytes.clone().into(),
        flight_descriptor: Some(FlightDescriptor::new_cmd(bytes)),
    };
    garbage().into_iter().map(data).chain([FlightData::default()]).collect()
}

const ACTIONS: [&str; 9] = [
    "",
    "NoSuchAction",
    "CreatePreparedStatement",
    "ClosePreparedStatement",
    "SetSessionOptions",
    "CancelFlightInfo",
    "RenewFlightEndpoint",
    "BeginTransaction",
    "squadron.open",
];

/// Sends garbage to every method; gives every refusal with the name of its method.
async fn attack(uri: &str) -> Vec<(String, Status)> {
    let mut wire = Wire::connect(uri).await.unwrap();
    let mut refused = Vec::new();
    let mut note = |what: String, outcome: Option<Status>| {
        refused.extend(outcome.map(|status| (what, status)));
    };
    for descriptor in descriptors() {
        let service = wire.service();
        note("GetFlightInfo".into(), service.get_flight_info(descriptor.clone()).await.err());
        note("GetSchema".into(), service.get_schema(descriptor.clone()).await.err());
        note("PollFlightInfo".into(), service.poll_flight_info(descriptor).await.err());
    }
    for bytes in garbage() {
        note("DoGet".into(), wire.get(&bytes).await.err());
        for action in ACTIONS {
            note(format!("DoAction {action}"), wire.act(action, bytes.clone()).await.err());
        }
        let hello = HandshakeRequest { protocol_version: 9, payload: bytes.clone().into() };
        let hello = futures::stream::iter([hello]);
        note("Handshake".into(), wire.service().handshake(hello).await.err());
        let criteria = Criteria { expression: bytes.into() };
        note("ListFlights".into(), wire.service().list_flights(criteria).await.err());
    }
    for message in messages() {
        note("DoPut".into(), wire.put(vec![message.clone()]).await.err());
        let exchanged = futures::stream::iter([message]);
        note("DoExchange".into(), wire.service().do_exchange(exchanged).await.err());
    }
    note("DoPut".into(), wire.put(Vec::new()).await.err());
    note("ListActions".into(), wire.service().list_actions(Empty {}).await.err());
    refused
}

async fn lives(cluster: &TestCluster) {
    for node in 0..2 {
        let count = cluster.ask_distributed(node, "select count(*) from nation").await.unwrap();
        assert_eq!(count.value(), "25");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_on_the_client_port_is_refused_precisely() {
    let cluster = TestCluster::start(2, fixtures::tpch()).await;
    let refused = attack(&cluster.uri(0)).await;
    assert!(refused.len() > 40, "{}", refused.len());
    for (what, status) in refused {
        let precise =
            matches!(status.code(), Code::InvalidArgument | Code::NotFound | Code::Unimplemented);
        assert!(precise && !status.message().is_empty(), "{what}: {status}");
    }
    lives(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_internal_port_takes_nothing_without_the_secret() {
    let cluster = TestCluster::start(2, fixtures::tpch()).await;
    let refused = attack(&cluster.internal_uri(0)).await;
    assert!(refused.len() > 100, "everything is refused: {}", refused.len());
    for (what, status) in refused {
        assert_eq!(status.code(), Code::Unauthenticated, "{what}: {status}");
    }
    lives(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_internal_port_takes_no_made_up_token() {
    let cluster = TestCluster::start(2, fixtures::tpch()).await;
    let wire = Wire::connect(&cluster.internal_uri(0)).await.unwrap();
    let old = format!("1.1.{}.{}", "0".repeat(32), "0".repeat(64));
    for token in ["", "1", "1.2.3.4", &old, &"9".repeat(10_000)] {
        let mut wire = wire.header("squadron-cluster", token);
        assert_eq!(
            wire.act("squadron.open", vec![]).await.unwrap_err().code(),
            Code::Unauthenticated
        );
        let request = wire.request(Ticket { ticket: vec![1].into() });
        let refused = wire.service().do_get(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
    }
    lives(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_prepared_handle_is_not_found() {
    let cluster = TestCluster::start(1, fixtures::tpch()).await;
    let mut wire = Wire::connect(&cluster.uri(0)).await.unwrap();
    let command =
        CommandPreparedStatementQuery { prepared_statement_handle: b"mine".as_ref().into() };
    let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
    let refused = wire.service().get_flight_info(descriptor).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound, "{refused}");
    assert!(refused.message().contains("prepare it again"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_of_the_internal_port_is_none_of_the_client_port() {
    let cluster = TestCluster::start(1, fixtures::tpch()).await;
    let mut wire = Wire::connect(&cluster.uri(0)).await.unwrap();
    let action = Action::new("squadron.open", vec![]);
    let refused = wire.service().do_action(action).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
}

async fn refusal(cluster: &TestCluster, sql: &str) -> Status {
    match ask(&cluster.client(0).await, sql).await {
        Err(ClientError::Server(status)) => *status,
        other => panic!("{sql}: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_statements_are_told_what_is_wrong() {
    let cluster = TestCluster::start(2, fixtures::tpch()).await;
    for (sql, code, named) in [
        ("", Code::InvalidArgument, "empty"),
        ("selec 1", Code::InvalidArgument, "selec"),
        ("select * from", Code::InvalidArgument, "Expected"),
        ("select 1; select 2", Code::InvalidArgument, "one statement at a time"),
        ("select * from nowhere", Code::NotFound, "nowhere"),
        ("select l_nothing from lineitem", Code::NotFound, "l_nothing"),
        ("select no_such_function(1)", Code::InvalidArgument, "no_such_function"),
        ("select cast('x' as int)", Code::InvalidArgument, "x"),
        ("select 1 / 0", Code::InvalidArgument, "zero"),
        ("select ?", Code::InvalidArgument, "parameters"),
        ("drop table lineitem", Code::InvalidArgument, "comes and goes"),
        ("insert into nation select * from nation", Code::Unimplemented, "CREATE TABLE"),
    ] {
        let refused = refusal(&cluster, sql).await;
        assert_eq!(refused.code(), code, "{sql}: {refused}");
        assert!(refused.message().contains(named), "{sql}: {refused}");
        assert!(refused.message().len() < 4096, "{sql}");
    }
    lives(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_on_a_worker_is_the_clients_to_see() {
    let cluster = TestCluster::start(3, fixtures::tpch()).await;
    let sql = "select cast(l_comment as bigint) from lineitem";
    let client = cluster.client_with(0, &[("squadron-execution-mode", "distributed")]).await;
    let info = client.execute(sql).await.unwrap();
    assert_eq!(info.endpoint.len(), 3);
    for endpoint in &info.endpoint {
        let mut wire = Wire::connect(&cluster.uri(0)).await.unwrap();
        let ticket = endpoint.ticket.clone().unwrap().ticket;
        let refused = wire.get(&ticket).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "every endpoint ends alike: {refused}");
        assert!(refused.message().contains("cast"), "{refused}");
    }
    lives(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("broken");
    std::fs::create_dir(&table).unwrap();
    let whole = std::fs::read(fixtures::tpch().join("lineitem/part-001.parquet")).unwrap();
    std::fs::write(table.join("part-1.parquet"), &whole[..whole.len() / 2]).unwrap();
    let cluster = TestCluster::start(2, folder.path()).await;
    let refused = refusal(&cluster, "select * from broken").await;
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");
    assert!(refused.message().contains("part-1.parquet"), "{refused}");
}

/// Planning sees the footer only: this file breaks when it is read.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_breaks_while_it_is_read_fails_every_endpoint() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("lineitem");
    std::fs::create_dir(&table).unwrap();
    for part in ["part-001.parquet", "part-002.parquet"] {
        let mut bytes = std::fs::read(fixtures::tpch().join("lineitem").join(part)).unwrap();
        let half = bytes.len() / 2;
        bytes[half..half + 20_000].fill(0xee);
        std::fs::write(table.join(part), bytes).unwrap();
    }
    let cluster = TestCluster::start(2, folder.path()).await;
    for mode in ["local", "distributed"] {
        let client = cluster.client_with(0, &[("squadron-execution-mode", mode)]).await;
        let refused = match ask(&client, "select * from lineitem").await {
            Err(ClientError::Server(status)) => *status,
            other => panic!("{mode}: {other:?}"),
        };
        assert_eq!(refused.code(), Code::FailedPrecondition, "{mode}: {refused}");
        assert!(refused.message().contains("a file of lineitem"), "{mode}: {refused}");
    }
    assert_eq!(cluster.ask(0, "select 1").await.unwrap().value(), "1");
}

/// As BI tools write them: a tree as deep as the text is long.
#[tokio::test(flavor = "multi_thread")]
async fn deep_statements_are_answered_or_refused_and_never_end_a_node() {
    let cluster = TestCluster::start(2, fixtures::tpch()).await;
    let keys = |count: usize| (0..count).map(|key| format!("n_nationkey = {key}"));
    let any_of = |count: usize| keys(count).collect::<Vec<_>>().join(" or ");
    let sql = format!("select count(*) from nation where {}", any_of(600));
    assert_eq!(cluster.ask(0, &sql).await.unwrap().value(), "25");
    assert_eq!(cluster.ask_distributed(0, &sql).await.unwrap().value(), "25");
    let sql = format!("select count(*) from nation where {}", any_of(20_000));
    let refused = refusal(&cluster, &sql).await;
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    assert!(refused.message().contains("IN ("), "{refused}");
    lives(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_no_query_can_run_with_are_refused() {
    let cluster = TestCluster::start(2, fixtures::tpch()).await;
    for (setting, named) in [
        ("datafusion.execution.target_partitions = 20000", "256"),
        ("distributed.file_scan_config_bytes_per_partition = 0", "takes 1"),
        ("distributed.compression = 'bogus'", "lz4"),
    ] {
        let refused = refusal(&cluster, &format!("set {setting}")).await;
        assert_eq!(refused.code(), Code::InvalidArgument, "{setting}: {refused}");
        assert!(refused.message().contains(named), "{setting}: {refused}");
    }
    lives(&cluster).await;
}
