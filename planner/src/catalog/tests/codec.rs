//! Plans over every format survive the way to a worker.

use super::*;
use crate::catalog::DetailedScanCodec;
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion_proto::bytes::{
    physical_plan_from_bytes_with_extension_codec, physical_plan_to_bytes_with_extension_codec,
};

const ROWS: &str = "SELECT value AS x, 'row ' || value AS s FROM generate_series(1, 100)";

/// Runs a query in one session and its plan, sent as bytes, in another over the same files.
async fn check(data: &Data) {
    let tables = data.open().await;
    let sql = "SELECT s, x + 1 FROM t WHERE x > 50 ORDER BY x";
    let here = tables.session().sql(sql).await.unwrap().create_physical_plan().await.unwrap();
    let bytes = physical_plan_to_bytes_with_extension_codec(here, &DetailedScanCodec).unwrap();
    let worker = SessionContext::new();
    let there: Arc<dyn ExecutionPlan> = physical_plan_from_bytes_with_extension_codec(
        &bytes,
        &worker.task_ctx(),
        &DetailedScanCodec,
    )
    .unwrap();
    let rows = lines(&collect(there, worker.task_ctx()).await.unwrap());
    assert_eq!(rows, tables.rows(sql).await);
    assert_eq!((rows.len(), rows[0].as_str()), (50, "row 51 | 52"));
}

#[tokio::test]
async fn parquet_with_partitions_and_null() {
    let data = Data::new();
    data.parquet("t/k=a/ä 1.parquet", ROWS).await;
    data.parquet("t/k=__HIVE_DEFAULT_PARTITION__/1.parquet", "SELECT 1 AS x, '' AS s").await;
    check(&data).await;
}

#[tokio::test]
async fn csv_plain_and_compressed() {
    for (suffix, compression) in [("csv", "uncompressed"), ("csv.gz", "gzip"), ("csv.zst", "zstd")]
    {
        let data = Data::new();
        let options = format!("OPTIONS ('format.compression' '{compression}')");
        data.copy(&format!("t/a.{suffix}"), "CSV", &options, ROWS).await;
        check(&data).await;
    }
}

#[tokio::test]
async fn json_plain_and_compressed() {
    for (suffix, compression) in [("json", "uncompressed"), ("json.gz", "gzip")] {
        let data = Data::new();
        let options = format!("OPTIONS ('format.compression' '{compression}')");
        data.copy(&format!("t/a.{suffix}"), "JSON", &options, ROWS).await;
        check(&data).await;
    }
}

#[tokio::test]
async fn arrow_files_and_streams() {
    let data = Data::new();
    data.copy("t/a.arrow", "ARROW", "", ROWS).await;
    check(&data).await;
    let data = Data::new();
    data.write("t/a.arrow", formats::arrow_stream(ROWS).await);
    check(&data).await;
}
