//! Batches of the engine's types become batches of those that a client is told.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringArray};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::{PlannerError, Result};

/// Casts one batch to a wire schema of the same columns. Columns that have the wire type already
/// are passed on without a copy.
///
/// # Errors
/// When a value does not fit (a string column of more than 2 GiB in one batch, a day that no
/// nanosecond reaches).
pub fn to_wire(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns: Vec<ArrayRef> = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| to_wire_column(column, field.name(), field.data_type()))
        .collect::<Result<_>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}

fn to_wire_column(column: &ArrayRef, name: &str, told: &DataType) -> Result<ArrayRef> {
    use DataType::*;
    let own = column.data_type();
    if own == told {
        return Ok(Arc::clone(column));
    }
    match (own, told) {
        (Dictionary(_, value), _) => to_wire_column(&cast(column, value)?, name, told),
        (RunEndEncoded(_, values), _) => {
            to_wire_column(&cast(column, values.data_type())?, name, told)
        }
        // Days to nanoseconds at once would wrap around.
        (Date32, Timestamp(TimeUnit::Nanosecond, _)) => {
            let seconds = cast(column, &Timestamp(TimeUnit::Second, None))?;
            cast(&seconds, told).map_err(|_| out_of_reach(name))
        }
        (Date64 | Timestamp(..), Timestamp(TimeUnit::Nanosecond, _)) => {
            cast(column, told).map_err(|_| out_of_reach(name))
        }
        (_, Utf8) if is_shown(own) => Ok(shown(column)?),
        _ => Ok(cast(column, told)?),
    }
}

fn cast(column: &ArrayRef, told: &DataType) -> Result<ArrayRef, ArrowError> {
    cast_with_options(column, told, &CastOptions { safe: false, ..Default::default() })
}

fn out_of_reach(column: &str) -> PlannerError {
    PlannerError::Execution(format!(
        "column {column} has a time before 1677 or after 2262, which nanoseconds do not reach: SET squadron.types = 'safe', or leave such rows out"
    ))
}

/// Whether values of a type become text by how they are shown: bytes as hexadecimal digits.
fn is_shown(own: &DataType) -> bool {
    use DataType::*;
    own.is_nested()
        || matches!(own, Binary | LargeBinary | BinaryView | FixedSizeBinary(_) | Interval(_))
}

fn shown(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    // Those within lists and structs: a NULL of the column is one.
    let format = FormatOptions::default().with_display_error(false).with_null("NULL");
    let values = ArrayFormatter::try_new(column, &format)?;
    let value = |row| match column.is_null(row) {
        true => Ok(None),
        false => values.value(row).try_to_string().map(Some),
    };
    let texts = (0..column.len()).map(value).collect::<Result<Vec<_>, ArrowError>>()?;
    Ok(Arc::new(StringArray::from(texts)))
}
