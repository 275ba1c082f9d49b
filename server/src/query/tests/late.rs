//! A query's time is up whether or not its node's processors have time to look.

use std::sync::mpsc;
use std::time::Instant;

use tonic::Code;

use super::super::record::QueryState;
use super::*;

#[tokio::test]
async fn time_runs_out_while_every_thread_for_queries_is_busy() {
    let cluster = soon(Plan::of(1).start()).await;
    let node = &cluster.nodes[0];
    let record = registered(node, vec![node.member().clone()]);
    let threads = node.queries().planner().engine().session_config().target_partitions();
    let (busy, begun) = mpsc::channel();
    let held: Vec<_> = (0..threads)
        .map(|_| {
            let (release, until) = mpsc::channel::<()>();
            let busy = busy.clone();
            let task = node.queries().cpu.spawn(async move {
                busy.send(()).unwrap();
                let _ = until.recv();
            });
            (release, task)
        })
        .collect();
    begun.iter().take(threads).for_each(drop);
    node.queries().limit_time(&record, Duration::from_millis(50), Instant::now());
    soon(record.progress.ended()).await;
    let QueryState::Failed(ResultError::Query { code, message }) = record.state() else {
        panic!("{:?}", record.state());
    };
    assert_eq!(code, Code::DeadlineExceeded as i32);
    assert!(message.contains("--query-timeout"), "{message}");
    drop(held);
}

#[tokio::test]
async fn a_query_that_ended_in_time_stays_as_it_is() {
    let cluster = soon(Plan::of(1).start()).await;
    let node = &cluster.nodes[0];
    let record = registered(node, vec![node.member().clone()]);
    assert!(record.set_state(QueryState::Committed));
    node.queries().limit_time(&record, Duration::ZERO, Instant::now());
    node.queries().limit_time(&record, Duration::from_nanos(1), Instant::now());
    soon(record.progress.ended()).await;
    tokio::task::yield_now().await;
    assert!(matches!(record.state(), QueryState::Committed));
}
