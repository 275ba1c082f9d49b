//! Hive-style partition folders: columns, types, NULL, pruning.

use super::*;

async fn sales() -> (Data, Tables) {
    let data = Data::new();
    for (folder, x) in [
        ("year=2023/month=12", 1),
        ("year=2024/month=01", 2),
        ("year=2024/month=02", 3),
        ("year=__HIVE_DEFAULT_PARTITION__/month=02", 4),
    ] {
        data.parquet(&format!("sales/{folder}/part.parquet"), &format!("SELECT {x} AS x")).await;
    }
    let tables = data.open().await;
    (data, tables)
}

#[tokio::test]
async fn folders_become_typed_columns_behind_those_of_the_files() {
    let (_data, tables) = sales().await;
    assert_eq!(tables.columns("sales").await, "x: Int64, year: Int64, month: Int64");
    let rows = tables.rows("SELECT * FROM sales ORDER BY x").await;
    assert_eq!(rows, ["1 | 2023 | 12", "2 | 2024 | 1", "3 | 2024 | 2", "4 | NULL | 2"]);
}

#[tokio::test]
async fn dates_and_text_have_their_types() {
    let data = Data::new();
    data.parquet("t/day=2024-02-29/city=K%C3%B6ln/a.parquet", "SELECT 1 AS x").await;
    data.parquet("t/day=2024-03-01/city=Bonn/a.parquet", "SELECT 2 AS x").await;
    let tables = data.open().await;
    assert_eq!(tables.columns("t").await, "x: Int64, day: Date32, city: Utf8");
    let rows = tables.rows("SELECT city FROM t WHERE day < '2024-03-01'").await;
    assert_eq!(rows, ["Köln"]);
}

#[tokio::test]
async fn a_filter_on_partitions_leaves_out_files_in_the_plan() {
    let (_data, tables) = sales().await;
    let plan = tables.plan("SELECT x FROM sales WHERE year = 2024 AND month > 1").await;
    assert!(plan.contains("year=2024/month=02"), "{plan}");
    assert!(!plan.contains("year=2023") && !plan.contains("month=01"), "{plan}");
    assert!(!plan.contains("FilterExec"), "the folders answer it: {plan}");
}

#[tokio::test]
async fn a_filter_that_no_folder_meets_reads_nothing() {
    let (_data, tables) = sales().await;
    assert!(tables.plan("SELECT x FROM sales WHERE year = 1999").await.contains("EmptyExec"));
    assert!(tables.rows("SELECT x FROM sales WHERE year = 1999").await.is_empty());
}

#[tokio::test]
async fn null_partitions_behave_as_null() {
    let (_data, tables) = sales().await;
    assert_eq!(tables.rows("SELECT x FROM sales WHERE year IS NULL").await, ["4"]);
    assert_eq!(tables.rows("SELECT x FROM sales WHERE NOT year = 2024").await, ["1"]);
    assert_eq!(tables.rows("SELECT x FROM sales WHERE year NOT IN (2024)").await, ["1"]);
    assert_eq!(tables.rows("SELECT count(year), count(*) FROM sales").await, ["3 | 4"]);
    assert_eq!(tables.rows("SELECT min(year), max(year) FROM sales").await, ["2023 | 2024"]);
}

#[tokio::test]
async fn a_subquery_may_choose_the_partition() {
    let (_data, tables) = sales().await;
    let sql = "SELECT x FROM sales WHERE year = (SELECT max(year) FROM sales) ORDER BY x";
    assert_eq!(tables.rows(sql).await, ["2", "3"]);
}

#[tokio::test]
async fn grouping_and_joining_on_partitions() {
    let (_data, tables) = sales().await;
    let sql = "SELECT year, sum(x) FROM sales GROUP BY year ORDER BY year NULLS LAST";
    assert_eq!(tables.rows(sql).await, ["2023 | 1", "2024 | 5", "NULL | 4"]);
    let sql = "SELECT count(*) FROM sales a JOIN sales b ON a.year = b.year";
    assert_eq!(tables.rows(sql).await, ["5"]);
}

#[tokio::test]
async fn a_partitioned_location_is_one_table_itself() {
    let (data, _tables) = sales().await;
    let tables = Tables::open(vec![data.location("sales")]).await.unwrap();
    assert_eq!(tables.names(), ["sales"]);
    assert_eq!(tables.rows("SELECT count(*) FROM sales").await, ["4"]);
}

#[tokio::test]
async fn a_column_in_file_and_folder_is_the_folders() {
    let data = Data::new();
    data.parquet("t/year=2024/a.parquet", "SELECT 1 AS year, 2 AS x").await;
    let tables = data.open().await;
    assert_eq!(tables.rows("SELECT * FROM t").await, ["2 | 2024"]);
}

#[tokio::test]
async fn a_csv_column_in_file_and_folder_is_refused() {
    let data = Data::new();
    data.write("t/year=2024/a.csv", "year,x\n1,2\n");
    let error = data.open().await.catalog_error("SELECT * FROM t").await;
    assert_says(&error, &["a.csv", "column 'year'"]);
}

#[tokio::test]
async fn partitioned_csv_and_json() {
    let data = Data::new();
    data.write("c/k=a/1.csv", "x\n1\n");
    data.write("c/k=b/1.csv", "x\n2\n");
    data.write("j/k=a/1.json", "{\"x\": 1}\n");
    data.write("j/k=b/1.json", "{\"x\": 2}\n");
    let tables = data.open().await;
    for table in ["c", "j"] {
        let rows = tables.rows(&format!("SELECT k, x FROM {table} ORDER BY k")).await;
        assert_eq!(rows, ["a | 1", "b | 2"]);
    }
}

#[tokio::test]
async fn folders_that_disagree_are_named() {
    let data = Data::new();
    data.parquet("t/year=2024/a.parquet", "SELECT 1 AS x").await;
    data.parquet("t/b.parquet", "SELECT 1 AS x").await;
    let error = data.open().await.catalog_error("SELECT * FROM t").await;
    assert_says(
        &error,
        &["partition folders disagree", "a.parquet", "b.parquet", "year", "nothing"],
    );
}

#[tokio::test]
async fn hidden_files_and_folders_are_no_data() {
    let data = Data::new();
    data.parquet("t/k=1/a.parquet", "SELECT 1 AS x").await;
    data.parquet("t/_temporary/0/a.parquet", "SELECT 1 AS y").await;
    data.write("t/_SUCCESS", "");
    data.write("t/k=1/.a.parquet.crc", "x");
    data.write("t/k=1/_committed_1.json", "{}");
    let tables = data.open().await;
    assert_eq!(tables.rows("SELECT * FROM t").await, ["1 | 1"]);
}
