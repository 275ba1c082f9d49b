//! Aggregates whose answers hold all that they were given ask for each answer.
//!
//! Problem: in a window `string_agg` and `array_agg` answer for every row with all rows so far: 15,000 rows of 2 MB are
//! 15 GB, made in one turn of the operator, which asks no pool. Official way: none. Here: they take memory for what
//! they have answered, for as long as it may be there.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::mem::size_of_val;
use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::common::{Result, ScalarValue};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl};

use super::super::exact::passed_on;
use super::{Bounds, UNASKED, not_free, too_large};

const GATHERING: [&str; 2] = ["array_agg", "string_agg"];

/// An operator of windows that move has no more answers of one of them than rows of two batches.
const ANSWERS: usize = 2 * 8192;

/// One of them. Two are the same where what they wrap is.
#[derive(Debug)]
pub(super) struct Gathered {
    inner: AggregateUDF,
    bounds: Arc<Bounds>,
}

impl Gathered {
    /// A function, wrapped; `None` for one that is already, or that needs not be.
    pub(super) fn of(function: &AggregateUDF, bounds: &Arc<Bounds>) -> Option<Self> {
        let needs = GATHERING.contains(&function.name()) && !function.inner().is::<Self>();
        needs.then(|| Self { inner: function.clone(), bounds: Arc::clone(bounds) })
    }

    fn inner(&self) -> &dyn AggregateUDFImpl {
        self.inner.inner().as_ref()
    }

    /// With the last so many answers held, or all of them.
    fn asking(&self, inner: Box<dyn Accumulator>, answers: usize) -> Box<dyn Accumulator> {
        let held = MemoryConsumer::new(self.name()).register(&self.bounds.pool);
        let bounds = Arc::clone(&self.bounds);
        let name = self.name().to_owned();
        Box::new(Asking { inner, name, bounds, held, given: VecDeque::new(), total: 0, answers })
    }
}

impl PartialEq for Gathered {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}

impl Eq for Gathered {}

impl Hash for Gathered {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl AggregateUDFImpl for Gathered {
    passed_on!();
    passed_on!(types);
    passed_on!(state);
    passed_on!(groups);
    passed_on!(writing);

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(self.asking(self.inner().accumulator(args)?, usize::MAX))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(self.asking(self.inner().create_sliding_accumulator(args)?, ANSWERS))
    }

    fn with_beneficial_ordering(
        self: Arc<Self>,
        beneficial: bool,
    ) -> Result<Option<Arc<dyn AggregateUDFImpl>>> {
        let inner = Arc::clone(self.inner.inner()).with_beneficial_ordering(beneficial)?;
        Ok(inner.map(|inner| {
            let inner = AggregateUDF::new_from_shared_impl(inner);
            Arc::new(Self { inner, bounds: Arc::clone(&self.bounds) }) as _
        }))
    }
}

/// Holds memory for what it has answered.
#[derive(Debug)]
struct Asking {
    inner: Box<dyn Accumulator>,
    name: String,
    bounds: Arc<Bounds>,
    held: MemoryReservation,
    /// Bytes of the last answers, if not of all.
    given: VecDeque<usize>,
    total: usize,
    answers: usize,
}

impl Asking {
    /// # Errors
    /// `ResourcesExhausted` where there is not so much memory.
    fn give(&mut self, bytes: usize) -> Result<()> {
        self.total += bytes;
        if self.answers < usize::MAX {
            self.given.push_back(bytes);
            if self.given.len() > self.answers {
                self.total -= self.given.pop_front().unwrap_or_default();
            }
        }
        // As values, and as the column that is made of them.
        let wanted = (2 * self.total).saturating_sub(UNASKED);
        if wanted > self.bounds.most {
            return Err(too_large(&self.name, wanted, self.bounds.most));
        }
        let resized = self.held.try_resize(wanted);
        resized.map_err(|error| not_free(&self.name, wanted, &error))
    }
}

impl Accumulator for Asking {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.update_batch(values)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let answer = self.inner.evaluate()?;
        self.give(answer.size())?;
        Ok(answer)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.inner.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.inner.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(states)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.retract_batch(values)
    }

    fn supports_retract_batch(&self) -> bool {
        self.inner.supports_retract_batch()
    }
}
