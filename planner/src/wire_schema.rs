//! The one schema a client sees.
//!
//! FlightInfo, Prepare, GetSchema, DoPut and every DoGet use [`wire_schema`], also for an empty
//! result: drivers compare schemas strictly, nullability included, and a difference is a failed
//! query (design, section 7; the table of types is from the drivers' own limits).

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DataType, Field, FieldRef, Fields, Schema, SchemaRef, UnionFields,
};

use crate::Result;

#[cfg(test)]
mod tests;

/// The metadata that travels: an extension type's name and parameters. The rest (writer's notes of
/// some file) says nothing true about a query's result.
const KEPT_METADATA: &str = "ARROW:extension:";

/// The schema a client sees for a result of this schema: every field nullable, no views, no
/// dictionaries, no run-end encoding, no small decimals, no half floats, time zones normalised.
pub fn wire_schema(schema: &Schema) -> SchemaRef {
    Arc::new(Schema::new(wire_fields(schema.fields())))
}

fn wire_fields(fields: &Fields) -> Fields {
    fields.iter().map(|field| wire_field(field, true)).collect()
}

fn wire_field(field: &FieldRef, nullable: bool) -> FieldRef {
    let metadata: HashMap<String, String> = field
        .metadata()
        .iter()
        .filter(|(key, _)| key.starts_with(KEPT_METADATA))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    Arc::new(
        Field::new(field.name(), wire_type(field.data_type()), nullable).with_metadata(metadata),
    )
}

/// The type a client sees for values of this type.
pub fn wire_type(data_type: &DataType) -> DataType {
    use DataType::*;
    match data_type {
        Utf8View | LargeUtf8 => Utf8,
        BinaryView | LargeBinary => Binary,
        ListView(item) | LargeList(item) | LargeListView(item) | List(item) => {
            List(wire_field(item, true))
        }
        FixedSizeList(item, size) => FixedSizeList(wire_field(item, true), *size),
        Struct(fields) => Struct(wire_fields(fields)),
        Map(entries, sorted) => Map(wire_entries(entries), *sorted),
        Union(fields, mode) => Union(wire_union(fields), *mode),
        Dictionary(_, value) => wire_type(value),
        RunEndEncoded(_, values) => wire_type(values.data_type()),
        Decimal32(precision, scale) | Decimal64(precision, scale) => Decimal128(*precision, *scale),
        Decimal256(precision, scale) if *precision <= DECIMAL128_MAX_PRECISION => {
            Decimal128(*precision, *scale)
        }
        Float16 => Float32,
        Timestamp(unit, Some(zone)) => Timestamp(*unit, Some(wire_zone(zone))),
        other => other.clone(),
    }
}

/// A map's entries are a struct of (key, value) whose key is never null, by Arrow's own rule.
fn wire_entries(entries: &FieldRef) -> FieldRef {
    let DataType::Struct(fields) = entries.data_type() else {
        return Arc::clone(entries);
    };
    let fields: Fields =
        fields.iter().enumerate().map(|(index, field)| wire_field(field, index > 0)).collect();
    Arc::new(Field::new(entries.name(), DataType::Struct(fields), false))
}

fn wire_union(fields: &UnionFields) -> UnionFields {
    fields.iter().map(|(id, field)| (id, wire_field(field, true))).collect()
}

/// Readers of Arrow disagree about "Z" and "+00:00": all of them know "UTC". Values are instants,
/// so any fixed offset can be told as UTC without changing one of them.
fn wire_zone(zone: &Arc<str>) -> Arc<str> {
    let offset = zone.starts_with(['+', '-']) || zone.eq_ignore_ascii_case("z");
    match offset {
        true => "UTC".into(),
        false => Arc::clone(zone),
    }
}

/// Casts one batch to a wire schema of the same columns. Columns that have the wire type already
/// are passed on without a copy.
///
/// # Errors
/// When a value does not fit (a string column of more than 2 GiB in one batch).
pub fn to_wire(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns: Vec<ArrayRef> = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| to_wire_column(column, field.data_type()))
        .collect::<Result<_>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}

fn to_wire_column(column: &ArrayRef, data_type: &DataType) -> Result<ArrayRef> {
    if column.data_type() == data_type {
        return Ok(Arc::clone(column));
    }
    let options = CastOptions { safe: false, ..Default::default() };
    Ok(cast_with_options(column, data_type, &options)?)
}
