//! The sort order that all files of a scan share, as far as their metadata tell it.
//!
//! DataFusion checks by the files' bounds that reading them one after the other keeps the order,
//! and forgets it if not. Within a Parquet file it does not: it takes the order that a footer gives of each row group
//! (parquet.thrift, `RowGroup.sorting_columns`) for that of the whole file, and finds columns by the last part of their
//! names. Here: a file is in an order where all of its row groups are, and their bounds follow one another.

use std::cmp::Ordering;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, make_comparator};
use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use datafusion::parquet::file::metadata::{ParquetMetaData, SortingColumn};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};

/// The longest order that every file is in, if there is one.
pub(crate) fn common(files: &[PartitionedFile]) -> Option<LexOrdering> {
    let (first, rest) = files.split_first()?;
    let first = first.ordering.as_ref()?;
    let mut shared = first.len();
    for file in rest {
        let other = file.ordering.as_ref()?;
        let same = first.iter().zip(other.iter()).take_while(|(a, b)| a == b).count();
        shared = shared.min(same);
    }
    LexOrdering::new(first.iter().take(shared).cloned())
}

/// The order that a whole Parquet file is in, by columns of `schema`, if its footer says so.
///
/// # Errors
/// Where bounds cannot be read as values of their columns.
pub(crate) fn of_file(footer: &ParquetMetaData, schema: &SchemaRef) -> Result<Option<LexOrdering>> {
    let groups = footer.row_groups();
    let Some(columns) = groups.first().and_then(|group| group.sorting_columns()) else {
        return Ok(None);
    };
    if !groups.iter().all(|group| group.sorting_columns() == Some(columns)) {
        return Ok(None);
    }
    let keys: Vec<_> = columns.iter().map_while(|column| key(column, footer, schema)).collect();
    let Some((first, name)) = keys.first() else { return Ok(None) };
    if groups.len() > 1 && !follow(footer, schema, name, first.options, keys.len() == 1)? {
        return Ok(None);
    }
    Ok(LexOrdering::new(keys.into_iter().map(|(key, _)| key)))
}

/// A key that is a column of its own, with its name.
fn key(
    column: &SortingColumn,
    footer: &ParquetMetaData,
    schema: &SchemaRef,
) -> Option<(PhysicalSortExpr, String)> {
    let described = footer.file_metadata().schema_descr();
    let at = usize::try_from(column.column_idx).ok().filter(|at| *at < described.num_columns())?;
    let [name] = described.column(at).path().parts().to_vec().try_into().ok()?;
    let (index, _) = schema.column_with_name(&name)?;
    let options = SortOptions { descending: column.descending, nulls_first: column.nulls_first };
    let key = PhysicalSortExpr::new(Arc::new(Column::new(&name, index)), options);
    Some((key, name))
}

/// Whether no row group begins before the one in front of it ends. Rows that are equal by the first key may be in both,
/// if that is the `only` one.
fn follow(
    footer: &ParquetMetaData,
    schema: &SchemaRef,
    name: &str,
    options: SortOptions,
    only: bool,
) -> Result<bool> {
    let groups = footer.row_groups();
    let bounds = StatisticsConverter::try_new(name, schema, footer.file_metadata().schema_descr())?;
    let nulls = bounds.row_group_null_counts(groups.iter())?;
    let no_nulls = nulls.iter().all(|count| count == Some(0));
    let (least, greatest) =
        (bounds.row_group_mins(groups.iter())?, bounds.row_group_maxes(groups.iter())?);
    if !no_nulls || least.null_count() + greatest.null_count() > 0 {
        return Ok(false);
    }
    let (ends, begins): (ArrayRef, ArrayRef) =
        if options.descending { (least, greatest) } else { (greatest, least) };
    let order = SortOptions { descending: options.descending, nulls_first: false };
    let compare = make_comparator(&ends, &begins, order)?;
    Ok((1..groups.len()).all(|group| match compare(group - 1, group) {
        Ordering::Less => true,
        Ordering::Equal => only,
        Ordering::Greater => false,
    }))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Int64Array, RecordBatch, StructArray};
    use datafusion::parquet::arrow::ArrowWriter;
    use datafusion::parquet::file::properties::WriterProperties;
    use datafusion::parquet::file::reader::{FileReader, SerializedFileReader};

    use super::*;

    type Rows<'r> = &'r [Option<i64>];

    fn column(rows: Rows<'_>) -> ArrayRef {
        Arc::new(Int64Array::from(rows.to_vec()))
    }

    /// The names of the keys that a file of these columns is in order by, of row groups of two rows.
    fn keys(columns: &[(&str, ArrayRef)], sorting: &[SortingColumn]) -> String {
        let batch = RecordBatch::try_from_iter(columns.to_vec()).unwrap();
        let properties = WriterProperties::builder()
            .set_sorting_columns(Some(sorting.to_vec()))
            .set_max_row_group_row_count(Some(2));
        let mut bytes = Vec::new();
        let mut writer =
            ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties.build())).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let file = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
        match of_file(file.metadata(), &batch.schema()).unwrap() {
            Some(order) => order.to_string(),
            None => String::new(),
        }
    }

    fn by(column_idx: i32, descending: bool) -> SortingColumn {
        SortingColumn { column_idx, descending, nulls_first: false }
    }

    fn of(rows: Rows<'_>, descending: bool) -> bool {
        !keys(&[("k", column(rows))], &[by(0, descending)]).is_empty()
    }

    #[test]
    fn row_groups_that_follow_one_another_are_in_order() {
        assert!(of(&[Some(1), Some(2)], false));
        assert!(of(&[Some(1), Some(3), Some(3), Some(4), Some(5)], false));
        assert!(of(&[Some(5), Some(4), Some(4), Some(1)], true));
    }

    #[test]
    fn row_groups_that_do_not_are_in_none() {
        assert!(!of(&[Some(1), Some(3), Some(2), Some(4)], false));
        assert!(!of(&[Some(1), Some(3), Some(1), Some(3)], false));
        assert!(!of(&[Some(5), Some(3), Some(4), Some(1)], true));
        assert!(!of(&[Some(1), Some(2), Some(3), None], false), "nobody knows where NULLs end");
    }

    #[test]
    fn rows_of_one_first_key_in_two_row_groups_are_in_no_order_of_the_second() {
        let columns =
            [("k", column(&[Some(1), Some(2), Some(2), Some(3)])), ("l", column(&[Some(1); 4]))];
        assert_eq!(keys(&columns, &[by(0, false), by(1, false)]), "");
        let columns =
            [("k", column(&[Some(1), Some(2), Some(3), Some(3)])), ("l", column(&[Some(1); 4]))];
        assert_eq!(
            keys(&columns, &[by(0, false), by(1, false)]),
            "k@0 ASC NULLS LAST, l@1 ASC NULLS LAST"
        );
    }

    #[test]
    fn a_field_of_a_struct_is_no_column_of_its_name() {
        let k = column(&[Some(2), Some(1)]);
        let inner = StructArray::try_from(vec![("k", column(&[Some(1), Some(2)]))]).unwrap();
        let columns = [("s", Arc::new(inner) as ArrayRef), ("k", k)];
        assert_eq!(keys(&columns, &[by(0, false)]), "");
        assert_eq!(keys(&columns, &[by(7, false)]), "", "there is no such column");
    }
}
