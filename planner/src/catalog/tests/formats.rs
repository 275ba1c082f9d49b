//! Every format that is a table, with and without compression.

use super::*;

const PEOPLE: &str = "SELECT * FROM (VALUES (1, 'Ada'), (2, NULL)) AS t(id, name)";

async fn check(data: &Data) {
    let tables = data.open().await;
    assert_eq!(tables.names(), ["people"]);
    assert_eq!(
        tables.rows("SELECT id, name FROM people ORDER BY id").await,
        ["1 | Ada", "2 | NULL"]
    );
    assert_eq!(tables.rows("SELECT name FROM people WHERE id = 1").await, ["Ada"]);
}

#[tokio::test]
async fn parquet() {
    let data = Data::new();
    data.parquet("people.parquet", PEOPLE).await;
    check(&data).await;
}

#[tokio::test]
async fn nan_is_read_as_it_was_written_whatever_the_files_bounds_say() {
    let data = Data::new();
    let numbers = "SELECT * FROM (VALUES (1.0::DOUBLE), ('nan'::DOUBLE), (1.0::DOUBLE)) AS t(x)";
    data.parquet("numbers.parquet", numbers).await;
    let tables = data.open().await;
    assert_eq!(tables.rows("SELECT x FROM numbers").await, ["1.0", "NaN", "1.0"]);
    assert_eq!(tables.rows("SELECT max(x), sum(x) FROM numbers").await, ["NaN | NaN"]);
}

#[tokio::test]
async fn csv_has_a_header_and_types() {
    let data = Data::new();
    data.write("people.csv", "id,name\n1,Ada\n2,\n");
    check(&data).await;
    assert_eq!(data.open().await.columns("people").await, "id: Int64, name: Utf8");
}

/// Far more than is read at a time, so that line breaks within values come everywhere.
#[tokio::test]
async fn line_breaks_in_values_make_no_text_of_numbers() {
    let data = Data::new();
    let record = |id: usize| format!("{id},\"line {id}\nnext, {id}\"\r\n");
    let records: String = (0..100_000).map(record).collect();
    data.write("lines.csv", format!("id,text\r\n{records}"));
    let tables = data.open().await;
    assert_eq!(tables.columns("lines").await, "id: Int64, text: Utf8");
    let mut config = SessionConfig::new();
    config.options_mut().catalog.newlines_in_values = true;
    let rows = tables.session_with(config).sql("SELECT count(*), sum(id) FROM lines").await;
    assert_eq!(lines(&rows.unwrap().collect().await.unwrap()), ["100000 | 4999950000"]);
}

#[tokio::test]
async fn a_quote_that_is_never_closed_is_told() {
    let data = Data::new();
    data.write("open.csv", format!("\"id{}", ",text\n".repeat(12 << 20)));
    let error = data.open().await.batches("SELECT * FROM open").await.unwrap_err().to_string();
    assert!(error.contains("open.csv") && error.contains("never closed"), "{error}");
}

#[tokio::test]
async fn tsv() {
    let data = Data::new();
    data.write("people.tsv", "id\tname\n1\tAda\n2\t\n");
    check(&data).await;
}

#[tokio::test]
async fn json_lines_under_each_suffix() {
    for suffix in ["json", "ndjson", "jsonl"] {
        let data = Data::new();
        data.write(
            &format!("people.{suffix}"),
            "{\"id\": 1, \"name\": \"Ada\"}\n{\"id\": 2, \"name\": null}\n",
        );
        check(&data).await;
    }
}

#[tokio::test]
async fn arrow_files_under_each_suffix() {
    for suffix in ["arrow", "feather", "ipc"] {
        let data = Data::new();
        data.copy(&format!("people.{suffix}"), "ARROW", "", PEOPLE).await;
        check(&data).await;
    }
}

#[tokio::test]
async fn arrow_streams() {
    let data = Data::new();
    data.write("people.arrow", arrow_stream(PEOPLE).await);
    check(&data).await;
}

#[tokio::test]
async fn arrow_files_and_streams_in_one_folder_are_told_apart() {
    let data = Data::new();
    data.copy("people/a.arrow", "ARROW", "", PEOPLE).await;
    data.write("people/b.arrow", arrow_stream(PEOPLE).await);
    let error = data.open().await.batches("SELECT * FROM people").await.unwrap_err().to_string();
    assert!(error.contains("b.arrow") && error.contains("stream format"), "{error}");
}

#[tokio::test]
async fn compressed_csv_and_json() {
    for (suffix, format, compression) in [
        ("csv.gz", "CSV", "gzip"),
        ("csv.bz2", "CSV", "bzip2"),
        ("csv.xz", "CSV", "xz"),
        ("csv.zst", "CSV", "zstd"),
        ("json.gz", "JSON", "gzip"),
    ] {
        let data = Data::new();
        let options = format!("OPTIONS ('format.compression' '{compression}')");
        data.copy(&format!("people.{suffix}"), format, &options, PEOPLE).await;
        check(&data).await;
    }
}

#[tokio::test]
async fn the_format_of_each_table_is_described_before_any_query() {
    let data = Data::new();
    data.parquet("a/x.parquet", "SELECT 1 AS x").await;
    data.write("b.csv.gz", "not read yet");
    let tables = data.open().await;
    let formats: Vec<_> = tables.catalog.describe().into_iter().map(|table| table.format).collect();
    assert_eq!(formats, [Some("Parquet".to_owned()), Some("CSV (gzip)".to_owned())]);
}

#[tokio::test]
async fn a_session_without_string_views_gets_none() {
    let data = Data::new();
    data.parquet("t.parquet", "SELECT 'x' AS s").await;
    let tables = data.open().await;
    for (views, expected) in [(true, "Utf8View"), (false, "Utf8"), (true, "Utf8View")] {
        let mut config = SessionConfig::new();
        config.options_mut().execution.parquet.schema_force_view_types = views;
        let rows = tables.session_with(config).sql("SELECT s FROM t").await.unwrap();
        assert_eq!(rows.schema().field(0).data_type().to_string(), expected);
        assert_eq!(lines(&rows.collect().await.unwrap()), ["x"]);
    }
}

/// The rows of a query in Arrow's stream format.
pub(super) async fn arrow_stream(sql: &str) -> Vec<u8> {
    let rows = SessionContext::new().sql(sql).await.unwrap();
    let schema = Arc::clone(rows.schema().inner());
    let mut bytes = Vec::new();
    let mut writer =
        datafusion::arrow::ipc::writer::StreamWriter::try_new(&mut bytes, &schema).unwrap();
    for batch in rows.collect().await.unwrap() {
        writer.write(&batch).unwrap();
    }
    writer.finish().unwrap();
    drop(writer);
    bytes
}
