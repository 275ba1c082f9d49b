//! The answers of all rows, and by groups.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, BooleanArray, Float64Array, UInt64Array};
use datafusion::arrow::datatypes::{Float64Type, UInt64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::accumulate::accumulate_multiple;

use super::super::sliding::Part;
use super::{Answer, Moments, pairs, told};

/// Of all rows.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) answer: Answer,
    pub(super) known: Moments,
}

impl Accumulator for Whole {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.known = pairs(values).fold(self.known, Moments::with);
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64(told((self.answer)(self.known))))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let states = columns(&[self.known]);
        states.iter().map(|state| ScalarValue::try_from_array(state, 0)).collect()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.known = parts(states).fold(self.known, Moments::with);
        Ok(())
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

/// Of each group.
#[derive(Debug)]
pub(super) struct Groups {
    pub(super) answer: Answer,
    pub(super) known: Vec<Moments>,
}

impl Groups {
    fn add(&mut self, group: usize, part: Moments) {
        self.known[group] = self.known[group].with(part);
    }
}

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.known.resize(total, Moments::default());
        let columns = [&values[0], values.get(1).unwrap_or(&values[0])];
        let columns = columns.map(|values| values.as_primitive::<Float64Type>());
        accumulate_multiple(groups, &columns, filter, |group, row, columns| {
            self.add(group, Moments::of(columns[0].value(row), columns[1].value(row)));
        });
        Ok(())
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let answer = self.answer;
        let groups = emit.take_needed(&mut self.known);
        let answers: Float64Array = groups.into_iter().map(|group| told(answer(group))).collect();
        Ok(Arc::new(answers))
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(columns(&emit.take_needed(&mut self.known)))
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.known.resize(total, Moments::default());
        for (group, part) in groups.iter().zip(parts(states)) {
            self.add(*group, part);
        }
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let mut rows = Self { answer: self.answer, known: Vec::new() };
        let each: Vec<usize> = (0..values[0].len()).collect();
        rows.update_batch(values, &each, filter, each.len())?;
        rows.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.known.capacity() * size_of::<Moments>()
    }
}

/// What is known of several, as columns: those of `Moment::state_fields`.
fn columns(of: &[Moments]) -> Vec<ArrayRef> {
    let counts: UInt64Array = of.iter().map(|of| of.count).collect();
    let floats: [fn(&Moments) -> f64; 5] =
        [|of| of.mean_x, |of| of.mean_y, |of| of.squares_x, |of| of.squares_y, |of| of.products];
    let floats = floats
        .map(|float| -> ArrayRef { Arc::new(of.iter().map(float).collect::<Float64Array>()) });
    std::iter::once(Arc::new(counts) as ArrayRef).chain(floats).collect()
}

fn parts(states: &[ArrayRef]) -> impl Iterator<Item = Moments> {
    let counts = states[0].as_primitive::<UInt64Type>();
    let float = |at: usize| states[at].as_primitive::<Float64Type>();
    let (mean_x, mean_y) = (float(1), float(2));
    let (squares_x, squares_y, products) = (float(3), float(4), float(5));
    (0..counts.len()).map(move |row| Moments {
        count: counts.value(row),
        mean_x: mean_x.value(row),
        mean_y: mean_y.value(row),
        squares_x: squares_x.value(row),
        squares_y: squares_y.value(row),
        products: products.value(row),
    })
}
