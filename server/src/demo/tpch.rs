//! TPC-H data, generated: the eight tables as Parquet.
//!
//! The demo, the tests and the benchmarks all read what this writes, so that a figure and a demo
//! speak of the same bytes. A folder once written is used again: it is renamed into place when it is
//! complete, so an interrupted run leaves nothing that looks whole.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::Compression;
use datafusion::parquet::file::properties::WriterProperties;
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator,
    PartSuppGenerator, RegionGenerator, SupplierGenerator,
};
use tpchgen_arrow::{
    CustomerArrow, LineItemArrow, NationArrow, OrderArrow, PartArrow, PartSuppArrow, RegionArrow,
    SupplierArrow,
};

/// Rows of one row group: small enough that a few cores share even a small table.
const ROW_GROUP_ROWS: usize = 128 * 1024;

/// Rows of a generated batch.
const BATCH_ROWS: usize = 8192;

/// The 22 queries with the validation parameters, by number from 1.
pub const QUERIES: [&str; 22] = [
    include_str!("tpch/q1.sql"),
    include_str!("tpch/q2.sql"),
    include_str!("tpch/q3.sql"),
    include_str!("tpch/q4.sql"),
    include_str!("tpch/q5.sql"),
    include_str!("tpch/q6.sql"),
    include_str!("tpch/q7.sql"),
    include_str!("tpch/q8.sql"),
    include_str!("tpch/q9.sql"),
    include_str!("tpch/q10.sql"),
    include_str!("tpch/q11.sql"),
    include_str!("tpch/q12.sql"),
    include_str!("tpch/q13.sql"),
    include_str!("tpch/q14.sql"),
    include_str!("tpch/q15.sql"),
    include_str!("tpch/q16.sql"),
    include_str!("tpch/q17.sql"),
    include_str!("tpch/q18.sql"),
    include_str!("tpch/q19.sql"),
    include_str!("tpch/q20.sql"),
    include_str!("tpch/q21.sql"),
    include_str!("tpch/q22.sql"),
];

/// Writes the tables at `scale` (1.0 = 1 GB of raw data) below `parent`, unless they are there;
/// gives the folder. `files` files a table for the large tables.
///
/// # Errors
/// When the folder cannot be written.
pub fn generate(parent: &Path, scale: f64, files: usize) -> io::Result<PathBuf> {
    let folder = parent.join(format!("tpch-sf{scale}-{files}"));
    if folder.is_dir() {
        return Ok(folder);
    }
    fs::create_dir_all(parent)?;
    let unfinished = tempfile::Builder::new().prefix(".tpch-").tempdir_in(parent)?;
    write_tables(unfinished.path(), scale, files)?;
    match fs::rename(unfinished.path(), &folder) {
        Ok(()) => drop(unfinished.keep()),
        // Another process was faster, with the same bytes.
        Err(_) if folder.is_dir() => {}
        Err(error) => return Err(error),
    }
    Ok(folder)
}

/// Writes one table's files: `$generator::new(scale, part, parts)` gives one file's rows.
macro_rules! table {
    ($folder:expr, $name:literal, $scale:expr, $files:expr, $arrow:ident, $generator:ident) => {
        for file in 1..=$files {
            let rows = $generator::new($scale, file as i32, $files as i32);
            let batches = $arrow::new(rows).with_batch_size(BATCH_ROWS);
            write_file($folder, $name, file, $arrow::schema_ref(), batches)?;
        }
    };
}

fn write_tables(folder: &Path, scale: f64, files: usize) -> io::Result<()> {
    table!(folder, "region", scale, 1, RegionArrow, RegionGenerator);
    table!(folder, "nation", scale, 1, NationArrow, NationGenerator);
    table!(folder, "supplier", scale, 1, SupplierArrow, SupplierGenerator);
    table!(folder, "part", scale, 1, PartArrow, PartGenerator);
    table!(folder, "customer", scale, files, CustomerArrow, CustomerGenerator);
    table!(folder, "partsupp", scale, files, PartSuppArrow, PartSuppGenerator);
    table!(folder, "orders", scale, files, OrderArrow, OrderGenerator);
    table!(folder, "lineitem", scale, files, LineItemArrow, LineItemGenerator);
    Ok(())
}

fn write_file(
    folder: &Path,
    table: &str,
    file: usize,
    schema: SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
) -> io::Result<()> {
    let folder = folder.join(table);
    fs::create_dir_all(&folder)?;
    let file = File::create(folder.join(format!("part-{file:03}.parquet")))?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .build();
    let mut writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties))?;
    for batch in batches {
        writer.write(&batch.map_err(io::Error::other)?)?;
    }
    writer.close()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_used_again() {
        let parent = tempfile::tempdir().unwrap();
        let first = generate(parent.path(), 0.001, 2).unwrap();
        let written = fs::metadata(first.join("lineitem/part-002.parquet")).unwrap().modified();
        let again = generate(parent.path(), 0.001, 2).unwrap();
        assert_eq!(first, again);
        let kept = fs::metadata(again.join("lineitem/part-002.parquet")).unwrap().modified();
        assert_eq!(written.unwrap(), kept.unwrap());
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1, "nothing unfinished is left");
    }
}
