//! The command from its arguments to what is on its streams, against a scripted server.

use std::sync::Arc;

use clap::Parser;
use datafusion::arrow::array::{ArrayRef, BinaryArray, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::ipc::writer::{IpcWriteOptions, StreamWriter};
use tonic::Status;

use super::*;
use crate::client::testing::{End, FakeNode, Part, info, numbers, numbers_schema};

#[derive(Parser)]
struct CommandLine {
    #[command(flatten)]
    args: SqlArgs,
}

/// What a run left behind.
struct Ran {
    code: u8,
    out: String,
    err: String,
}

async fn run_with(uri: &str, arguments: &[&str]) -> Ran {
    let line = ["sql", uri].into_iter().chain(arguments.iter().copied());
    let args = CommandLine::try_parse_from(line).unwrap().args;
    let (console, out, err) = Console::buffers();
    let code = run_on(args, console).await;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&out.lock()), text(&err.lock()));
    Ran { code, out, err }
}

/// Two endpoints with 1, 2 and 3, for the statement `q`; `bad` fails half-way.
fn node() -> FakeNode {
    let node = FakeNode::start();
    node.part("x", numbers(&[&[1], &[2]], End::Ok));
    node.part("y", numbers(&[&[3]], End::Ok));
    node.part("z", numbers(&[&[4]], End::Fail(Status::internal("lost a worker"))));
    node.answer("q", Ok(info(&numbers_schema(), &[("x", &[]), ("y", &[])])));
    node.answer("bad", Ok(info(&numbers_schema(), &[("x", &[]), ("z", &[])])));
    node.answer("wrong", Err(Status::invalid_argument("no such column: c")));
    node
}

#[tokio::test]
async fn data_is_on_stdout_and_the_count_on_stderr() {
    let node = node();
    let ran = run_with(&node.uri(), &["q", "--format", "csv", "--ordered"]).await;
    assert_eq!((ran.code, ran.out.as_str()), (0, "n\n1\n2\n3\n"));
    assert!(
        ran.err.starts_with("3 rows in 0.") && ran.err.ends_with("(2 endpoints)\n"),
        "{}",
        ran.err
    );
}

#[tokio::test]
async fn quiet_says_nothing_but_the_result() {
    let node = node();
    assert_eq!(run_with(&node.uri(), &["q", "--format", "ndjson", "-q"]).await.err, "");
}

#[tokio::test]
async fn a_server_error_is_told_once_with_its_code() {
    let node = node();
    let ran = run_with(&node.uri(), &["wrong"]).await;
    assert_eq!((ran.code, ran.err.as_str()), (1, "error: INVALID_ARGUMENT: no such column: c\n"));
}

#[tokio::test]
async fn a_server_out_of_reach_is_told_with_what_to_check() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ran = run_with(&address.to_string(), &["q"]).await;
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains(&address.to_string()) && ran.err.contains("Check"), "{}", ran.err);
}

#[tokio::test]
async fn wrong_usage_exits_with_2() {
    let ran = run_with("http://h:1", &["q"]).await;
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("nothing here speaks http://"), "{}", ran.err);
}

#[tokio::test]
async fn a_failed_query_leaves_no_file() {
    let node = node();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.csv");
    let ran = run_with(&node.uri(), &["bad", "-o", path.to_str().unwrap()]).await;
    assert_eq!((ran.code, ran.err.as_str()), (1, "error: INTERNAL: lost a worker\n"));
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
}

#[tokio::test]
async fn an_output_file_has_the_format_of_its_name() {
    let node = node();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.json");
    let ran = run_with(&node.uri(), &["q", "--ordered", "-o", path.to_str().unwrap()]).await;
    assert_eq!((ran.code, ran.out.as_str()), (0, ""));
    assert_eq!(std::fs::read_to_string(path).unwrap(), "[{\"n\":1},{\"n\":2},{\"n\":3}]\n");
}

#[tokio::test]
async fn an_output_file_of_no_format_is_refused_before_anything_is_run() {
    let node = node();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.xlsx");
    let ran = run_with(&node.uri(), &["q", "-o", path.to_str().unwrap()]).await;
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("x.xlsx") && ran.err.contains(".parquet"), "{}", ran.err);
    assert!(node.headers("GetFlightInfo", "user-agent").is_empty());
    assert!(!path.exists());
}

#[tokio::test]
async fn a_table_in_a_file_has_all_its_rows() {
    let node = node();
    let many: Vec<i64> = (0..1200).collect();
    node.part("x", numbers(&[&many], End::Ok));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.txt");
    run_with(&node.uri(), &["q", "-o", path.to_str().unwrap()]).await;
    let table = std::fs::read_to_string(path).unwrap();
    assert!(table.contains("| 1199 |"), "{table}");
    assert!(run_with(&node.uri(), &["q"]).await.err.starts_with("first 1000 rows in"));
}

