//! The files of a table as `deltalake` lists them, of the log or its checkpoint.

use std::collections::HashMap;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, MapArray, RecordBatch, StringArray, StructArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};

use super::DataFile;

/// The files of one batch of them. (`LogicalFileView` tells paths decoded alone.)
///
/// # Errors
/// For rows of another shape.
pub(super) fn files_of(batch: &RecordBatch) -> Result<Vec<DataFile>, String> {
    let paths = texts(column(batch, "path")?)?;
    let sizes = numbers(column(batch, "size")?)?;
    let constants = column(batch, "fileConstantValues")?.as_struct_opt();
    let values = constants.and_then(|it| it.column_by_name("partitionValues")?.as_map_opt());
    let values = values.ok_or_else(|| unknown("partitionValues"))?;
    let stats = batch.column_by_name("stats_parsed").and_then(|it| it.as_struct_opt());
    let counts = stats.and_then(|it| it.column_by_name("numRecords"));
    let counts = counts.map(numbers).transpose()?;
    let deletions = column(batch, "deletionVector")?.as_struct_opt();
    let deletions = deletions.ok_or_else(|| unknown("deletionVector"))?;
    let file = |row: usize| {
        let count = counts.as_ref().filter(|counts| counts.is_valid(row));
        Ok(DataFile {
            path: paths.value(row).to_owned(),
            size: sizes.value(row).try_into().unwrap_or_default(),
            values: values_of(values, row)?,
            rows: count.and_then(|counts| counts.value(row).try_into().ok()),
            has_deletions: has_deletions(deletions, row),
        })
    };
    (0..batch.num_rows()).map(file).collect()
}

fn unknown(what: &str) -> String {
    format!("the log tells its files without {what}")
}

fn column<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b ArrayRef, String> {
    batch.column_by_name(name).ok_or_else(|| unknown(name))
}

fn texts(column: &ArrayRef) -> Result<StringArray, String> {
    let texts = cast(column, &DataType::Utf8).map_err(|error| error.to_string())?;
    Ok(texts.as_string().clone())
}

fn numbers(column: &ArrayRef) -> Result<Int64Array, String> {
    let numbers = cast(column, &DataType::Int64).map_err(|error| error.to_string())?;
    Ok(numbers.as_primitive::<Int64Type>().clone())
}

fn values_of(values: &MapArray, row: usize) -> Result<HashMap<String, Option<String>>, String> {
    if values.is_null(row) {
        return Ok(HashMap::new());
    }
    let entries = values.value(row);
    let (names, texts) = (texts(entries.column(0))?, texts(entries.column(1))?);
    let entries = names.iter().flatten().map(str::to_owned);
    Ok(entries.zip(texts.iter().map(|text| text.map(str::to_owned))).collect())
}

fn has_deletions(deletions: &StructArray, row: usize) -> bool {
    let kind = deletions.column_by_name("storageType");
    deletions.is_valid(row) && kind.is_none_or(|kind| kind.is_valid(row))
}
