//! Nodes that are killed while a statement writes.

use std::path::Path;

use squadron_dev::bucket::Wrong;
use squadron_dev::fixtures;
use squadron_dev::process::ProcessCluster;
use squadron_dev::wait::{SOON, wait_for, wait_until};

use super::*;

/// A statement that writes, and what a table is before and after it.
struct Writes {
    before: &'static [&'static str],
    sql: &'static str,
    /// Tells all that the table has.
    look: &'static str,
    rows: &'static str,
}

const LINES: &str = "select concat(count(*), ' ', count(distinct l_orderkey * 10 + l_linenumber), ' ', sum(l_quantity)::bigint) from t";

const ORDERS: &str =
    "select concat(count(*), ' ', count(distinct o_orderkey), ' ', sum(o_totalprice)) from t";

const INSERT: Writes = Writes {
    before: &["create table t as select * from lineitem where l_orderkey < 0"],
    sql: "insert into t select * from lineitem",
    look: LINES,
    rows: "60175",
};

const CREATE: Writes = Writes {
    before: &[],
    sql: "create table t as select * from lineitem",
    look: LINES,
    rows: "60175",
};

const UPDATE: Writes = Writes {
    before: &["create table t as select * from orders"],
    sql: "update t set o_totalprice = o_totalprice + 1",
    look: ORDERS,
    rows: "15000",
};

const MERGE: Writes = Writes {
    before: &["create table t as select * from orders where o_orderkey % 2 = 0"],
    sql: "merge into t using orders o on t.o_orderkey = o.o_orderkey \
          when matched then update set o_totalprice = o.o_totalprice + 1 \
          when not matched then insert (o_orderkey, o_totalprice) values (o.o_orderkey, o.o_totalprice)",
    look: ORDERS,
    rows: "15000",
};

/// What the table is, or that it is not there.
async fn look(cluster: &ProcessCluster, node: usize, sql: &str) -> String {
    match run(cluster, node, sql).await {
        Ok(value) => value,
        Err(error) if error.to_string().contains("NOT_FOUND") => "none".into(),
        Err(error) => panic!("{sql}: {error}"),
    }
}

async fn begun_anew(lake: &Lake, writes: &Writes) {
    let dropped = "drop table if exists t";
    lake.cluster.client(1).await.run(dropped).await.unwrap();
    for sql in writes.before {
        value(&lake.cluster, 1, sql).await;
    }
}

/// What the table is after the statement, where nothing goes wrong.
async fn right(lake: &Lake, writes: &Writes) -> String {
    begun_anew(lake, writes).await;
    assert_eq!(value(&lake.cluster, 0, writes.sql).await, writes.rows);
    value(&lake.cluster, 1, writes.look).await
}