#[tokio::test]
async fn one_output_does_not_hold_two_results() {
    let node = node();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.csv");
    let ran = run_with(&node.uri(), &["q; q", "-o", path.to_str().unwrap()]).await;
    assert_eq!(ran.code, 2);
    assert!(!path.exists());
}

#[tokio::test]
async fn statements_of_a_file_run_in_turn_until_one_fails() {
    let node = node();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.sql");
    std::fs::write(&path, "q; -- then\nwrong; q").unwrap();
    let arguments = ["-f", path.to_str().unwrap(), "--format", "csv", "--ordered"];
    let ran = run_with(&node.uri(), &arguments).await;
    assert_eq!((ran.code, ran.out.as_str()), (1, "n\n1\n2\n3\n"));
}

#[tokio::test]
async fn a_table_stops_at_max_rows_and_cancels_the_rest() {
    let node = node();
    node.part("x", numbers(&[&[1, 2, 3]], End::Never));
    let ran = run_with(&node.uri(), &["q", "--max-rows", "2", "--ordered"]).await;
    assert!(ran.out.contains("| 2 |") && ran.out.contains("There are more rows"), "{}", ran.out);
    assert!(ran.err.starts_with("first 2 rows in"), "{}", ran.err);
    assert_eq!(node.headers("CancelFlightInfo", "user-agent").len(), 1);
    node.all_streams_dropped().await;
}

#[tokio::test]
async fn explain_runs_the_statement_under_explain_analyze() {
    let node = node();
    let text = |value: &str| Arc::new(StringArray::from(vec![value])) as ArrayRef;
    let columns = [("plan_type", text("Plan with Metrics")), ("plan", text("Deliver\n  Scan"))];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let schema = batch.schema();
    node.answer("EXPLAIN ANALYZE q", Ok(info(&schema, &[("p", &[])])));
    node.part("p", Part { schema, batches: vec![batch], end: End::Ok });
    assert_eq!(run_with(&node.uri(), &["q", "--explain"]).await.out, "Deliver\n  Scan\n");
}

#[tokio::test]
async fn settings_go_as_headers_and_by_set() {
    let node = node();
    let done = Schema::empty();
    node.answer("SET datafusion.x = '1'", Ok(info(&done, &[])));
    let arguments = ["q", "--set", "squadron.endpoints=one", "--set", "datafusion.x=1"];
    assert_eq!(run_with(&node.uri(), &arguments).await.code, 0);
    let sent = node.headers("GetFlightInfo", "squadron-endpoints");
    assert_eq!(sent, [Some("one".to_owned()), Some("one".to_owned())]);
}

#[tokio::test]
async fn a_statement_without_a_result_prints_none() {
    let node = node();
    node.answer("drop table t", Ok(info(&Schema::empty(), &[])));
    let ran = run_with(&node.uri(), &["drop table t"]).await;
    assert_eq!((ran.code, ran.out.as_str()), (0, ""));
    assert!(ran.err.starts_with("done in"), "{}", ran.err);
}

#[tokio::test]
async fn endpoints_are_shown_with_who_served_them() {
    let node = node();
    let ran = run_with(&node.uri(), &["q", "--endpoints", "--timing"]).await;
    assert_eq!(ran.err.matches(&node.uri()).count(), 2, "{}", ran.err);
    assert!(ran.err.contains("planned 0."), "{}", ran.err);
}

#[tokio::test]
async fn a_user_needs_a_password() {
    let ran = run_with("h:1", &["q", "--user", "me"]).await;
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("SQUADRON_PASSWORD"), "{}", ran.err);
}

/// The answer to GetTables with the table `t (n Int64)`.
fn table_list() -> RecordBatch {
    let mut message = Vec::new();
    let options = IpcWriteOptions::default();
    StreamWriter::try_new_with_options(&mut message, &numbers_schema(), options).unwrap();
    let text = |value: &str| Arc::new(StringArray::from(vec![value])) as ArrayRef;
    RecordBatch::try_from_iter([
        ("catalog_name", text("c")),
        ("db_schema_name", text("public")),
        ("table_name", text("t")),
        ("table_type", text("TABLE")),
        ("table_schema", Arc::new(BinaryArray::from(vec![message.as_slice()])) as ArrayRef),
    ])
    .unwrap()
}

#[tokio::test]
async fn tables_are_listed_with_their_columns() {
    let node = node();
    let batch = table_list();
    node.list_tables(info(&batch.schema(), &[("tables", &[])]));
    node.part("tables", Part { schema: batch.schema(), batches: vec![batch], end: End::Ok });
    let client = FlightSqlClient::connect(&node.uri()).await.unwrap();
    let table = client.tables().await.unwrap().remove(0);
    assert_eq!((table.schema.as_deref(), table.name.as_str()), (Some("public"), "t"));
    let column = table.columns.field(0);
    assert_eq!(column, &Field::new("n", DataType::Int64, true));
}
