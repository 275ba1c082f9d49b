//! Row groups and pages are skipped by bounds that bound what is in them, and by no others: the answers are those
//! of the same rows in memory.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Float32Array, Float64Array, Int64Array, RecordBatch, TimestampMicrosecondArray,
};
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use datafusion::prelude::SessionContext;
use squadron_dev::cluster::TestCluster;

/// Numbers from 0 to 99, and in some places a NaN, of two kinds.
fn numbers(rows: i64, other_nan: f64) -> RecordBatch {
    let number = |n: i64| match n % 1000 {
        7 => f64::NAN,
        8 => other_nan,
        9 => -0.0,
        _ => (n % 100) as f64,
    };
    let doubles = Arc::new(Float64Array::from_iter_values((0..rows).map(number))) as ArrayRef;
    let floats = (0..rows).map(|n| number(n) as f32);
    let floats = Arc::new(Float32Array::from_iter_values(floats)) as ArrayRef;
    let ids = Arc::new(Int64Array::from_iter_values(0..rows)) as ArrayRef;
    RecordBatch::try_from_iter([("n", ids), ("x", doubles), ("y", floats)]).unwrap()
}

fn write(path: &Path, rows: &RecordBatch) {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(2000))
        .set_data_page_row_count_limit(500)
        .set_write_batch_size(500)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_bloom_filter_enabled(true);
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, rows.schema(), Some(properties.build())).unwrap();
    writer.write(rows).unwrap();
    writer.close().unwrap();
}

const FILTERS: [&str; 15] = [
    "x > 100",
    "x >= 1e300",
    "x < 0",
    "x < -1e300",
    "not (x <= 99)",
    "x not between 0 and 99",
    "x = 'nan'::double",
    "x != 5 and x > 98",
    "x = 0",
    "x = -0.0",
    "0 - x > 1",
    "y > 100",
    "y < 0",
    "x in (1000, 'nan'::double)",
    "x in (0.0, 1001, 1002)",
];

#[tokio::test(flavor = "multi_thread")]
async fn filters_over_floats_find_every_nan() {
    // To SQL they are one, to the engine in memory only the same bits are.
    let oracle = SessionContext::new();
    oracle.register_batch("t", numbers(16_000, f64::NAN)).unwrap();
    let rows = numbers(16_000, -f64::NAN);
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("t")).unwrap();
    for file in 0..4 {
        let path = folder.path().join(format!("t/{file}.parquet"));
        write(&path, &rows.slice(file * 4000, 4000));
    }
    // The other two plan nothing, and read footers for nothing but their tasks.
    let cluster = TestCluster::start(3, folder.path()).await;
    for filter in FILTERS {
        let sql = format!(
            "select concat_ws(' ', count(*), sum(n), min(n), max(n)) from t where {filter}"
        );
        let expected = oracle.sql(&sql).await.unwrap().collect().await.unwrap();
        let expected = array_value_to_string(expected[0].column(0), 0).unwrap();
        for ask in [cluster.ask_distributed(0, &sql).await, cluster.ask(0, &sql).await] {
            assert_eq!(ask.unwrap().value(), expected, "{filter}");
        }
    }
}

/// The day of the first instant begins before it: an estimate by such bounds is of more rows than there are.
#[tokio::test(flavor = "multi_thread")]
async fn bounds_that_a_cast_makes_wider_stop_no_query() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("at");
    std::fs::create_dir(&table).unwrap();
    let instants = vec![-2_000, 0, 1_577_836_800_124_000];
    let n = Arc::new(TimestampMicrosecondArray::from(instants.clone())) as ArrayRef;
    let z = Arc::new(TimestampMicrosecondArray::from(instants).with_timezone("UTC")) as ArrayRef;
    let rows = RecordBatch::try_from_iter([("n", n), ("z", z)]).unwrap();
    write(&table.join("0.parquet"), &rows);
    let cluster = TestCluster::start(2, folder.path()).await;
    let sql = "select count(*) from at a join at b on a.n = b.n where cast(a.n as date) <= cast(a.z as date)";
    assert_eq!(cluster.ask(0, sql).await.unwrap().value(), "3");
    assert_eq!(cluster.ask_distributed(0, sql).await.unwrap().value(), "3");
}
