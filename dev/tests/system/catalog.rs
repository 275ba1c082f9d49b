//! What SQL makes: found at every node at once, kept over a restart, and made once or not at all.

use std::path::Path;

use arrow_flight::sql::{
    ActionCreatePreparedStatementRequest, CommandStatementUpdate, ProstMessageExt,
};
use arrow_flight::{FlightData, FlightDescriptor};
use futures::future::join_all;
use prost::Message;
use squadron_dev::answer::ask;
use squadron_dev::cluster::{ClusterOptions, TestCluster};
use squadron_dev::fixtures;
use squadron_dev::wire::Wire;
use squadron_server::client::ClientError;
use tonic::Code;

const NODES: usize = 3;
const COUNT: &str = "select count(*) from lineitem";
const VIEW: &str = "create view cheap as select * from lineitem where l_extendedprice < 10000";

async fn cluster() -> TestCluster {
    TestCluster::start(NODES, fixtures::tpch()).await
}

async fn run(cluster: &TestCluster, node: usize, sql: &str) -> Result<(), ClientError> {
    cluster.client(node).await.run(sql).await
}

async fn value(cluster: &TestCluster, node: usize, sql: &str) -> String {
    cluster.ask(node, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}")).value()
}

/// What a statement is refused with.
async fn refused(cluster: &TestCluster, node: usize, sql: &str) -> (Code, String) {
    match run(cluster, node, sql).await {
        Err(ClientError::Server(status)) => (status.code(), status.message().to_owned()),
        other => panic!("{sql}: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_made_at_one_node_is_found_at_all() {
    let cluster = cluster().await;
    run(&cluster, 0, VIEW).await.unwrap();
    let plain = "select count(*) from lineitem where l_extendedprice < 10000";
    let expected = value(&cluster, 0, plain).await;
    for node in 0..NODES {
        assert_eq!(value(&cluster, node, "select count(*) from cheap").await, expected);
        let distributed = cluster.ask_distributed(node, "select * from cheap").await.unwrap();
        assert_eq!(distributed.rows().to_string(), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_is_there_after_a_restart() {
    let warehouse = tempfile::tempdir().unwrap();
    let path = warehouse.path().display().to_string();
    let start = async || {
        let path = path.clone();
        let options = ClusterOptions::new(2).data(fixtures::tpch());
        options.adjust(move |_, args| args.warehouse = Some(path.clone())).start().await
    };
    let before = start().await;
    run(&before, 0, "create schema sales").await.unwrap();
    run(&before, 1, "create view sales.all_lines as select * from public.lineitem").await.unwrap();
    let expected = value(&before, 0, COUNT).await;
    drop(before);
    let after = start().await;
    assert_eq!(value(&after, 1, "select count(*) from sales.all_lines").await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_comes_and_goes() {
    let cluster = cluster().await;
    run(&cluster, 0, "create schema sales").await.unwrap();
    run(&cluster, 1, "create schema if not exists sales").await.unwrap();
    assert_eq!(refused(&cluster, 2, "create schema sales").await.0, Code::AlreadyExists);
    run(&cluster, 1, "create view sales.v as select 1 as a").await.unwrap();
    let (code, why) = refused(&cluster, 2, "drop schema sales").await;
    assert_eq!(code, Code::InvalidArgument);
    assert!(why.contains("CASCADE"), "{why}");
    run(&cluster, 2, "drop schema sales cascade").await.unwrap();
    for node in 0..NODES {
        let gone = cluster.ask(node, "select * from sales.v").await.unwrap_err();
        assert!(matches!(gone, ClientError::Server(it) if it.code() == Code::NotFound));
    }
    assert_eq!(refused(&cluster, 0, "drop schema sales").await.0, Code::NotFound);
    run(&cluster, 0, "drop schema if exists sales").await.unwrap();
    assert_eq!(refused(&cluster, 0, "drop schema public").await.0, Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_made_replaced_and_dropped_once() {
    let cluster = cluster().await;
    run(&cluster, 0, "create view v as select 1 as a").await.unwrap();
    assert_eq!(refused(&cluster, 1, "create view v as select 2 as a").await.0, Code::AlreadyExists);
    run(&cluster, 1, "create view if not exists v as select 2 as a").await.unwrap();
    assert_eq!(value(&cluster, 2, "select a from v").await, "1");
    run(&cluster, 2, "create or replace view v (b) as select 3 as a").await.unwrap();
    assert_eq!(value(&cluster, 0, "select b from v").await, "3");
    assert_eq!(refused(&cluster, 0, "drop table v").await.0, Code::InvalidArgument);
    run(&cluster, 0, "drop view v").await.unwrap();
    assert_eq!(refused(&cluster, 1, "drop view v").await.0, Code::NotFound);
    run(&cluster, 1, "drop view if exists v").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_make_the_same_at_once_one_does() {
    let cluster = cluster().await;
    let clients = join_all((0..3 * NODES).map(|client| cluster.client(client % NODES))).await;
    let made =
        join_all(clients.iter().map(|client| client.run("create view v as select 1 as a"))).await;
    let (made, refused): (Vec<_>, Vec<_>) = made.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 1);
    for refused in refused {
        let Err(ClientError::Server(status)) = refused else { panic!("{refused:?}") };
        assert_eq!(status.code(), Code::AlreadyExists, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_files_are_neither_made_nor_dropped() {
    let cluster = cluster().await;
    for (sql, expected) in [
        ("create view lineitem as select 1", Code::AlreadyExists),
        ("drop table lineitem", Code::InvalidArgument),
        ("drop view public.lineitem", Code::InvalidArgument),
    ] {
        let (code, why) = refused(&cluster, 0, sql).await;
        assert_eq!(code, expected, "{sql}");
        assert!(why.contains("comes and goes with them"), "{why}");
    }
    assert_eq!(value(&cluster, 0, COUNT).await, "60175");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_is_not_made_of_itself() {
    let cluster = cluster().await;
    run(&cluster, 0, "create view a as select 1 as x").await.unwrap();
    run(&cluster, 0, "create view b as select * from a").await.unwrap();
    for sql in [
        "create or replace view a as select * from b",
        "create or replace view a as select * from a",
    ] {
        let (code, why) = refused(&cluster, 1, sql).await;
        assert_eq!(code, Code::InvalidArgument);
        assert!(why.contains("made of itself"), "{why}");
    }
    assert_eq!(value(&cluster, 2, "select x from b").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_cannot_be_read_is_not_made() {
    let cluster = cluster().await;
    for (sql, code) in [
        ("create view v as select * from nowhere", Code::NotFound),
        ("create view v as select 1 as a, 2 as a", Code::InvalidArgument),
        ("create view v (a, b) as select 1 as a", Code::InvalidArgument),
        ("create view v as select $1 as a", Code::InvalidArgument),
        ("create view nowhere.v as select 1 as a", Code::NotFound),
        ("create view other.public.v as select 1 as a", Code::NotFound),
    ] {
        let (told, why) = refused(&cluster, 0, sql).await;
        assert_eq!(told, code, "{sql}: {why}");
    }
}

/// Its names mean what they meant to its maker.
#[tokio::test(flavor = "multi_thread")]
async fn a_view_is_of_its_makers_schema() {
    let cluster = cluster().await;
    run(&cluster, 0, "create schema sales").await.unwrap();
    let maker = cluster.client(0).await;
    maker.run("create view sales.lines as select 7 as a").await.unwrap();
    maker.run("set datafusion.catalog.default_schema = 'sales'").await.unwrap();
    maker.run("create view twice as select 2 * a as b from lines").await.unwrap();
    assert_eq!(ask(&maker, "select b from twice").await.unwrap().value(), "14");
    assert_eq!(value(&cluster, 1, "select b from sales.twice").await, "14");
    let other = cluster.client(2).await;
    other.run("use sales").await.unwrap();
    assert_eq!(ask(&other, "select b from twice").await.unwrap().value(), "14");
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_one_name_in_two_schemas_are_two() {
    let cluster = cluster().await;
    run(&cluster, 0, "create schema old").await.unwrap();
    let some = "create view old.nation as select * from nation where n_nationkey < 5";
    run(&cluster, 0, some).await.unwrap();
    for (sql, expected) in [
        (
            "select count(*) from nation join old.nation on public.nation.n_nationkey = old.nation.n_nationkey",
            "5",
        ),
        (
            "select count(*) from nation where not exists (select 1 from old.nation where old.nation.n_nationkey = public.nation.n_nationkey)",
            "20",
        ),
        (
            "select count(*) from old.nation where exists (select 1 from nation where nation.n_nationkey = old.nation.n_nationkey + 22)",
            "3",
        ),
        (
            "with nation as (select * from old.nation where old.nation.n_nationkey > 1) select count(*) from nation",
            "3",
        ),
    ] {
        assert_eq!(value(&cluster, 1, sql).await, expected, "{sql}");
    }
    let (code, why) = refused(
        &cluster,
        2,
        "select count(*) from old.nation where exists (select 1 from region as nation where nation.r_regionkey = old.nation.n_nationkey)",
    )
    .await;
    assert_eq!(code, Code::InvalidArgument, "{why}");
}

/// A folder beside the data, with a table of files in it.
fn lake(name: &str) -> tempfile::TempDir {
    let lake = tempfile::tempdir().unwrap();
    let table = lake.path().join(name);
    std::fs::create_dir(&table).unwrap();
    for entry in std::fs::read_dir(fixtures::tpch().join("nation")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), table.join(entry.file_name())).unwrap();
    }
    lake
}

async fn with_lake(lake: &Path) -> TestCluster {
    let lake = lake.display().to_string();
    let options = ClusterOptions::new(NODES).data(fixtures::tpch());
    options.adjust(move |_, args| args.allow_location = vec![lake.clone()]).start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn files_elsewhere_become_a_table_and_stay_when_it_goes() {
    let lake = lake("countries");
    let cluster = with_lake(lake.path()).await;
    let place = lake.path().join("countries");
    let sql =
        format!("create external table land stored as parquet location '{}'", place.display());
    run(&cluster, 0, &sql).await.unwrap();
    for node in 0..NODES {
        assert_eq!(value(&cluster, node, "select count(*) from land").await, "25");
        let joined = "select count(*) from land join nation using (n_nationkey)";
        assert_eq!(cluster.ask_distributed(node, joined).await.unwrap().value(), "25");
    }
    run(&cluster, 1, "drop table land").await.unwrap();
    assert!(place.read_dir().unwrap().next().is_some());
    let gone = cluster.ask(2, "select * from land").await.unwrap_err();
    assert!(matches!(gone, ClientError::Server(it) if it.code() == Code::NotFound));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_nobody_allowed_are_not_read() {
    let (lake, other) = (lake("countries"), lake_outside());
    let cluster = with_lake(lake.path()).await;
    let outside = other.path().join("countries").display().to_string();
    let climbing = format!("{}/../{}", lake.path().display(), outside.trim_start_matches("/tmp/"));
    for place in [outside.as_str(), climbing.as_str(), "/etc"] {
        let sql = format!("create external table land stored as parquet location '{place}'");
        let (code, why) = refused(&cluster, 0, &sql).await;
        assert_eq!(code, Code::PermissionDenied, "{place}: {why}");
        assert!(why.contains("--allow-location"), "{why}");
    }
}

fn lake_outside() -> tempfile::TempDir {
    lake("countries")
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_another_format_than_was_said_are_refused() {
    let lake = lake("countries");
    let cluster = with_lake(lake.path()).await;
    let place = lake.path().join("countries");
    let sql = format!("create external table land stored as csv location '{}'", place.display());
    let (code, why) = refused(&cluster, 0, &sql).await;
    assert_eq!(code, Code::FailedPrecondition, "{why}");
    assert!(why.contains("Parquet") && why.contains("STORED AS CSV"), "{why}");
}

fn put_update(sql: &str) -> Vec<FlightData> {
    let command = CommandStatementUpdate { query: sql.to_owned(), transaction_id: None };
    let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
    vec![FlightData { flight_descriptor: Some(descriptor), ..Default::default() }]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_is_carried_out_once_however_it_comes_and_not_when_it_is_prepared() {
    let cluster = cluster().await;
    let mut wire = Wire::connect(&cluster.uri(0)).await.unwrap();
    let sql = "create view v as select 1 as a";
    let prepare = ActionCreatePreparedStatementRequest { query: sql.into(), transaction_id: None };
    wire.act("CreatePreparedStatement", prepare.as_any().encode_to_vec()).await.unwrap();
    assert_eq!(refused(&cluster, 1, "drop view v").await.0, Code::NotFound);
    // Nobody reads what it answers, and it is done all the same.
    wire.execute(sql).await.unwrap();
    assert_eq!(value(&cluster, 1, "select a from v").await, "1");
    let again = wire.put(put_update(sql)).await.unwrap_err();
    assert_eq!(again.code(), Code::AlreadyExists);
    assert_eq!(wire.put(put_update("drop view v")).await.unwrap(), 1);
    assert_eq!(refused(&cluster, 1, "drop view v").await.0, Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_is_listed_at_every_node() {
    let cluster = cluster().await;
    run(&cluster, 0, "create schema sales").await.unwrap();
    run(&cluster, 0, "create view sales.v as select 1 as a").await.unwrap();
    for node in 0..NODES {
        let listed =
            "select table_type from information_schema.tables where table_schema = 'sales'";
        assert_eq!(value(&cluster, node, listed).await, "VIEW");
        let columns = "select column_name from information_schema.columns where table_name = 'v'";
        assert_eq!(value(&cluster, node, columns).await, "a");
        let definition = "select definition from information_schema.views where table_name = 'v'";
        assert_eq!(value(&cluster, node, definition).await, "SELECT 1 AS a");
        let shown = cluster.ask(node, "show create view sales.v").await.unwrap().text();
        assert!(shown.contains("CREATE VIEW sales.v (a) AS SELECT 1 AS a"), "{shown}");
    }
}
