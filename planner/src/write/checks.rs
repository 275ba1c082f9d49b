//! What rows have to be before they are a table's: of its types and lengths, and not NULL where it has none.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, SchemaRef};

use crate::catalog::fitting;
use crate::{PlannerError, Result};

/// The rows with the columns of a table.
///
/// # Errors
/// `Invalid` for a value that the table has no place for.
pub(super) fn fitted(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    if batch.num_columns() != schema.fields().len() {
        return Err(PlannerError::Internal("rows of another number of columns".into()));
    }
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| {
        let column = cast(column, field)?;
        no_nulls(&column, field, field.name())?;
        fitting(&column, field)
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

fn cast(column: &ArrayRef, field: &Field) -> Result<ArrayRef> {
    if column.data_type() == field.data_type() {
        return Ok(Arc::clone(column));
    }
    let options = CastOptions { safe: false, ..Default::default() };
    cast_with_options(column, field.data_type(), &options).map_err(|error| {
        PlannerError::Invalid(format!("column '{}' cannot hold a value: {error}", field.name()))
    })
}

/// Columns and what is within them, of which a NULL struct or list has nothing.
fn no_nulls(column: &ArrayRef, field: &Field, path: &str) -> Result<()> {
    if !field.is_nullable() && column.logical_null_count() > 0 {
        return Err(PlannerError::Invalid(format!(
            "column '{path}' is NOT NULL, and a row has no value for it"
        )));
    }
    match field.data_type() {
        DataType::Struct(fields) => {
            let column = column.as_struct();
            for (inner, field) in column.columns().iter().zip(fields) {
                let there = within(inner, column.nulls());
                no_nulls(&there, field, &format!("{path}.{}", field.name()))?;
            }
            Ok(())
        }
        DataType::List(item) => {
            let column = column.as_list::<i32>();
            let offsets = column.value_offsets();
            let (start, end) = (offsets[0] as usize, offsets[offsets.len() - 1] as usize);
            let items = column.values().slice(start, end - start);
            no_nulls(&items, item, &format!("{path}.{}", item.name()))
        }
        DataType::Map(entries, _) => {
            let column = column.as_map();
            let offsets = column.value_offsets();
            let (start, end) = (offsets[0] as usize, offsets[offsets.len() - 1] as usize);
            let entry: ArrayRef = Arc::new(column.entries().slice(start, end - start));
            no_nulls(&entry, entries, path)
        }
        _ => Ok(()),
    }
}

/// The values of those rows that have any.
fn within(inner: &ArrayRef, outer: Option<&NullBuffer>) -> ArrayRef {
    let Some(outer) = outer.filter(|outer| outer.null_count() > 0) else {
        return Arc::clone(inner);
    };
    let there = datafusion::arrow::array::BooleanArray::new(outer.inner().clone(), None);
    // One mask of the same length never fails.
    datafusion::arrow::compute::filter(inner, &there).unwrap_or_else(|_| Arc::clone(inner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{Int32Array, Int64Array, StringViewArray, StructArray};
    use datafusion::arrow::datatypes::{Fields, Schema};

    fn fit(column: ArrayRef, field: Field) -> Result<RecordBatch> {
        let batch = RecordBatch::try_from_iter_with_nullable([("a", column, true)]).unwrap();
        fitted(&batch, &Arc::new(Schema::new(vec![field])))
    }

    #[test]
    fn text_is_kept_as_text() {
        let column = Arc::new(StringViewArray::from(vec![Some("ä"), None]));
        let batch = fit(column, Field::new("a", DataType::Utf8, true)).unwrap();
        assert_eq!(batch.column(0).as_string::<i32>().value(0), "ä");
        assert!(batch.column(0).is_null(1));
    }

    #[test]
    fn a_value_that_does_not_fit_is_an_error_and_no_null() {
        let column = Arc::new(Int64Array::from(vec![300]));
        let error = fit(column, Field::new("a", DataType::Int8, true)).unwrap_err();
        assert!(error.to_string().contains("column 'a'"), "{error}");
    }

    #[test]
    fn null_is_refused_where_a_table_has_none() {
        let column = Arc::new(Int32Array::from(vec![Some(1), None]));
        let error = fit(column, Field::new("a", DataType::Int32, false)).unwrap_err();
        assert!(error.to_string().contains("NOT NULL"), "{error}");
    }

    #[test]
    fn a_null_struct_has_no_values_to_be_null() {
        let fields = |nullable| Fields::from(vec![Field::new("x", DataType::Int32, nullable)]);
        let inner = Arc::new(Int32Array::from(vec![Some(1), None]));
        let column = |nulls: Vec<bool>| {
            let nulls = Some(NullBuffer::from(nulls));
            Arc::new(StructArray::new(fields(true), vec![inner.clone() as ArrayRef], nulls))
        };
        let field = Field::new("a", DataType::Struct(fields(false)), true);
        let there = fit(column(vec![true, true]), field.clone());
        assert!(there.is_err());
        let absent = column(vec![true, false]) as ArrayRef;
        no_nulls(&absent, &field, "a").unwrap();
    }
}
