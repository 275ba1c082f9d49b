//! Plans as they are: the tree of an EXPLAIN is unreadable between table borders.

use std::io::Write;

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, SchemaRef};

use super::{BatchWriter, Unwritable};

/// Whether a result of this schema is the answer to an EXPLAIN.
pub(super) fn is_plan(schema: &SchemaRef) -> bool {
    let names: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    names == ["plan_type", "plan"]
}

pub(super) struct PlanWriter {
    file: Box<dyn Write + Send>,
    plans: Vec<(String, String)>,
}

impl PlanWriter {
    pub(super) fn new(file: Box<dyn Write + Send>) -> Self {
        Self { file, plans: Vec::new() }
    }
}

impl BatchWriter for PlanWriter {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), Unwritable> {
        let titles = cast(batch.column(0), &DataType::Utf8)?;
        let plans = cast(batch.column(1), &DataType::Utf8)?;
        let text = |value: Option<&str>| value.unwrap_or_default().trim_end().to_owned();
        let rows = titles.as_string::<i32>().iter().zip(plans.as_string::<i32>());
        self.plans.extend(rows.map(|(title, plan)| (text(title), text(plan))));
        Ok(())
    }

    /// One plan stands alone; several have titles.
    fn finish(mut self: Box<Self>) -> Result<(), Unwritable> {
        if let [(_, plan)] = self.plans.as_slice() {
            writeln!(self.file, "{plan}")?;
        } else {
            for (title, plan) in &self.plans {
                writeln!(self.file, "-- {title}\n{plan}\n")?;
            }
        }
        Ok(self.file.flush()?)
    }
}
