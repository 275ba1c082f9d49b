//! Reading endpoints against two scripted servers: all of a result or an error, nothing between.

use std::future::Future;
use std::time::Duration;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema};
use futures::TryStreamExt;
use tokio::sync::Barrier;
use tonic::Status;

use super::*;
use crate::client::testing::{End, FakeNode, Part, info, numbers, numbers_schema};

/// A test that would hang fails instead.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), work).await.expect("done within 20 s")
}

struct Pair {
    a: FakeNode,
    b: FakeNode,
}

impl Pair {
    /// Node `a` answers `q` with ticket `ta` at `a` and ticket `tb` at `b`.
    fn start(part_a: Part, part_b: Part) -> Self {
        let pair = Self { a: FakeNode::start(), b: FakeNode::start() };
        pair.a.part("ta", part_a);
        pair.b.part("tb", part_b);
        let (at_a, at_b) = (pair.a.uri(), pair.b.uri());
        let endpoints: &[(&str, &[&str])] = &[("ta", &[&at_a]), ("tb", &[&at_b])];
        pair.a.answer("q", Ok(info(&numbers_schema(), endpoints)));
        pair
    }

    async fn stream(&self, order: Order) -> ResultStream {
        open(&self.a, ReadOptions { order, ..Default::default() }).await
    }
}

async fn open(node: &FakeNode, options: ReadOptions) -> ResultStream {
    let client = FlightSqlClient::connect(&node.uri()).await.unwrap();
    let info = client.execute("q").await.unwrap();
    client.read_all(&info, options).unwrap()
}

async fn values(stream: &mut ResultStream) -> Result<Vec<i64>, ClientError> {
    let mut values = Vec::new();
    while let Some(batch) = soon(stream.try_next()).await? {
        values.extend(batch.column(0).as_primitive::<Int64Type>().values());
    }
    Ok(values)
}

fn dead_uri() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("grpc+tcp://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn all_endpoints_are_open_at_the_same_time() {
    let pair = Pair::start(numbers(&[&[1]], End::Ok), numbers(&[&[2]], End::Ok));
    // Neither node answers before both were asked: reading one after the other would hang.
    let barrier = Arc::new(Barrier::new(2));
    pair.a.answer_together(Arc::clone(&barrier));
    pair.b.answer_together(barrier);
    let mut found = values(&mut pair.stream(Order::Arrival).await).await.unwrap();
    found.sort_unstable();
    assert_eq!(found, [1, 2]);
}

#[tokio::test]
async fn endpoint_order_is_kept_on_request() {
    let many: Vec<&[i64]> = vec![&[1]; 40];
    let pair = Pair::start(numbers(&many, End::Ok), numbers(&[&[2]], End::Ok));
    let found = values(&mut pair.stream(Order::Endpoints).await).await.unwrap();
    assert_eq!(found, [vec![1; 40], vec![2]].concat());
}

#[tokio::test]
async fn an_error_of_one_endpoint_ends_the_whole_with_it() {
    let fail = End::Fail(Status::resource_exhausted("raise results.disk"));
    let pair = Pair::start(numbers(&[&[1]], End::Never), numbers(&[&[2]], fail));
    let error = values(&mut pair.stream(Order::Arrival).await).await.unwrap_err();
    assert_eq!(error.to_string(), "RESOURCE_EXHAUSTED: raise results.disk");
}

#[tokio::test]
async fn an_error_of_a_later_endpoint_does_not_wait_for_the_first_one() {
    let fail = End::Fail(Status::internal("a bug"));
    let pair = Pair::start(numbers(&[&[1]], End::Never), numbers(&[], fail));
    let mut stream = pair.stream(Order::Endpoints).await;
    assert_eq!(values(&mut stream).await.unwrap_err().to_string(), "INTERNAL: a bug");
    assert!(stream.try_next().await.unwrap().is_none(), "and nothing after it");
}

#[tokio::test]
async fn a_stream_of_another_schema_is_an_error() {
    let fields = vec![Field::new("n", DataType::Int64, false)];
    let other = Part { schema: Arc::new(Schema::new(fields)), batches: vec![], end: End::Ok };
    let pair = Pair::start(numbers(&[&[1]], End::Ok), other);
    let error = values(&mut pair.stream(Order::Arrival).await).await.unwrap_err().to_string();
    assert!(error.contains("endpoint 1 at") && error.contains("\"n\" Int64 not null"), "{error}");
}

