//! What is left of footers.

use std::fs::File;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::metadata::{FileMetaData, PageIndexPolicy, ParquetMetaDataReader};
use object_store::ObjectStoreExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use tempfile::TempDir;

use super::*;

const FLOAT: usize = 0;
const INTEGER: usize = 1;
const TEXT: usize = 2;

fn written() -> (TempDir, std::path::PathBuf) {
    let columns: [(&str, ArrayRef); 3] = [
        ("x", Arc::new(Float64Array::from(vec![Some(1.0), Some(f64::NAN), None]))),
        ("n", Arc::new(Int64Array::from(vec![1, 2, 3]))),
        ("s", Arc::new(StringArray::from(vec!["a", "b", "c"]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("t.parquet");
    let mut writer =
        ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    (folder, path)
}

fn read(path: &std::path::Path) -> ParquetMetaData {
    let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Required);
    reader.parse_and_finish(&File::open(path).unwrap()).unwrap()
}

fn statistics(footer: &ParquetMetaData, column: usize) -> &Statistics {
    footer.row_group(0).column(column).statistics().unwrap()
}

fn has_bounds(footer: &ParquetMetaData, column: usize) -> bool {
    statistics(footer, column).min_bytes_opt().is_some()
}

#[test]
fn floats_have_no_bounds_and_all_else_is_as_it_was() {
    let (_folder, path) = written();
    let footer = read(&path);
    assert!(has_bounds(&footer, FLOAT));
    let left = without(&footer).unwrap().unwrap();
    assert!(!has_bounds(&left, FLOAT));
    assert_eq!(statistics(&left, FLOAT).null_count_opt(), Some(1));
    for column in [INTEGER, TEXT] {
        assert_eq!(left.row_group(0).column(column), footer.row_group(0).column(column));
    }
    assert_eq!(left.file_metadata(), footer.file_metadata());
}

#[test]
fn pages_of_floats_have_no_bounds_and_are_not_looked_up_again() {
    let (_folder, path) = written();
    let footer = read(&path);
    let left = without(&footer).unwrap().unwrap();
    let pages = &left.column_index().unwrap()[0];
    assert_eq!(pages[FLOAT], ColumnIndexMetaData::NONE);
    assert_eq!(pages[INTEGER], footer.column_index().unwrap()[0][INTEGER]);
    assert_eq!(left.row_group(0).column(FLOAT).column_index_offset(), None);
    assert_eq!(left.offset_index(), footer.offset_index());
}

#[test]
fn nothing_is_taken_off_twice() {
    let (_folder, path) = written();
    let left = without(&read(&path)).unwrap().unwrap();
    assert!(without(&left).unwrap().is_none());
}

/// As Spark 2 and Hive wrote them.
#[test]
fn text_in_the_fields_of_old_has_no_bounds_and_integers_there_have() {
    let (_folder, path) = written();
    let footer = read(&path);
    let old = |chunk: &ColumnChunkMetaData| match chunk.statistics().unwrap() {
        Statistics::Int64(of) => Statistics::int64(
            of.min_opt().copied(),
            of.max_opt().copied(),
            None,
            of.null_count_opt(),
            true,
        ),
        Statistics::ByteArray(of) => Statistics::byte_array(
            of.min_opt().cloned(),
            of.max_opt().cloned(),
            None,
            of.null_count_opt(),
            true,
        ),
        other => other.clone(),
    };
    let chunks = footer.row_group(0).columns().iter();
    let chunks = chunks
        .map(|chunk| chunk.clone().into_builder().set_statistics(old(chunk)).build().unwrap());
    let group = footer.row_group(0).clone().into_builder();
    let group = group.set_column_metadata(chunks.collect()).build().unwrap();
    let footer = footer.into_builder().set_row_groups(vec![group]).build();
    let left = without(&footer).unwrap().unwrap();
    assert!(has_bounds(&left, INTEGER));
    assert!(!has_bounds(&left, TEXT));
}

#[test]
fn text_whose_order_is_not_told_has_no_bounds() {
    let (_folder, path) = written();
    let footer = read(&path);
    let told = footer.file_metadata();
    let untold = FileMetaData::new(
        told.version(),
        told.num_rows(),
        None,
        None,
        told.schema_descr_ptr(),
        None,
    );
    let footer = ParquetMetaData::new(untold, footer.row_groups().to_vec());
    let left = without(&footer).unwrap().unwrap();
    assert!(has_bounds(&left, INTEGER));
    assert!(!has_bounds(&left, TEXT));
}

#[tokio::test]
async fn what_is_left_is_kept() {
    let (folder, _) = written();
    let store = LocalFileSystem::new_with_prefix(folder.path()).unwrap();
    let file = store.head(&Path::from("t.parquet")).await.unwrap();
    let kept = RuntimeEnv::default().cache_manager.get_file_metadata_cache();
    let first = footer(&store, &file, None, Arc::clone(&kept)).await.unwrap();
    let second = footer(&store, &file, None, kept).await.unwrap();
    assert!(!has_bounds(&first, FLOAT));
    assert!(Arc::ptr_eq(&first, &second));
}

/// A footer of several row groups, of which each has its chunk of the integers so.
fn groups(of: &[Statistics]) -> ParquetMetaData {
    let (_folder, path) = written();
    let footer = read(&path);
    let group = |statistics: &Statistics| {
        let mut chunks = footer.row_group(0).columns().to_vec();
        let chunk = chunks[INTEGER].clone().into_builder();
        chunks[INTEGER] = chunk.set_statistics(statistics.clone()).build().unwrap();
        let group = footer.row_group(0).clone().into_builder();
        group.set_column_metadata(chunks).build().unwrap()
    };
    ParquetMetaData::new(footer.file_metadata().clone(), of.iter().map(group).collect())
}

fn integers(bounds: Option<(i64, i64)>, nulls: Option<u64>) -> Statistics {
    Statistics::int64(bounds.map(|of| of.0), bounds.map(|of| of.1), None, nulls, false)
}

#[test]
fn nothing_is_known_of_nulls_that_were_not_counted() {
    let nullable = Trust { now: true, old: true, nullable: true };
    let footer = groups(&[integers(Some((5, 5)), None)]);
    let chunk = footer.row_group(0).column(INTEGER);
    assert!(!nullable.allows(chunk));
    assert!(Trust { nullable: false, ..nullable }.allows(chunk));
    let left = stripped(footer.row_group(0), &[nullable; 3]).unwrap();
    assert_eq!(left.column(INTEGER).statistics(), None);
    assert_eq!(left.column(INTEGER).column_index_offset(), None);
}

#[test]
fn bounds_of_a_file_are_those_of_all_of_its_row_groups() {
    let footer = groups(&[integers(Some((5, 5)), Some(0)), integers(None, Some(1))]);
    let known = summary(&footer).unwrap();
    assert!(!has_bounds(&known, INTEGER) && has_bounds(&known, TEXT));
    assert_eq!(statistics(&known, INTEGER).null_count_opt(), Some(0));
    // A row group of nothing but NULLs has none.
    let footer = groups(&[integers(Some((5, 5)), Some(0)), integers(None, Some(3))]);
    assert!(has_bounds(&summary(&footer).unwrap(), INTEGER));
}

#[test]
fn nothing_is_known_of_a_file_where_a_row_group_says_nothing() {
    let footer = groups(&[integers(Some((5, 5)), Some(0)), integers(None, None)]);
    let silent = footer.row_group(1).column(INTEGER).clone().into_builder().clear_statistics();
    let mut chunks = footer.row_group(1).columns().to_vec();
    chunks[INTEGER] = silent.build().unwrap();
    let group = footer.row_group(1).clone().into_builder();
    let group = group.set_column_metadata(chunks).build().unwrap();
    let groups = vec![footer.row_group(0).clone(), group];
    let footer = ParquetMetaData::new(footer.file_metadata().clone(), groups);
    let known = summary(&footer).unwrap();
    assert_eq!(known.row_group(0).column(INTEGER).statistics(), None);
    assert!(has_bounds(&known, TEXT));
}
