//! Types of Arrow and of Delta.
//!
//! Rule: what a table is made of is kept exactly or refused. Unsigned integers are kept in the next wider type, text and
//! bytes in whichever of Arrow's forms they came, and what Delta has no type for is refused with what to store instead.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use deltalake::kernel::engine::arrow_conversion::{TryIntoArrow, TryIntoKernel};
use deltalake::kernel::{Metadata, StructType};

use super::FILE_COLUMN;
use crate::catalog::LENGTH;

/// Letters that no column's name may have: Parquet and Spark give them a meaning of their own.
const FORBIDDEN: &[char] = &[' ', ',', ';', '{', '}', '(', ')', '\n', '\t', '='];

/// The columns of a table, as Arrow has them.
pub(super) fn arrow_schema(metadata: &Metadata) -> Result<SchemaRef, String> {
    let columns = metadata.parse_schema().map_err(|error| format!("its columns: {error}"))?;
    let schema: Schema =
        (&columns).try_into_arrow().map_err(|error| format!("its columns: {error}"))?;
    Ok(Arc::new(schema))
}

/// The columns of a new table, as Delta has them. Their types are those that [`stored`] gives.
///
/// # Errors
/// What cannot be kept.
pub(crate) fn delta_schema(schema: &Schema) -> Result<StructType, String> {
    schema.try_into_kernel().map_err(|error| format!("{error}"))
}

/// Whether instants without a zone are in it, which old readers do not know.
pub(crate) fn has_local_times(data_type: &DataType) -> bool {
    match data_type {
        DataType::Timestamp(TimeUnit::Microsecond, None) => true,
        DataType::List(item) | DataType::Map(item, _) => has_local_times(item.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| has_local_times(field.data_type())),
        _ => false,
    }
}

/// The columns that a table keeps for rows of such columns.
///
/// # Errors
/// For names and types that cannot be kept.
pub(crate) fn stored(schema: &Schema) -> Result<Schema, String> {
    let fields = schema.fields().iter().map(|field| {
        check_name(field.name())?;
        stored_field(field)
    });
    let fields = fields.collect::<Result<Vec<_>, _>>()?;
    if fields.is_empty() {
        return Err("a table has at least one column".into());
    }
    for (at, field) in fields.iter().enumerate() {
        let name = field.name().to_lowercase();
        if fields[..at].iter().any(|other| other.name().to_lowercase() == name) {
            return Err(format!(
                "there are two columns '{}' (upper and lower case are the same in a Delta table): give one another name with AS",
                field.name()
            ));
        }
    }
    Ok(Schema::new(fields))
}

fn check_name(name: &str) -> Result<(), String> {
    if name.eq_ignore_ascii_case(FILE_COLUMN) {
        return Err(format!("'{name}' is kept for the engine: give the column another name"));
    }
    match name.is_empty() || name.contains(FORBIDDEN) {
        true => Err(format!(
            "a Delta table can have no column '{name}': its name has a blank or one of ,;{{}}()= in it; give it another one with AS"
        )),
        false => Ok(()),
    }
}

fn stored_field(field: &Field) -> Result<Field, String> {
    let data_type = arrow_type(field.data_type())
        .map_err(|problem| format!("column '{}': {problem}", field.name()))?;
    let stored = Field::new(field.name(), data_type, field.is_nullable());
    let length = field.metadata().get_key_value(LENGTH);
    Ok(stored
        .with_metadata(length.map(|(key, of)| (key.clone(), of.clone())).into_iter().collect()))
}

/// The type that a table keeps for values of another one.
///
/// # Errors
/// Where there is none, with what to do.
pub(crate) fn arrow_type(data_type: &DataType) -> Result<DataType, String> {
    use DataType::*;
    let refused =
        |instead: &str| Err(format!("a Delta table has no type for {data_type}: {instead}"));
    Ok(match data_type {
        Boolean | Int8 | Int16 | Int32 | Int64 | Float32 | Float64 | Date32 => data_type.clone(),
        UInt8 => Int16,
        UInt16 => Int32,
        UInt32 => Int64,
        UInt64 => Decimal128(20, 0),
        Float16 => Float32,
        Utf8 | LargeUtf8 | Utf8View => Utf8,
        Binary | LargeBinary | BinaryView | FixedSizeBinary(_) => Binary,
        Date64 => Date32,
        Timestamp(_, None) => Timestamp(TimeUnit::Microsecond, None),
        Timestamp(_, Some(_)) => Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Decimal32(p, s) | Decimal64(p, s) | Decimal128(p, s) | Decimal256(p, s)
            if *p <= 38 && *s >= 0 && i16::from(*s) <= i16::from(*p) =>
        {
            Decimal128(*p, *s)
        }
        Decimal32(..) | Decimal64(..) | Decimal128(..) | Decimal256(..) => {
            return refused("CAST it to a decimal of at most 38 digits");
        }
        Dictionary(_, values) => arrow_type(values)?,
        RunEndEncoded(_, values) => arrow_type(values.data_type())?,
        List(item)
        | LargeList(item)
        | FixedSizeList(item, _)
        | ListView(item)
        | LargeListView(item) => List(Arc::new(inner(item, "element")?)),
        Struct(fields) if !fields.is_empty() => {
            let names: HashSet<_> =
                fields.iter().map(|field| field.name().to_lowercase()).collect();
            if names.len() < fields.len() {
                return Err(format!(
                    "two fields of {data_type} differ in upper and lower case alone, which is the same in a Delta table"
                ));
            }
            Struct(fields.iter().map(|field| stored_field(field)).collect::<Result<Fields, _>>()?)
        }
        Map(entries, _) => map(entries)?,
        Null => return refused("CAST it to the type that its values will have"),
        Time32(_) | Time64(_) => return refused("CAST it to a string or a timestamp"),
        Interval(_) | Duration(_) => return refused("store a number of days or of seconds"),
        _ => return refused("CAST it to another type"),
    })
}

fn inner(field: &Field, name: &str) -> Result<Field, String> {
    Ok(Field::new(name, arrow_type(field.data_type())?, field.is_nullable()))
}

/// Delta's maps have the names that Parquet gives the parts of its own.
fn map(entries: &Field) -> Result<DataType, String> {
    let DataType::Struct(parts) = entries.data_type() else {
        return Err("a map without entries".into());
    };
    let [key, value] = parts.iter().collect::<Vec<_>>()[..] else {
        return Err("a map of something else than keys and values".into());
    };
    let key = Field::new("key", arrow_type(key.data_type())?, false);
    let value = inner(value, "value")?;
    let entries = Field::new("key_value", DataType::Struct(vec![key, value].into()), false);
    Ok(DataType::Map(Arc::new(entries), false))
}
