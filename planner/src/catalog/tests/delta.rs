//! Delta tables of other engines, as the log has them.

use std::fmt::Write;

use super::*;

/// Columns `a`, `d`, `b`: files are told apart by the one in the middle.
const COLUMNS: &str = r#"{\"type\":\"struct\",\"fields\":[{\"name\":\"a\",\"type\":\"long\",\"nullable\":true,\"metadata\":{}},{\"name\":\"d\",\"type\":\"date\",\"nullable\":true,\"metadata\":{}},{\"name\":\"b\",\"type\":\"string\",\"nullable\":true,\"metadata\":{}}]}"#;

const PLAIN: &str = r#"{"minReaderVersion":1,"minWriterVersion":2}"#;

fn protocol(reader: u32, features: &str) -> String {
    format!(
        r#"{{"minReaderVersion":{reader},"minWriterVersion":7,"readerFeatures":[{features}],"writerFeatures":[{features}]}}"#
    )
}

/// The first version of a table.
fn begin(data: &Data, protocol: &str, configuration: &str) {
    let text = format!(
        "{{\"protocol\":{protocol}}}\n{{\"metaData\":{{\"id\":\"67e55044-10b1-426f-9247-bb680e5fe0c8\",\"format\":{{\"provider\":\"parquet\",\
         \"options\":{{}}}},\"schemaString\":\"{COLUMNS}\",\"partitionColumns\":[\"d\"],\"configuration\":{{{configuration}}}}}}}\n"
    );
    data.write("t/_delta_log/00000000000000000000.json", text);
}

/// A version of these actions.
fn version(data: &Data, number: u32, actions: &[String]) {
    let name = format!("t/_delta_log/{number:020}.json");
    data.write(&name, actions.join("\n"));
}

fn add(data: &Data, path: &str, day: &str, more: &str) -> String {
    // Paths are URIs in the log.
    let file = path.replace("%20", " ");
    let size = std::fs::metadata(data.path(&format!("t/{file}"))).unwrap().len();
    let mut text = format!(
        r#"{{"add":{{"path":"{path}","partitionValues":{{"d":{day}}},"size":{size},"modificationTime":0,"dataChange":true"#
    );
    write!(text, "{more}}}}}").unwrap();
    text
}

fn remove(path: &str) -> String {
    format!(r#"{{"remove":{{"path":"{path}","dataChange":true,"deletionTimestamp":1}}}}"#)
}

async fn files(data: &Data) {
    data.parquet("t/one.parquet", "SELECT 1::BIGINT AS a, 'x' AS b").await;
    data.parquet(
        "t/two rows.parquet",
        "SELECT * FROM (VALUES (2::BIGINT, 'y'), (3, NULL)) v (a, b)",
    )
    .await;
}

#[tokio::test]
async fn files_that_the_log_has_removed_are_not_read() {
    let data = Data::new();
    files(&data).await;
    begin(&data, PLAIN, "");
    version(&data, 1, &[add(&data, "one.parquet", "\"2024-02-29\"", "")]);
    let tables = data.open().await;
    assert_eq!(tables.rows("SELECT * FROM t").await, ["1 | 2024-02-29 | x"]);
    version(&data, 2, &[remove("one.parquet"), add(&data, "two%20rows.parquet", "null", "")]);
    assert_eq!(
        tables.rows("SELECT b, a, d FROM t ORDER BY a").await,
        ["y | 2 | NULL", "NULL | 3 | NULL"]
    );
    assert_eq!(tables.rows("SELECT count(*) FROM t WHERE d IS NOT NULL").await, ["0"]);
    assert_eq!(tables.rows("SELECT count(a) FROM t WHERE d IS NULL AND a > 2").await, ["1"]);
}

#[tokio::test]
async fn a_table_that_was_made_anew_is_read_anew() {
    let data = Data::new();
    files(&data).await;
    begin(&data, PLAIN, "");
    version(&data, 1, &[add(&data, "one.parquet", "null", "")]);
    let tables = data.open().await;
    assert_eq!(tables.rows("SELECT a FROM t").await, ["1"]);
    std::fs::remove_dir_all(data.path("t/_delta_log")).unwrap();
    begin(&data, PLAIN, "\"k\":\"v\"");
    version(&data, 1, &[add(&data, "two%20rows.parquet", "null", "")]);
    assert_eq!(tables.rows("SELECT a FROM t ORDER BY a").await, ["2", "3"]);
}

#[tokio::test]
async fn an_empty_partition_value_is_null() {
    let data = Data::new();
    files(&data).await;
    begin(&data, PLAIN, "");
    version(&data, 1, &[add(&data, "one.parquet", "\"\"", "")]);
    assert_eq!(data.open().await.rows("SELECT d IS NULL FROM t").await, ["true"]);
}

#[tokio::test]
async fn what_is_not_known_is_refused_by_name() {
    let deleted = r#","deletionVector":{"storageType":"u","pathOrInlineDv":"x","offset":1,"sizeInBytes":1,"cardinality":1}"#;
    for (protocol, configuration, more, expected) in [
        (protocol(3, "\"deletionVectors\""), "", deleted, "deletionVectors"),
        (protocol(3, "\"variantType\""), "", "", "variantType"),
        (
            protocol(3, "\"columnMapping\""),
            "\"delta.columnMapping.mode\":\"name\"",
            "",
            "columnMapping",
        ),
    ] {
        let data = Data::new();
        files(&data).await;
        begin(&data, &protocol, configuration);
        version(&data, 1, &[add(&data, "one.parquet", "null", more)]);
        let error = data.open().await.catalog_error("SELECT * FROM t").await.to_string();
        assert!(error.contains(expected) && error.contains("/t: "), "{error}");
    }
}

/// Allowed, and not used.
#[tokio::test]
async fn a_feature_that_no_file_has_does_no_harm() {
    let data = Data::new();
    files(&data).await;
    begin(&data, &protocol(3, "\"deletionVectors\", \"timestampNtz\""), "");
    version(&data, 1, &[add(&data, "one.parquet", "null", "")]);
    assert_eq!(data.open().await.rows("SELECT a FROM t").await, ["1"]);
}

#[tokio::test]
async fn files_outside_of_the_table_are_refused() {
    let data = Data::new();
    files(&data).await;
    begin(&data, PLAIN, "");
    let there = add(&data, "one.parquet", "null", "");
    for path in ["../one.parquet", "/etc/one.parquet", "s3://other/one.parquet"] {
        version(&data, 1, &[there.replace("one.parquet", path)]);
        let error = data.open().await.catalog_error("SELECT * FROM t").await.to_string();
        assert!(error.contains("not in its folder"), "{error}");
    }
}

#[tokio::test]
async fn a_broken_log_is_named() {
    let data = Data::new();
    files(&data).await;
    begin(&data, PLAIN, "");
    version(&data, 1, &["{\"add\":".to_owned()]);
    let error = data.open().await.catalog_error("SELECT * FROM t").await.to_string();
    assert!(error.contains("/t"), "{error}");
}
