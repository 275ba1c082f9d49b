//! What clients ask before they ask for data: through arrow-flight's own Flight SQL client.

use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::sql::{CommandGetDbSchemas, CommandGetTables, SqlInfo};
use arrow_flight::{Criteria, FlightDescriptor, FlightInfo};
use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::concat_batches;
use futures::TryStreamExt;
use squadron_dev::answer::read;
use squadron_dev::cluster::TestCluster;
use squadron_dev::fixtures;
use squadron_dev::wire::Wire;
use tonic::transport::{Channel, Endpoint};

const TABLES: [&str; 8] =
    ["customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier"];

async fn connected(cluster: &TestCluster) -> FlightSqlServiceClient<Channel> {
    let uri = cluster.uri(0).replace("grpc+tcp", "http");
    FlightSqlServiceClient::new(Endpoint::from_shared(uri).unwrap().connect().await.unwrap())
}

async fn cluster() -> TestCluster {
    TestCluster::start(2, fixtures::tpch()).await
}

async fn all(client: &mut FlightSqlServiceClient<Channel>, info: FlightInfo) -> RecordBatch {
    let promised = info.clone().try_decode_schema().unwrap();
    let ticket = info.endpoint[0].ticket.clone().unwrap();
    let stream = client.do_get(ticket).await.unwrap();
    let batches: Vec<RecordBatch> = stream.try_collect().await.unwrap();
    let right = |batch: &RecordBatch| *batch.schema() == promised;
    assert!(batches.iter().all(right), "the schema that was promised");
    concat_batches(&std::sync::Arc::new(promised), &batches).unwrap()
}

