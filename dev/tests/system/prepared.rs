//! Prepared statements with parameters, over the wire: what a client is told of them, and what it gets for what
//! it binds, at any node.

use std::sync::Arc;

use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::sql::{
    ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest,
    ActionCreatePreparedStatementResult, Any, CommandPreparedStatementQuery,
    DoPutPreparedStatementResult, ProstMessageExt,
};
use arrow_flight::utils::flight_data_to_batches;
use arrow_flight::{FlightData, FlightDescriptor, IpcMessage};
use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Int64Type, Schema};
use futures::{StreamExt, TryStreamExt, stream};
use prost::Message;
use prost::bytes::Bytes;
use squadron_dev::cluster::TestCluster;
use squadron_dev::fixtures;
use squadron_dev::wire::{Wire, tickets};
use squadron_server::flight::prepared::Created;
use tonic::{Code, Status};

const BETWEEN: &str = "select count(*) from nation where n_nationkey >= ? and n_nationkey < ?";

async fn cluster() -> TestCluster {
    TestCluster::start(2, fixtures::tpch()).await
}

async fn wire(cluster: &TestCluster, node: usize) -> Wire {
    Wire::connect(&cluster.uri(node)).await.unwrap()
}

async fn prepare(wire: &mut Wire, sql: &str) -> ActionCreatePreparedStatementResult {
    let request =
        ActionCreatePreparedStatementRequest { query: sql.to_owned(), transaction_id: None };
    let body = request.as_any().encode_to_vec();
    let answer = wire.act("CreatePreparedStatement", body).await.unwrap().remove(0);
    Any::decode(&answer[..]).unwrap().unpack().unwrap().unwrap()
}

fn descriptor(handle: &Bytes) -> FlightDescriptor {
    let command = CommandPreparedStatementQuery { prepared_statement_handle: handle.clone() };
    FlightDescriptor::new_cmd(command.as_any().encode_to_vec())
}

/// Binds a batch, and gives the handle to go on with; never ends its own side, as some drivers.
async fn bind(wire: &mut Wire, handle: &Bytes, batch: RecordBatch) -> Result<Bytes, Status> {
    bind_all(wire, handle, vec![batch]).await
}

async fn bind_all(
    wire: &mut Wire,
    handle: &Bytes,
    batches: Vec<RecordBatch>,
) -> Result<Bytes, Status> {
    let encoder = FlightDataEncoderBuilder::new().with_flight_descriptor(Some(descriptor(handle)));
    let messages =
        encoder.build(stream::iter(batches.into_iter().map(Ok))).try_collect::<Vec<FlightData>>();
    let messages = stream::iter(messages.await.unwrap()).chain(stream::pending());
    let request = wire.request(messages);
    let mut answers = wire.service().do_put(request).await?.into_inner();
    let answer = answers.message().await?.expect("an answer");
    let result = DoPutPreparedStatementResult::decode(answer.app_metadata).unwrap();
    Ok(result.prepared_statement_handle.unwrap())
}

fn ints(values: &[i64]) -> RecordBatch {
    let columns = values.iter().enumerate();
    let column = |value: &i64| Arc::new(Int64Array::from(vec![*value])) as ArrayRef;
    RecordBatch::try_from_iter(columns.map(|(i, value)| (i.to_string(), column(value)))).unwrap()
}

/// The rows of the statement as it is bound.
async fn rows(wire: &mut Wire, handle: &Bytes) -> Result<Vec<RecordBatch>, Status> {
    let request = wire.request(descriptor(handle));
    let info = wire.service().get_flight_info(request).await?.into_inner();
    let mut batches = Vec::new();
    for ticket in tickets(&info) {
        batches.extend(flight_data_to_batches(&wire.get(&ticket).await?).unwrap());
    }
    Ok(batches)
}