#[tokio::test]
async fn an_empty_result_has_its_schema_and_no_batch() {
    let pair = Pair::start(numbers(&[], End::Ok), numbers(&[], End::Ok));
    let mut stream = pair.stream(Order::Arrival).await;
    assert_eq!(stream.schema(), &numbers_schema());
    assert!(soon(stream.try_next()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_dead_location_is_passed_over() {
    let node = FakeNode::start();
    node.part("t", numbers(&[&[7]], End::Ok));
    let (dead, alive) = (dead_uri(), node.uri());
    node.answer("q", Ok(info(&numbers_schema(), &[("t", &[&dead, &alive])])));
    let mut stream = open(&node, ReadOptions::default()).await;
    assert_eq!(values(&mut stream).await.unwrap(), [7]);
    assert_eq!(stream.meter().endpoints()[0].location.as_deref(), Some(alive.as_str()));
}

#[tokio::test]
async fn a_location_that_fails_before_its_first_batch_is_passed_over() {
    let gone = End::Fail(Status::unavailable("draining"));
    let pair = Pair::start(numbers(&[], gone), numbers(&[], End::Ok));
    pair.b.part("ta", numbers(&[&[3]], End::Ok));
    let (at_a, at_b) = (pair.a.uri(), pair.b.uri());
    pair.a.answer("q", Ok(info(&numbers_schema(), &[("ta", &[&at_a, &at_b])])));
    assert_eq!(values(&mut pair.stream(Order::Arrival).await).await.unwrap(), [3]);
}

#[tokio::test]
async fn after_a_batch_no_other_location_starts_over() {
    let gone = End::Fail(Status::unavailable("killed"));
    let pair = Pair::start(numbers(&[&[1]], gone), numbers(&[], End::Ok));
    pair.b.part("ta", numbers(&[&[1]], End::Ok));
    let (at_a, at_b) = (pair.a.uri(), pair.b.uri());
    pair.a.answer("q", Ok(info(&numbers_schema(), &[("ta", &[&at_a, &at_b])])));
    let error = values(&mut pair.stream(Order::Arrival).await).await.unwrap_err();
    assert_eq!(error.to_string(), "UNAVAILABLE: killed");
}

#[tokio::test]
async fn no_location_and_the_reuse_location_mean_the_connection_there_is() {
    let node = FakeNode::start();
    node.part("x", numbers(&[&[1]], End::Ok));
    node.part("y", numbers(&[&[2]], End::Ok));
    let reuse: &[&str] = &["arrow-flight-reuse-connection://?"];
    node.answer("q", Ok(info(&numbers_schema(), &[("x", &[]), ("y", reuse)])));
    let order = Order::Endpoints;
    let mut stream = open(&node, ReadOptions { order, ..Default::default() }).await;
    assert_eq!(values(&mut stream).await.unwrap(), [1, 2]);
}

#[tokio::test]
async fn more_endpoints_than_are_read_at_a_time_are_all_read_in_order() {
    let node = FakeNode::start();
    let tickets: Vec<String> = (0..9).map(|i| i.to_string()).collect();
    let long: Vec<Vec<i64>> = (0..9).map(|i| vec![i]).collect();
    for (ticket, value) in tickets.iter().zip(&long) {
        node.part(ticket, numbers(&[value.as_slice(); 20], End::Ok));
    }
    let endpoints: Vec<(&str, &[&str])> =
        tickets.iter().map(|t| (t.as_str(), [].as_slice())).collect();
    node.answer("q", Ok(info(&numbers_schema(), &endpoints)));
    let options = ReadOptions { order: Order::Endpoints, buffered_batches: 1, parallel: 2 };
    let found = values(&mut open(&node, options).await).await.unwrap();
    assert_eq!(found, (0..9).flat_map(|i| [i; 20]).collect::<Vec<_>>());
}

#[tokio::test]
async fn dropping_the_stream_cancels_every_doget() {
    let pair = Pair::start(numbers(&[&[1]], End::Never), numbers(&[&[2]], End::Never));
    let mut stream = pair.stream(Order::Arrival).await;
    soon(stream.try_next()).await.unwrap();
    soon(stream.try_next()).await.unwrap();
    drop(stream);
    soon(pair.a.all_streams_dropped()).await;
    soon(pair.b.all_streams_dropped()).await;
}

#[tokio::test]
async fn a_node_that_dies_in_the_middle_is_an_error() {
    let mut pair = Pair::start(numbers(&[&[1]], End::Never), numbers(&[&[2]], End::Never));
    let mut stream = pair.stream(Order::Arrival).await;
    soon(stream.try_next()).await.unwrap();
    soon(stream.try_next()).await.unwrap();
    let at_b = pair.b.uri();
    pair.b = FakeNode::start(); // the old one is dropped
    let error = values(&mut stream).await.unwrap_err();
    assert!(error.to_string().contains(&at_b), "{error}");
}

#[tokio::test]
async fn the_meter_counts_per_endpoint() {
    let pair = Pair::start(numbers(&[&[1, 2], &[3]], End::Ok), numbers(&[&[4]], End::Ok));
    let mut stream = pair.stream(Order::Arrival).await;
    values(&mut stream).await.unwrap();
    let reports = stream.meter().endpoints();
    assert_eq!(
        [(reports[0].rows, reports[0].batches), (reports[1].rows, reports[1].batches)],
        [(3, 2), (1, 1)]
    );
    assert!(reports.iter().all(|r| r.bytes > 100 && r.first_batch <= r.finished));
    assert_eq!(stream.meter().totals().2, 2);
}

#[tokio::test]
async fn an_info_without_a_schema_is_refused() {
    let node = FakeNode::start();
    node.answer("q", Ok(FlightInfo::new()));
    let client = FlightSqlClient::connect(&node.uri()).await.unwrap();
    let info = client.execute("q").await.unwrap();
    let refused = client.read_all(&info, ReadOptions::default());
    assert!(matches!(refused.err(), Some(ClientError::Protocol(_))));
}
