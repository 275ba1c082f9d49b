//! Results of every shape: empty, one row, one huge row, many columns, many rows.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;
use squadron_dev::answer::Answer;
use squadron_dev::cluster::TestCluster;
use squadron_dev::fixtures;
use squadron_dev::oracle::Oracle;

/// The answer of three nodes, held against the truth.
async fn checked(sql: &str) -> Answer {
    let cluster = TestCluster::start(3, fixtures::tpch()).await;
    let answer = cluster.ask_distributed(1, sql).await.unwrap();
    Oracle::over(fixtures::tpch()).await.unwrap().check(sql, &answer).await;
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_result_of_many_nodes_has_its_schema_and_ends() {
    let sql = "select l_orderkey, l_comment, l_shipdate from lineitem where l_quantity < 0";
    let answer = checked(sql).await;
    assert_eq!((answer.rows(), answer.schema.fields().len()), (0, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_result_of_one_node_has_its_schema_and_ends() {
    let answer = checked("select 1 as a, 'x' as b where false").await;
    assert_eq!((answer.rows(), answer.schema.fields().len()), (0, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_nothing_is_an_empty_result() {
    assert_eq!(checked("select * from lineitem limit 0").await.rows(), 0);
}

/// Planned without a sort by it, which a worker would not understand.
#[tokio::test(flavor = "multi_thread")]
async fn a_window_over_a_partition_that_is_the_only_one_is_answered() {
    let window = "(partition by l_returnflag order by l_orderkey, l_linenumber)";
    let sql = format!(
        "select l_orderkey, l_linenumber, lag(l_partkey, 2) over {window} as v from lineitem where l_returnflag = 'R'"
    );
    assert!(checked(&sql).await.rows() > 1000);
}

/// What a plan forgets on its way to a worker.
#[tokio::test(flavor = "multi_thread")]
async fn a_filter_of_a_window_and_grouping_sets_of_nothing_are_kept() {
    let window = "over (partition by o_orderstatus order by o_orderkey)";
    for sql in [
        format!(
            "select o_orderkey, sum(o_custkey) filter (where o_shippriority > 0 or o_custkey > 700) {window} as v from orders"
        ),
        "select count(*) as n from lineitem group by grouping sets ((), ())".to_owned(),
        "select count(*) as n from lineitem group by grouping sets (())".to_owned(),
    ] {
        assert!(checked(&sql).await.rows() > 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_row_stays_one_row() {
    assert_eq!(checked("select count(*), sum(l_quantity) from lineitem").await.rows(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_row_of_three_megabytes_arrives() {
    let cluster = TestCluster::start(2, fixtures::tpch()).await;
    let sql = "select repeat('abc', 1000000) as long, count(*) as n from orders";
    for distributed in [false, true] {
        let answer = match distributed {
            false => cluster.ask(0, sql).await.unwrap(),
            true => cluster.ask_distributed(0, sql).await.unwrap(),
        };
        let batch = answer.batch();
        let text = batch.column(0).as_string::<i32>().value(0);
        assert_eq!(text.len(), 3_000_000);
        assert!(text.as_bytes().chunks(3).all(|chunk| chunk == b"abc"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn large_rows_of_every_node_arrive() {
    let sql =
        "select o_orderkey, repeat(o_comment, 20000) as long from orders where o_orderkey < 20";
    let answer = checked(sql).await;
    assert!(answer.rows() > 3, "{} rows", answer.rows());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_columns_arrive() {
    let columns: Vec<String> = (0..1000).map(|i| format!("n_nationkey + {i} as c{i}")).collect();
    let answer = checked(&format!("select {} from nation", columns.join(", "))).await;
    assert_eq!((answer.rows(), answer.schema.fields().len()), (25, 1000));
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_million_rows_arrive_once_each() {
    let cluster = TestCluster::start(3, fixtures::tpch()).await;
    let sql = "select value from range(0, 10000000)";
    let answer = cluster.ask(0, sql).await.unwrap();
    let mut seen = vec![false; 10_000_000];
    for batch in &answer.batches {
        for value in batch.column(0).as_primitive::<Int64Type>().values() {
            assert!(!std::mem::replace(&mut seen[*value as usize], true), "{value} came twice");
        }
    }
    assert_eq!(answer.rows(), seen.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn millions_of_rows_of_three_nodes_arrive_once_each() {
    let cluster = TestCluster::start(3, fixtures::tpch()).await;
    let sql =
        "select l_orderkey * 10 + l_linenumber as line, b.r_regionkey + a.n_nationkey * 5 as copy
               from lineitem, nation a, region b";
    let sql = format!("select (line * 125 + copy) as id from ({sql})");
    let answer = cluster.ask_distributed(2, &sql).await.unwrap();
    let lines = cluster.ask(0, "select count(*) from lineitem").await.unwrap().value();
    let mut ids: Vec<i64> = Vec::with_capacity(answer.rows());
    for batch in &answer.batches {
        ids.extend(batch.column(0).as_primitive::<Int64Type>().values());
    }
    assert_eq!(ids.len(), lines.parse::<usize>().unwrap() * 125);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), answer.rows(), "rows came twice");
    assert!(answer.endpoints.iter().filter(|endpoint| endpoint.rows > 0).count() > 1);
}

/// The sort of each worker comes over one connection, whose buffer (64 MiB) is far less than what
/// it gives: an ordered merge over several streams of one such connection would wait for ever.
#[tokio::test(flavor = "multi_thread")]
async fn an_ordered_result_larger_than_all_buffers_ends() {
    let cluster = TestCluster::start(2, fixtures::tpch()).await;
    let sql = "select l_orderkey, l_linenumber, repeat(l_comment, 120) as long from lineitem \
               order by l_comment, l_orderkey, l_linenumber";
    let answer = cluster.ask_distributed(0, sql).await.unwrap();
    Oracle::over(fixtures::tpch()).await.unwrap().check(sql, &answer).await;
}

/// The second join's column is of another type than the table's first: its filter of one task is none of another's.
#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_a_join_finds_in_one_task_is_not_sent_to_others() {
    let cluster = TestCluster::start(3, fixtures::tpch()).await;
    let sql = "select count(*) from orders where o_orderpriority = (select max(o_orderpriority) from orders)";
    let right = Oracle::over(fixtures::tpch()).await.unwrap();
    for turn in 0..30 {
        let answer = cluster.ask_distributed(turn % 3, sql).await;
        let answer = answer.unwrap_or_else(|error| panic!("turn {turn}: {error}"));
        right.check(sql, &answer).await;
    }
}
