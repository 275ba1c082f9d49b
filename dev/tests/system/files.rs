//! Files that cannot be read from their middle, or that do not divide by the number of tasks, are read
//! once and whole by the tasks of several nodes.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::ipc::writer::{FileWriter, StreamWriter};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::data_type::{Int96, Int96Type};
use datafusion::parquet::file::metadata::SortingColumn;
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::parquet::file::writer::SerializedFileWriter;
use datafusion::parquet::schema::parser::parse_message_type;
use datafusion::prelude::SessionContext;
use squadron_dev::cluster::TestCluster;
use squadron_server::client::ClientError;
use tonic::Code;

const ROWS: i64 = 20_000;

fn rows(from: i64, to: i64) -> RecordBatch {
    let numbers = Arc::new(Int64Array::from_iter_values(from..to)) as ArrayRef;
    let texts = (from..to).map(|n| format!("line {n}\n{n}, \"quoted\""));
    let texts = Arc::new(StringArray::from_iter_values(texts)) as ArrayRef;
    RecordBatch::try_from_iter([("n", numbers), ("s", texts)]).unwrap()
}

/// Checks that every row of each table is read exactly once, by three nodes.
async fn check(folder: &Path, tables: &[(&str, i64)]) {
    let cluster = TestCluster::start(3, folder).await;
    for (table, rows) in tables {
        let sums =
            format!("select concat_ws(' ', count(*), count(distinct n), sum(n)) from {table}");
        let sums = cluster.ask_distributed(0, &sums).await;
        let sums = sums.unwrap_or_else(|error| panic!("{table}: {error}")).value();
        assert_eq!(sums, format!("{rows} {rows} {}", rows * (rows - 1) / 2), "{table}");
        let all = cluster.ask_distributed(1, &format!("select * from {table}")).await;
        let all = all.unwrap_or_else(|error| panic!("{table}: {error}"));
        assert_eq!(all.rows(), *rows as usize, "{table}");
    }
}

/// Writes the rows with DataFusion's own writer.
async fn copy(path: &Path, format: &str, compression: &str) {
    let session = SessionContext::new();
    session.register_batch("rows", rows(0, ROWS)).unwrap();
    let copy = format!(
        "COPY rows TO '{}' STORED AS {format} OPTIONS ('format.compression' '{compression}')",
        path.display()
    );
    session.sql(&copy).await.unwrap().collect().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn text_with_line_breaks_and_compressed_text_is_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("csv", "CSV", "uncompressed"),
        ("csv.gz", "CSV", "gzip"),
        ("csv.zst", "CSV", "zstd"),
        ("json", "JSON", "uncompressed"),
        ("json.gz", "JSON", "gzip"),
    ];
    for (suffix, format, compression) in files {
        let name = format!("t_{}.{suffix}", suffix.replace('.', "_"));
        copy(&folder.path().join(name), format, compression).await;
    }
    let tables = files.map(|(suffix, ..)| format!("t_{}", suffix.replace('.', "_")));
    check(folder.path(), &tables.each_ref().map(|table| (table.as_str(), ROWS))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_formats_of_arrow_are_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| std::fs::File::create(folder.path().join(name)).unwrap();
    let batches = || (0..200).map(|part| rows(part * 100, (part + 1) * 100));
    let mut stream = StreamWriter::try_new(file("t_stream.arrow"), &rows(0, 0).schema()).unwrap();
    let mut plain = FileWriter::try_new(file("t_file.arrow"), &rows(0, 0).schema()).unwrap();
    for batch in batches() {
        stream.write(&batch).unwrap();
        plain.write(&batch).unwrap();
    }
    stream.finish().unwrap();
    plain.finish().unwrap();
    check(folder.path(), &[("t_stream", ROWS), ("t_file", ROWS)]).await;
}

