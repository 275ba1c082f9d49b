//! Columns of types that the engine reads and does not calculate with rightly, as others that hold the same values.
//!
//! Problem, in DataFusion 55 and arrow-rs 59:
//! * A decimal of 32 or 64 bits beside an integer becomes one: `d > 0 AND d < 1` finds nothing.
//! * Rows of a dictionary whose keys are of 8 or 16 bits are put together with those of another under such keys,
//!   which then do not suffice: an error.
//! * Half floats are ordered by their bits: 0.0 and -0.0 are two.
//! * Of a Parquet INTERVAL the months are left out.
//!
//! Official way: none. Here: tables have other types in their place, which values are cast to as they are read (those of
//! Arrow files are not: small decimals are refused there), and an INTERVAL that may lose its months is refused by queries
//! that read it.

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema};
use datafusion::common::{Result, not_impl_err};
use datafusion::parquet::arrow::ARROW_SCHEMA_META_KEY;
use datafusion::parquet::basic::ConvertedType;
use datafusion::parquet::file::metadata::FileMetaData;
use datafusion::parquet::schema::types::Type;
use std::sync::Arc;

/// The mark of a column that is not read: its value says why.
const UNREADABLE: &str = "squadron:unreadable";

const LOSES_MONTHS: &str = "a Parquet INTERVAL, of which months would be left out: leave the column out, or write the file with its months, days and milliseconds as integers";

const IS_SMALL: &str = "a decimal of 32 or 64 bits in an Arrow file, which would be calculated with as an integer: write the file with decimals of 128 bits, or as Parquet";

/// The same columns by types that are calculated with rightly.
pub(crate) fn sound(schema: &Schema) -> Schema {
    Schema::new_with_metadata(sound_fields(schema.fields()), schema.metadata().clone())
}

fn sound_fields(fields: &Fields) -> Fields {
    fields.iter().map(sound_field).collect()
}

fn sound_field(field: &FieldRef) -> FieldRef {
    let sound = sound_type(field.data_type());
    match sound == *field.data_type() {
        true => Arc::clone(field),
        false => Arc::new(field.as_ref().clone().with_data_type(sound)),
    }
}

fn sound_type(of: &DataType) -> DataType {
    match of {
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::Float16 => DataType::Float32,
        // What it shares with the dictionary's own values.
        DataType::Dictionary(_, values) if values.is_string() => DataType::Utf8View,
        DataType::Dictionary(_, values) => sound_type(values),
        DataType::List(item) => DataType::List(sound_field(item)),
        DataType::LargeList(item) => DataType::LargeList(sound_field(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(sound_field(item), *size),
        DataType::Struct(fields) => DataType::Struct(sound_fields(fields)),
        DataType::Map(entries, sorted) => DataType::Map(sound_field(entries), *sorted),
        other => other.clone(),
    }
}

/// The same columns, those marked that cannot be read from this Parquet file. Arrow's own writers have intervals
/// of days and milliseconds, and say so.
pub(crate) fn marked(schema: &Schema, file: &FileMetaData) -> Option<Schema> {
    let mut notes = file.key_value_metadata().into_iter().flatten();
    if notes.any(|note| note.key == ARROW_SCHEMA_META_KEY) {
        return None;
    }
    let columns = file.schema().get_fields().iter().filter(|column| has_interval(column));
    let columns: Vec<_> = columns.map(|column| column.name()).collect();
    if columns.is_empty() {
        return None;
    }
    let fields =
        schema.fields().iter().map(|field| match columns.contains(&field.name().as_str()) {
            true => Arc::new(marked_field(field, LOSES_MONTHS)),
            false => Arc::clone(field),
        });
    Some(Schema::new_with_metadata(fields.collect::<Fields>(), schema.metadata().clone()))
}

/// The same columns of an Arrow file, which are read as they are: those marked that are, or have in them, small decimals.
pub(crate) fn marked_as_they_are(schema: &Schema) -> Schema {
    let fields = schema.fields().iter().map(|field| match has_small_decimal(field.data_type()) {
        true => Arc::new(marked_field(field, IS_SMALL)),
        false => Arc::clone(field),
    });
    Schema::new_with_metadata(fields.collect::<Fields>(), schema.metadata().clone())
}

fn has_small_decimal(of: &DataType) -> bool {
    match of {
        DataType::Decimal32(..) | DataType::Decimal64(..) => true,
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => has_small_decimal(item.data_type()),
        DataType::Struct(fields) => fields.iter().any(|f| has_small_decimal(f.data_type())),
        DataType::Dictionary(_, values) => has_small_decimal(values),
        _ => false,
    }
}

fn marked_field(field: &FieldRef, why: &str) -> Field {
    let mut metadata = field.metadata().clone();
    metadata.insert(UNREADABLE.to_owned(), why.to_owned());
    field.as_ref().clone().with_metadata(metadata)
}

fn has_interval(column: &Type) -> bool {
    match column.is_group() {
        true => column.get_fields().iter().any(|field| has_interval(field)),
        false => column.get_basic_info().converted_type() == ConvertedType::INTERVAL,
    }
}

/// # Errors
/// `NotImplemented` if one of the columns that are read of a table is marked.
pub(crate) fn refuse_unreadable<'f>(
    table: &str,
    read: impl IntoIterator<Item = &'f Field>,
) -> Result<()> {
    let marked = |field: &'f Field| Some((field.name(), field.metadata().get(UNREADABLE)?));
    match read.into_iter().find_map(marked) {
        Some((column, why)) => not_impl_err!("column '{column}' of {table} is {why}"),
        None => Ok(()),
    }
}
