//! Files that say what order they are in: tasks that share them give no rows in an order that none has, and count
//! no group twice.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::metadata::SortingColumn;
use datafusion::parquet::file::properties::WriterProperties;
use squadron_dev::answer::ask;
use squadron_dev::cluster::TestCluster;
use squadron_dev::oracle::Oracle;

const QUERIES: [&str; 8] = [
    "select k, count(*) as n, min(id) as first from t group by k",
    "select distinct k from t",
    "select k, count(*) as n from t group by k order by k",
    "select distinct k from t order by k limit 4",
    "select k, count(distinct id % 5) as n from t group by k",
    "select distinct on (k) k, id from t order by k, id",
    "select k, id, rank() over (partition by k order by id) as r from t where k > 3",
    "select a.k, count(*) as n from t a join t b on a.k = b.k group by a.k order by a.k",
];

/// Writes numbers in groups of 45 rows, in the order of the first column.
fn write(path: &Path, rows: impl Iterator<Item = (i64, i64)>) {
    let (k, id): (Vec<_>, Vec<_>) = rows.unzip();
    let [k, id] = [k, id].map(|column| Arc::new(Int64Array::from(column)) as ArrayRef);
    let batch = RecordBatch::try_from_iter([("k", k), ("id", id)]).unwrap();
    let order = SortingColumn { column_idx: 0, descending: false, nulls_first: false };
    let properties = WriterProperties::builder()
        .set_sorting_columns(Some(vec![order]))
        .set_max_row_group_row_count(Some(45));
    let file = std::fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties.build())).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// Asks three nodes each query under some settings.
async fn check(folder: &Path, settings: &[&str]) {
    let oracle = Oracle::over(folder).await.unwrap();
    let cluster = TestCluster::start(3, folder).await;
    let headers = [("squadron-execution-mode", "distributed")];
    let client = cluster.client_with(0, &headers).await;
    for setting in settings {
        ask(&client, setting).await.unwrap();
    }
    for sql in QUERIES {
        let answer = ask(&client, sql).await;
        let answer = answer.unwrap_or_else(|error| panic!("{sql}: {error}"));
        oracle.check(sql, &answer).await;
    }
}

/// 400 rows of 100 keys in three files, one after the other or every third row.
async fn check_files(one_after_the_other: bool, settings: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("t")).unwrap();
    for file in 0..3 {
        let is_here = |row: &i64| match one_after_the_other {
            true => row / 134 == file,
            false => row % 3 == file,
        };
        let rows = (0..400).filter(is_here).map(|row| (row / 4, row));
        write(&folder.path().join(format!("t/{file}.parquet")), rows);
    }
    check(folder.path(), settings).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_follow_each_other_are_counted_once() {
    check_files(true, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_overlap_are_counted_once() {
    check_files(false, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_lost_between_tasks_also_where_it_is_to_be_kept() {
    check_files(true, &["set datafusion.optimizer.prefer_existing_sort = true"]).await;
    check_files(false, &["set datafusion.optimizer.prefer_existing_sort = true"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_file_in_an_order_is_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("t")).unwrap();
    write(&folder.path().join("t/0.parquet"), (0..400).map(|row| (row / 4, row)));
    check(folder.path(), &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_beside_one_of_the_opposite_order_runs_in_its_own_on_every_node() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("t")).unwrap();
    write(&folder.path().join("t/0.parquet"), (0..40).map(|row| (row / 20, row)));
    let cluster = TestCluster::start(3, folder.path()).await;
    let sql = "select count(*) from (select id, lag(id) over (partition by k order by id) as l, row_number() over (partition by k order by id desc) as r from t) where l = id - 1";
    assert_eq!(cluster.ask_distributed(0, sql).await.unwrap().value(), "38");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instant_with_a_zone_is_shown_in_another() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = TestCluster::start(1, folder.path()).await;
    let sql =
        "select extract(hour from timestamptz '2024-07-01 23:30:00+00' at time zone 'Asia/Tokyo')";
    assert_eq!(cluster.ask(0, sql).await.unwrap().value(), "8");
}

/// Of each row group by itself the order is right. The engine by itself takes it for that of the file.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_row_groups_that_overlap_is_in_no_order() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("t")).unwrap();
    let rows = (0..45).chain(0..45).map(|k| (k, 1));
    write(&folder.path().join("t/0.parquet"), rows);
    let cluster = TestCluster::start(3, folder.path()).await;
    for mode in ["local", "distributed"] {
        let client = cluster.client_with(0, &[("squadron-execution-mode", mode)]).await;
        for (sql, expected) in [
            ("select count(*) from (select distinct k from t)", "45"),
            ("select min(n) from (select k, count(*) as n from t group by k)", "2"),
            ("select max(k) from (select k from t order by k limit 10)", "4"),
            ("select min(n) from (select sum(id) over (partition by k) as n from t)", "2"),
        ] {
            assert_eq!(ask(&client, sql).await.unwrap().value(), expected, "{mode}: {sql}");
        }
    }
}
