//! Files come, change and go while a node runs: the next query sees it.

use super::*;

#[tokio::test]
async fn a_new_file_of_a_table_is_seen() {
    let data = Data::new();
    data.parquet("t/a.parquet", "SELECT 1 AS x").await;
    let tables = data.open().await;
    assert_eq!(tables.rows("SELECT x FROM t").await, ["1"]);
    data.parquet("t/b.parquet", "SELECT 2 AS x").await;
    assert_eq!(tables.rows("SELECT x FROM t ORDER BY x").await, ["1", "2"]);
}

#[tokio::test]
async fn a_new_files_columns_are_seen() {
    let data = Data::new();
    data.parquet("t/a.parquet", "SELECT 1 AS x").await;
    let tables = data.open().await;
    assert_eq!(tables.columns("t").await, "x: Int64");
    data.parquet("t/b.parquet", "SELECT 2 AS x, 'new' AS y").await;
    assert_eq!(tables.rows("SELECT * FROM t ORDER BY x").await, ["1 | NULL", "2 | new"]);
}

#[tokio::test]
async fn a_removed_file_is_gone() {
    let data = Data::new();
    data.parquet("t/a.parquet", "SELECT 1 AS x").await;
    data.parquet("t/b.parquet", "SELECT 2 AS x").await;
    let tables = data.open().await;
    assert_eq!(tables.rows("SELECT count(*) FROM t").await, ["2"]);
    std::fs::remove_file(data.path("t/b.parquet")).unwrap();
    assert_eq!(tables.rows("SELECT x FROM t").await, ["1"]);
}

#[tokio::test]
async fn a_new_table_can_be_queried_at_once() {
    let data = Data::new();
    let tables = data.open().await;
    assert!(tables.names().is_empty());
    data.parquet("t/a.parquet", "SELECT 1 AS x").await;
    assert_eq!(tables.rows("SELECT x FROM t").await, ["1"]);
    assert_eq!(tables.names(), ["t"]);
}

#[tokio::test]
async fn a_new_table_is_listed_after_a_refresh() {
    let data = Data::new();
    let tables = data.open().await;
    data.parquet("t.parquet", "SELECT 1 AS x").await;
    tables.catalog.refresh().await.unwrap();
    assert_eq!(tables.names(), ["t"]);
}

#[tokio::test]
async fn a_removed_table_is_unknown_again() {
    let data = Data::new();
    data.parquet("t/a.parquet", "SELECT 1 AS x").await;
    data.parquet("u.parquet", "SELECT 1 AS x").await;
    let tables = data.open().await;
    assert_eq!(tables.rows("SELECT t.x FROM t, u").await, ["1"]);
    std::fs::remove_dir_all(data.path("t")).unwrap();
    std::fs::remove_file(data.path("u.parquet")).unwrap();
    for table in ["t", "u"] {
        let error = tables.failure(&format!("SELECT x FROM {table}")).await;
        assert_says(&error.to_string(), &[table, "not found"]);
    }
    assert!(tables.names().is_empty());
}

#[tokio::test]
async fn a_file_overwritten_in_place_is_read_anew() {
    let data = Data::new();
    data.parquet("t/a.parquet", "SELECT 1 AS x").await;
    let tables = data.open().await;
    assert_eq!(tables.rows("SELECT x, count(*) OVER () FROM t").await, ["1 | 1"]);
    data.parquet("t/a.parquet", "SELECT 'other' AS s FROM generate_series(1, 3)").await;
    assert_eq!(tables.columns("t").await, "s: Utf8View");
    assert_eq!(tables.rows("SELECT count(*), min(s) FROM t").await, ["3 | other"]);
}

#[tokio::test]
async fn a_repaired_file_works_again() {
    let data = Data::new();
    data.write("t/a.parquet", "broken");
    let tables = data.open().await;
    tables.catalog_error("SELECT * FROM t").await;
    assert!(tables.catalog.describe()[0].error.is_some());
    data.parquet("t/a.parquet", "SELECT 1 AS x").await;
    assert_eq!(tables.rows("SELECT * FROM t").await, ["1"]);
    assert_eq!(tables.catalog.describe()[0].error, None);
}

#[tokio::test]
async fn a_location_may_start_out_empty_and_become_partitioned() {
    let data = Data::new();
    data.folder("sales");
    let tables = Tables::open(vec![data.location("sales")]).await.unwrap();
    data.parquet("sales/year=2024/a.parquet", "SELECT 1 AS x").await;
    assert_eq!(tables.rows("SELECT * FROM sales").await, ["1 | 2024"]);
}

/// A change is worked out in several plans: what one of them has found the next has to find.
#[tokio::test]
async fn all_plans_of_a_statement_read_one_listing() {
    let data = Data::new();
    data.parquet("t/a.parquet", "SELECT 1 AS x").await;
    let tables = data.open().await;
    let statement = tables.session();
    let rows = async || {
        let rows = statement.sql("SELECT x FROM t ORDER BY x").await.unwrap();
        lines(&rows.collect().await.unwrap())
    };
    assert_eq!(rows().await, ["1"]);
    data.parquet("t/b.parquet", "SELECT 2 AS x").await;
    assert_eq!(rows().await, ["1"]);
    assert_eq!(tables.rows("SELECT x FROM t ORDER BY x").await, ["1", "2"]);
}
