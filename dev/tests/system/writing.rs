//! Tables that SQL makes and writes: what a statement says is what every node reads, once and as a whole.

use std::path::Path;

use futures::future::join_all;
use squadron_dev::cluster::{ClusterOptions, TestCluster};
use squadron_dev::fixtures;
use squadron_dev::wait::{SOON, wait_for};
use squadron_server::client::ClientError;
use tonic::Code;

const NODES: usize = 3;

async fn cluster() -> TestCluster {
    TestCluster::start(NODES, fixtures::tpch()).await
}

/// How many rows a statement says that it has changed.
async fn run(cluster: &TestCluster, node: usize, sql: &str) -> i64 {
    let done = cluster.ask(node, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    done.value().parse().unwrap()
}

/// Of what changes the catalog alone nothing is counted.
async fn define(cluster: &TestCluster, node: usize, sql: &str) {
    let done = cluster.client(node).await.run(sql).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

async fn run_all(cluster: &TestCluster, statements: &[&str]) {
    for (at, sql) in statements.iter().enumerate() {
        define(cluster, at % NODES, sql).await;
    }
}

async fn value(cluster: &TestCluster, node: usize, sql: &str) -> String {
    cluster.ask(node, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}")).value()
}

async fn text(cluster: &TestCluster, node: usize, sql: &str) -> String {
    cluster.ask(node, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}")).text()
}

/// Those of the first row.
fn values(text: &str) -> Vec<&str> {
    let row = text.lines().nth(3).unwrap_or_default();
    row.split('|').map(str::trim).collect()
}

async fn refused(cluster: &TestCluster, node: usize, sql: &str) -> (Code, String) {
    match cluster.client(node).await.run(sql).await {
        Err(ClientError::Server(status)) => (status.code(), status.message().to_owned()),
        other => panic!("{sql}: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_one_node_inserts_are_read_at_all() {
    let cluster = cluster().await;
    run(&cluster, 0, "create table t (a int not null, b varchar, c decimal(10, 2))").await;
    assert_eq!(run(&cluster, 1, "insert into t values (1, 'x', 1.5), (2, null, 2.25)").await, 2);
    assert_eq!(run(&cluster, 2, "insert into t (c, a) values (7, 3)").await, 1);
    for node in 0..NODES {
        let rows =
            "select string_agg(concat_ws('/', a, coalesce(b, '-'), c), ' ' order by a) from t";
        assert_eq!(value(&cluster, node, rows).await, "1/x/1.50 2/-/2.25 3/-/7.00");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_as_a_query_has_its_rows_and_is_scanned_by_all() {
    let cluster = cluster().await;
    let made = run(&cluster, 0, "create table lines as select * from lineitem").await;
    let expected = value(&cluster, 0, "select count(*) from lineitem").await;
    assert_eq!(made.to_string(), expected);
    let sums = "select sum(l_quantity), sum(l_extendedprice), count(distinct l_orderkey), min(l_comment), max(l_shipdate)";
    for node in 0..NODES {
        let own = cluster.ask_distributed(node, &format!("{sums} from lines")).await.unwrap();
        let theirs = cluster.ask(node, &format!("{sums} from lineitem")).await.unwrap();
        assert_eq!(values(&own.text()), values(&theirs.text()));
    }
    let differ = "select count(*) from (select * from lines except select * from lineitem)";
    assert_eq!(value(&cluster, 1, differ).await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_deleted_and_updated_where_the_condition_is_true() {
    let cluster = cluster().await;
    run(&cluster, 0, "create table n as select * from nation").await;
    assert_eq!(
        run(&cluster, 1, "delete from n where n_regionkey = 1 or n_comment is null").await,
        5
    );
    assert_eq!(value(&cluster, 2, "select count(*) from n").await, "20");
    let set = "update n set n_name = lower(n_name), n_regionkey = n_regionkey + 10 where n_nationkey % 2 = 0";
    let even = value(&cluster, 0, "select count(*) from n where n_nationkey % 2 = 0").await;
    assert_eq!(run(&cluster, 2, set).await.to_string(), even);
    let wrong = "select count(*) from n join nation o on n.n_nationkey = o.n_nationkey where not case when n.n_nationkey % 2 = 0 \
         then n.n_name = lower(o.n_name) and n.n_regionkey = o.n_regionkey + 10 \
         else n.n_name = o.n_name and n.n_regionkey = o.n_regionkey end";
    assert_eq!(value(&cluster, 0, wrong).await, "0");
    assert_eq!(run(&cluster, 0, "delete from n where false").await, 0);
    assert_eq!(run(&cluster, 1, "truncate table n").await, 20);
    assert_eq!(value(&cluster, 2, "select count(*) from n").await, "0");
}

/// DataFusion's own way changes every row for these.
#[tokio::test(flavor = "multi_thread")]
async fn conditions_with_subqueries_change_their_rows_only() {
    let cluster = cluster().await;
    run(&cluster, 0, "create table n as select * from nation").await;
    let asia = "delete from n as x where x.n_regionkey in (select r_regionkey from region where r_name = 'ASIA')";
    assert_eq!(run(&cluster, 1, asia).await, 5);
    let last = "update n set n_name = 'LAST' where n_nationkey = (select max(n_nationkey) from n)";
    assert_eq!(run(&cluster, 2, last).await, 1);
    let lone = "delete from public.n where not exists (select 1 from customer c where c.c_nationkey = public.n.n_nationkey)";
    assert_eq!(run(&cluster, 0, lone).await, 0);
    let left = "select concat(count(*), ' ', max(n_name) filter (where n_name = 'LAST')) from n";
    assert_eq!(value(&cluster, 1, left).await, "20 LAST");
}

#[tokio::test(flavor = "multi_thread")]
async fn overwriting_leaves_what_is_written_alone() {
    let cluster = cluster().await;
    run_all(&cluster, &["create table t (a int)", "insert into t values (1), (2), (3)"]).await;
    assert_eq!(run(&cluster, 2, "insert overwrite t select a * 10 from t where a > 1").await, 2);
    assert_eq!(value(&cluster, 0, "select string_agg(a, ',' order by a) from t").await, "20,30");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_told_apart_by_their_partitions() {
    let cluster = cluster().await;
    run(
        &cluster,
        0,
        "create table o partitioned by (day, flag) as select o_orderkey, o_orderdate as day, o_orderstatus as flag, o_totalprice \
         from orders where o_orderkey < 2000",
    )
    .await;
    run(
        &cluster,
        1,
        "insert into o values (-1, null, 'ä/b=c', 1.0), (-2, '1999-01-01', null, 2.0)",
    )
    .await;
    let all = "select count(*), sum(o_totalprice), count(distinct day), count(distinct flag) from o where o_orderkey > 0";
    let expected = "select count(*), sum(o_totalprice), count(distinct o_orderdate), count(distinct o_orderstatus) from orders where o_orderkey < 2000";
    let (all, expected) = (text(&cluster, 2, all).await, text(&cluster, 2, expected).await);
    assert_eq!(values(&all), values(&expected));
    assert_eq!(
        value(&cluster, 0, "select o_orderkey from o where flag = 'ä/b=c' and day is null").await,
        "-1"
    );
    assert_eq!(value(&cluster, 1, "select o_orderkey from o where flag is null").await, "-2");
    let one = "select count(*) from o where day = '1996-01-02'";
    let same = "select count(*) from orders where o_orderkey < 2000 and o_orderdate = '1996-01-02'";
    assert_eq!(value(&cluster, 2, one).await, value(&cluster, 2, same).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_many_writers_are_all_there() {
    let cluster = cluster().await;
    run(&cluster, 0, "create table t (writer int, n int)").await;
    let insert = async |writer: usize| {
        for n in 0..4 {
            let sql = format!("insert into t values ({writer}, {n})");
            run(&cluster, writer % NODES, &sql).await;
        }
    };
    join_all((0..6).map(insert)).await;
    assert_eq!(value(&cluster, 1, "select count(distinct writer * 10 + n) from t").await, "24");
    assert_eq!(value(&cluster, 2, "select count(*) from t").await, "24");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_update_of_one_row_is_lost() {
    let cluster = cluster().await;
    run_all(&cluster, &["create table t (a bigint)", "insert into t values (0)"]).await;
    let count = async |node: usize| {
        for _ in 0..4 {
            assert_eq!(run(&cluster, node, "update t set a = a + 1").await, 1);
        }
    };
    join_all((0..NODES).map(count)).await;
    assert_eq!(value(&cluster, 0, "select a from t").await, "12");
}

/// Writers of one node queue: none of them works in vain, and so none gives up.
#[tokio::test(flavor = "multi_thread")]
async fn many_updates_at_one_node_are_all_carried_out() {
    let cluster = TestCluster::start(1, fixtures::tpch()).await;
    run(&cluster, 0, "create table t (a bigint)").await;
    run(&cluster, 0, "insert into t values (0)").await;
    let update = || run(&cluster, 0, "update t set a = a + 1");
    assert_eq!(join_all((0..60).map(|_| update())).await, vec![1; 60]);
    assert_eq!(value(&cluster, 0, "select a from t").await, "60");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_does_not_fit_leaves_the_table_as_it_was() {
    let cluster = cluster().await;
    run_all(
        &cluster,
        &["create table t (a tinyint not null, b date)", "insert into t values (1, null)"],
    )
    .await;
    for (sql, why) in [
        ("insert into t select n_nationkey * 100, null from nation", "a"),
        ("insert into t values (null, '2024-01-01')", "NOT NULL"),
        ("insert into t (b) values ('2024-01-01')", "NOT NULL"),
        ("update t set a = 1000", "a"),
        ("update t set nothing = 1", "nothing"),
        ("insert into t values (1, 'no day')", "no day"),
    ] {
        let (_, text) = refused(&cluster, 1, sql).await;
        assert!(text.contains(why), "{sql}: {text}");
    }
    assert_eq!(value(&cluster, 2, "select count(*) from t").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_there_after_a_restart_and_gone_after_drop() {
    let warehouse = tempfile::tempdir().unwrap();
    let path = warehouse.path().display().to_string();
    let start = async || {
        let path = path.clone();
        let options = ClusterOptions::new(NODES).data(fixtures::tpch());
        options.adjust(move |_, args| args.warehouse = Some(path.clone())).start().await
    };
    let before = start().await;
    run_all(
        &before,
        &["create schema s", "create table s.t as select 1 as a", "insert into s.t values (2)"],
    )
    .await;
    drop(before);
    let after = start().await;
    assert_eq!(value(&after, 1, "select sum(a) from s.t").await, "3");
    run_all(&after, &["create or replace table s.t as select 'x' as b"]).await;
    assert_eq!(value(&after, 2, "select b from s.t").await, "x");
    define(&after, 0, "drop table s.t").await;
    assert_eq!(refused(&after, 1, "insert into s.t values (1)").await.0, Code::NotFound);
}

/// Every form in which a client may send a statement carries it out once.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_is_asked_for_as_a_query_says_how_many_rows() {
    let cluster = cluster().await;
    run(&cluster, 0, "create table t (a int)").await;
    let answer = cluster.ask(1, "insert into t values (1), (2)").await.unwrap();
    assert_eq!(answer.value(), "2");
    assert_eq!(value(&cluster, 2, "select count(*) from t").await, "2");
    let failed = cluster.ask(1, "insert into t select 1 / (a - 1) from t").await.unwrap_err();
    assert!(
        matches!(failed, ClientError::Server(status) if status.code() == Code::InvalidArgument)
    );
    assert_eq!(value(&cluster, 2, "select count(*) from t").await, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_may_only_grow_does() {
    let cluster = cluster().await;
    run(&cluster, 0, "create table t (a int) with ('delta.appendOnly' = 'true')").await;
    run(&cluster, 1, "insert into t values (1)").await;
    for sql in [
        "delete from t",
        "delete from t where a = 1",
        "update t set a = 2",
        "truncate t",
        "insert overwrite t values (2)",
    ] {
        let (code, why) = refused(&cluster, 2, sql).await;
        assert!(code == Code::InvalidArgument && why.contains("appendOnly"), "{sql}: {why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_table_of_ours_is_not_written() {
    let cluster = cluster().await;
    define(&cluster, 0, "create view v as select 1 as a").await;
    for (sql, expected) in [
        ("insert into v values (1)", Code::Unimplemented),
        ("delete from nothing", Code::NotFound),
        ("update v set a = 1", Code::Unimplemented),
        ("create table nation (a int)", Code::AlreadyExists),
        ("create table t (a interval)", Code::InvalidArgument),
        ("create table t as select null as a", Code::InvalidArgument),
        ("create table t as select 1 as a, 2 as a", Code::InvalidArgument),
        ("create table t (a int) partitioned by (b)", Code::InvalidArgument),
        ("delete from nation where random() < 0.5", Code::Unimplemented),
    ] {
        let (code, why) = refused(&cluster, 1, sql).await;
        assert_eq!(code, expected, "{sql}: {why}");
    }
}

const MERGE: &str = "merge into n using changes c on n.n_nationkey = c.k when matched and c.gone then delete \
    when matched then update set n_name = c.name, n_comment = concat(n.n_comment, '!') \
    when not matched and c.k > 100 then insert (n_nationkey, n_name, n_regionkey) values (c.k, c.name, -1)";

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_deletes_updates_and_inserts() {
    let cluster = cluster().await;
    run(&cluster, 0, "create table n as select * from nation").await;
    let changes = "create table changes as select * from (values (1, 'one', false), (2, 'two', true), (200, 'new', false), (50, 'no', false)) v (k, name, gone)";
    run(&cluster, 1, changes).await;
    assert_eq!(run(&cluster, 2, MERGE).await, 3);
    let rows = "select string_agg(concat(n_nationkey, n_name), ' ' order by n_nationkey) from n where n_nationkey in (1, 2, 50, 200)";
    assert_eq!(value(&cluster, 0, rows).await, "1one 200new");
    let others =
        "select count(*) from (select * from nation where n_nationkey > 2 except select * from n)";
    assert_eq!(value(&cluster, 1, others).await, "0");
    assert_eq!(value(&cluster, 2, "select count(*) from n").await, "25");
    let rest = "merge into n using changes c on n.n_nationkey = c.k when not matched by source and n.n_regionkey > 2 then delete \
        when not matched by source and n.n_regionkey = 2 then update set n_name = 'ASIAN'";
    assert_eq!(run(&cluster, 0, rest).await, 15);
    let left = "select concat(count(*), ' ', count(*) filter (where n_name = 'ASIAN')) from n";
    assert_eq!(value(&cluster, 1, left).await, "15 5");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_that_would_change_a_row_twice_changes_nothing() {
    let cluster = cluster().await;
    run(&cluster, 0, "create table n as select * from nation").await;
    let twice = "merge into n using (select 1 as k, o_orderkey as v from orders limit 2) s on n.n_nationkey = s.k \
        when matched then update set n_regionkey = s.v";
    let (code, why) = refused(&cluster, 1, twice).await;
    assert!(code == Code::InvalidArgument && why.contains("more than one"), "{why}");
    assert_eq!(
        value(&cluster, 2, "select count(*) from (select * from nation except select * from n)")
            .await,
        "0"
    );
    let ambiguous =
        "merge into n using nation m on n_nationkey = n_nationkey when matched then delete";
    assert_eq!(refused(&cluster, 0, ambiguous).await.0, Code::InvalidArgument);
}

/// What one of them made would not be there at the others, or be something else of the same name.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_with_warehouses_of_their_own_change_nothing() {
    let folders: Vec<_> = (0..NODES).map(|_| tempfile::tempdir().unwrap()).collect();
    let paths: Vec<_> = folders.iter().map(|it| it.path().display().to_string()).collect();
    let options = ClusterOptions::new(NODES).data(fixtures::tpch());
    let own = options.adjust(move |node, args| args.warehouse = Some(paths[node].clone()));
    let cluster = own.start().await;
    for sql in
        ["create schema s", "create view v as select 1 as a", "create table t as select 1 as a"]
    {
        let (code, why) = refused(&cluster, 0, sql).await;
        assert!(code == Code::Unimplemented && why.contains("node-1"), "{sql}: {why}");
    }
}

/// The data files of all tables.
fn data_files(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .map(|path| match path.is_dir() {
            true => data_files(&path),
            false => usize::from(path.extension().is_some_and(|end| end == "parquet")),
        })
        .sum()
}

/// Also where some of them were whole already when another part of the statement failed.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_fails_removes_its_files() {
    let warehouse = tempfile::tempdir().unwrap();
    let path = warehouse.path().display().to_string();
    let options = ClusterOptions::new(1).data(fixtures::tpch());
    let options = options.adjust(move |_, args| args.warehouse = Some(path.clone()));
    let cluster = options.start().await;
    run(&cluster, 0, "create table t (a int not null, b int)").await;
    run(&cluster, 0, "insert into t values (1, 1)").await;
    let before = data_files(warehouse.path());
    for sql in [
        "merge into t using (values (1, 2), (2, 3)) s (a, b) on t.a = s.a when matched then update set b = s.b \
         when not matched then insert (a, b) values (null, s.b)",
        "create table n as select named_struct('a', 1, 'A', 2) as s",
    ] {
        refused(&cluster, 0, sql).await;
        wait_for(sql, SOON, || data_files(warehouse.path()) == before).await;
    }
}

/// Values of structs go to the fields of their names, and none is left out.
#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_a_column_has_not_is_refused() {
    let cluster = TestCluster::start(1, fixtures::tpch()).await;
    run(&cluster, 0, "create table t (a struct<x int, y text>)").await;
    run(&cluster, 0, "insert into t select named_struct('y', 'w', 'x', 9)").await;
    for sql in [
        "insert into t select named_struct('y', 'w', 'x', 9, 'k', 1)",
        "update t set a = named_struct('x', 1, 'z', 2)",
        "merge into t using (select 9 as x) s on t.a['x'] = s.x when matched then update set a = named_struct('x', 1, 'z', 2)",
    ] {
        let (code, why) = refused(&cluster, 0, sql).await;
        assert!(code == Code::InvalidArgument && why.contains("has no place"), "{sql}: {why}");
    }
    assert_eq!(
        value(&cluster, 0, "select concat(a['x'], a['y'], count(*) over ()) from t").await,
        "9w1"
    );
}