fn texts(batch: &RecordBatch, column: &str) -> Vec<String> {
    let column = batch.column_by_name(column).expect("the column");
    column.as_string::<i32>().iter().flatten().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn catalogs_schemas_and_table_types_are_listed() {
    let cluster = cluster().await;
    let mut client = connected(&cluster).await;
    let info = client.get_catalogs().await.unwrap();
    assert!(texts(&all(&mut client, info).await, "catalog_name").contains(&"squadron".into()));
    let info = client.get_db_schemas(CommandGetDbSchemas::default()).await.unwrap();
    let schemas = texts(&all(&mut client, info).await, "db_schema_name");
    assert!(schemas.contains(&"public".into()), "{schemas:?}");
    let info = client.get_table_types().await.unwrap();
    assert!(texts(&all(&mut client, info).await, "table_type").contains(&"TABLE".into()));
}

async fn tables(command: CommandGetTables) -> Vec<String> {
    let cluster = cluster().await;
    let mut client = connected(&cluster).await;
    let info = client.get_tables(command).await.unwrap();
    texts(&all(&mut client, info).await, "table_name")
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_listed_and_filtered() {
    let public = || CommandGetTables {
        db_schema_filter_pattern: Some("public".into()),
        ..Default::default()
    };
    assert_eq!(tables(public()).await, TABLES);
    let pattern = Some("part%".into());
    let some = CommandGetTables { table_name_filter_pattern: pattern, ..public() };
    assert_eq!(tables(some).await, ["part", "partsupp"]);
    let none = CommandGetTables { table_types: vec!["VIEW".into()], ..public() };
    assert!(tables(none).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tables_listed_columns_are_those_of_a_query() {
    let cluster = cluster().await;
    let client = cluster.client(0).await;
    let tables = client.tables().await.unwrap();
    for name in TABLES {
        let table = tables.iter().find(|table| table.name == name).expect("it is listed");
        let info = client.execute(&format!("select * from {name}")).await.unwrap();
        let queried = info.try_decode_schema().unwrap();
        let shape = |schema: &datafusion::arrow::datatypes::Schema| -> Vec<_> {
            let fields = schema.fields().iter();
            fields.map(|field| (field.name().clone(), field.data_type().clone())).collect()
        };
        assert_eq!(shape(&table.columns), shape(&queried), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_says_who_it_is() {
    let cluster = cluster().await;
    let mut client = connected(&cluster).await;
    let info = client.get_sql_info(vec![SqlInfo::FlightSqlServerName]).await.unwrap();
    let batch = all(&mut client, info).await;
    assert_eq!(batch.num_rows(), 1);
    let info = client.get_sql_info(vec![]).await.unwrap();
    assert!(all(&mut client, info).await.num_rows() > 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_is_a_flight_whose_path_gives_its_rows() {
    let cluster = cluster().await;
    let mut wire = Wire::connect(&cluster.uri(1)).await.unwrap();
    let listed = wire.service().list_flights(Criteria::default()).await.unwrap().into_inner();
    let listed: Vec<FlightInfo> = listed.try_collect().await.unwrap();
    let path = |info: &FlightInfo| info.flight_descriptor.clone().unwrap().path;
    let names: Vec<String> = listed.iter().filter_map(|info| path(info).last().cloned()).collect();
    assert!(TABLES.iter().all(|table| names.contains(&(*table).to_owned())), "{names:?}");
    for info in listed.iter().filter(|info| path(info).contains(&"nation".to_owned())) {
        let promised = info.clone().try_decode_schema().unwrap();
        let descriptor = FlightDescriptor::new_path(path(info));
        let answer = wire.service().get_flight_info(descriptor).await.unwrap().into_inner();
        let answer = read(&cluster.client(0).await, answer).await.unwrap();
        assert_eq!((answer.rows(), &*answer.schema), (25, &promised));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_of_no_table_is_not_found() {
    let cluster = cluster().await;
    let mut wire = Wire::connect(&cluster.uri(0)).await.unwrap();
    let descriptor = FlightDescriptor::new_path(vec!["nowhere".into()]);
    let refused = wire.service().get_flight_info(descriptor).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::NotFound, "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_statement_runs_as_often_as_wanted_on_any_node() {
    let cluster = cluster().await;
    let mut client = connected(&cluster).await;
    let sql = "select n_name from nation order by 1";
    let mut prepared = client.prepare(sql.into(), None).await.unwrap();
    assert_eq!(prepared.dataset_schema().unwrap().fields().len(), 1);
    for _ in 0..2 {
        let info = prepared.execute().await.unwrap();
        assert_eq!(all(&mut client, info).await.num_rows(), 25);
    }
    prepared.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tables_can_be_asked_about_in_sql() {
    let cluster = cluster().await;
    let sql =
        "select table_name from information_schema.tables where table_schema = 'public' order by 1";
    let answer = cluster.ask(0, sql).await.unwrap();
    assert_eq!(texts(&answer.batch(), "table_name"), TABLES);
    let shown = cluster.ask(0, "show tables").await.unwrap();
    assert!(shown.text().contains("lineitem"));
    assert!(cluster.ask(0, "describe nation").await.unwrap().text().contains("n_regionkey"));
}

/// What tools read of it: positions from 1, types as CAST takes them, views that are none of tables, and tables of
/// constraints without rows.
#[tokio::test(flavor = "multi_thread")]
async fn the_information_schema_is_that_of_sql() {
    let cluster = cluster().await;
    let columns = "select ordinal_position, column_name, data_type, numeric_precision, numeric_scale from information_schema.columns where table_name = 'lineitem' and ordinal_position in (1, 5, 16) order by 1";
    let answer = cluster.ask(1, columns).await.unwrap().text();
    for told in ["BIGINT", "DECIMAL", "VARCHAR", "15", "l_comment"] {
        assert!(answer.contains(told), "{told}: {answer}");
    }
    for (sql, rows) in [
        ("select * from information_schema.views", 0),
        ("select * from information_schema.table_constraints", 0),
        ("select * from information_schema.key_column_usage", 0),
        ("select * from information_schema.referential_constraints", 0),
        ("select * from information_schema.constraint_column_usage", 0),
        ("select * from \"INFORMATION_SCHEMA\".\"TABLES\" where table_schema = 'public'", 8),
        ("select * from information_schema.schemata", 2),
        (
            "select * from information_schema.routines where routine_name in ('kept', 'again', '+')",
            0,
        ),
        ("select * from information_schema.df_settings where name = 'distributed.compression'", 1),
        ("describe lineitem", 16),
    ] {
        assert_eq!(cluster.ask(0, sql).await.unwrap().rows(), rows, "{sql}");
    }
    let described = cluster.ask(0, "describe lineitem").await.unwrap().text();
    assert!(described.contains("DECIMAL(15,2)"), "{described}");
}
