//! Data that is made once, kept below the target folder, and read by every test.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use datafusion::arrow::array::RecordBatch;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::parquet::file::properties::WriterProperties;
use squadron_server::demo::tpch;

use crate::Result;

/// The scale that tests run TPC-H at: every query has rows to find, in seconds.
pub const SCALE: f64 = 0.01;

/// Files of each large table: more than there are nodes in the smaller clusters.
const FILES: usize = 4;

/// Rows of a row group: several a file, so that a scan can be split within files too.
const ROW_GROUP_ROWS: usize = 4096;

/// The eight TPC-H tables at [`SCALE`], in several files of several row groups each.
///
/// # Panics
/// When they cannot be written.
pub fn tpch() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| small_row_groups(&scratch()).expect("TPC-H data can be written"))
}

/// TPC-H at any scale, as the demo and the benchmarks make it.
///
/// # Errors
/// When it cannot be written.
pub fn tpch_at(scale: f64) -> Result<PathBuf> {
    Ok(tpch::generate(&scratch(), scale, FILES)?)
}

/// A folder below the target folder that outlives the process.
pub fn scratch() -> PathBuf {
    target().join("test-data")
}

/// The target folder of this build: where the running program was built.
pub fn target() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let profile = program.ancestors().find(|path| path.ends_with("deps"));
    let profile = profile.unwrap_or(&program).parent();
    let target = profile.and_then(Path::parent).map(Path::to_path_buf);
    target.unwrap_or_else(std::env::temp_dir)
}

/// The generated tables, written again with small row groups.
fn small_row_groups(parent: &Path) -> Result<PathBuf> {
    let folder = parent.join(format!("tpch-sf{SCALE}-rows{ROW_GROUP_ROWS}"));
    if folder.is_dir() {
        return Ok(folder);
    }
    let whole = tpch::generate(parent, SCALE, FILES)?;
    let unfinished = tempfile::Builder::new().prefix(".rows-").tempdir_in(parent)?;
    for table in fs::read_dir(whole)? {
        let table = table?.path();
        for file in fs::read_dir(&table)? {
            rewrite(&file?.path(), &unfinished.path().join(table.file_name().unwrap_or_default()))?;
        }
    }
    match fs::rename(unfinished.path(), &folder) {
        Ok(()) => drop(unfinished.keep()),
        // Another process was faster, with the same bytes.
        Err(_) if folder.is_dir() => {}
        Err(error) => return Err(error.into()),
    }
    Ok(folder)
}

fn rewrite(file: &Path, folder: &Path) -> Result<()> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file)?)?.build()?;
    let batches = reader.collect::<Result<Vec<_>, _>>()?;
    fs::create_dir_all(folder)?;
    let path = folder.join(file.file_name().unwrap_or_default());
    write_parquet(&path, &batches, ROW_GROUP_ROWS)
}

/// Writes a Parquet file of row groups of so many rows.
///
/// # Errors
/// When there is no batch, or the file cannot be written.
pub fn write_parquet(path: &Path, batches: &[RecordBatch], row_group_rows: usize) -> Result<()> {
    let schema = batches.first().ok_or("no batch, no schema")?.schema();
    let properties =
        WriterProperties::builder().set_max_row_group_row_count(Some(row_group_rows)).build();
    let mut writer =
        ArrowWriter::try_new(File::create(path)?, Arc::clone(&schema), Some(properties))?;
    for batch in batches {
        writer.write(batch)?;
    }
    writer.close()?;
    Ok(())
}
