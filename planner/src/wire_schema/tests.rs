//! The table of types, and that values survive it.

use std::sync::Arc;

use datafusion::arrow::array::types::Int32Type;
use datafusion::arrow::array::{
    Array, ArrayRef, BinaryViewArray, Decimal32Array, DictionaryArray, Float32Array, Int32Array,
    LargeListArray, RecordBatch, RecordBatchOptions, StringViewArray, TimestampMicrosecondArray,
    new_empty_array,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Field, Fields, IntervalUnit, Schema, SchemaRef, TimeUnit,
};
use datafusion::arrow::util::display::array_value_to_string;
use proptest::prelude::*;

use super::{Wire, to_wire, wire_schema};
use crate::options::Types;

fn wire_type(of: &DataType) -> DataType {
    super::wire_type(of, Types::Safe)
}

fn item(data_type: DataType) -> Arc<Field> {
    Arc::new(Field::new("item", data_type, true))
}

fn zoned(zone: &str) -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(zone.into()))
}

#[test]
fn types_that_clients_lack_become_types_that_they_have() {
    use DataType::*;
    let key = || Box::new(Int32);
    let table = [
        (Utf8View, Utf8),
        (LargeUtf8, Utf8),
        (BinaryView, Binary),
        (LargeBinary, Binary),
        (Dictionary(key(), Box::new(Utf8View)), Utf8),
        (LargeList(item(Utf8View)), List(item(Utf8))),
        (ListView(item(Int32)), List(item(Int32))),
        (Decimal32(9, 2), Decimal128(9, 2)),
        (Decimal64(18, 2), Decimal128(18, 2)),
        (Decimal256(38, 2), Decimal128(38, 2)),
        (Decimal256(39, 2), Decimal256(39, 2)),
        (Float16, Float32),
        (zoned("+00:00"), zoned("UTC")),
        (zoned("-03:30"), zoned("UTC")),
        (zoned("Z"), zoned("UTC")),
        (zoned("Europe/Berlin"), zoned("Europe/Berlin")),
        (UInt64, UInt64),
        (Date32, Date32),
    ];
    for (from, to) in table {
        assert_eq!(wire_type(&from), to, "{from}");
    }
}

/// What clients of their own kind are told where it is not what all others are.
#[test]
fn each_client_has_types_that_it_reads_rightly() {
    use DataType::*;
    use TimeUnit::*;
    let nanos = |zone: Option<&str>| Timestamp(Nanosecond, zone.map(Into::into));
    let list = |of| List(item(of));
    let dictionary = |of| Dictionary(Box::new(Int32), Box::new(of));
    let table = [
        (Types::Jdbc, UInt8, Int16),
        (Types::Jdbc, UInt16, Int32),
        (Types::Jdbc, UInt32, Int64),
        (Types::Jdbc, UInt64, Decimal128(20, 0)),
        (Types::Jdbc, list(UInt64), list(Decimal128(20, 0))),
        (Types::Jdbc, dictionary(UInt8), Int16),
        (Types::Jdbc, zoned("Europe/Berlin"), Timestamp(Microsecond, None)),
        (Types::Jdbc, Utf8View, Utf8),
        (Types::Grafana, Timestamp(Second, None), nanos(None)),
        (Types::Grafana, zoned("+02:00"), nanos(Some("UTC"))),
        (Types::Grafana, Date32, nanos(None)),
        (Types::Grafana, dictionary(Date32), nanos(None)),
        (Types::Grafana, Decimal128(15, 2), Float64),
        (Types::Grafana, Time32(Second), Utf8),
        (Types::Grafana, list(Int64), Utf8),
        (Types::Grafana, BinaryView, Utf8),
        (Types::Grafana, UInt64, UInt64),
        (Types::Text, Interval(IntervalUnit::MonthDayNano), Utf8),
        (Types::Text, Decimal256(39, 2), Utf8),
        (Types::Text, Decimal256(38, 2), Decimal128(38, 2)),
        (Types::Native, LargeUtf8, LargeUtf8),
        (Types::Native, LargeList(item(Utf8View)), LargeList(item(Utf8))),
        (Types::Native, Decimal32(9, 2), Decimal32(9, 2)),
        (Types::Native, Float16, Float16),
        (Types::Native, zoned("+02:00"), zoned("+02:00")),
        (Types::Native, dictionary(Utf8View), Utf8),
    ];
    for (types, from, to) in table {
        assert_eq!(super::wire_type(&from, types), to, "{types}: {from}");
    }
}

