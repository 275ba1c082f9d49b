//! Every format gives back what was put in: nulls, nesting, decimals, time zones, and nothing.

use std::fs;
use std::io::{self, Cursor, Write};
use std::sync::Arc;

use datafusion::arrow::array::*;
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::csv::ReaderBuilder as CsvReader;
use datafusion::arrow::datatypes::*;
use datafusion::arrow::ipc::reader::{FileReader, StreamReader};
use datafusion::arrow::json::ReaderBuilder as JsonReader;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parking_lot::Mutex;

use super::*;

fn write_to(
    destination: &Destination,
    format: Format,
    batches: &[RecordBatch],
    schema: &SchemaRef,
) -> Result<(), SqlError> {
    let mut writer = ResultWriter::start(destination, format, 2, schema)?;
    for batch in batches {
        writer.write(batch)?;
    }
    writer.finish()
}

fn written(format: Format, batches: &[RecordBatch], schema: &SchemaRef) -> Vec<u8> {
    let buffer = Arc::<Mutex<Vec<u8>>>::default();
    let destination = Destination::stream(Arc::clone(&buffer) as _);
    write_to(&destination, format, batches, schema).unwrap();
    buffer.lock().clone()
}

fn text(format: Format, batch: &RecordBatch) -> String {
    String::from_utf8(written(format, std::slice::from_ref(batch), &batch.schema())).unwrap()
}

/// Two batches in, everything that a reader finds out, as one.
fn check_round_trip<I, E: std::fmt::Debug>(
    format: Format,
    batch: &RecordBatch,
    read: impl FnOnce(Vec<u8>, SchemaRef) -> I,
) where
    I: Iterator<Item = Result<RecordBatch, E>>,
{
    let halves = [batch.slice(0, 1), batch.slice(1, batch.num_rows() - 1)];
    let bytes = written(format, &halves, &batch.schema());
    let found: Vec<_> = read(bytes, batch.schema()).map(Result::unwrap).collect();
    assert_eq!(&concat_batches(&batch.schema(), &found).unwrap(), batch);
}

/// What CSV has a form for: a value, then null, per type.
fn flat() -> RecordBatch {
    let decimal = Decimal128Array::from(vec![Some(-123_456), None]);
    let seconds = TimestampSecondArray::from(vec![Some(1_700_000_000), None]);
    let nanos = TimestampNanosecondArray::from(vec![Some(1_700_000_000_123_456_789), None]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("boolean", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("int8", Arc::new(Int8Array::from(vec![Some(i8::MIN), None]))),
        ("int64", Arc::new(Int64Array::from(vec![Some(i64::MIN), None]))),
        ("uint64", Arc::new(UInt64Array::from(vec![Some(u64::MAX), None]))),
        ("float64", Arc::new(Float64Array::from(vec![Some(0.1 + 0.2), None]))),
        ("utf8", Arc::new(StringArray::from(vec![Some("a, \"b\"\nä€;"), None]))),
        ("decimal", Arc::new(decimal.with_precision_and_scale(12, 3).unwrap())),
        ("date32", Arc::new(Date32Array::from(vec![Some(-1), None]))),
        ("time32", Arc::new(Time32MillisecondArray::from(vec![Some(86_399_999), None]))),
        ("time64", Arc::new(Time64NanosecondArray::from(vec![Some(1), None]))),
        ("seconds", Arc::new(seconds)),
        ("nanos", Arc::new(nanos)),
        (
            "zoned",
            Arc::new(TimestampMicrosecondArray::from(vec![Some(1), None]).with_timezone("UTC")),
        ),
    ];
    nullable(columns)
}

/// And what it has none for.
fn nested() -> RecordBatch {
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), None]);
    let fields = Fields::from(vec![
        Field::new("x", DataType::Int64, true),
        Field::new("y", DataType::Utf8, true),
    ]);
    let members: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![Some(7), None])),
        Arc::new(StringArray::from(vec![Some("\"q\""), None])),
    ];
    let structs = StructArray::new(fields, members, Some(vec![true, false].into()));
    let mut map = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    map.keys().append_value("k");
    map.values().append_value(5);
    map.append(true).unwrap();
    map.append(false).unwrap();
    nullable(vec![
        ("list", Arc::new(list)),
        ("struct", Arc::new(structs)),
        ("map", Arc::new(map.finish())),
    ])
}

