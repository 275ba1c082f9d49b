//! The total of the different integers in a window.

use std::collections::HashMap;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, ScalarValue, not_impl_err};
use datafusion::logical_expr::Accumulator;

use super::beyond;

/// How often each is in the window, and their total, which no number of them takes out of 128 bits.
#[derive(Debug, Default)]
pub(super) struct Distinct {
    times: HashMap<i64, usize>,
    total: i128,
}

fn each(values: &[ArrayRef]) -> impl Iterator<Item = i64> {
    values[0].as_primitive::<Int64Type>().iter().flatten()
}

impl Accumulator for Distinct {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in each(values) {
            let times = self.times.entry(value).or_default();
            *times += 1;
            if *times == 1 {
                self.total += i128::from(value);
            }
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in each(values) {
            let Some(times) = self.times.get_mut(&value) else { continue };
            *times -= 1;
            if *times == 0 {
                self.times.remove(&value);
                self.total -= i128::from(value);
            }
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.times.is_empty() {
            return Ok(ScalarValue::Int64(None));
        }
        let total = i64::try_from(self.total).map_err(|_| {
            let instead = "ask for fewer rows";
            beyond("an answer of sum()", &DataType::Int64.to_string(), instead)
        })?;
        Ok(ScalarValue::Int64(Some(total)))
    }

    /// A window is of one task.
    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        not_impl_err!("a window in several parts")
    }

    fn merge_batch(&mut self, _: &[ArrayRef]) -> Result<()> {
        not_impl_err!("a window in several parts")
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.times.capacity() * size_of::<(i64, usize)>()
    }
}
