//! A statement that reads the table that it changes, while others write that.

use squadron_dev::bucket::Wrong;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_come_to_a_table_while_it_is_made_anew_of_itself_are_in_it() {
    let lake = Lake::start(2).await;
    value(&lake.cluster, 0, "create table t as select 1::bigint as a").await;
    lake.bucket.next(DATA, 1, Wrong::Waits);
    let anew = lake.begin(0, "create or replace table t as select a * 2 as a from t");
    lake.bucket.met(1).await;
    assert_eq!(value(&lake.cluster, 1, "insert into t values (10)").await, "1");
    lake.bucket.go_on();
    assert_eq!(answered(anew).await.unwrap(), "2");
    assert_eq!(value(&lake.cluster, 1, "select sum(a) from t").await, "22");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_make_a_table_anew_of_itself_the_second_reads_what_the_first_has_made() {
    let lake = Lake::start(2).await;
    value(&lake.cluster, 0, "create table t as select 1::bigint as a").await;
    lake.bucket.next(DATA, 1, Wrong::Waits);
    let anew = lake.begin(0, "create or replace table t as select a * 2 as a from t");
    lake.bucket.met(1).await;
    value(&lake.cluster, 1, "create or replace table t as select a + 10 as a from t").await;
    lake.bucket.go_on();
    assert_eq!(answered(anew).await.unwrap(), "1");
    assert_eq!(value(&lake.cluster, 1, "select sum(a) from t").await, "22");
}

/// Its rows are what they are by those that come meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_change_reads_of_its_own_table_is_all_of_it() {
    let lake = Lake::start(2).await;
    let table = "create or replace table t as select 1::bigint as a, 0::bigint as n";
    value(&lake.cluster, 0, table).await;
    lake.bucket.next(DATA, 1, Wrong::Waits);
    let changing = lake.begin(0, "update t set n = (select count(*) from t)");
    lake.bucket.met(1).await;
    value(&lake.cluster, 1, "insert into t values (2, 0)").await;
    lake.bucket.go_on();
    assert_eq!(answered(changing).await.unwrap(), "2");
    let rows = "select string_agg(concat(a, '/', n), ' ' order by a) from t";
    assert_eq!(value(&lake.cluster, 1, rows).await, "1/2 2/2");
}

/// Rows come all the time while a table is made anew of itself: each that was acknowledged is there.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_come_while_a_table_is_made_anew_of_itself_are_in_it() {
    let lake = Lake::start(2).await;
    value(&lake.cluster, 0, "create table t (a bigint) comment 'all'").await;
    let inserts = async {
        for number in 1..=20 {
            value(&lake.cluster, 0, &format!("insert into t values ({number})")).await;
        }
    };
    let anew = async {
        for _ in 0..3 {
            // Others may be first ten times in a row: then nothing is changed.
            let _ = lake.begin(1, "create or replace table t as select a + 0 as a from t").await;
        }
    };
    futures::join!(inserts, anew);
    let anew = "create or replace table t as select a from t order by a";
    assert_eq!(value(&lake.cluster, 1, anew).await, "20");
    assert_eq!(
        value(&lake.cluster, 0, "select concat(count(*), '/', sum(a)) from t").await,
        "20/210"
    );
}
