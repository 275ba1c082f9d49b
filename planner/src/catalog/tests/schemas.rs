//! Files of one table whose columns differ.

use super::*;
use datafusion::arrow::array::{ArrayRef, Int64Array, StructArray};
use datafusion::arrow::datatypes::{DataType, Field, Fields, Schema};
use datafusion::arrow::ipc::writer::FileWriter;

#[tokio::test]
async fn parquet_columns_are_united_by_name() {
    let data = Data::new();
    data.parquet("t/a.parquet", "SELECT 1 AS x, 'a' AS s").await;
    data.parquet("t/b.parquet", "SELECT true AS flag, 2 AS x").await;
    let tables = data.open().await;
    let rows = tables.rows("SELECT x, s, flag FROM t ORDER BY x").await;
    assert_eq!(rows, ["1 | a | NULL", "2 | NULL | true"]);
    assert_eq!(tables.rows("SELECT count(s), count(flag) FROM t").await, ["1 | 1"]);
    assert_eq!(tables.rows("SELECT x FROM t WHERE s IS NULL").await, ["2"]);
}

#[tokio::test]
async fn parquet_types_that_clash_name_column_and_files() {
    let data = Data::new();
    data.parquet("t/a.parquet", "SELECT 1 AS x").await;
    data.parquet("t/b.parquet", "SELECT 'one' AS x").await;
    let error = data.open().await.catalog_error("SELECT * FROM t").await;
    assert_says(&error, &["t/b.parquet", "column 'x'", "Utf8", "Int64", "t/a.parquet"]);
}

#[tokio::test]
async fn csv_types_widen() {
    let data = Data::new();
    data.write("t/a.csv", "x,y,z\n1,1,\n");
    data.write("t/b.csv", "x,y,z\n1.5,a,\n");
    let tables = data.open().await;
    assert_eq!(tables.columns("t").await, "x: Float64, y: Utf8, z: Utf8");
    assert_eq!(
        tables.rows("SELECT * FROM t ORDER BY x").await,
        ["1.0 | 1 | NULL", "1.5 | a | NULL"]
    );
}

#[tokio::test]
async fn csv_headers_that_differ_are_refused_by_name() {
    let data = Data::new();
    data.write("t/a.csv", "x,y\n1,2\n");
    data.write("t/b.csv", "y,x\n1,2\n");
    let error = data.open().await.catalog_error("SELECT * FROM t").await;
    assert_says(&error, &["t/b.csv", "(y, x)", "t/a.csv", "(x, y)"]);
}

#[tokio::test]
async fn json_columns_are_united_and_numbers_widen() {
    let data = Data::new();
    data.write("t/a.json", "{\"x\": 1}\n");
    data.write("t/b.json", "{\"x\": 2.5, \"y\": [1, 2]}\n");
    let tables = data.open().await;
    assert_eq!(tables.rows("SELECT x, y FROM t ORDER BY x").await, ["1.0 | NULL", "2.5 | [1, 2]"]);
}

#[tokio::test]
async fn arrow_columns_that_differ_are_refused_by_name() {
    let data = Data::new();
    data.copy("t/a.arrow", "ARROW", "", "SELECT 1 AS x, 2 AS y").await;
    data.copy("t/b.arrow", "ARROW", "", "SELECT 2 AS y, 1 AS x").await;
    let error = data.open().await.catalog_error("SELECT * FROM t").await;
    assert_says(&error, &["t/b.arrow", "(y, x)", "(x, y)"]);
}

#[tokio::test]
async fn many_files_are_one_table() {
    let data = Data::new();
    for file in 0..25 {
        let sql = format!("SELECT {file} AS f, value AS x FROM generate_series(1, 10)");
        data.parquet(&format!("t/{file}.parquet"), &sql).await;
    }
    let tables = data.open().await;
    let rows = tables.rows("SELECT count(*), count(DISTINCT f), sum(x) FROM t").await;
    assert_eq!(rows, ["250 | 25 | 1375"]);
}

#[tokio::test]
async fn a_limit_needs_no_more_files_than_hold_it() {
    let data = Data::new();
    for file in 0..10 {
        data.parquet(&format!("t/{file}.parquet"), "SELECT * FROM generate_series(1, 10)").await;
    }
    let tables = data.open().await;
    let plan = tables.plan("SELECT * FROM t LIMIT 15").await;
    assert!(plan.contains("t/1.parquet") && !plan.contains("t/2.parquet"), "{plan}");
    assert_eq!(tables.batches("SELECT * FROM t LIMIT 15").await.map(|b| rows(&b)).unwrap(), 15);
}

#[tokio::test]
async fn counts_come_from_statistics() {
    let data = Data::new();
    data.parquet("t/a.parquet", "SELECT * FROM generate_series(1, 10)").await;
    data.parquet("t/b.parquet", "SELECT * FROM generate_series(1, 10)").await;
    let tables = data.open().await;
    let plan = tables.plan("SELECT count(*) FROM t").await;
    assert!(!plan.contains("DataSourceExec: file_groups"), "{plan}");
    assert_eq!(tables.rows("SELECT count(*) FROM t").await, ["20"]);
}

fn rows(batches: &[RecordBatch]) -> usize {
    batches.iter().map(RecordBatch::num_rows).sum()
}

/// Two columns `x`, one of 1 and one of 2, in each format that has names.
fn two_of_a_name(data: &Data) {
    let column = |value| Arc::new(Int64Array::from(vec![value])) as ArrayRef;
    let field = || Field::new("x", DataType::Int64, false);
    let schema = Arc::new(Schema::new(vec![field(), field()]));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![column(1), column(2)]).unwrap();
    let file = |name: &str| std::fs::File::create(data.path(name)).unwrap();
    let mut parquet =
        ArrowWriter::try_new(file("parquet.parquet"), Arc::clone(&schema), None).unwrap();
    parquet.write(&batch).unwrap();
    parquet.close().unwrap();
    let mut arrow = FileWriter::try_new(file("arrow.arrow"), &schema).unwrap();
    arrow.write(&batch).unwrap();
    arrow.finish().unwrap();
    data.write("csv.csv", "x,x\n1,2\n");
}

#[tokio::test]
async fn two_columns_of_a_name_are_refused() {
    let data = Data::new();
    two_of_a_name(&data);
    data.parquet("several/a.parquet", "SELECT 1 AS x").await;
    std::fs::copy(data.path("parquet.parquet"), data.path("several/b.parquet")).unwrap();
    let tables = data.open().await;
    for table in ["parquet", "arrow", "csv", "several"] {
        for sql in ["SELECT * FROM", "SELECT x FROM", "SELECT count(*) FROM"] {
            let error = tables.catalog_error(&format!("{sql} {table}")).await;
            assert_says(&error, &["two columns of the name 'x'", "names of their own"]);
        }
    }
}

#[tokio::test]
async fn two_fields_of_a_name_are_refused() {
    let data = Data::new();
    let fields = Fields::from(vec![Field::new("y", DataType::Int64, false); 2]);
    let column = || Arc::new(Int64Array::from(vec![1])) as ArrayRef;
    let pair = StructArray::new(fields, vec![column(), column()], None);
    let batch = RecordBatch::try_from_iter([("x", Arc::new(pair) as ArrayRef)]).unwrap();
    let file = std::fs::File::create(data.path("t.parquet")).unwrap();
    let mut parquet = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    parquet.write(&batch).unwrap();
    parquet.close().unwrap();
    let error = data.open().await.catalog_error("SELECT * FROM t").await;
    assert_says(&error, &["two columns of the name 'x.y'"]);
}
