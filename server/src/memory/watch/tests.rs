//! Results that are written because the process is too large, not because somebody asks.

use std::sync::atomic::Ordering;

use super::super::testing::{MIB, Node, rest};
use super::*;

/// Longer than all of this takes.
const DEADLINE: Duration = Duration::from_secs(30);

fn watched(node: &Node) -> Results {
    Results::new(Arc::clone(&node.guard), Arc::clone(&node.store))
}

/// What the watch does, until `is_so`.
async fn watch_until(results: &mut Results, mut is_so: impl FnMut() -> bool) {
    let mut ticks = tokio::time::interval(EVERY);
    let watching = async {
        while !is_so() {
            ticks.tick().await;
            assert_eq!(results.give_way().await, None, "nothing is so large that a query must end");
        }
    };
    timeout(DEADLINE, watching).await.unwrap();
}

#[tokio::test]
async fn results_of_a_process_that_is_too_large_go_to_disk_and_are_there_to_be_read() {
    let node = Node::new();
    let (result, _) = node.result(20).await;
    node.guard.over.store(true, Ordering::Relaxed);
    watch_until(&mut watched(&node), || node.memory() == 0).await;
    assert!(node.store.usage().disk >= (20 * MIB) as u64);
    rest(&mut result.read().unwrap(), 0..20).await;
}

#[tokio::test]
async fn no_more_is_written_than_it_takes() {
    let node = Node::new();
    let (_result, _) = node.result(40).await;
    node.guard.over.store(true, Ordering::Relaxed);
    let mut results = watched(&node);
    watch_until(&mut results, || node.memory() < 40 * MIB).await;
    node.guard.over.store(false, Ordering::Relaxed);
    while let Some(writing) = results.writing.take() {
        timeout(DEADLINE, writing).await.unwrap().unwrap();
        assert_eq!(results.give_way().await, None);
    }
    assert!(node.memory() > 0);
}

#[tokio::test]
async fn a_process_that_is_small_writes_nothing() {
    let node = Node::new();
    let (_result, _) = node.result(20).await;
    let mut results = watched(&node);
    results.give_way().await;
    assert!(results.writing.is_none());
    assert_eq!(node.memory(), 20 * MIB);
}