/// DataFusion reads such files one after the other, to keep the order.
#[tokio::test(flavor = "multi_thread")]
async fn files_in_a_declared_order_are_spread() {
    let folder = tempfile::tempdir().unwrap();
    for count in 1..=7 {
        let table = folder.path().join(format!("t{count}"));
        std::fs::create_dir(&table).unwrap();
        for file in 0..count {
            let batch = rows(file * 100, (file + 1) * 100);
            let order = SortingColumn { column_idx: 0, descending: false, nulls_first: false };
            let properties = WriterProperties::builder().set_sorting_columns(Some(vec![order]));
            let path = std::fs::File::create(table.join(format!("{file}.parquet"))).unwrap();
            let properties = Some(properties.build());
            let mut writer = ArrowWriter::try_new(path, batch.schema(), properties).unwrap();
            writer.write(&batch).unwrap();
            writer.close().unwrap();
        }
    }
    let tables: Vec<_> = (1..=7).map(|count| (format!("t{count}"), count * 100)).collect();
    let tables: Vec<_> = tables.iter().map(|(table, rows)| (table.as_str(), *rows)).collect();
    check(folder.path(), &tables).await;
}

/// Of 6 bytes, 7, 8, …: no number of ranges divides all of them.
#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_few_bytes_are_spread() {
    let folder = tempfile::tempdir().unwrap();
    for rows in 1..=30 {
        let text: String = (0..rows).map(|row| format!("{row}\n")).collect();
        std::fs::write(folder.path().join(format!("c{rows}.csv")), format!("n\n{text}")).unwrap();
        let text: String = (0..rows).map(|row| format!("{{\"n\":{row}}}\n")).collect();
        std::fs::write(folder.path().join(format!("j{rows}.json")), text).unwrap();
    }
    let names =
        |kind: &str| (1..=30).map(|rows| (format!("{kind}{rows}"), rows)).collect::<Vec<_>>();
    let tables = [names("c"), names("j")].concat();
    let tables: Vec<_> = tables.iter().map(|(table, rows)| (table.as_str(), *rows)).collect();
    check(folder.path(), &tables).await;
}

/// Far behind what a table's columns are guessed from: workers find it.
#[tokio::test(flavor = "multi_thread")]
async fn a_quote_that_is_never_closed_is_told_by_a_worker_with_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let rows: String = (0..200_000).map(|row| format!("{row},\"text\"\n")).collect();
    let text = format!("n,s\n{rows}200000,\"text\n200001,more\n");
    std::fs::write(folder.path().join("open.csv"), text).unwrap();
    let cluster = TestCluster::start(3, folder.path()).await;
    let refused = match cluster.ask_distributed(0, "select count(*) from open").await {
        Err(ClientError::Server(status)) => *status,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");
    assert!(refused.message().contains("open.csv"), "{refused}");
    assert!(refused.message().contains("line 200002 is never closed"), "{refused}");
}

/// Spark and Hive write instants of 96 bits: nanoseconds of a day, and its Julian number.
#[tokio::test(flavor = "multi_thread")]
async fn instants_of_spark_and_hive_are_read_beyond_what_nanoseconds_reach() {
    let folder = tempfile::tempdir().unwrap();
    let schema = parse_message_type("message t { required int96 at; }").unwrap();
    let file = std::fs::File::create(folder.path().join("t.parquet")).unwrap();
    let mut file = SerializedFileWriter::new(file, Arc::new(schema), Default::default()).unwrap();
    let mut group = file.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    const HALF_PAST_MIDNIGHT: u64 = 1_800_000_000_000;
    let [low, high] = [HALF_PAST_MIDNIGHT as u32, (HALF_PAST_MIDNIGHT >> 32) as u32];
    // 1600-01-01, 1970-01-01 and 9999-12-31.
    let instants = [2_305_448, 2_440_588, 5_373_484].map(|day| Int96::from(vec![low, high, day]));
    column.typed::<Int96Type>().write_batch(&instants, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    file.close().unwrap();
    let cluster = TestCluster::start(3, folder.path()).await;
    let sql = "select string_agg(cast(at as varchar), ' ' order by at) from t";
    let all = cluster.ask_distributed(0, sql).await.unwrap().value();
    assert_eq!(all, "1600-01-01T00:30:00 1970-01-01T00:30:00 9999-12-31T00:30:00");
    let last = "select count(*) from t where at > timestamp '9999-12-31 00:00:00'";
    assert_eq!(cluster.ask_distributed(1, last).await.unwrap().value(), "1");
}