/// A column of one value as a client of these types sees it, or why not.
fn told(value: &str, of: &DataType, types: Types) -> Result<String, String> {
    let text: ArrayRef = Arc::new(StringViewArray::from(vec![value]));
    let column = cast(&text, of).unwrap();
    let batch = RecordBatch::try_from_iter_with_nullable([("v", column, true)]).unwrap();
    let wire = Wire { types, unique_names: false }.schema(&batch.schema());
    let batch = to_wire(&batch, &wire).map_err(|error| error.to_string())?;
    assert_eq!(batch.schema(), wire);
    Ok(array_value_to_string(batch.column(0), 0).unwrap())
}

#[test]
fn values_are_the_same_in_other_types() {
    use DataType::*;
    let seconds = Timestamp(TimeUnit::Second, None);
    let months = Interval(IntervalUnit::MonthDayNano);
    for (value, of, types, expected) in [
        ("18446744073709551615", UInt64, Types::Jdbc, "18446744073709551615"),
        ("4294967295", UInt32, Types::Jdbc, "4294967295"),
        ("2024-07-01T12:00:00Z", zoned("Europe/Berlin"), Types::Jdbc, "2024-07-01T12:00:00"),
        ("2024-07-01", Date32, Types::Grafana, "2024-07-01T00:00:00"),
        ("2024-07-01T12:00:00", seconds, Types::Grafana, "2024-07-01T12:00:00"),
        ("12.25", Decimal128(15, 2), Types::Grafana, "12.25"),
        ("ab", Binary, Types::Grafana, "6162"),
        ("1 month 2 days", months, Types::Text, "1 mons 2 days"),
        ("1.5", Decimal256(40, 1), Types::Text, "1.5"),
    ] {
        assert_eq!(told(value, &of, types).as_deref(), Ok(expected), "{value} as {of}: {types}");
    }
}

#[test]
fn a_time_that_nanoseconds_do_not_reach_is_refused() {
    for of in [DataType::Date32, DataType::Timestamp(TimeUnit::Second, None)] {
        let refused = told("9999-12-31", &of, Types::Grafana).unwrap_err();
        assert!(refused.contains("column v") && refused.contains("squadron.types"), "{refused}");
    }
}

#[test]
fn every_column_may_be_null() {
    let schema = Schema::new(vec![Field::new("a", DataType::Int32, false)]);
    assert!(wire_schema(&schema).field(0).is_nullable());
}

#[test]
fn only_what_says_something_of_the_type_travels() {
    let kept = ("ARROW:extension:name".to_owned(), "arrow.uuid".to_owned());
    let dropped = ("PARQUET:field_id".to_owned(), "1".to_owned());
    let field = Field::new("a", DataType::FixedSizeBinary(16), false)
        .with_metadata([kept.clone(), dropped].into());
    let schema = Schema::new(vec![field]).with_metadata([("pandas".into(), "{}".into())].into());
    let wire = wire_schema(&schema);
    assert_eq!(wire.field(0).metadata(), &[kept].into());
    assert!(wire.metadata().is_empty());
}

#[test]
fn a_map_keeps_keys_that_are_never_null() {
    let key = Field::new("key", DataType::Utf8View, false);
    let value = Field::new("value", DataType::Utf8View, false);
    let entries = DataType::Struct(Fields::from(vec![key, value]));
    let map = DataType::Map(Arc::new(Field::new("entries", entries, false)), false);
    let DataType::Map(entries, _) = wire_type(&map) else { panic!("a map stays one") };
    let DataType::Struct(fields) = entries.data_type() else { panic!("entries stay a struct") };
    assert_eq!((fields[0].is_nullable(), fields[1].is_nullable()), (false, true));
}

