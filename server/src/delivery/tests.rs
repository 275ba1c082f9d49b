//! Parts on their way: to this node, to another, to nowhere; and what breaks on the way.

use super::*;
use crate::flight::testing::{Plan, TestCluster, TestNode, soon, until};
use crate::results::{Frame, Opening, QueryResult};
use datafusion::arrow::array::{Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use squadron_planner::deliver::{PartTotals, Receipt};
use std::time::Duration;
use uuid::Uuid;

const FRAME_BYTES: usize = 8 * 1024;

/// A worker named w, which is no member, and the nodes it may deliver to.
struct Fixture {
    delivery: Delivery,
    cluster: TestCluster,
    opening: Opening,
}

impl Fixture {
    /// Delivers as node a (without a wire to itself).
    async fn local() -> Self {
        Self::new(|node| node.member().clone()).await
    }

    /// Delivers as somebody else.
    async fn remote() -> Self {
        Self::new(|node| Member { node_id: "w".into(), ..node.member().clone() }).await
    }

    async fn new(me: impl Fn(&TestNode) -> Member) -> Self {
        let cluster = Plan::of(1).start().await;
        let node = &cluster.nodes[0];
        let store = Arc::clone(node.queries().store());
        let peers = Arc::new(cluster.peers());
        let delivery = Delivery::new(me(node), node.members(), store, peers);
        let opening = Opening {
            query: Uuid::now_v7(),
            attempt: 0,
            lost: Vec::new(),
            staged: false,
            owner: "alice".into(),
            coordinator: "a".into(),
            schema: schema_header(&schema()),
            keep: Duration::from_secs(60),
        };
        Self { delivery, cluster, opening }
    }

    fn open(&self) -> Arc<QueryResult> {
        self.cluster.nodes[0].queries().store().open(self.opening.clone()).unwrap()
    }

    fn spec(&self) -> DeliverSpec {
        DeliverSpec {
            query: self.opening.query,
            attempt: 0,
            targets: ["a".to_owned()].into(),
            counted_only: false,
            frame_bytes: FRAME_BYTES,
        }
    }

    fn part(&self) -> PartKey {
        PartKey { query: self.opening.query, attempt: 0, task: 1, partition: 2 }
    }

    async fn writer(&self) -> Result<Box<dyn PartWriter>> {
        self.delivery.open(self.part(), &self.spec(), schema()).await
    }

    async fn deliver(&self) -> Receipt {
        let mut writer = self.writer().await.unwrap();
        for _ in 0..5 {
            writer.write(batch()).await.unwrap();
        }
        writer.finish().await.unwrap()
    }

    fn load(&self) -> usize {
        self.delivery.load.lock().len()
    }
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]))
}

/// A batch that fills a frame.
fn batch() -> RecordBatch {
    let column = Int64Array::from_iter_values(0..1000);
    RecordBatch::try_new(schema(), vec![Arc::new(column)]).unwrap()
}

fn small_batch() -> RecordBatch {
    batch().slice(0, 10)
}

async fn frames(result: &Arc<QueryResult>, manifest: &[crate::results::PartSummary]) -> Vec<Frame> {
    result.verify(0, manifest).unwrap();
    result.commit(0).unwrap();
    let mut reader = result.read().unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = reader.next().await.unwrap() {
        frames.push(frame);
    }
    frames
}

/// The receipt says what the peer holds, and the peer holds what was sent.
async fn check_delivered(fixture: &Fixture, result: &Arc<QueryResult>) {
    let receipt = fixture.deliver().await;
    assert_eq!((receipt.part, receipt.peer.as_str()), (fixture.part(), "a"));
    let PartTotals { rows, frames: count, bytes, .. } = receipt.totals;
    assert_eq!((rows, count), (5000, 5));
    let summary = crate::results::PartSummary { part: receipt.part, totals: receipt.totals };
    let frames = frames(result, &[summary]).await;
    assert_eq!(frames.iter().map(|frame| frame.rows).sum::<u64>(), rows);
    assert_eq!(frames.iter().map(Frame::bytes).sum::<usize>() as u64, bytes);
    assert_eq!(fixture.load(), 0, "it is no longer on its way");
}

#[tokio::test]
async fn a_part_for_this_node_goes_into_its_store() {
    let fixture = Fixture::local().await;
    check_delivered(&fixture, &fixture.open()).await;
}

#[tokio::test]
async fn a_part_for_another_node_goes_over_the_wire() {
    let fixture = Fixture::remote().await;
    check_delivered(&fixture, &fixture.open()).await;
}

#[tokio::test]
async fn a_counted_part_goes_nowhere_and_counts_the_same() {
    let fixture = Fixture::remote().await;
    let spec = DeliverSpec { counted_only: true, ..fixture.spec() };
    let mut counted = fixture.delivery.open(fixture.part(), &spec, schema()).await.unwrap();
    for _ in 0..5 {
        counted.write(batch()).await.unwrap();
    }
    let counted = counted.finish().await.unwrap();
    fixture.open();
    assert_eq!(counted.totals, fixture.deliver().await.totals);
}