async fn count(wire: &mut Wire, handle: &Bytes) -> i64 {
    let batches = rows(wire, handle).await.unwrap();
    batches.iter().map(|batch| batch.column(0).as_primitive::<Int64Type>().value(0)).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_told_what_to_bind() {
    let cluster = cluster().await;
    let prepared = prepare(&mut wire(&cluster, 0).await, BETWEEN).await;
    let schema = Schema::try_from(IpcMessage(prepared.parameter_schema)).unwrap();
    let types: Vec<_> = schema.fields().iter().map(|field| field.data_type().clone()).collect();
    assert_eq!(types.len(), 2);
    assert!(types.iter().all(DataType::is_integer), "{types:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_told_how_a_statement_is_to_be_run() {
    let cluster = cluster().await;
    let mut wire = wire(&cluster, 0).await;
    for (sql, is_update) in
        [("select 1", false), (BETWEEN, false), ("set squadron.endpoints = 'all'", true)]
    {
        let request =
            ActionCreatePreparedStatementRequest { query: sql.to_owned(), transaction_id: None };
        let body = request.as_any().encode_to_vec();
        let answer = wire.act("CreatePreparedStatement", body).await.unwrap().remove(0);
        let created = Created::decode(Any::decode(&answer[..]).unwrap().value).unwrap();
        assert_eq!(created.is_update, Some(is_update), "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_bound_last_is_asked_for_under_the_same_handle() {
    let cluster = cluster().await;
    let mut wire = wire(&cluster, 0).await;
    let handle = prepare(&mut wire, BETWEEN).await.prepared_statement_handle;
    for (bound, expected) in [([3, 10], 7), ([0, 25], 25), ([7, 7], 0)] {
        assert_eq!(bind(&mut wire, &handle, ints(&bound)).await.unwrap(), handle);
        assert_eq!(count(&mut wire, &handle).await, expected);
        assert_eq!(count(&mut wire, &handle).await, expected, "again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_is_bound_and_run_at_any_node() {
    let cluster = cluster().await;
    let (mut here, mut elsewhere) = (wire(&cluster, 0).await, wire(&cluster, 1).await);
    let handle = prepare(&mut here, BETWEEN).await.prepared_statement_handle;
    bind(&mut elsewhere, &handle, ints(&[3, 10])).await.unwrap();
    assert_eq!(count(&mut here, &handle).await, 7);
    assert_eq!(count(&mut elsewhere, &handle).await, 7);
}

/// In Spark's dialect `"a"` is a text; in our own it is a name, and there is none.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_stays_in_the_dialect_that_it_was_prepared_in() {
    let cluster = cluster().await;
    let mut wire = wire(&cluster, 0).await;
    let mut spark = wire.header("squadron-dialect", "spark");
    let all = r#"select count(*) from nation where "a" = 'a'"#;
    let handle = prepare(&mut spark, all).await.prepared_statement_handle;
    assert_eq!(count(&mut wire, &handle).await, 25);
    let bound = format!("{all} and n_nationkey >= ?");
    let handle = prepare(&mut spark, &bound).await.prepared_statement_handle;
    bind(&mut wire, &handle, ints(&[20])).await.unwrap();
    assert_eq!(count(&mut wire, &handle).await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_is_never_read_as_sql() {
    let cluster = cluster().await;
    let mut wire = wire(&cluster, 0).await;
    let sql = "select n_name from nation where n_name = $1";
    let handle = prepare(&mut wire, sql).await.prepared_statement_handle;
    for (name, expected) in [("FRANCE", 1), ("x' or 'a' = 'a", 0)] {
        let name = Arc::new(StringArray::from(vec![name])) as ArrayRef;
        let batch = RecordBatch::try_from_iter([("n", name)]).unwrap();
        bind(&mut wire, &handle, batch).await.unwrap();
        let found = rows(&mut wire, &handle).await.unwrap();
        assert_eq!(found.iter().map(RecordBatch::num_rows).sum::<usize>(), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_bound_is_refused() {
    let cluster = cluster().await;
    let mut wire = wire(&cluster, 0).await;
    let handle = prepare(&mut wire, BETWEEN).await.prepared_statement_handle;
    let unbound = rows(&mut wire, &handle).await.unwrap_err();
    assert_eq!(unbound.code(), Code::InvalidArgument, "{unbound}");
    let text = Arc::new(StringArray::from(vec!["x"])) as ArrayRef;
    let text = RecordBatch::try_from_iter([("a", text.clone()), ("b", text)]).unwrap();
    let two = Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef;
    let two = RecordBatch::try_from_iter([("a", two.clone()), ("b", two)]).unwrap();
    for (batch, named) in [(ints(&[1]), "2 parameters"), (text, "parameter 1"), (two, "2 rows")] {
        let refused = bind(&mut wire, &handle, batch).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
        assert!(refused.message().contains(named), "{refused}");
    }
    let batches = vec![ints(&[3, 10]), ints(&[0, 25])];
    let refused = bind_all(&mut wire, &handle, batches).await.unwrap_err();
    assert!(refused.message().contains("several batches"), "{refused}");
    let plain = prepare(&mut wire, "select 1").await.prepared_statement_handle;
    let refused = bind(&mut wire, &plain, ints(&[1])).await.unwrap_err();
    assert!(refused.message().contains("no parameters"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_statement_is_unknown() {
    let cluster = cluster().await;
    let mut wire = wire(&cluster, 0).await;
    let handle = prepare(&mut wire, BETWEEN).await.prepared_statement_handle;
    let close = ActionClosePreparedStatementRequest { prepared_statement_handle: handle.clone() };
    let mut elsewhere = self::wire(&cluster, 1).await;
    elsewhere.act("ClosePreparedStatement", close.as_any().encode_to_vec()).await.unwrap();
    let refused = rows(&mut wire, &handle).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound, "{refused}");
}
