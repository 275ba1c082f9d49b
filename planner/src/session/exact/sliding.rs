//! Totals in a window, without subtracting.
//!
//! Problem: DataFusion 55 takes a number that leaves a window from the total by subtraction: after an infinity or a
//! NaN all that follows is NaN, and after 1e20 small numbers are gone. Official way: none. Here: two stacks of
//! partial totals, one that numbers come to and one that they leave from, so that each number is added twice and
//! none is subtracted (the queue of two stacks of Tangwongsan, Hirzel, Schneider and Wu, 2015).

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::Float64Type;
use datafusion::common::{Result, ScalarValue, not_impl_err};
use datafusion::logical_expr::Accumulator;

/// A number, or what is known of several.
pub(super) trait Part: Copy + Default {
    /// What is known of both. The default adds nothing.
    fn with(self, other: Self) -> Self;
}

impl Part for f64 {
    fn with(self, other: Self) -> Self {
        self + other
    }
}

/// The numbers of a window.
#[derive(Debug, Default)]
pub(super) struct Window<P> {
    /// Those that came last, and their total.
    back: Vec<P>,
    back_total: P,
    /// Those before, the first last, each with the total of it and those that came after it.
    front: Vec<P>,
}

impl<P: Part> Window<P> {
    pub(super) fn come(&mut self, number: P) {
        self.back.push(number);
        self.back_total = self.back_total.with(number);
    }

    /// The one that came first leaves.
    pub(super) fn leave(&mut self) {
        if self.front.is_empty() {
            let mut total = P::default();
            while let Some(number) = self.back.pop() {
                total = number.with(total);
                self.front.push(total);
            }
            self.back_total = P::default();
        }
        self.front.pop();
    }

    pub(super) fn total(&self) -> P {
        self.front.last().copied().unwrap_or_default().with(self.back_total)
    }

    fn count(&self) -> usize {
        self.front.len() + self.back.len()
    }

    /// In bytes.
    pub(super) fn size(&self) -> usize {
        (self.back.capacity() + self.front.capacity()) * size_of::<P>()
    }
}

/// Of the numbers in a window the sum, or the average.
#[derive(Debug, Default)]
pub(super) struct Sliding {
    is_average: bool,
    window: Window<f64>,
}

impl Sliding {
    pub(super) fn new(is_average: bool) -> Self {
        Self { is_average, ..Self::default() }
    }
}

fn each(values: &[ArrayRef]) -> impl Iterator<Item = f64> {
    values[0].as_primitive::<Float64Type>().iter().flatten()
}

impl Accumulator for Sliding {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        each(values).for_each(|number| self.window.come(number));
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        each(values).for_each(|_| self.window.leave());
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let count = self.window.count();
        if count == 0 {
            return Ok(ScalarValue::Float64(None));
        }
        let total = self.window.total();
        let answer = if self.is_average { total / count as f64 } else { total };
        let answer = if answer.is_nan() { f64::NAN } else { answer };
        Ok(ScalarValue::Float64(Some(answer)))
    }

    /// A window is of one task.
    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        not_impl_err!("a window in several parts")
    }

    fn merge_batch(&mut self, _: &[ArrayRef]) -> Result<()> {
        not_impl_err!("a window in several parts")
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.window.size()
    }
}
