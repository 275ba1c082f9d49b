//! INSERT as other engines have it: PARTITION, WITH before it, and parameters that are told as the columns that they go to.

use arrow_flight::IpcMessage;
use arrow_flight::sql::{
    ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult, Any, ProstMessageExt,
};
use datafusion::arrow::datatypes::{DataType, Schema};
use prost::Message;
use squadron_dev::cluster::TestCluster;
use squadron_dev::fixtures;
use squadron_dev::wire::Wire;
use squadron_server::client::ClientError;
use tonic::Code;

const NODES: usize = 3;

async fn cluster() -> TestCluster {
    TestCluster::start(NODES, fixtures::tpch()).await
}

async fn run_all(cluster: &TestCluster, statements: &[&str]) {
    for (at, sql) in statements.iter().enumerate() {
        let done = cluster.client(at % NODES).await.run(sql).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

async fn refused(cluster: &TestCluster, node: usize, sql: &str) -> (Code, String) {
    match cluster.client(node).await.run(sql).await {
        Err(ClientError::Server(status)) => (status.code(), status.message().to_owned()),
        other => panic!("{sql}: {other:?}"),
    }
}

async fn value(cluster: &TestCluster, node: usize, sql: &str) -> String {
    cluster.ask(node, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}")).value()
}

const ALL: &str = "select string_agg(concat_ws('/', coalesce(cast(day as varchar), '-'), coalesce(shop, '-'), a), ' ' order by a) from t";

#[tokio::test(flavor = "multi_thread")]
async fn a_column_may_be_given_once_for_all_rows() {
    let cluster = cluster().await;
    let statements = [
        "create table t (day date, a int, shop varchar) partitioned by (day, shop)",
        "insert into t partition (day = '2024-01-01') select 1, 'x'",
        "insert into t partition (day = '2024-01-01', shop = 'y') values (2), (3)",
        "insert into t partition (shop = 'z', day = null) (a) select 4",
        "insert into t partition (day, shop = 'w') select date '2024-01-02', 5",
        "insert into t partition (day, shop) select '2024-01-03', 6, 'v'",
    ];
    run_all(&cluster, &statements).await;
    let all = "2024-01-01/x/1 2024-01-01/y/2 2024-01-01/y/3 -/z/4 2024-01-02/w/5 2024-01-03/v/6";
    assert_eq!(value(&cluster, 1, ALL).await, all);
    for (sql, part) in [
        ("insert into t partition (a = 1) select '2024-01-01', 'x'", "not partitioned by 'a'"),
        ("insert into t partition (day = '2024-01-01', day) select 1, 'x'", "twice"),
        (
            "insert into t partition (day = '2024-01-01') (day, a) values ('2024-01-01', 1)",
            "leave it out",
        ),
        ("insert into t partition (day = '2024-01-01') select 1", "count"),
        ("insert into t partition (day = 'no day') select 1, 'x'", "no day"),
        ("insert into t partition (day > '2024-01-01') select 1, 'x'", "column = value"),
        ("insert into t partition (day = (select max(day) from t)) select 1, 'x'", "constant"),
    ] {
        let (code, why) = refused(&cluster, 2, sql).await;
        assert!(matches!(code, Code::InvalidArgument | Code::Unimplemented), "{sql}: {code} {why}");
        assert!(why.to_lowercase().contains(part), "{sql}: {why}");
    }
    assert_eq!(value(&cluster, 0, ALL).await, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn overwrite_of_a_value_replaces_its_rows_alone() {
    let cluster = cluster().await;
    let statements = [
        "create table t (day date, a int, shop varchar) partitioned by (day, shop)",
        "insert into t values ('2024-01-01', 1, 'x'), ('2024-01-01', 2, 'y'), ('2024-01-02', 3, 'x'), (null, 4, 'x')",
        "insert overwrite t partition (day = '2024-01-01') select 5, 'z'",
    ];
    run_all(&cluster, &statements).await;
    assert_eq!(value(&cluster, 1, ALL).await, "2024-01-02/x/3 -/x/4 2024-01-01/z/5");
    let statements = [
        "insert overwrite table t partition (day = null, shop = 'x') values (6)",
        "insert overwrite t partition (day = '2024-01-02') select 7, 'q' where false",
    ];
    run_all(&cluster, &statements).await;
    assert_eq!(value(&cluster, 2, ALL).await, "2024-01-01/z/5 -/x/6");
    let all = "insert overwrite t partition (day) select '2024-01-09', 8, 'x'";
    assert!(refused(&cluster, 0, all).await.1.contains("whole table"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_may_be_named_before_insert() {
    let cluster = cluster().await;
    let statements = [
        "create table t (day date, a int, shop varchar)",
        "with x as (select 1 as a), y as (select a + 1 as b from x) insert into t (a) select a from x union all select b from y",
        "with x as (select 3 as a) insert into t (a) with y as (select a + 1 as b from x) select b from y",
        "with recursive n (i) as (select 5 union all select i + 1 from n where i < 6) insert into t (a) select i from n",
    ];
    run_all(&cluster, &statements).await;
    assert_eq!(value(&cluster, 1, ALL).await, "-/-/1 -/-/2 -/-/4 -/-/5 -/-/6");
    let update = "with x as (select 1 as a) update t set a = 2 where a in (select a from x)";
    assert_eq!(refused(&cluster, 2, update).await.0, Code::Unimplemented);
}

/// The types that a client is told of a statement's parameters.
async fn told(wire: &mut Wire, sql: &str) -> Vec<DataType> {
    let request =
        ActionCreatePreparedStatementRequest { query: sql.to_owned(), transaction_id: None };
    let body = request.as_any().encode_to_vec();
    let answer = wire.act("CreatePreparedStatement", body).await.unwrap().remove(0);
    let prepared: ActionCreatePreparedStatementResult =
        Any::decode(&answer[..]).unwrap().unpack().unwrap().unwrap();
    let schema = Schema::try_from(IpcMessage(prepared.parameter_schema)).unwrap();
    schema.fields().iter().map(|field| field.data_type().clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_are_told_as_the_columns_that_they_go_to() {
    use DataType::*;
    let cluster = cluster().await;
    run_all(
        &cluster,
        &["create table p (day date, a int, price decimal(10, 2), name varchar) partitioned by (day)"],
    )
    .await;
    let mut wire = Wire::connect(&cluster.uri(1)).await.unwrap();
    let all = vec![Date32, Int64, Decimal128(10, 2), Utf8];
    for (sql, expected) in [
        ("insert into p select ?, ?, ?, ?", all.clone()),
        ("insert into p values (?, ?, ?, ?)", all.clone()),
        (
            "insert into p (price, day) select ?, ? from nation where n_nationkey = ?",
            vec![Decimal128(10, 2), Date32, Int64],
        ),
        ("insert into p (a) select x from (select ? as x) q where x > 1", vec![Int64]),
        (
            "with q as (select ? as x) insert into p (price) select x from q",
            vec![Decimal128(10, 2)],
        ),
        ("insert into p partition (day = ?) select ?, ?, ?", all.clone()),
        (
            "merge into p using (select ? as day, ? as a, ? as price, ? as name) s on p.a = s.a \
             when matched then update set price = s.price \
             when not matched then insert (day, a, price, name) values (s.day, s.a, s.price, s.name)",
            all.clone(),
        ),
        (
            "merge into p using (values (?, ?)) s (a, price) on p.a = s.a when not matched then insert (a, price) values (s.a, s.price)",
            vec![Int64, Decimal128(10, 2)],
        ),
        ("merge into p using (select ? as a) s on s.a = p.a when matched then delete", vec![Int64]),
        ("update p set price = ? where a = ?", vec![Decimal128(10, 2), Int64]),
    ] {
        assert_eq!(told(&mut wire, sql).await, expected, "{sql}");
    }
}
