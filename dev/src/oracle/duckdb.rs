//! A second opinion: DuckDB over the same files, through Python.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use datafusion::arrow::ipc::reader::FileReader;

use super::{Rows, Source, is_ordered};
use crate::sources::top;
use crate::{Result, python};

/// The script, from the top of the repository.
const SCRIPT: &str = "dev/python/duckdb_answers.py";

/// DuckDB's rows for these statements over a folder of tables.
///
/// # Errors
/// When DuckDB cannot be run, or fails.
pub fn duckdb(tables: &Path, statements: &[&str]) -> Result<Vec<Rows>> {
    let out = tempfile::tempdir()?;
    let mut script = Command::new(python::environment()?);
    script.arg(top().join(SCRIPT)).arg(tables).arg(out.path()).stdin(Stdio::piped());
    let mut script = script.spawn()?;
    let mut input = script.stdin.take().ok_or("a process without standard input")?;
    input.write_all(serde_json::to_string(statements)?.as_bytes())?;
    drop(input);
    if !script.wait()?.success() {
        return Err("DuckDB failed".into());
    }
    let read = |(index, sql): (usize, &&str)| rows(&out.path().join(format!("{index}.arrow")), sql);
    statements.iter().enumerate().map(read).collect()
}

fn rows(file: &Path, sql: &str) -> Result<Rows> {
    let reader = FileReader::try_new(File::open(file)?, None)?;
    let schema = reader.schema();
    let batches = reader.collect::<Result<Vec<_>, _>>()?;
    Ok(Rows { schema, batches, ordered: is_ordered(sql)?, source: Source::DuckDb })
}
