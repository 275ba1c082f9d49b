//! Data that is no table: the node starts, other tables work, the message says what to do.

use super::*;

#[tokio::test]
async fn a_truncated_parquet_file_is_named_and_others_work() {
    let data = Data::new();
    data.parquet("good.parquet", "SELECT 1 AS x").await;
    data.parquet("bad/a.parquet", "SELECT 1 AS x").await;
    data.parquet("bad/b.parquet", "SELECT 1 AS x FROM generate_series(1, 1000)").await;
    let path = data.path("bad/b.parquet");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let tables = data.open().await;
    let error = tables.catalog_error("SELECT * FROM bad").await;
    let start = format!("{}: not a Parquet file, or cut short: ", path.display());
    assert!(error.starts_with(&start), "{error}");
    assert_eq!(tables.rows("SELECT * FROM good").await, ["1"]);
    assert_eq!(tables.names(), ["bad", "good"]);
}

#[tokio::test]
async fn text_that_is_no_json_is_named() {
    let data = Data::new();
    data.write("t/a.json", "{\"x\": 1}\n");
    data.write("t/b.json", "{\"x\": \n");
    let error = data.open().await.catalog_error("SELECT * FROM t").await;
    assert_says(&error, &["t/b.json", "not readable as JSON"]);
}

#[tokio::test]
async fn a_file_that_is_no_arrow_is_named() {
    let data = Data::new();
    data.write("t.arrow", "definitely not arrow");
    let error = data.open().await.catalog_error("SELECT * FROM t").await;
    assert_says(&error, &["t.arrow", "not readable as Arrow"]);
}

#[tokio::test]
async fn a_truncated_arrow_file_is_named() {
    let data = Data::new();
    data.copy("t.arrow", "ARROW", "", "SELECT 1 AS x").await;
    let whole = std::fs::read(data.path("t.arrow")).unwrap();
    for length in [6, 12, whole.len() / 2, whole.len() - 1] {
        data.write("t.arrow", &whole[..length]);
        let error = data.open().await.catalog_error("SELECT * FROM t").await;
        assert_says(&error, &["t.arrow", "not readable as Arrow"]);
    }
}

#[tokio::test]
async fn a_file_that_is_not_compressed_as_its_name_says_is_invalid_data() {
    let data = Data::new();
    data.write("t.csv.gz", "x\n1\n");
    let error = data.open().await.failure("SELECT * FROM t").await;
    let error = CatalogError::find_in(&error).unwrap();
    assert!(matches!(error, CatalogError::InvalidData { .. }), "{error}");
    assert_says(&error.to_string(), &["t.csv.gz", "not readable as CSV (gzip)"]);
}

/// Three numbers, written with checksums as Spark writes them (`write_page_checksum` of pyarrow), one
/// of which is 2222.
const WITH_CHECKSUMS: &[u8] = include_bytes!("checksum.parquet");

#[tokio::test]
async fn a_flipped_bit_is_an_error_where_there_is_a_checksum() {
    let data = Data::new();
    data.write("whole.parquet", WITH_CHECKSUMS);
    let mut flipped = WITH_CHECKSUMS.to_vec();
    let value = flipped.windows(8).position(|bytes| bytes == 2222_i64.to_le_bytes()).unwrap();
    flipped[value] ^= 1;
    data.write("flipped.parquet", flipped);
    let tables = data.open().await;
    assert_eq!(tables.rows("SELECT sum(v) FROM whole").await, ["6666"]);
    let error = tables.failure("SELECT * FROM flipped").await;
    assert_says(&error.to_string(), &["Page CRC checksum mismatch"]);
}

#[tokio::test]
async fn messages_leave_out_what_is_not_for_users() {
    let data = Data::new();
    data.write("t.parquet", "PAR1 broken");
    data.write("u.arrow", "definitely not arrow");
    let tables = data.open().await;
    let error = tables.catalog_error("SELECT * FROM t").await;
    assert!(error.ends_with("cut short: Invalid Parquet file. Corrupt footer"), "{error}");
    let error = tables.catalog_error("SELECT * FROM u").await;
    assert!(!error.contains("bug in DataFusion"), "{error}");
}

#[tokio::test]
async fn a_footer_longer_than_its_file_is_invalid_data() {
    let data = Data::new();
    data.write("t.parquet", "PAR1garbagegarbagePAR1");
    let error = data.open().await.catalog_error("SELECT * FROM t").await;
    assert_says(&error, &["t.parquet", "cut short", "do not fit together"]);
}

#[tokio::test]
async fn two_formats_in_a_folder_are_named_with_an_example_of_each() {
    let data = Data::new();
    data.parquet("t/a.parquet", "SELECT 1 AS x").await;
    data.write("t/b.csv", "x\n1\n");
    let tables = data.open().await;
    assert_eq!(tables.names(), ["t"]);
    let error = tables.catalog_error("SELECT * FROM t").await;
    assert_says(&error, &["two formats", "Parquet", "t/a.parquet", "CSV", "t/b.csv"]);
}

#[tokio::test]
async fn an_empty_folder_says_so() {
    let data = Data::new();
    data.folder("t");
    let tables = data.open().await;
    let error = tables.catalog_error("SELECT * FROM t").await;
    assert_says(&error, &["/t: is empty", ".parquet"]);
    assert_says(&tables.catalog.describe()[0].error.clone().unwrap(), &["is empty"]);
}

