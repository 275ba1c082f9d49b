//! Memory for what was answered, held for as long as it may be there.

use std::collections::VecDeque;
use std::mem::size_of_val;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};

use super::super::super::exact::passed_on;
use super::super::{Bounds, UNASKED, not_free, too_large};
use super::ordered::Ordered;

/// Holds memory for what a function has answered, row by row.
#[derive(Debug)]
pub(super) struct Asking {
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
    /// With the last so many answers held, or all of them.
    pub(super) fn new(
        name: &str,
        bounds: &Arc<Bounds>,
        inner: Box<dyn Accumulator>,
        answers: usize,
    ) -> Self {
        let held = MemoryConsumer::new(name).register(&bounds.pool);
        let (name, bounds) = (name.to_owned(), Arc::clone(bounds));
        Self { inner, name, bounds, held, given: VecDeque::new(), total: 0, answers }
    }

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

/// Holds memory for what a function answers for groups: as much again as they have gathered while it is made.
pub(super) struct AskingGroups<G: GroupsAccumulator + ?Sized> {
    inner: Box<G>,
    name: String,
    held: MemoryReservation,
}

impl<G: GroupsAccumulator + ?Sized> AskingGroups<G> {
    pub(super) fn new(name: &str, bounds: &Bounds, inner: Box<G>) -> Self {
        let held = MemoryConsumer::new(name).register(&bounds.pool);
        Self { inner, name: name.to_owned(), held }
    }

    fn hold(&mut self, bytes: usize) -> Result<()> {
        let wanted = bytes.saturating_sub(UNASKED);
        let resized = self.held.try_resize(wanted);
        resized.map_err(|error| not_free(&self.name, wanted, &error))
    }

    /// Of all groups, what they have gathered. The first of them have little: what is in order goes on early.
    fn made_of(&self, emit: &EmitTo) -> usize {
        match emit {
            EmitTo::All => self.inner.size(),
            EmitTo::First(_) => 0,
        }
    }
}

impl<G: GroupsAccumulator + ?Sized> GroupsAccumulator for AskingGroups<G> {
    passed_on!(updating);
    passed_on!(merging);

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        self.hold(self.made_of(&emit))?;
        let answer = self.inner.evaluate(emit)?;
        self.hold(answer.get_array_memory_size())?;
        Ok(answer)
    }

    /// What is handed on may be on its way to the disk, for there is no memory: it is made of what there is.
    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let is_held = self.hold(self.made_of(&emit)).is_ok();
        let states = self.inner.state(emit)?;
        if is_held {
            self.hold(states.iter().map(|state| state.get_array_memory_size()).sum()).ok();
        }
        Ok(states)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.inner.size()
    }
}

/// One group of all rows.
pub(super) struct OfAll(pub(super) AskingGroups<Ordered>);

impl std::fmt::Debug for OfAll {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("OfAll").field(&self.0.name).finish()
    }
}

impl Accumulator for OfAll {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.update_batch(values, &vec![0; values[0].len()], None, 1)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.merge_batch(states, &vec![0; states[0].len()], 1)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&self.0.evaluate(EmitTo::All)?, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let states = self.0.state(EmitTo::All)?;
        states.iter().map(|state| ScalarValue::try_from_array(state, 0)).collect()
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}