#[tokio::test]
async fn a_flush_lets_waiting_rows_be_read() {
    for fixture in [Fixture::local().await, Fixture::remote().await] {
        let result = fixture.open();
        let mut writer = fixture.writer().await.unwrap();
        writer.write(small_batch()).await.unwrap();
        assert!(writer.is_waiting());
        writer.flush().await.unwrap();
        assert!(!writer.is_waiting());
        let frame = soon(result.read().unwrap().next()).await.unwrap().unwrap();
        assert_eq!(frame.rows, 10);
    }
}

#[tokio::test]
async fn a_part_of_a_query_that_is_not_open_is_refused() {
    let local = Fixture::local().await;
    assert!(local.writer().await.is_err());
    let remote = Fixture::remote().await;
    let writer = remote.writer().await.unwrap();
    assert!(soon(writer.finish()).await.is_err());
}

#[tokio::test]
async fn a_part_is_not_delivered_twice() {
    for fixture in [Fixture::local().await, Fixture::remote().await] {
        fixture.open();
        fixture.deliver().await;
        let again = async { fixture.writer().await?.finish().await };
        assert!(soon(again).await.is_err());
    }
}

#[tokio::test]
async fn a_writer_hears_why_its_peer_refuses() {
    for fixture in [Fixture::local().await, Fixture::remote().await] {
        let result = fixture.open();
        let mut writer = fixture.writer().await.unwrap();
        writer.write(batch()).await.unwrap();
        result.fail(crate::results::ResultError::Exhausted("the disk quota".into()));
        let error = soon(async {
            loop {
                if let Err(error) = writer.write(batch()).await {
                    return error;
                }
            }
        });
        let error = error.await.to_string();
        assert!(error.contains("the disk quota"), "{error}");
    }
}

#[tokio::test]
async fn a_writer_hears_that_its_peer_died() {
    let mut fixture = Fixture::remote().await;
    fixture.open();
    let mut writer = fixture.writer().await.unwrap();
    writer.write(batch()).await.unwrap();
    fixture.cluster.nodes[0].kill();
    let error = soon(async {
        loop {
            if let Err(error) = writer.write(batch()).await {
                return error;
            }
        }
    });
    let error = error.await;
    assert!(
        matches!(&error, PlannerError::Unavailable(text) if text.contains("node a")),
        "{error}"
    );
}

#[tokio::test]
async fn a_peer_that_counted_something_else_does_not_confirm() {
    let fixture = Fixture::remote().await;
    let result = fixture.open();
    let node = &fixture.cluster.nodes[0];
    let mut put = fixture.cluster.peers().put(node.member(), fixture.part()).await.unwrap();
    let frame = Frame::new(vec![1; 10].into(), vec![2; 10].into(), 7);
    put.send(frame).await.unwrap();
    let sent = PartTotals { rows: 8, frames: 1, bytes: 20, checksum: 0 };
    assert!(soon(put.finish(sent)).await.is_err());
    assert_eq!(result.totals().rows, 7);
}

#[tokio::test]
async fn a_dropped_writer_leaves_an_unfinished_part_and_nothing_open() {
    let fixture = Fixture::remote().await;
    let result = fixture.open();
    let held = Arc::strong_count(&result);
    let mut writer = fixture.writer().await.unwrap();
    writer.write(batch()).await.unwrap();
    until(|| result.frames() == 1).await;
    assert!(Arc::strong_count(&result) > held, "the peer is receiving");
    drop(writer);
    until(|| Arc::strong_count(&result) == held).await;
    assert_eq!(fixture.load(), 0);
    let summary = crate::results::PartSummary { part: fixture.part(), totals: result.totals() };
    assert!(result.verify(0, &[summary]).is_err());
}

#[tokio::test]
async fn a_part_goes_to_a_peer_that_is_alive() {
    let fixture = Fixture::remote().await;
    fixture.open();
    let targets: Arc<[String]> = ["ghost".to_owned(), "a".to_owned()].into();
    assert_eq!(fixture.delivery.nearest(&targets).unwrap().node_id, "a");
    let error = fixture.delivery.nearest(&["ghost".to_owned()]).unwrap_err();
    assert!(matches!(error, PlannerError::Unavailable(text) if text.contains("ghost")));
}

#[tokio::test]
async fn each_part_on_its_way_counts_once() {
    let load = Arc::default();
    let (one, two) = (OnTheWay::new(&load, "b"), OnTheWay::new(&load, "b"));
    assert_eq!(load.lock()["b"], 2);
    drop(one);
    assert_eq!(load.lock()["b"], 1);
    drop(two);
    assert!(load.lock().is_empty());
}
