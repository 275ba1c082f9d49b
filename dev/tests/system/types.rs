//! Every Arrow type that DataFusion can produce: one wire schema, promised and kept everywhere, and
//! the right values.

use arrow_flight::sql::{
    ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult, Any, ProstMessageExt,
};
use arrow_flight::{FlightData, FlightInfo, IpcMessage, SchemaResult};
use datafusion::arrow::datatypes::{FieldRef, Schema};
use prost::Message;
use squadron_dev::answer::read;
use squadron_dev::cluster::TestCluster;
use squadron_dev::fixtures;
use squadron_dev::oracle::Oracle;
use squadron_dev::wire::{Wire, statement, tickets};
use squadron_server::demo::tpch::QUERIES;

/// An expression over `k` (a number from 1) and `t` (a text), and its type on the wire, as written
/// by Arrow's `Display`.
const EXPRESSIONS: &[(&str, &str)] = &[
    ("null", "Null"),
    ("k % 2 = 0", "Boolean"),
    ("arrow_cast(k % 100, 'Int8')", "Int8"),
    ("arrow_cast(k, 'Int16')", "Int16"),
    ("arrow_cast(-k, 'Int32')", "Int32"),
    ("k * 1000000000", "Int64"),
    ("arrow_cast(k % 200, 'UInt8')", "UInt8"),
    ("arrow_cast(k, 'UInt16')", "UInt16"),
    ("arrow_cast(k, 'UInt32')", "UInt32"),
    ("arrow_cast(k, 'UInt64')", "UInt64"),
    ("arrow_cast(k % 1000, 'Float16')", "Float32"),
    ("arrow_cast(k, 'Float32') / 3", "Float32"),
    ("cast(k as double) / 3", "Float64"),
    ("arrow_cast(k, 'Decimal32(9, 2)')", "Decimal128(9, 2)"),
    ("arrow_cast(k, 'Decimal64(18, 3)')", "Decimal128(18, 3)"),
    ("arrow_cast(k, 'Decimal128(38, 4)')", "Decimal128(38, 4)"),
    ("arrow_cast(k, 'Decimal256(30, 5)')", "Decimal128(30, 5)"),
    ("arrow_cast(k, 'Decimal256(76, 6)')", "Decimal256(76, 6)"),
    ("t", "Utf8"),
    ("arrow_cast(t, 'LargeUtf8')", "Utf8"),
    ("arrow_cast(t, 'Utf8View')", "Utf8"),
    ("arrow_cast(t, 'Binary')", "Binary"),
    ("arrow_cast(t, 'LargeBinary')", "Binary"),
    ("arrow_cast(t, 'BinaryView')", "Binary"),
    (
        "arrow_cast(arrow_cast(lpad(cast(k as varchar), 4, '0'), 'Binary'), 'FixedSizeBinary(4)')",
        "FixedSizeBinary(4)",
    ),
    ("arrow_cast(k, 'Date32')", "Date32"),
    ("arrow_cast(k * 86400000, 'Date64')", "Date64"),
    ("arrow_cast(arrow_cast(k, 'Int32'), 'Time32(Second)')", "Time32(s)"),
    ("arrow_cast(arrow_cast(k, 'Int32'), 'Time32(Millisecond)')", "Time32(ms)"),
    ("arrow_cast(k, 'Time64(Microsecond)')", "Time64(µs)"),
    ("arrow_cast(k, 'Time64(Nanosecond)')", "Time64(ns)"),
    ("arrow_cast(k, 'Timestamp(Second, None)')", "Timestamp(s)"),
    ("arrow_cast(k, 'Timestamp(Millisecond, None)')", "Timestamp(ms)"),
    ("arrow_cast(k, 'Timestamp(Microsecond, None)')", "Timestamp(µs)"),
    ("arrow_cast(k, 'Timestamp(Nanosecond, None)')", "Timestamp(ns)"),
    ("arrow_cast(k, 'Timestamp(Second, Some(\"UTC\"))')", "Timestamp(s, \"UTC\")"),
    ("arrow_cast(k, 'Timestamp(Second, Some(\"+00:00\"))')", "Timestamp(s, \"UTC\")"),
    ("arrow_cast(k, 'Timestamp(Second, Some(\"+05:30\"))')", "Timestamp(s, \"UTC\")"),
    ("arrow_cast(k, 'Timestamp(Nanosecond, Some(\"-08:00\"))')", "Timestamp(ns, \"UTC\")"),
    (
        "arrow_cast(k, 'Timestamp(Microsecond, Some(\"Europe/Paris\"))')",
        "Timestamp(µs, \"Europe/Paris\")",
    ),
    ("arrow_cast(k, 'Duration(Second)')", "Duration(s)"),
    ("arrow_cast(k, 'Duration(Millisecond)')", "Duration(ms)"),
    ("arrow_cast(k, 'Duration(Microsecond)')", "Duration(µs)"),
    ("arrow_cast(k, 'Duration(Nanosecond)')", "Duration(ns)"),
    ("interval '1 year 2 months 3 days 4 seconds'", "Interval(MonthDayNano)"),
    ("arrow_cast('1 year 3 months', 'Interval(YearMonth)')", "Interval(YearMonth)"),
    ("arrow_cast('3 days 4 seconds', 'Interval(DayTime)')", "Interval(DayTime)"),
    ("arrow_cast(t, 'Dictionary(Int32, Utf8)')", "Utf8"),
    ("arrow_cast(arrow_cast(t, 'Utf8View'), 'Dictionary(Int8, Utf8View)')", "Utf8"),
    ("make_array(k, null, k + 1)", "List(Int64)"),
    ("arrow_cast(make_array(k, k + 1), 'LargeList(Int64)')", "List(Int64)"),
    ("arrow_cast(make_array(k, k + 1), 'ListView(Int64)')", "List(Int64)"),
    ("arrow_cast(make_array(k, k + 1), 'LargeListView(Int64)')", "List(Int64)"),
    ("arrow_cast(make_array(k, k + 1), 'FixedSizeList(2, Int64)')", "FixedSizeList(2 x Int64)"),
    ("make_array(make_array(arrow_cast(t, 'Utf8View')))", "List(List(Utf8))"),
    ("named_struct('a', k, 'b', arrow_cast(t, 'Utf8View'))", "Struct(\"a\": Int64, \"b\": Utf8)"),
    (
        "make_array(named_struct('d', arrow_cast(t, 'Dictionary(Int32, Utf8)')))",
        "List(Struct(\"d\": Utf8))",
    ),
    ("map(make_array('a', 'b'), make_array(k, k + 1))", "Map("),
    ("map(make_array('a'), make_array(arrow_cast(t, 'Utf8View')))", "Map("),
    ("case when k % 2 = 0 then t end", "Utf8"),
    ("case when k % 2 = 0 then make_array(k) end", "List(Int64)"),
];

