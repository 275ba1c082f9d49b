//! A statement that another node carries out, which is killed: nobody is told to run it again.

use std::sync::Arc;

use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::sql::{
    ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult, Any,
    CommandPreparedStatementUpdate, ProstMessageExt,
};
use arrow_flight::{FlightData, FlightDescriptor};
use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch};
use futures::{TryStreamExt, stream};
use prost::Message;
use prost::bytes::Bytes;
use squadron_dev::bucket::Wrong;
use squadron_dev::wire::Wire;
use tonic::Status;

use super::*;

async fn prepare(wire: &mut Wire, sql: &str) -> Bytes {
    let request =
        ActionCreatePreparedStatementRequest { query: sql.to_owned(), transaction_id: None };
    let body = request.as_any().encode_to_vec();
    let answer = wire.act("CreatePreparedStatement", body).await.unwrap().remove(0);
    let created = Any::decode(&answer[..]).unwrap().unpack().unwrap();
    let created: ActionCreatePreparedStatementResult = created.unwrap();
    created.prepared_statement_handle
}

/// Carries a prepared statement out with a value for its parameter.
async fn update(wire: &mut Wire, handle: &Bytes, value: i64) -> Result<(), Status> {
    let command = CommandPreparedStatementUpdate { prepared_statement_handle: handle.clone() };
    let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
    let column = Arc::new(Int64Array::from(vec![value])) as ArrayRef;
    let batch = RecordBatch::try_from_iter([("1", column)]).unwrap();
    let encoder = FlightDataEncoderBuilder::new().with_flight_descriptor(Some(descriptor));
    let messages = encoder.build(stream::iter([Ok(batch)])).try_collect::<Vec<FlightData>>();
    let messages = messages.await.unwrap();
    let request = wire.request(stream::iter(messages));
    let answers = wire.service().do_put(request).await?.into_inner();
    answers.try_collect::<Vec<_>>().await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_lost_coordinator_it_is_said_that_its_change_is_not_known() {
    let mut lake = Lake::start(2).await;
    value(&lake.cluster, 0, "create table t (a bigint)").await;
    let uri = |node: usize| lake.cluster.nodes()[node].uri.clone();
    let (mut first, mut second) =
        (Wire::connect(&uri(0)).await.unwrap(), Wire::connect(&uri(1)).await.unwrap());
    let handle = prepare(&mut first, "insert into t values (?)").await;
    update(&mut second, &handle, 1).await.unwrap();
    lake.bucket.next(VERSION, 1, Wrong::DoneAndWaits);
    let told = SpawnedTask::spawn(async move { update(&mut second, &handle, 2).await });
    lake.bucket.met(1).await;
    lake.cluster.kill(0).await.unwrap();
    let told = tokio::time::timeout(3 * SOON, told.join()).await.expect("an answer in time");
    let told = told.unwrap().unwrap_err();
    assert_eq!(told.code(), Code::Internal, "{told}");
    assert!(told.message().starts_with("it is not known whether"), "{told}");
    assert!(!told.message().contains("run the query again"), "{told}");
    assert!(told.details().is_empty(), "nothing says that it may be tried again: {told}");
    assert_eq!(value(&lake.cluster, 1, "select sum(a) from t").await, "3");
}
