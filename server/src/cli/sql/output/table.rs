//! The form for eyes. Column widths need all rows at hand, so it takes a bounded number of them.

use std::io::Write;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::FormatOptions;
use datafusion::arrow::util::pretty::pretty_format_batches_with_options;

use super::{BatchWriter, Unwritable};

pub(super) struct TableWriter {
    file: Box<dyn Write + Send>,
    kept: Vec<RecordBatch>,
    room: usize,
    max_rows: usize,
    cut: bool,
}

impl TableWriter {
    pub(super) fn new(file: Box<dyn Write + Send>, schema: &SchemaRef, max_rows: usize) -> Self {
        let room = if max_rows == 0 { usize::MAX } else { max_rows };
        // The header comes from the first batch: an empty result has one too.
        let kept = vec![RecordBatch::new_empty(schema.clone())];
        Self { file, kept, room, max_rows, cut: false }
    }
}

impl BatchWriter for TableWriter {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), Unwritable> {
        let rows = batch.num_rows().min(self.room);
        self.cut |= rows < batch.num_rows();
        self.room -= rows;
        self.kept.push(batch.slice(0, rows));
        Ok(())
    }

    /// One row too many has to be seen to know that there are more.
    fn wants_more(&self) -> bool {
        !self.cut
    }

    fn finish(mut self: Box<Self>) -> Result<(), Unwritable> {
        writeln!(self.file, "{}", draw(&self.kept)?)?;
        if self.cut {
            writeln!(
                self.file,
                "There are more rows: these are the first {}. --max-rows 0 shows all of them, \
                 --format csv --output FILE keeps them.",
                self.max_rows
            )?;
        }
        Ok(self.file.flush()?)
    }
}

/// Batches of one schema as a table with borders, `NULL` where nothing is known.
pub(in crate::cli::sql) fn draw(batches: &[RecordBatch]) -> Result<String, ArrowError> {
    let options = FormatOptions::default().with_null("NULL").with_display_error(true);
    Ok(pretty_format_batches_with_options(batches, &options)?.to_string())
}
