//! A client that asks how far its query is is told in time, by any node.

use crate::flight::ticket::PollHandle;

use super::*;

/// Longer than the test may last.
const LONG: Duration = Duration::from_secs(3600);

fn handle(record: &Record, seen: u64) -> PollHandle {
    let Opening { query, coordinator, .. } = record.opening.clone();
    PollHandle { coordinator, ..of(query, seen) }
}

/// Of a query of the first node.
fn of(query: Uuid, seen: u64) -> PollHandle {
    PollHandle { query, coordinator: "a".into(), seen, changes: false }
}

/// A running query of two shares, as its client was answered.
fn running(cluster: &crate::flight::testing::TestCluster) -> Arc<Record> {
    let peers: Vec<Member> = cluster.nodes.iter().map(|node| node.member().clone()).collect();
    let endpoint = || Endpoint { ticket: Bytes::new(), locations: Vec::new() };
    let record = registered(&cluster.nodes[0], peers);
    let started = Started {
        query: record.opening.query,
        schema: Arc::new(datafusion::arrow::datatypes::Schema::empty()),
        endpoints: vec![endpoint(), endpoint()],
        expires: std::time::SystemTime::now(),
        is_update: false,
    };
    record.answer.set((Arc::new(started), 3)).unwrap();
    record
}

#[tokio::test]
async fn a_poll_waits_for_more_than_was_seen() {
    let cluster = Plan::of(2).start().await;
    let record = running(&cluster);
    let queries = cluster.nodes[0].queries();
    let first = queries.poll(&handle(&record, 0), LONG).await.unwrap();
    assert!(first.endpoints.is_empty() && !first.complete);
    let seen = handle(&record, first.version);
    let (next, ()) = tokio::join!(queries.poll(&seen, LONG), async {
        record.progress.part("b");
    });
    let next = next.unwrap();
    assert_eq!(next.endpoints, [1]);
    assert!(next.progress > first.progress && next.progress < 1.0);
}

#[tokio::test]
async fn a_poll_without_patience_says_what_there_is() {
    let cluster = Plan::of(2).start().await;
    let record = running(&cluster);
    let queries = cluster.nodes[0].queries();
    let seen = record.progress.now().version;
    let polled = soon(queries.poll(&handle(&record, seen), Duration::ZERO)).await.unwrap();
    assert_eq!(polled.version, seen);
}

#[tokio::test]
async fn any_node_is_asked_and_a_failure_is_told() {
    let cluster = Plan::of(2).start().await;
    let record = running(&cluster);
    let other = cluster.nodes[1].queries();
    let first = other.poll_elsewhere(&handle(&record, 0), LONG).await.unwrap();
    assert!(!first.complete);
    let waiting = handle(&record, first.version);
    let (next, ()) = tokio::join!(other.poll_elsewhere(&waiting, LONG), async {
        record.set_state(QueryState::Failed(ResultError::Exhausted("full".into())));
    });
    assert!(next.unwrap_err().to_string().contains("full"));
}

#[tokio::test]
async fn a_query_that_is_polled_is_waited_for() {
    let cluster = Plan::of(1).reader_grace(Duration::ZERO).start().await;
    let node = &cluster.nodes[0];
    let record = running(&cluster);
    let now = std::time::Instant::now();
    let left = crate::results::Interest { read: true, absent: Duration::from_secs(5) };
    record.poll(now);
    record.interests.report("a", left, now);
    node.queries().end_hopeless(now).await;
    assert!(record.is_running());
    node.queries().end_hopeless(now + LONG).await;
    assert!(!record.is_running());
}

#[tokio::test]
async fn a_query_that_is_over_lists_all_of_its_endpoints() {
    let cluster = Plan::of(2).table().await.start().await;
    let node = &cluster.nodes[0];
    let started = started(node, "SELECT v FROM t WHERE v < 0").await;
    let mut seen = 0;
    let complete = soon(async {
        loop {
            let polled = node.queries().poll(&of(started.query, seen), LONG).await.unwrap();
            if polled.complete {
                return polled;
            }
            seen = polled.version;
        }
    });
    let complete = complete.await;
    assert_eq!(complete.readable().count(), started.endpoints.len());
    assert!((complete.progress - 1.0).abs() < f64::EPSILON);
}

/// The ids of queries begin with when they were taken.
fn long_ago() -> Uuid {
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, 1_700_000_000, 0))
}

#[tokio::test]
async fn a_query_from_before_the_process_can_run_again() {
    let cluster = Plan::of(1).start().await;
    let queries = cluster.nodes[0].queries();
    let error = queries.poll(&of(long_ago(), 0), LONG).await.unwrap_err();
    assert!(matches!(error, ResultError::Unavailable(_)), "{error}");
    let error = queries.poll(&of(Uuid::now_v7(), 0), LONG).await.unwrap_err();
    assert!(matches!(error, ResultError::NotFound(_)), "{error}");
}

/// Its rows may be there: whoever ran it again could insert them twice.
#[tokio::test]
async fn a_change_of_which_nothing_is_known_is_not_said_to_be_run_again() {
    let cluster = Plan::of(2).start().await;
    let queries = cluster.nodes[0].queries();
    let change = |query, coordinator: &str| PollHandle {
        changes: true,
        coordinator: coordinator.into(),
        ..of(query, 0)
    };
    let here = queries.poll(&change(long_ago(), "a"), LONG).await.unwrap_err();
    let there = queries.poll_elsewhere(&change(long_ago(), "b"), LONG).await.unwrap_err();
    let gone = queries.poll_elsewhere(&change(long_ago(), "x"), LONG).await.unwrap_err();
    let cancelled = queries.cancel_polled(&change(long_ago(), "x")).await.unwrap_err();
    for error in [here, there, gone, cancelled] {
        let status = crate::flight::status::result(&error);
        assert_eq!(status.code(), tonic::Code::Internal, "{error}");
        assert!(status.message().starts_with("it is not known whether"), "{error}");
        assert!(!status.message().contains("run the query again"), "{error}");
    }
}
