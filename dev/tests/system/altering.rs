//! ALTER TABLE: tables get columns, names and properties, and every node reads them as they are by then.

use futures::future::join_all;
use squadron_dev::cluster::TestCluster;
use squadron_dev::fixtures;
use squadron_server::client::ClientError;
use tonic::Code;

const NODES: usize = 3;

async fn cluster() -> TestCluster {
    TestCluster::start(NODES, fixtures::tpch()).await
}

async fn run_all(cluster: &TestCluster, statements: &[&str]) {
    for (at, sql) in statements.iter().enumerate() {
        let done = cluster.client(at % NODES).await.run(sql).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

async fn refused(cluster: &TestCluster, node: usize, sql: &str) -> (Code, String) {
    match cluster.client(node).await.run(sql).await {
        Err(ClientError::Server(status)) => (status.code(), status.message().to_owned()),
        other => panic!("{sql}: {other:?}"),
    }
}

async fn value(cluster: &TestCluster, node: usize, sql: &str) -> String {
    cluster.ask(node, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}")).value()
}

/// From every node, by this one alone and by all.
async fn everywhere(cluster: &TestCluster, sql: &str, expected: &str) {
    for node in 0..NODES {
        assert_eq!(value(cluster, node, sql).await, expected, "{sql}");
        let distributed = cluster.ask_distributed(node, sql).await.unwrap();
        assert_eq!(distributed.value(), expected, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_from_before_a_column_have_null_in_it() {
    let cluster = cluster().await;
    let statements = [
        "create table n as select * from nation",
        "alter table n add columns (score decimal(8, 2) comment 'of each', seen timestamp, note varchar)",
        "insert into n (n_nationkey, score, note) values (100, 1.5, 'new'), (101, 2.5, null)",
        "alter table n add column day date, add column deep struct<a int>",
        "insert into n (n_nationkey, day) values (102, '2024-01-02')",
    ];
    run_all(&cluster, &statements).await;
    for (sql, expected) in [
        ("select count(*) from n", "28"),
        ("select count(*) from n where score is null", "26"),
        ("select sum(score) from n", "4.00"),
        ("select count(*) from n where score > 1", "2"),
        ("select count(*) from n where note = 'new'", "1"),
        ("select count(note) from n", "1"),
        ("select max(day) from n", "2024-01-02"),
        ("select count(*) from n where day is null and seen is null and deep is null", "27"),
        ("select n_name from n where n_nationkey = 3 and note is null", "CANADA"),
        ("select min(coalesce(note, n_name)) from n where n_nationkey in (0, 100)", "ALGERIA"),
        ("select count(*) from (select score, count(*) from n group by score)", "3"),
        ("select count(*) from n a join n b on a.note = b.note", "1"),
    ] {
        everywhere(&cluster, sql, expected).await;
    }
    // Rows that are written anew have it, too.
    run_all(&cluster, &["update n set score = 9 where n_nationkey = 3"]).await;
    everywhere(&cluster, "select score from n where n_nationkey = 3", "9.00").await;
    everywhere(&cluster, "select count(*) from n where score is null", "25").await;
    run_all(&cluster, &["delete from n where note is null"]).await;
    everywhere(&cluster, "select count(*) from n", "1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_table_with_a_new_column_is_scanned_by_all() {
    let cluster = cluster().await;
    let statements = [
        "create table lines as select * from lineitem",
        "alter table lines add column extra int",
        "insert into lines (l_orderkey, extra) values (-1, 7)",
    ];
    run_all(&cluster, &statements).await;
    let rows = value(&cluster, 0, "select count(*) from lineitem").await;
    let all: i64 = rows.parse().unwrap();
    everywhere(&cluster, "select count(*) from lines where extra is null", &rows).await;
    everywhere(&cluster, "select sum(extra) from lines", "7").await;
    everywhere(&cluster, "select count(coalesce(extra, 0)) from lines", &(all + 1).to_string())
        .await;
    for node in 0..NODES {
        let scan = "select l_orderkey, extra, l_comment from lines";
        let scanned = cluster.ask_distributed(node, scan).await.unwrap();
        assert_eq!(scanned.rows(), all as usize + 1);
    }
    let differ = "select count(*) from (select l_orderkey, l_comment, extra from lines where extra is null \
                  except select l_orderkey, l_comment, cast(null as int) from lineitem)";
    everywhere(&cluster, differ, "0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_by_which_files_are_told_apart_stay_right() {
    let cluster = cluster().await;
    let statements = [
        "create table t (day date, a int) partitioned by (day)",
        "insert into t values ('2024-01-01', 1), ('2024-01-02', 2)",
        "alter table t add column b varchar",
        "insert into t values ('2024-01-02', 3, 'x')",
    ];
    run_all(&cluster, &statements).await;
    everywhere(&cluster, "select sum(a) from t where day = '2024-01-02'", "5").await;
    everywhere(&cluster, "select max(day) from t where b is null", "2024-01-02").await;
    everywhere(&cluster, "select concat(a, b) from t where b = 'x'", "3x").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_is_told_as_it_is_by_now() {
    let cluster = cluster().await;
    let statements = [
        "create table t (a int not null, b int)",
        "alter table t alter column a drop not null",
        "alter table t alter column b comment 'of b'",
        "insert into t values (null, 1)",
    ];
    run_all(&cluster, &statements).await;
    everywhere(&cluster, "select count(*) from t where a is null", "1").await;
    let nullable = "select string_agg(is_nullable, ' ') from information_schema.columns where table_name = 't'";
    for node in 0..NODES {
        assert_eq!(value(&cluster, node, nullable).await, "YES YES");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_has_its_new_name_at_every_node() {
    let cluster = cluster().await;
    let statements = [
        "create schema s",
        "create table s.t (a int primary key not enforced)",
        "create table s.r (a int references s.t not enforced)",
        "insert into s.t values (1)",
        "alter table s.t rename to u",
        "insert into s.u values (2)",
    ];
    run_all(&cluster, &statements).await;
    everywhere(&cluster, "select sum(a) from s.u", "3").await;
    let refers = "select table_name from information_schema.constraint_table_usage where constraint_name = 'r_a_fk'";
    for node in 0..NODES {
        assert_eq!(value(&cluster, node, refers).await, "u");
        assert_eq!(refused(&cluster, node, "insert into s.t values (3)").await.0, Code::NotFound);
    }
    run_all(&cluster, &["create table s.t (b int)", "alter table s.t rename to s.w"]).await;
    for (sql, code) in [
        ("alter table s.w rename to u", Code::AlreadyExists),
        ("alter table s.w rename to public.w", Code::Unimplemented),
        ("alter table s.nope rename to x", Code::NotFound),
        ("alter table nation rename to lands", Code::InvalidArgument),
    ] {
        let (found, why) = refused(&cluster, 1, sql).await;
        assert_eq!(found, code, "{sql}: {why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_length_is_kept_to() {
    let cluster = cluster().await;
    run_all(
        &cluster,
        &[
            "create table t (a int, s varchar(3) not null comment 'short')",
            "alter table t add column (u character varying(2) comment 'shorter')",
            "insert into t values (1, 'äöü', null), (2, 'ab   ', 'xy')",
            "update t set u = 'z ' where a = 1",
        ],
    )
    .await;
    for sql in [
        "insert into t values (3, 'abcd', null)",
        "insert into t select 3, n_name, null from nation",
        "update t set u = 'xyz'",
        "merge into t using (select 1 as k) on a = k when matched then update set s = 'long'",
    ] {
        let (found, why) = refused(&cluster, 1, sql).await;
        assert_eq!(found, Code::InvalidArgument, "{sql}: {why}");
        assert!(why.contains("is VARCHAR("), "{sql}: {why}");
    }
    let all = "select string_agg(concat('[', s, '|', u, ']'), ' ' order by a) from t";
    everywhere(&cluster, all, "[äöü|z ] [ab |xy]").await;
    let told = "select string_agg(concat(column_name, character_maximum_length), ' ' order by column_name) \
                from information_schema.columns where table_name = 't'";
    everywhere(&cluster, told, "a s3 u2").await;
    run_all(
        &cluster,
        &[
            "create table p (a int, s varchar(3)) partitioned by (s)",
            "insert into p values (1, 'abc')",
            "insert overwrite p partition (s = 'abc ') select 2",
        ],
    )
    .await;
    everywhere(&cluster, "select string_agg(concat(a, s), ' ') from p", "2abc").await;
    let shown = cluster.ask(1, "show create table t").await.expect("a statement").text();
    assert!(shown.contains("s VARCHAR(3) NOT NULL COMMENT 'short'"), "{shown}");
    assert!(shown.contains("u VARCHAR(2) COMMENT 'shorter'"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_has_the_columns_that_it_was_made_with() {
    let cluster = cluster().await;
    run_all(
        &cluster,
        &[
            "create table t (a int, s struct<x int, y varchar>)",
            "insert into t values (1, {'x': 2, 'y': 'three'})",
            "create view named (p, q) as select * from t",
            "create view joined as select *, 5 as five from t",
            "create view fields as select s.x, t.s.y, a from t order by s.y limit 3",
            "create table u (a int, b int)",
            "insert into u values (1, 20)",
            "create view beside as select t.*, u.b from t, u",
            "alter table t add column b int",
            "update t set b = 99",
        ],
    )
    .await;
    everywhere(&cluster, "select concat(p, q['x']) from named", "12").await;
    everywhere(&cluster, "select concat(a, five) from joined", "15").await;
    everywhere(&cluster, "select b from beside", "20").await;
    everywhere(&cluster, "select concat(x, y, a) from fields", "2three1").await;
    let columns = "select string_agg(column_name, ' ' order by ordinal_position) from information_schema.columns \
                   where table_name = ";
    everywhere(&cluster, &format!("{columns} 'joined'"), "a s five").await;
    everywhere(&cluster, &format!("{columns} 'fields'"), "x y a").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn properties_count_from_then_on() {
    let cluster = cluster().await;
    let statements = [
        "create table t (a int)",
        "insert into t values (1)",
        "alter table t set tblproperties ('delta.appendOnly' = 'true', 'owner' = 'x')",
    ];
    run_all(&cluster, &statements).await;
    for node in 0..NODES {
        let (code, why) = refused(&cluster, node, "delete from t").await;
        assert!(code == Code::InvalidArgument && why.contains("appendOnly"), "{why}");
    }
    run_all(&cluster, &["alter table t unset tblproperties ('delta.appendOnly')"]).await;
    let (code, _) = refused(&cluster, 1, "alter table t unset tblproperties ('nope')").await;
    assert_eq!(code, Code::InvalidArgument);
    run_all(&cluster, &["alter table t unset tblproperties if exists ('nope')", "delete from t"])
        .await;
    everywhere(&cluster, "select count(*) from t", "0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_changed_says_what_to_do() {
    let cluster = cluster().await;
    let external = format!(
        "create external table lands stored as parquet location '{}'",
        fixtures::tpch().join("nation").display()
    );
    let statements = [
        "create table t (a int primary key not enforced)",
        "create view v as select 1 as a",
        &external,
    ];
    run_all(&cluster, &statements).await;
    for (sql, code, part) in [
        ("alter table t add column A int", Code::InvalidArgument, "already"),
        ("alter table t add column \"b c\" int", Code::InvalidArgument, "b c"),
        ("alter table t add column b interval", Code::InvalidArgument, "no type"),
        ("alter table t add column b int not null", Code::Unimplemented, "NOT NULL"),
        ("alter table t alter column x comment 'y'", Code::InvalidArgument, "'x'"),
        ("alter table t alter column a drop not null", Code::InvalidArgument, "t_pk"),
        ("alter table v add column b int", Code::InvalidArgument, "view"),
        ("alter table nope add column b int", Code::NotFound, "nope"),
        ("alter table nation add column b int", Code::Unimplemented, "without a log"),
        ("alter table lands add column b int", Code::Unimplemented, "without a log"),
        ("alter table t drop column a", Code::Unimplemented, "DROP COLUMN"),
    ] {
        let (found, why) = refused(&cluster, 1, sql).await;
        assert_eq!(found, code, "{sql}: {why}");
        assert!(why.contains(part), "{sql}: {why}");
    }
    run_all(
        &cluster,
        &[
            "alter table if exists nope add column b int",
            "alter table t add column if not exists a int",
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_come_while_rows_do() {
    let cluster = cluster().await;
    run_all(&cluster, &["create table t (a int)"]).await;
    let add = async |node: usize| {
        run_all_at(&cluster, node, &format!("alter table t add column b{node} int")).await;
    };
    let insert = async |node: usize| {
        for _ in 0..3 {
            run_all_at(&cluster, node, "insert into t (a) values (1)").await;
        }
    };
    let update = async |node: usize| run_all_at(&cluster, node, "update t set a = a + 1").await;
    tokio::join!(
        join_all((0..NODES).map(add)),
        join_all((0..NODES).map(insert)),
        join_all((0..1).map(update))
    );
    everywhere(&cluster, "select count(*) from t", "9").await;
    everywhere(
        &cluster,
        "select count(*) from t where b0 is null and b1 is null and b2 is null",
        "9",
    )
    .await;
}

async fn run_all_at(cluster: &TestCluster, node: usize, sql: &str) {
    let done = cluster.client(node).await.run(sql).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
}