/// Columns of types that change on the wire, all of `rows` rows.
fn columns(rows: &[Option<i16>]) -> Vec<(&'static str, ArrayRef)> {
    let text = |row: &Option<i16>| row.map(|row| format!("{row} ").repeat(row as usize % 9));
    let texts: Vec<Option<String>> = rows.iter().map(text).collect();
    let number = |row: &Option<i16>| row.map(i32::from);
    let lists = rows.iter().map(|row| row.map(|row| vec![Some(i32::from(row)); 2]));
    let decimals = Decimal32Array::from_iter(rows.iter().map(number));
    let dictionary: DictionaryArray<Int32Type> = texts.iter().map(Option::as_deref).collect();
    let times = TimestampMicrosecondArray::from_iter(rows.iter().map(|row| row.map(i64::from)));
    let halves =
        Float32Array::from_iter(rows.iter().map(|row| row.map(|row| f32::from(row % 100))));
    vec![
        ("view", Arc::new(StringViewArray::from_iter(texts.iter().cloned()))),
        ("bytes", Arc::new(BinaryViewArray::from_iter(texts.iter().cloned()))),
        ("dictionary", Arc::new(dictionary)),
        ("decimal", Arc::new(decimals.with_precision_and_scale(9, 2).unwrap())),
        ("list", Arc::new(LargeListArray::from_iter_primitive::<Int32Type, _, _>(lists))),
        ("time", Arc::new(times.with_timezone("+02:00"))),
        ("half", cast(&halves, &DataType::Float16).unwrap()),
        ("plain", Arc::new(Int32Array::from_iter(rows.iter().map(number)))),
    ]
}

fn batch(rows: &[Option<i16>]) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(
        columns(rows).into_iter().map(|(name, column)| (name, column, true)),
    )
    .unwrap()
}

/// Values as text; times as the instants that they are, whatever zone they are told in, and half
/// floats as other floats are written.
fn texts(column: &ArrayRef) -> Vec<String> {
    let column = match column.data_type() {
        DataType::Timestamp(..) => &cast(column, &DataType::Int64).unwrap(),
        DataType::Float16 => &cast(column, &DataType::Float32).unwrap(),
        _ => column,
    };
    (0..column.len()).map(|row| array_value_to_string(column, row).unwrap()).collect()
}

fn empty(schema: &SchemaRef) -> RecordBatch {
    let columns = schema.fields().iter().map(|field| new_empty_array(field.data_type()));
    RecordBatch::try_new(Arc::clone(schema), columns.collect()).unwrap()
}

#[test]
fn a_batch_without_rows_has_the_same_schema() {
    let full = batch(&[Some(1)]);
    let wire = wire_schema(&full.schema());
    assert_eq!(to_wire(&empty(&full.schema()), &wire).unwrap().schema(), wire);
    assert_eq!(to_wire(&full, &wire).unwrap().schema(), wire);
}

#[test]
fn a_batch_without_columns_keeps_its_rows() {
    let schema: SchemaRef = Arc::new(Schema::empty());
    let options = RecordBatchOptions::new().with_row_count(Some(5));
    let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), vec![], &options).unwrap();
    assert_eq!(to_wire(&batch, &wire_schema(&schema)).unwrap().num_rows(), 5);
}

#[test]
fn a_column_of_the_wire_type_is_not_copied() {
    let batch = batch(&[Some(1), None]);
    let wire = to_wire(&batch, &wire_schema(&batch.schema())).unwrap();
    let plain = batch.num_columns() - 1;
    assert!(Arc::ptr_eq(batch.column(plain), wire.column(plain)));
}

proptest! {
    #[test]
    fn values_survive(rows in proptest::collection::vec(proptest::option::of(0_i16..1000), 0..50)) {
        let batch = batch(&rows);
        let wire = to_wire(&batch, &wire_schema(&batch.schema())).unwrap();
        for (before, after) in batch.columns().iter().zip(wire.columns()) {
            prop_assert_eq!(texts(before), texts(after));
        }
    }

    #[test]
    fn a_wire_schema_is_its_own(rows in proptest::collection::vec(proptest::option::of(0_i16..9), 0..3)) {
        let wire = wire_schema(&batch(&rows).schema());
        prop_assert_eq!(wire_schema(&wire), wire);
    }
}
