//! What of the tables is told, in which order and shape, and that none spoils it for the others.

use std::io::Write;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use arrow_flight::IpcMessage;
use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::prelude::{SessionConfig, SessionContext};
use tracing::instrument::WithSubscriber;

use super::*;
use crate::flight::metadata::fixture::{self, dotted, view_of, view_of_catalogs};

const EVERYTHING: [&str; 4] = [
    "attic.main.orders.TABLE",
    "lake.main.order_lines.TABLE",
    "lake.main.orders.TABLE",
    "lake.main.orders_view.VIEW",
];

fn wire() -> Wire {
    Wire::default()
}

fn command() -> CommandGetTables {
    CommandGetTables::default()
}

async fn check(command: CommandGetTables, expected: &[&str]) {
    for include_schema in [false, true] {
        let command = CommandGetTables { include_schema, ..command.clone() };
        let found = tables(&view_of_catalogs(), &command, wire()).await.unwrap();
        assert_eq!(found.schema(), tables_schema(include_schema));
        assert_eq!(dotted(&found), expected, "{command:?}");
    }
}

#[tokio::test]
async fn tables_come_by_catalog_schema_and_name() {
    check(command(), &EVERYTHING).await;
}

#[tokio::test]
async fn a_catalog_is_compared_as_it_is() {
    let of = |catalog: &str| CommandGetTables { catalog: Some(catalog.into()), ..command() };
    check(of("attic"), &EVERYTHING[..1]).await;
    check(of("at%"), &[]).await;
    check(of(""), &[]).await;
}

#[tokio::test]
async fn schemas_and_tables_are_compared_as_patterns() {
    let like = |schema: &str, table: &str| CommandGetTables {
        db_schema_filter_pattern: Some(schema.into()),
        table_name_filter_pattern: Some(table.into()),
        ..command()
    };
    check(like("%", "%"), &EVERYTHING).await;
    check(like("m%", r"%\_lines"), &EVERYTHING[1..2]).await;
    check(like("m_in", "orders_v%"), &EVERYTHING[3..]).await;
    check(like("", "%"), &[]).await;
    check(like("raw", "%"), &[]).await;
}

#[tokio::test]
async fn a_whole_statement_as_pattern_finds_nothing() {
    let sql = r"SELECT * FROM orders WHERE name LIKE '%[(\' AND id = 1";
    check(CommandGetTables { table_name_filter_pattern: Some(sql.into()), ..command() }, &[]).await;
}

#[tokio::test]
async fn types_are_compared_in_any_case_and_base_tables_are_tables() {
    let of = |types: &[&str]| {
        let table_types = types.iter().map(|name| name.to_string()).collect();
        CommandGetTables { table_types, ..command() }
    };
    for table in ["TABLE", "table", "BASE TABLE", "base table", " TABLE "] {
        check(of(&[table]), &EVERYTHING[..3]).await;
    }
    check(of(&["view"]), &EVERYTHING[3..]).await;
    check(of(&["BASE TABLE", "table", "VIEW"]), &EVERYTHING).await;
    check(of(&["SYSTEM TABLE", "SYNONYM", ""]), &[]).await;
}

#[tokio::test]
async fn the_information_schema_is_made_of_system_tables() {
    let config = SessionConfig::new().with_information_schema(true);
    let view = CatalogView::from(&SessionContext::new_with_config(config).state());
    let command = CommandGetTables { include_schema: true, ..command() };
    let found = tables(&view, &command, wire()).await.unwrap();
    let names = dotted(&found);
    assert!(names.contains(&"datafusion.information_schema.columns.SYSTEM TABLE".into()));
    assert!(names.iter().all(|name| name.ends_with(".SYSTEM TABLE")), "{names:?}");
    assert!((0..found.num_rows()).all(|row| !columns(&found, row).fields().is_empty()));
}

fn columns(batch: &RecordBatch, row: usize) -> Schema {
    let bytes = batch["table_schema"].as_binary::<i32>().value(row);
    // An encapsulated message: continuation, length, and metadata padded to eight bytes.
    assert_eq!(bytes[..4], [0xff; 4]);
    let length = u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
    assert_eq!(bytes.len(), 8 + length);
    assert_eq!(bytes.len() % 8, 0);
    Schema::try_from(IpcMessage(bytes.to_vec().into())).unwrap()
}