#[tokio::test]
async fn a_folder_of_other_files_says_what_it_has() {
    let data = Data::new();
    data.write("t/README.txt", "hello");
    let error = data.open().await.catalog_error("SELECT * FROM t").await;
    assert_says(&error, &["no data files", "README.txt"]);
}

#[tokio::test]
async fn data_in_plain_sub_folders_is_pointed_at() {
    let data = Data::new();
    data.parquet("t/old/a.parquet", "SELECT 1 AS x").await;
    let error = data.open().await.catalog_error("SELECT * FROM t").await;
    assert_says(&error, &["sub-folders", "t/old/a.parquet"]);
}

#[tokio::test]
async fn empty_files_alone_are_no_table_but_empty_texts_do_no_harm_beside_others() {
    let data = Data::new();
    data.write("t/a.parquet", "");
    data.write("u.csv", "");
    data.write("v/a.csv", "");
    data.write("v/b.csv", "x\n1\n");
    let tables = data.open().await;
    assert_says(&tables.catalog_error("SELECT * FROM t").await, &["0 bytes", "t/a.parquet"]);
    assert_says(&tables.catalog_error("SELECT * FROM u").await, &["u.csv", "0 bytes"]);
    assert_eq!(tables.rows("SELECT * FROM v").await, ["1"]);
}

/// Its rows would be missing without an error.
#[tokio::test]
async fn a_file_that_was_cut_to_nothing_is_not_passed_over() {
    let data = Data::new();
    data.parquet("t/a.parquet", "SELECT 1 AS x").await;
    data.write("t/b.parquet", "");
    data.write("u/a.csv", "x\n1\n");
    data.write("v/a.csv.gz", "");
    data.write("v/b.csv", "x\n1\n");
    let tables = data.open().await;
    assert_says(
        &tables.catalog_error("SELECT * FROM t").await,
        &["t/b.parquet", "0 bytes", "remove"],
    );
    assert_eq!(tables.rows("SELECT * FROM u").await, ["1"]);
    assert_says(&tables.catalog_error("SELECT * FROM v").await, &["v/a.csv.gz", "0 bytes"]);
}

#[tokio::test]
async fn two_locations_with_one_table_name_do_not_start() {
    let data = Data::new();
    data.parquet("a/t.parquet", "SELECT 1 AS x").await;
    data.parquet("b/t/x.parquet", "SELECT 1 AS x").await;
    let opened = Tables::open(vec![data.location("a"), data.location("b")]).await;
    let error = opened.err().expect("one name twice").to_string();
    assert_says(&error, &["table 't' is given twice", "a/t.parquet", "b/t"]);
}

#[tokio::test]
async fn a_file_and_a_folder_of_one_name_fail_only_when_queried() {
    let data = Data::new();
    data.parquet("t.parquet", "SELECT 1 AS x").await;
    data.parquet("t/x.parquet", "SELECT 1 AS x").await;
    data.parquet("u.parquet", "SELECT 1 AS x").await;
    let tables = data.open().await;
    assert_says(&tables.catalog_error("SELECT * FROM t").await, &["twice", "t.parquet"]);
    assert_eq!(tables.rows("SELECT * FROM u").await, ["1"]);
    std::fs::remove_file(data.path("t.parquet")).unwrap();
    tables.catalog.refresh().await.unwrap();
    assert_eq!(tables.rows("SELECT * FROM t").await, ["1"]);
}

#[tokio::test]
async fn a_broken_table_does_not_hide_the_others_from_information_schema() {
    let data = Data::new();
    data.write("bad.parquet", "broken");
    data.parquet("good.parquet", "SELECT 1 AS x").await;
    let tables = data.open().await;
    let session = tables.session_with(SessionConfig::new().with_information_schema(true));
    let sql = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' \
               ORDER BY table_name";
    let rows = session.sql(sql).await.unwrap().collect().await.unwrap();
    assert_eq!(lines(&rows), ["bad", "good"]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_without_permission_is_access_denied() {
    use std::os::unix::fs::PermissionsExt;
    let data = Data::new();
    data.parquet("t.parquet", "SELECT 1 AS x").await;
    let path = data.path("t.parquet");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read(&path).is_ok() {
        return; // root reads everything
    }
    let error = data.open().await.failure("SELECT * FROM t").await;
    assert!(matches!(CatalogError::find_in(&error), Some(CatalogError::AccessDenied { .. })));
}

#[tokio::test]
async fn a_file_that_is_no_data_is_refused_as_a_location() {
    let data = Data::new();
    data.write("notes.txt", "x");
    let path = data.path("notes.txt");
    let error = path.to_str().unwrap().parse::<DataLocation>().unwrap_err().to_string();
    assert_says(&error, &["notes.txt", "is a file, but", ".parquet"]);
}

/// Their folders hold files of earlier versions of the table.
#[tokio::test]
async fn a_table_of_a_table_format_is_not_read_as_its_files() {
    let data = Data::new();
    data.parquet("t/part-0.parquet", "SELECT 1 AS x").await;
    data.write("t/.hoodie/x", "{}");
    let error = data.open().await.catalog_error("SELECT * FROM t").await;
    assert_says(&error, &["/t: is a table of", "Hudi"]);
    let alone = Tables::open(vec![data.location("t")]).await.unwrap();
    assert_says(&alone.catalog_error("SELECT * FROM t").await, &["Hudi"]);
}