/// A worker is lost at each of these moments, and the statement only takes longer.
async fn survives_a_killed_worker(writes: Writes) {
    let mut lake = Lake::start(3).await;
    let right = right(&lake, &writes).await;
    let moments =
        [(DATA, Wrong::Waits), (DATA, Wrong::DoneAndWaits), (VERSION, Wrong::DoneAndWaits)];
    for (met, (object, wrong)) in moments.into_iter().enumerate() {
        begun_anew(&lake, &writes).await;
        lake.bucket.next(object, 1, wrong);
        let statement = lake.begin(0, writes.sql);
        lake.bucket.met(met + 1).await;
        lake.cluster.kill(2).await.unwrap();
        lake.bucket.go_on();
        let done = answered(statement).await;
        assert_eq!(done.unwrap(), writes.rows, "{object} {wrong:?}");
        assert_eq!(value(&lake.cluster, 1, writes.look).await, right, "{object} {wrong:?}");
        lake.cluster.restart(2).await.unwrap();
        together(&lake.cluster).await;
        assert_eq!(value(&lake.cluster, 2, writes.look).await, right, "{object} {wrong:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_insert_whose_worker_is_killed_inserts_each_row_once() {
    survives_a_killed_worker(INSERT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_whose_worker_is_killed_is_made_with_each_row_once() {
    survives_a_killed_worker(CREATE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_whose_worker_is_killed_changes_each_row_once() {
    survives_a_killed_worker(UPDATE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_whose_worker_is_killed_changes_each_row_once() {
    survives_a_killed_worker(MERGE).await;
}

/// Files below a folder whose names end like this.
fn files(folder: &Path, end: &str) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let paths = entries.flatten().map(|entry| entry.path());
    paths
        .map(|path| match path.is_dir() {
            true => files(&path, end),
            false => usize::from(path.to_string_lossy().ends_with(end)),
        })
        .sum()
}

/// In a folder, where files have a draft until they are whole.
#[tokio::test(flavor = "multi_thread")]
async fn drafts_of_a_killed_worker_are_no_rows() {
    let mut cluster = ProcessCluster::start(3, fixtures::tpch(), &ARGUMENTS).await.unwrap();
    value(&cluster, 0, "create table t as select * from lineitem where false").await;
    let many = "insert into t select l.* from lineitem l cross join generate_series(1, 10)";
    let statement = begin(&cluster, 0, many);
    let tables = cluster.warehouse().join("tables");
    wait_for("files are being written", SOON, || files(&tables, ".draft") > 0).await;
    cluster.kill(2).await.unwrap();
    assert_eq!(answered(statement).await.unwrap(), "601750");
    let each = "select concat(min(n), ' ', max(n), ' ', count(*)) from (select count(*) as n from t group by l_orderkey, l_linenumber)";
    assert_eq!(value(&cluster, 1, each).await, "10 10 60175");
}

/// Where a coordinator is killed, and whether its statement is carried out then.
const MOMENTS: [(&str, Wrong, bool); 5] = [
    (DATA, Wrong::Waits, false),
    (VERSION, Wrong::Waits, false),
    (VERSION, Wrong::DoneAndWaits, false),
    (CATALOG, Wrong::Waits, false),
    (CATALOG, Wrong::DoneAndWaits, true),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_table_whose_coordinator_is_killed_is_there_or_can_be_made() {
    let mut lake = Lake::start(3).await;
    let right = right(&lake, &CREATE).await;
    for (met, (object, wrong, is_made)) in MOMENTS.into_iter().enumerate() {
        begun_anew(&lake, &CREATE).await;
        lake.bucket.next(object, 1, wrong);
        let statement = lake.begin(0, CREATE.sql);
        lake.bucket.met(met + 1).await;
        lake.cluster.kill(0).await.unwrap();
        answered(statement).await.unwrap_err();
        let expected = if is_made { right.as_str() } else { "none" };
        assert_eq!(look(&lake.cluster, 1, LINES).await, expected, "{object} {wrong:?}");
        lake.cluster.restart(0).await.unwrap();
        together(&lake.cluster).await;
        assert_eq!(look(&lake.cluster, 0, LINES).await, expected, "{object} {wrong:?}");
        if !is_made {
            assert_eq!(value(&lake.cluster, 2, CREATE.sql).await, CREATE.rows);
        }
        assert_eq!(value(&lake.cluster, 0, "delete from t where l_linenumber = 1").await, "15000");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_coordinator_is_killed_is_made_or_not() {
    let mut lake = Lake::start(3).await;
    let right = right(&lake, &UPDATE).await;
    for (met, (object, wrong, is_made)) in [
        (DATA, Wrong::Waits, false),
        (VERSION, Wrong::Waits, false),
        (VERSION, Wrong::DoneAndWaits, true),
    ]
    .into_iter()
    .enumerate()
    {
        begun_anew(&lake, &UPDATE).await;
        let before = value(&lake.cluster, 1, ORDERS).await;
        lake.bucket.next(object, 1, wrong);
        let statement = lake.begin(0, UPDATE.sql);
        lake.bucket.met(met + 1).await;
        lake.cluster.kill(0).await.unwrap();
        answered(statement).await.unwrap_err();
        let expected = if is_made { &right } else { &before };
        assert_eq!(&value(&lake.cluster, 1, ORDERS).await, expected, "{object} {wrong:?}");
        lake.cluster.restart(0).await.unwrap();
        together(&lake.cluster).await;
        assert_eq!(&value(&lake.cluster, 0, ORDERS).await, expected, "{object} {wrong:?}");
        assert_eq!(value(&lake.cluster, 2, "delete from t where o_orderkey < 8").await, "7");
    }
}

/// Statements of one writer, one after the other; gives how many were carried out. One that fails has changed nothing.
async fn writes(uri: String, writer: usize) -> (Vec<usize>, usize) {
    let (mut inserted, mut counted) = (Vec::new(), 0);
    for n in 0..6 {
        let insert = format!(
            "insert into rows select {writer} as writer, {n} as n, o_orderkey from orders where o_orderkey < 5000"
        );
        if run_at(&uri, &insert).await.is_ok() {
            inserted.push(n);
        }
        if run_at(&uri, "update counter set n = n + 1").await.is_ok() {
            counted += 1;
        }
    }
    (inserted, counted)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_write_while_a_worker_goes_and_comes_lose_nothing() {
    let mut cluster = ProcessCluster::start(3, fixtures::tpch(), &ARGUMENTS).await.unwrap();
    value(&cluster, 0, "create table rows (writer int, n int, k bigint)").await;
    value(&cluster, 1, "create table counter as select 0::bigint as n").await;
    let both = [0, 1].map(|node| {
        let uri = cluster.nodes()[node].uri.clone();
        SpawnedTask::spawn(writes(uri, node))
    });
    wait_until("both write", SOON, async || {
        value(&cluster, 0, "select count(distinct writer) from rows").await == "2"
    })
    .await;
    cluster.kill(2).await.unwrap();
    cluster.restart(2).await.unwrap();
    let (mut expected, mut counted) = (Vec::new(), 0);
    for (writer, task) in both.into_iter().enumerate() {
        let (inserted, own) = task.join().await.unwrap();
        expected.extend(inserted.into_iter().map(|n| format!("{writer}/{n}")));
        counted += own;
    }
    together(&cluster).await;
    let each = "select string_agg(concat(writer, '/', n), ' ' order by writer, n) from \
                (select writer, n from rows group by writer, n having count(*) = count(distinct k) and count(*) = \
                 (select count(*) from orders where o_orderkey < 5000))";
    assert_eq!(value(&cluster, 2, each).await, expected.join(" "));
    let all = "select count(distinct writer * 100 + n) from rows";
    assert_eq!(value(&cluster, 1, all).await, expected.len().to_string());
    assert_eq!(value(&cluster, 2, "select n from counter").await, counted.to_string());
    assert!(expected.len() > 6, "most are carried out: {expected:?}");
}