#[tokio::test]
async fn table_schema_is_the_wire_schema_with_all_about_its_columns() {
    let command = CommandGetTables { include_schema: true, ..command() };
    let found = tables(&view_of_catalogs(), &command, wire()).await.unwrap();
    let found = columns(&found, 1);
    let id = found.field(0);
    assert_eq!(
        (id.name().as_str(), id.data_type(), id.is_nullable()),
        ("id", &DataType::Int64, false)
    );
    let name = found.field(1);
    assert_eq!((name.data_type(), name.is_nullable()), (&DataType::Utf8, true));
    assert_eq!(name.metadata()["ARROW:FLIGHT:SQL:TYPE_NAME"], "VARCHAR");
    assert_eq!(name.metadata()["ARROW:FLIGHT:SQL:CATALOG_NAME"], "lake");
    assert_eq!(name.metadata()["ARROW:FLIGHT:SQL:TABLE_NAME"], "order_lines");
}

#[tokio::test]
async fn a_broken_table_is_listed_without_columns_and_logged() {
    let view = view_of(Arc::new(fixture::Faulty));
    for include_schema in [false, true] {
        let command = CommandGetTables { include_schema, ..command() };
        let log = Log::default();
        let writer = log.clone();
        let subscriber =
            tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
        let found = tables(&view, &command, wire()).with_subscriber(subscriber).await.unwrap();
        assert_eq!(dotted(&found), ["c.s.broken.TABLE", "c.s.well.TABLE"]);
        if include_schema {
            assert_eq!(columns(&found, 0), Schema::empty());
            assert_eq!(columns(&found, 1).fields().len(), 2);
        }
        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert!(log.contains("WARN") && log.contains("table=broken"), "{log}");
        assert!(log.contains("the footer is truncated"), "{log}");
    }
}

#[tokio::test]
async fn the_columns_of_a_broken_table_alone_are_an_error() {
    let view = view_of(Arc::new(fixture::Faulty));
    let name = Some("broken".to_owned());
    let mut asked = CommandGetTables { table_name_filter_pattern: name, ..command() };
    assert_eq!(dotted(&tables(&view, &asked, wire()).await.unwrap()), ["c.s.broken.TABLE"]);
    asked.include_schema = true;
    let error = tables(&view, &asked, wire()).await.unwrap_err().to_string();
    assert!(error.contains("broken") && error.contains("the footer is truncated"), "{error}");
}

/// A log that can be read.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn tables_are_looked_up_many_at_a_time_but_not_all() {
    let slow = Arc::new(fixture::Slow::default());
    let command = CommandGetTables { include_schema: true, ..command() };
    let found = tables(&view_of(slow.clone()), &command, wire()).await.unwrap();
    assert_eq!(found.num_rows(), 100);
    assert_eq!(slow.most.load(Ordering::SeqCst), LOOKUPS);
}

/// Or no RPC could await it.
#[test]
fn the_answer_may_be_awaited_on_any_thread() {
    fn check(_: impl Send) {}
    check(tables(&view_of_catalogs(), &command(), wire()));
}

#[test]
fn table_types_are_all_that_may_be_reported() {
    let found = table_types().unwrap();
    assert_eq!(dotted(&found), ["SYSTEM TABLE", "TABLE", "VIEW"]);
    assert_eq!(found.schema(), table_types_schema());
}

#[test]
fn the_schemas_are_those_of_the_spec() {
    let mut fields = vec![
        Field::new("catalog_name", DataType::Utf8, true),
        Field::new("db_schema_name", DataType::Utf8, true),
        Field::new("table_name", DataType::Utf8, false),
        Field::new("table_type", DataType::Utf8, false),
    ];
    assert_eq!(*tables_schema(false), Schema::new(fields.clone()));
    fields.push(Field::new("table_schema", DataType::Binary, false));
    assert_eq!(*tables_schema(true), Schema::new(fields));
    let table_type = Field::new("table_type", DataType::Utf8, false);
    assert_eq!(*table_types_schema(), Schema::new(vec![table_type]));
}
