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

/// What is told of the numbers in a window.
pub(super) trait Told: std::fmt::Debug + Send + Sync + 'static {
    type Part: Part + std::fmt::Debug + Send + Sync;

    /// The numbers of columns, without NULLs.
    fn parts(&self, columns: &[ArrayRef]) -> impl Iterator<Item = Self::Part>;

    fn answer(&self, window: &Window<Self::Part>) -> Option<f64>;
}

/// The numbers in a window, and what is told of them.
#[derive(Debug)]
pub(super) struct Sliding<T: Told> {
    told: T,
    window: Window<T::Part>,
}

impl<T: Told> Sliding<T> {
    pub(super) fn new(told: T) -> Self {
        Self { told, window: Window::default() }
    }
}

impl<T: Told> Accumulator for Sliding<T> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.told.parts(values).for_each(|part| self.window.come(part));
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.told.parts(values).for_each(|_| self.window.leave());
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let answer = self.told.answer(&self.window);
        Ok(ScalarValue::Float64(
            answer.map(|answer| if answer.is_nan() { f64::NAN } else { answer }),
        ))
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

/// The sum.
#[derive(Debug)]
pub(super) struct Sum;

/// The average.
#[derive(Debug)]
pub(super) struct Average;

impl Told for Sum {
    type Part = f64;

    fn parts(&self, columns: &[ArrayRef]) -> impl Iterator<Item = f64> {
        columns[0].as_primitive::<Float64Type>().iter().flatten()
    }

    fn answer(&self, window: &Window<f64>) -> Option<f64> {
        (window.count() > 0).then(|| window.total())
    }
}

impl Told for Average {
    type Part = f64;

    fn parts(&self, columns: &[ArrayRef]) -> impl Iterator<Item = f64> {
        Sum.parts(columns)
    }

    fn answer(&self, window: &Window<f64>) -> Option<f64> {
        Sum.answer(window).map(|total| total / window.count() as f64)
    }
}