fn sql(expression: &str) -> String {
    format!(
        "select c_custkey, {expression} as v from (select c_custkey, c_custkey as k, c_mktsegment as t from customer)"
    )
}

/// The four places where a client is told a schema.
struct Told {
    info: Schema,
    get_schema: Schema,
    prepared: Schema,
    do_get: Vec<Schema>,
}

async fn told(wire: &mut Wire, sql: &str) -> (FlightInfo, Told) {
    let info = wire.execute(sql).await.unwrap_or_else(|refused| panic!("{sql}: {refused}"));
    let request = wire.request(statement(sql));
    let schema: SchemaResult = wire.service().get_schema(request).await.unwrap().into_inner();
    let mut do_get = Vec::new();
    for ticket in tickets(&info) {
        let messages = wire.get(&ticket).await.unwrap_or_else(|refused| panic!("{sql}: {refused}"));
        do_get.push(first_schema(&messages));
    }
    let told = Told {
        info: info.clone().try_decode_schema().unwrap(),
        get_schema: (&schema).try_into().unwrap(),
        prepared: prepared(wire, sql).await,
        do_get,
    };
    (info, told)
}

fn first_schema(messages: &[FlightData]) -> Schema {
    (&messages[0]).try_into().expect("the first message is a schema")
}

async fn prepared(wire: &mut Wire, sql: &str) -> Schema {
    let request = ActionCreatePreparedStatementRequest { query: sql.into(), transaction_id: None };
    let body = request.as_any().encode_to_vec();
    let answer = wire.act("CreatePreparedStatement", body).await.unwrap().remove(0);
    let answer: ActionCreatePreparedStatementResult =
        Any::decode(&answer[..]).unwrap().unpack().unwrap().unwrap();
    IpcMessage(answer.dataset_schema).try_into().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_has_one_schema_and_the_right_values() {
    let cluster = TestCluster::start(2, fixtures::tpch()).await;
    let oracle = Oracle::over(fixtures::tpch()).await.unwrap();
    let wire = Wire::connect(&cluster.uri(0)).await.unwrap();
    let mut wire = wire.header("squadron-execution-mode", "distributed");
    let client = cluster.client(1).await;
    for (expression, on_the_wire) in EXPRESSIONS {
        let sql = sql(expression);
        let (info, told) = told(&mut wire, &sql).await;
        assert_eq!(told.info, told.get_schema, "GetSchema: {expression}");
        assert_eq!(told.info, told.prepared, "prepared: {expression}");
        assert!(told.do_get.iter().all(|schema| *schema == told.info), "DoGet: {expression}");
        let told = told.info.field(1).data_type().to_string();
        assert!(told.starts_with(on_the_wire), "{expression}: {told}, not {on_the_wire}");
        let answer = read(&client, info).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        oracle.check(&sql, &answer).await;
    }
}

/// Clients are told other types by what they call themselves, and by what they ask for: the same everywhere.
#[tokio::test(flavor = "multi_thread")]
async fn every_choice_of_types_has_one_schema() {
    for (nodes, rows) in [(1, "c_custkey < 0"), (3, "true")] {
        let cluster = TestCluster::start(nodes, fixtures::tpch()).await;
        let wire = Wire::connect(&cluster.uri(0)).await.unwrap();
        let wire = wire.header("squadron-execution-mode", "distributed");
        for types in ["native", "jdbc", "grafana", "text"] {
            let mut wire = wire.header("squadron-types", types);
            for (expression, _) in EXPRESSIONS {
                let sql = format!("{} where {rows}", sql(expression));
                one_schema(&mut wire, &sql, types).await;
            }
        }
    }
}

/// Of TPC-H's queries, and of shapes of TPC-DS.
#[tokio::test(flavor = "multi_thread")]
async fn every_query_has_one_schema_for_every_client() {
    let shapes = [
        "select c_nationkey, c_mktsegment, sum(c_acctbal), grouping(c_nationkey) from customer group by grouping sets ((c_nationkey), (c_mktsegment), ())",
        "select o_custkey, rank() over (partition by o_orderpriority order by o_totalprice) r, row_number() over (order by o_orderkey) from orders",
        "with a as (select o_custkey k, sum(o_totalprice) s from orders group by 1) select k, s / (select avg(s) from a) from a union all select c_custkey, c_acctbal from customer",
        "select n_name, approx_distinct(c_custkey), now() from customer join nation on c_nationkey = n_nationkey group by n_name",
        "select a.n_name, b.n_name, b.n_regionkey from nation a, nation b where false",
    ];
    for nodes in [1, 3] {
        let cluster = TestCluster::start(nodes, fixtures::tpch()).await;
        let wire = Wire::connect(&cluster.uri(0)).await.unwrap();
        for agent in ["tonic/0.14", "grpc-java-netty/1.73.0", "grpc-go/1.58.3"] {
            let mut wire = wire.header("x-squadron-user-agent", agent);
            for sql in QUERIES.into_iter().chain(shapes) {
                one_schema(&mut wire, sql, agent).await;
            }
        }
    }
}

async fn one_schema(wire: &mut Wire, sql: &str, for_whom: &str) {
    let (_, told) = told(wire, sql).await;
    assert_eq!(told.info, told.get_schema, "GetSchema, {for_whom}: {sql}");
    assert_eq!(told.info, told.prepared, "prepared, {for_whom}: {sql}");
    assert!(told.do_get.iter().all(|it| *it == told.info), "DoGet, {for_whom}: {sql}");
    let described = |field: &FieldRef| field.metadata().contains_key("ARROW:FLIGHT:SQL:TYPE_NAME");
    assert!(told.info.fields().iter().all(described), "{for_whom}: {sql}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_unique_where_a_client_asks_for_it() {
    let cluster = TestCluster::start(1, fixtures::tpch()).await;
    let wire = Wire::connect(&cluster.uri(0)).await.unwrap();
    let sql = "select a.n_name, b.n_name from nation a, nation b";
    for (choice, expected) in [("false", ["n_name", "n_name"]), ("true", ["n_name", "n_name_1"])] {
        let mut wire = wire.header("squadron-unique-names", choice);
        one_schema(&mut wire, sql, choice).await;
        let schema = wire.execute(sql).await.unwrap().try_decode_schema().unwrap();
        let names: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, expected);
    }
}

/// Folded while the query is planned, they travel to workers as constants.
#[tokio::test(flavor = "multi_thread")]
async fn constants_of_every_type_are_right_on_workers() {
    let cluster = TestCluster::start(2, fixtures::tpch()).await;
    let oracle = Oracle::over(fixtures::tpch()).await.unwrap();
    for (expression, _) in EXPRESSIONS {
        let some = format!(
            "select {expression} as v, l_orderkey from \
             (select l_orderkey, 7 as k, 'abc' as t from lineitem where l_orderkey < 3)"
        );
        let sql = format!("{some} union all {some}");
        let answer = cluster.ask_distributed(0, &sql).await;
        let answer = answer.unwrap_or_else(|error| panic!("{expression}: {error}"));
        oracle.check(&sql, &answer).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_result_has_the_same_schema() {
    let cluster = TestCluster::start(2, fixtures::tpch()).await;
    let mut wire = Wire::connect(&cluster.uri(0)).await.unwrap();
    for (expression, _) in EXPRESSIONS {
        let (_, full) = told(&mut wire, &sql(expression)).await;
        let (_, empty) = told(&mut wire, &format!("{} where c_custkey < 0", sql(expression))).await;
        assert_eq!(empty.info, full.info, "{expression}");
        assert!(empty.do_get.iter().all(|schema| *schema == full.info), "{expression}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_may_be_null_on_the_wire() {
    let cluster = TestCluster::start(1, fixtures::tpch()).await;
    let client = cluster.client(0).await;
    let info = client.execute("select 1 as a, 'x' as b, count(*) as c from nation").await.unwrap();
    let schema = info.try_decode_schema().unwrap();
    assert!(schema.fields().iter().all(|field| field.is_nullable()), "{schema}");
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_of_one_name_stay_apart() {
    let cluster = TestCluster::start(2, fixtures::tpch()).await;
    let sql = "select a.n_name, b.n_name from nation a join nation b on a.n_nationkey = b.n_nationkey + 1";
    let answer = cluster.ask_distributed(0, sql).await.unwrap();
    assert_eq!((answer.rows(), answer.schema.fields().len()), (24, 2));
}