fn nullable(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let columns = columns.into_iter().map(|(name, column)| (name, column, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn all() -> RecordBatch {
    let binary = nullable(vec![
        ("binary", Arc::new(BinaryArray::from_opt_vec(vec![Some(&[0, 255]), None]))),
        ("large", Arc::new(LargeStringArray::from(vec![Some("x"), None]))),
        ("view", Arc::new(StringViewArray::from(vec![Some("longer than twelve"), None]))),
    ]);
    let parts = [flat(), nested(), binary];
    let fields = parts.iter().flat_map(|part| part.schema().fields().to_vec()).collect::<Vec<_>>();
    let columns = parts.iter().flat_map(|part| part.columns().to_vec()).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

#[test]
fn parquet_gives_back_every_type() {
    check_round_trip(Format::Parquet, &all(), |bytes, _| {
        let bytes = bytes::Bytes::from(bytes);
        ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap()
    });
}

#[test]
fn arrow_on_a_stream_is_the_stream_format() {
    check_round_trip(Format::Arrow, &all(), |bytes, _| {
        StreamReader::try_new(Cursor::new(bytes), None).unwrap()
    });
}

#[test]
fn arrow_in_a_file_is_the_file_format() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.arrow");
    let destination = Destination::file(&path).unwrap();
    write_to(&destination, Format::Arrow, &[all()], &all().schema()).unwrap();
    destination.commit().unwrap();
    let reader = FileReader::try_new(fs::File::open(path).unwrap(), None).unwrap();
    assert_eq!(reader.map(Result::unwrap).collect::<Vec<_>>(), [all()]);
}

#[test]
fn ndjson_gives_back_every_type() {
    check_round_trip(Format::Ndjson, &all(), |bytes, schema| {
        JsonReader::new(schema).build(Cursor::new(bytes)).unwrap()
    });
}

#[test]
fn csv_gives_back_every_flat_type() {
    check_round_trip(Format::Csv, &flat(), |bytes, schema| {
        CsvReader::new(schema).with_header(true).build(Cursor::new(bytes)).unwrap()
    });
}

#[test]
fn csv_holds_nested_values_as_json() {
    let found = text(Format::Csv, &nested());
    let values = r#""[1,null]","{""x"":7,""y"":""\""q\""""}","{""k"":5}""#;
    assert_eq!(found, format!("list,struct,map\n{values}\n,,\n"));
}

#[test]
fn json_is_one_array_with_nulls_in_their_place() {
    let found = text(Format::Json, &nested());
    let value: serde_json::Value = serde_json::from_str(&found).unwrap();
    assert_eq!(value[0]["struct"]["y"], "\"q\"");
    assert!(value[1].as_object().unwrap()["list"].is_null());
}

#[test]
fn an_empty_result_is_valid_in_every_format() {
    let schema = flat().schema();
    let empty = |format| written(format, &[], &schema);
    assert_eq!(empty(Format::Json), b"[]\n");
    assert_eq!(empty(Format::Ndjson), b"");
    assert!(empty(Format::Csv).starts_with(b"boolean,int8,"));
    assert!(String::from_utf8(empty(Format::Table)).unwrap().contains("| boolean |"));
    let parquet =
        ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(empty(Format::Parquet)));
    assert_eq!(parquet.unwrap().schema().fields(), schema.fields());
    let arrow = StreamReader::try_new(Cursor::new(empty(Format::Arrow)), None).unwrap();
    assert_eq!((arrow.schema(), arrow.count()), (schema, 0));
}

#[test]
fn a_table_of_more_rows_than_asked_for_says_so() {
    let numbers =
        |values: &[i64]| nullable(vec![("n", Arc::new(Int64Array::from(values.to_vec())))]);
    let whole = text(Format::Table, &numbers(&[1, 2]));
    assert!(!whole.contains("more rows"), "{whole}");
    let cut = text(Format::Table, &numbers(&[1, 2, 333]));
    assert!(cut.contains("first 2") && !cut.contains("333"), "{cut}");
}

#[test]
fn plans_are_printed_without_borders() {
    let row = |kind: &str, plan: &str| {
        let text = |t: &str| Arc::new(StringArray::from(vec![t])) as ArrayRef;
        nullable(vec![("plan_type", text(kind)), ("plan", text(plan))])
    };
    assert_eq!(text(Format::Table, &row("Plan with Metrics", "A\n  B\n")), "A\n  B\n");
}

#[test]
fn a_type_without_a_form_is_told_with_a_way_out() {
    let value = IntervalMonthDayNano::new(1, 2, 3);
    let batch = nullable(vec![("i", Arc::new(IntervalMonthDayNanoArray::from(vec![value])))]);
    let destination = Destination::stream(Arc::new(Mutex::new(Vec::new())));
    let failed =
        write_to(&destination, Format::Parquet, std::slice::from_ref(&batch), &batch.schema());
    let told = failed.unwrap_err().to_string();
    assert!(told.contains("parquet") && told.contains("--format arrow"), "{told}");
}

/// Takes a few bytes and then fails as a full disk or a closed pipe does.
struct Broken(io::ErrorKind);

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn failing(kind: io::ErrorKind, format: Format) -> SqlError {
    let destination = Destination::stream(Arc::new(Mutex::new(Broken(kind))));
    write_to(&destination, format, &[nested()], &nested().schema()).unwrap_err()
}

#[test]
fn a_closed_pipe_is_known_through_every_format() {
    for format in [Format::Table, Format::Csv, Format::Json, Format::Parquet, Format::Arrow] {
        let error = failing(io::ErrorKind::BrokenPipe, format);
        assert!(matches!(error, SqlError::BrokenPipe), "{format:?}: {error}");
    }
}

#[test]
fn a_full_disk_is_told_with_the_place() {
    let told = failing(io::ErrorKind::StorageFull, Format::Parquet).to_string();
    assert!(told.starts_with("cannot write standard output: no storage space"), "{told}");
}

#[test]
fn a_file_appears_when_it_is_whole_and_leaves_nothing_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let names =
        || fs::read_dir(&folder).unwrap().map(|f| f.unwrap().file_name()).collect::<Vec<_>>();
    let path = folder.path().join("x.csv");
    let destination = Destination::file(&path).unwrap();
    write_to(&destination, Format::Csv, &[flat()], &flat().schema()).unwrap();
    assert!(!path.exists());
    destination.commit().unwrap();
    assert_eq!(names(), ["x.csv"]);
}

#[test]
fn an_abandoned_file_leaves_the_old_one_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.csv");
    fs::write(&path, "old").unwrap();
    let destination = Destination::file(&path).unwrap();
    write_to(&destination, Format::Csv, &[flat()], &flat().schema()).unwrap();
    drop(destination);
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn a_device_is_written_to_and_stays_a_device() {
    use std::os::unix::fs::FileTypeExt;
    let destination = Destination::file("/dev/null".as_ref()).unwrap();
    write_to(&destination, Format::Csv, &[flat()], &flat().schema()).unwrap();
    destination.commit().unwrap();
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
}
