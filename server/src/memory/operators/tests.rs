//! What operators ask for and results have.

use datafusion::execution::memory_pool::FairSpillPool;

use super::super::testing::{LIMIT, MIB, Node, frame, rest};
use super::*;
use crate::results::ResultError;

#[tokio::test]
async fn where_there_is_memory_results_stay_in_it() {
    let node = Node::new();
    node.result(20).await;
    node.operator(false).try_grow(LIMIT - 20 * MIB - MIB).unwrap();
    assert_eq!(node.memory(), 20 * MIB);
    assert_eq!(node.store.usage().disk, 0);
}

#[tokio::test]
async fn what_results_have_taken_is_what_the_pool_has_given() {
    let node = Node::new();
    let (result, _) = node.result(5).await;
    assert_eq!(node.store.taken(), node.operators.reserved());
    let operator = node.operator(false);
    operator.try_grow(LIMIT - 3 * MIB).unwrap();
    let mut reader = result.read().unwrap();
    let _read_from_disk = reader.next().await.unwrap();
    assert_eq!(node.store.taken(), node.operators.reserved() - operator.size());
}

#[tokio::test]
async fn operators_get_what_results_have() {
    let node = Node::new();
    let (result, part) = node.result(20).await;
    let mut reader = result.read().unwrap();
    rest(&mut reader, 0..5).await;
    let operator = node.operator(false);
    operator.try_grow(LIMIT - MIB).unwrap();
    assert_eq!(node.memory(), 0);
    result.append(part, frame(20)).await.unwrap();
    rest(&mut reader, 5..21).await;
    rest(&mut result.read().unwrap(), 0..21).await;
}

#[tokio::test]
async fn an_operator_that_could_spill_gets_it_too() {
    let node = Node::with(Arc::new(FairSpillPool::new(LIMIT)));
    node.result(30).await;
    let (one, other) = (node.operator(true), node.operator(true));
    one.try_grow(46 * MIB).unwrap();
    other.try_grow(46 * MIB).unwrap();
    assert_eq!(node.memory(), 0);
}

#[tokio::test]
async fn what_results_have_not_got_either_writes_nothing() {
    let node = Node::new();
    node.result(20).await;
    let operator = node.operator(false);
    operator.try_grow(2 * LIMIT).unwrap_err();
    assert_eq!(node.memory(), 20 * MIB);
    assert_eq!(operator.size(), 0);
}

#[tokio::test]
async fn what_nobody_reads_or_writes_goes_first() {
    let node = Node::new();
    let (_busy, _) = node.result(1).await;
    let (complete, part) = node.result(40).await;
    let totals = complete.seal(part).unwrap();
    let manifest = [crate::results::PartSummary { part, totals }];
    complete.verify(0, &manifest).unwrap();
    complete.commit(0).unwrap();
    node.operator(false).try_grow(80 * MIB).unwrap();
    assert!(node.memory() < 40 * MIB);
    node.store.remove(complete.opening().query);
    drop(complete);
    assert_eq!(node.memory(), MIB, "all of the other");
}

#[tokio::test]
async fn a_disk_that_fails_refuses_the_operator_and_costs_no_frame() {
    let node = Node::new();
    let (result, _) = node.result(20).await;
    node.break_disk();
    let refused = node.operator(false).try_grow(LIMIT - MIB).unwrap_err();
    assert!(matches!(refused, datafusion::error::DataFusionError::ResourcesExhausted(_)));
    assert_eq!(node.store.spare(), 0, "operators go to disk themselves, or are told so");
    assert_eq!(node.memory(), 20 * MIB);
    rest(&mut result.read().unwrap(), 0..20).await;
}

/// Operators, writers, readers and results that end, all at once.
#[test]
fn nobody_waits_for_ever_and_nothing_is_lost() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    runtime.block_on(async {
        let node = Arc::new(Node::new());
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let node = Arc::clone(&node);
            all.spawn(async move {
                for _ in 0..10 {
                    let (result, _) = node.result(12).await;
                    rest(&mut result.read().unwrap(), 0..12).await;
                    result.fail(ResultError::Unavailable("over".into()));
                }
            });
        }
        for _ in 0..2 {
            let node = Arc::clone(&node);
            all.spawn(async move {
                for _ in 0..200 {
                    let operator = node.operator(false);
                    let _refused = operator.try_grow(LIMIT / 2 + MIB);
                    tokio::task::yield_now().await;
                }
            });
        }
        while let Some(done) = all.join_next().await {
            done.unwrap();
        }
        assert_eq!(node.memory(), 0);
        assert_eq!(node.operators.reserved(), node.store.usage().index);
    });
}
