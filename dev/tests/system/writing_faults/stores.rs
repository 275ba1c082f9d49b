//! Stores that do what they are asked to and say otherwise, or do not for a while.

use squadron_dev::bucket::Wrong;

use super::*;

const ALL: &str = "select string_agg(a, ' ' order by a) from t";

/// All that makes an object is done, told wrongly, and asked for again.
async fn is_done_once(wrong: Wrong) {
    let lake = Lake::start(2).await;
    for object in [VERSION, CATALOG] {
        lake.bucket.next(object, 1, wrong);
    }
    assert_eq!(value(&lake.cluster, 0, "create table t as select 1 as a").await, "1");
    lake.bucket.met(2).await;
    for (object, sql) in [
        (VERSION, "insert into t values (2), (3)"),
        (VERSION, "update t set a = a * 10 where a = 3"),
        (DATA, "insert into t values (4)"),
    ] {
        lake.bucket.next(object, 1, wrong);
        value(&lake.cluster, 1, sql).await;
    }
    lake.bucket.met(5).await;
    assert_eq!(value(&lake.cluster, 0, ALL).await, "1 2 4 30");
    lake.bucket.next(CATALOG, 1, wrong);
    lake.cluster.client(0).await.run("drop table t").await.unwrap();
    lake.bucket.met(6).await;
    assert_eq!(refused(run(&lake.cluster, 1, ALL).await).0, Code::NotFound);
}

/// The store's own client asks again, and is told that the object is there (412): it is its own.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_store_does_and_says_that_it_failed_is_done_once() {
    is_done_once(Wrong::DoneAndFails).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_store_does_without_an_answer_is_done_once() {
    is_done_once(Wrong::DoneAndDrops).await;
}

/// Longer than the store's own client has patience for.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_for_a_while_is_waited_for() {
    let lake = Lake::start(2).await;
    // What a node asks of a catalog that it has not changed yet is not waited for.
    value(&lake.cluster, 1, "create table u (a int)").await;
    value(&lake.cluster, 0, "create table t as select 1 as a").await;
    lake.bucket.next(VERSION, 8, Wrong::Fails);
    let inserting = lake.begin(0, "insert into t values (2)");
    lake.bucket.next(CATALOG, 8, Wrong::Fails);
    let making = lake.begin(1, "create table v as select 1 as a");
    assert_eq!(answered(inserting).await.unwrap(), "1");
    assert_eq!(answered(making).await.unwrap(), "1");
    assert_eq!(value(&lake.cluster, 1, ALL).await, "1 2");
    assert_eq!(value(&lake.cluster, 0, "select count(*) from v").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_store_does_not_allow_changes_nothing_and_says_so() {
    let lake = Lake::start(2).await;
    value(&lake.cluster, 0, "create table t as select 1 as a").await;
    let files = lake.bucket.keys(DATA).len();
    for (object, sql) in [
        (VERSION, "insert into t values (2)"),
        (VERSION, "update t set a = 2"),
        (VERSION, "create table u as select 2 as a"),
        (CATALOG, "create table u as select 2 as a"),
    ] {
        lake.bucket.next(object, 1, Wrong::Refuses);
        let (_, why) = refused(run(&lake.cluster, 1, sql).await);
        assert!(why.contains("nothing was changed") && why.contains("access denied"), "{why}");
        assert_eq!(lake.bucket.keys(DATA).len(), files, "{sql}: its files are gone");
    }
    lake.bucket.next(DATA, 1, Wrong::Refuses);
    let (_, why) = refused(run(&lake.cluster, 0, "insert into t values (2)").await);
    assert!(why.contains("access denied"), "{why}");
    assert_eq!(value(&lake.cluster, 0, ALL).await, "1");
    assert_eq!(value(&lake.cluster, 1, "create table u as select 2 as a").await, "1");
    assert_eq!(value(&lake.cluster, 1, "insert into t values (2)").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_down_for_a_moment_is_waited_for() {
    let lake = Lake::start(1).await;
    value(&lake.cluster, 0, "create table t as select 1 as a").await;
    lake.bucket.next(DATA, 1, Wrong::Waits);
    let inserting = lake.begin(0, "insert into t values (2)");
    lake.bucket.met(1).await;
    lake.bucket.down(true);
    lake.bucket.go_on();
    lake.bucket.met(3).await;
    lake.bucket.down(false);
    assert_eq!(answered(inserting).await.unwrap(), "1");
    assert_eq!(value(&lake.cluster, 0, ALL).await, "1 2");
}
