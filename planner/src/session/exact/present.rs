//! `bit_xor` in a window that nothing is left in.
//!
//! Problem: DataFusion 55 takes out what leaves a window, and remembers that there was something: of a window without a
//! value it tells 0, where SQL has NULL, as it has itself by groups. Official way: none. Here: values are counted.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl};

use super::passed_on::passed_on;

/// The function. Two are the same where DataFusion's are.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Present(Arc<AggregateUDF>);

impl Hash for Present {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Present {
    /// `None` if the function is that already.
    pub(super) fn over(function: &Arc<AggregateUDF>) -> Option<Self> {
        (!function.inner().is::<Self>()).then(|| Self(Arc::clone(function)))
    }

    fn inner(&self) -> &dyn AggregateUDFImpl {
        self.0.inner().as_ref()
    }
}

impl AggregateUDFImpl for Present {
    passed_on!();
    passed_on!(types);
    passed_on!(state);
    passed_on!(groups);

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.inner().accumulator(args)
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let inner = self.inner().create_sliding_accumulator(args)?;
        Ok(Box::new(InWindow { inner, values: 0 }))
    }
}

/// What there is in a window, and of how many values.
#[derive(Debug)]
struct InWindow {
    inner: Box<dyn Accumulator>,
    values: usize,
}

fn present(columns: &[ArrayRef]) -> usize {
    columns.first().map_or(0, |column| column.len() - column.null_count())
}

impl Accumulator for InWindow {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        self.values += present(columns);
        self.inner.update_batch(columns)
    }

    fn retract_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        self.values -= present(columns);
        self.inner.retract_batch(columns)
    }

    fn supports_retract_batch(&self) -> bool {
        self.inner.supports_retract_batch()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let value = self.inner.evaluate()?;
        match self.values {
            0 => ScalarValue::try_from(&value.data_type()),
            _ => Ok(value),
        }
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.inner.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(states)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.inner.size()
    }
}
