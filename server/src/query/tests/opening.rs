//! A reader that is faster than the coordinator's opening.

use super::*;

#[tokio::test]
async fn an_early_reader_opens_the_result() {
    let cluster = Plan::of(2).start().await;
    let [a, b] = &cluster.nodes[..] else { panic!() };
    let record = registered(a, Vec::new());
    let early = b.queries().here(&share(&record.opening, b), ANYONE).await.unwrap();
    a.queries().peers().open(b.member(), &record.opening).await.unwrap();
    let opened = b.queries().store().get(record.opening.query).unwrap();
    assert!(Arc::ptr_eq(&early, &opened));
}

/// Its coordinator's clock is years behind.
#[tokio::test]
async fn an_early_reader_opens_the_result_whatever_clocks_say() {
    let cluster = Plan::of(2).start().await;
    let [a, b] = &cluster.nodes[..] else { panic!() };
    let query = Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, 1_700_000_000, 0));
    let opening = Opening { query, ..opening(a) };
    let record = Arc::new(Record::new(opening, Vec::new(), Arc::default()));
    a.queries().register(Arc::clone(&record)).unwrap();
    b.queries().here(&share(&record.opening, b), ANYONE).await.unwrap();
}

#[tokio::test]
async fn an_early_reader_of_a_failed_query_gets_its_error() {
    let cluster = Plan::of(2).start().await;
    let [a, b] = &cluster.nodes[..] else { panic!() };
    let record = registered(a, Vec::new());
    record.set_state(QueryState::Failed(ResultError::Exhausted("full".into())));
    let error = b.queries().here(&share(&record.opening, b), ANYONE).await.unwrap_err();
    assert!(matches!(&error, ResultError::Query { code: 8, message } if message == "full"));
}

/// It would be an empty result where there was one.
#[tokio::test]
async fn a_share_that_was_lost_after_the_commit_is_not_opened_again() {
    let cluster = Plan::of(2).start().await;
    let [a, b] = &cluster.nodes[..] else { panic!() };
    let record = registered(a, Vec::new());
    record.set_state(QueryState::Committed);
    let error = b.queries().here(&share(&record.opening, b), ANYONE).await.unwrap_err();
    assert!(matches!(error, ResultError::NotFound(_)));
    assert_eq!(b.queries().store().usage().results, 0);
}

#[tokio::test]
async fn a_result_is_for_its_owner() {
    let cluster = Plan::of(1).start().await;
    let node = &cluster.nodes[0];
    let opening = opening(node);
    node.queries().store().open(opening.clone()).unwrap();
    let error = node.queries().here(&share(&opening, node), "mallory").await.unwrap_err();
    assert!(matches!(error, ResultError::Forbidden(_)));
}

#[tokio::test]
async fn a_manifest_of_another_attempt_is_refused() {
    let cluster = Plan::of(1).start().await;
    let node = &cluster.nodes[0];
    let opening = opening(node);
    node.queries().store().open(opening.clone()).unwrap();
    let peers = cluster.peers();
    assert!(peers.verify(node.member(), opening.query, 1, &[]).await.is_err());
    peers.verify(node.member(), opening.query, 0, &[]).await.unwrap();
}
