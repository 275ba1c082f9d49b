//! The types that clients are told, by what they can read.
//!
//! | in the engine | `safe` | `native` | `jdbc` | `grafana` | `text` |
//! |---|---|---|---|---|---|
//! | views, dictionaries, run ends, list views | plain | plain | plain | plain | plain |
//! | wide offsets (LargeUtf8 …) | narrow | kept | narrow | narrow | narrow |
//! | Decimal32, 64; 256 of 38 digits | Decimal128 | kept | Decimal128 | Float64 | Decimal128 |
//! | Decimal256 of more digits | kept | kept | kept | Float64 | text |
//! | Float16 | Float32 | kept | Float32 | Float32 | Float32 |
//! | UInt8 … UInt64 | kept | kept | Int16, 32, 64, Decimal128(20, 0) | kept | kept |
//! | a zone `+01:00`, `Z` | UTC | kept | no zone, as of UTC | UTC | UTC |
//! | a named zone | kept | kept | no zone, as of UTC | kept | kept |
//! | Timestamp of any unit, Date | kept | kept | kept | Timestamp(ns) | kept |
//! | Interval | kept | kept | kept | text | text |
//! | Time, bytes, lists, structs, maps | kept | kept | kept | text | kept |
//!
//! `jdbc`: the driver shows unsigned numbers as negative ones, and its getObject refuses zones. `grafana`: the
//! plugin takes every timestamp for nanoseconds and makes a frame of uneven columns of types that it does not
//! know. `text`: polars ends with a panic, and ODBC has no reader. Views and the like are encodings: a slice of
//! one would carry all that stands behind it, and parts of one result have dictionaries of their own.

use std::sync::Arc;

use datafusion::arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DataType, Field, FieldRef, Fields, TimeUnit, UnionFields,
};

use super::Wire;
use crate::options::Types;

/// The type a client sees for values of this type.
pub fn wire_type(data_type: &DataType, types: Types) -> DataType {
    let told = match types {
        Types::Native => return plain(data_type, types),
        Types::Auto | Types::Safe => return safe(data_type, types),
        Types::Jdbc => jdbc(data_type),
        Types::Grafana => grafana(data_type),
        Types::Text => text(data_type),
    };
    told.unwrap_or_else(|| safe(data_type, types))
}

/// No encoding of values that a message cannot carry well.
fn plain(data_type: &DataType, types: Types) -> DataType {
    use DataType::*;
    let field = |field: &FieldRef| Wire { types, unique_names: false }.field(field, true);
    match data_type {
        Utf8View => Utf8,
        BinaryView => Binary,
        List(item) | ListView(item) => List(field(item)),
        LargeList(item) | LargeListView(item) => LargeList(field(item)),
        FixedSizeList(item, size) => FixedSizeList(field(item), *size),
        Struct(fields) => Struct(fields.iter().map(field).collect()),
        Map(entries, sorted) => Map(wire_entries(entries, types), *sorted),
        Union(fields, mode) => {
            let fields: UnionFields = fields.iter().map(|(id, it)| (id, field(it))).collect();
            Union(fields, *mode)
        }
        Dictionary(_, value) => wire_type(value, types),
        RunEndEncoded(_, values) => wire_type(values.data_type(), types),
        other => other.clone(),
    }
}

fn safe(data_type: &DataType, types: Types) -> DataType {
    use DataType::*;
    match plain(data_type, types) {
        LargeUtf8 => Utf8,
        LargeBinary => Binary,
        LargeList(item) => List(item),
        Decimal32(precision, scale) | Decimal64(precision, scale) => Decimal128(precision, scale),
        Decimal256(precision, scale) if precision <= DECIMAL128_MAX_PRECISION => {
            Decimal128(precision, scale)
        }
        Float16 => Float32,
        Timestamp(unit, Some(zone)) => Timestamp(unit, Some(wire_zone(zone))),
        other => other,
    }
}

fn jdbc(data_type: &DataType) -> Option<DataType> {
    use DataType::*;
    Some(match data_type {
        UInt8 => Int16,
        UInt16 => Int32,
        UInt32 => Int64,
        UInt64 => Decimal128(20, 0),
        Timestamp(unit, Some(_)) => Timestamp(*unit, None),
        _ => return None,
    })
}

fn grafana(data_type: &DataType) -> Option<DataType> {
    use DataType::*;
    Some(match data_type {
        Timestamp(_, zone) => {
            Timestamp(TimeUnit::Nanosecond, zone.as_ref().map(|zone| wire_zone(Arc::clone(zone))))
        }
        Date32 | Date64 => Timestamp(TimeUnit::Nanosecond, None),
        Duration(_) => Duration(TimeUnit::Nanosecond),
        Decimal32(..) | Decimal64(..) | Decimal128(..) | Decimal256(..) => Float64,
        Null | Time32(_) | Time64(_) | Interval(_) => Utf8,
        Binary | LargeBinary | BinaryView | FixedSizeBinary(_) => Utf8,
        List(_) | LargeList(_) | FixedSizeList(..) | ListView(_) | LargeListView(_) => Utf8,
        Struct(_) | Map(..) => Utf8,
        _ => return None,
    })
}

fn text(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Interval(_) => Some(DataType::Utf8),
        DataType::Decimal256(precision, _) if *precision > DECIMAL128_MAX_PRECISION => {
            Some(DataType::Utf8)
        }
        _ => None,
    }
}

/// A map's entries are a struct of (key, value) whose key is never null, by Arrow's own rule.
fn wire_entries(entries: &FieldRef, types: Types) -> FieldRef {
    let DataType::Struct(fields) = entries.data_type() else {
        return Arc::clone(entries);
    };
    let wire = Wire { types, unique_names: false };
    let fields: Fields =
        fields.iter().enumerate().map(|(index, field)| wire.field(field, index > 0)).collect();
    Arc::new(Field::new(entries.name(), DataType::Struct(fields), false))
}

/// Readers of Arrow disagree about "Z" and "+00:00": all of them know "UTC". Values are instants,
/// so any fixed offset can be told as UTC without changing one of them.
fn wire_zone(zone: Arc<str>) -> Arc<str> {
    let offset = zone.starts_with(['+', '-']) || zone.eq_ignore_ascii_case("z");
    match offset {
        true => "UTC".into(),
        false => zone,
    }
}
