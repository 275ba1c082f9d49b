//! `percentile_cont` to the last digit.
//!
//! Problem: between two values DataFusion 55 takes a millionth as the finest part of the way: of 0 and 10^9 at a third
//! it is 333333000, and between two infinities it is NaN. Official way: none. Here: its function collects, and what it
//! has collected is answered from by the way itself, as PostgreSQL and DuckDB do.

use std::sync::Arc;

use datafusion::arrow::array::new_empty_array;
use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array, ListArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Schema};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, ColumnarValue, EmitTo, GroupsAccumulator,
};

use super::passed_on::passed_on;

/// The function over DataFusion's own.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Percentile(Arc<AggregateUDF>);

impl Percentile {
    /// In the place of `function`; `None` where that is one already.
    pub(super) fn over(function: &Arc<AggregateUDF>) -> Option<Self> {
        (!function.inner().is::<Self>()).then(|| Self(Arc::clone(function)))
    }

    fn inner(&self) -> &dyn AggregateUDFImpl {
        self.0.inner().as_ref()
    }
}

impl AggregateUDFImpl for Percentile {
    passed_on!();
    passed_on!(types);
    passed_on!(state);
    passed_on!(writing);

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let (of, part, is_distinct) =
            (args.return_field.data_type().clone(), part(&args)?, args.is_distinct);
        let is_null = args.expr_fields[0].data_type().is_null();
        let inner = self.inner().accumulator(args)?;
        match is_null {
            true => Ok(inner),
            false => Ok(Box::new(Whole { inner, part, of, is_distinct, kept: None })),
        }
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.inner().groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        let (of, part) = (args.return_field.data_type().clone(), part(&args)?);
        Ok(Box::new(Groups { inner: self.inner().create_groups_accumulator(args)?, part, of }))
    }
}

/// The part of the way through the values, the least first.
fn part(args: &AccumulatorArgs) -> Result<f64> {
    let part = args.exprs[1].evaluate(&RecordBatch::new_empty(Arc::new(Schema::empty())))?;
    let ColumnarValue::Scalar(part) = part else { return Ok(f64::NAN) };
    // What is none is refused by the function itself.
    let ScalarValue::Float64(part) = part.cast_to(&DataType::Float64)? else { return Ok(f64::NAN) };
    let part = part.unwrap_or(f64::NAN);
    let is_descending = args.order_bys.first().is_some_and(|sort| sort.options.descending);
    Ok(if is_descending { 1.0 - part } else { part })
}

/// What is at `part` of the way through values, of which the order changes.
fn between(values: &mut [f64], part: f64) -> Option<f64> {
    let at = part * values.len().checked_sub(1)? as f64;
    let (_, lower, above) = values.select_nth_unstable_by(at.floor() as usize, f64::total_cmp);
    let (lower, rest) = (*lower, at.fract());
    let upper = above.iter().copied().min_by(f64::total_cmp);
    match upper {
        Some(upper) if rest > 0.0 && upper != lower => Some(lower + (upper - lower) * rest),
        _ => Some(lower),
    }
}

/// Values in the place that they are in, if nobody else has them.
fn owned(values: ArrayRef) -> Result<Vec<f64>> {
    let floats = cast(&values, &DataType::Float64)?;
    drop(values);
    let array = floats.as_primitive::<Float64Type>().clone();
    drop(floats);
    let (_, values, _) = array.into_parts();
    Ok(values.into_inner().into_vec().unwrap_or_else(|shared| shared.typed_data::<f64>().to_vec()))
}

/// The values of all rows.
#[derive(Debug)]
struct Whole {
    inner: Box<dyn Accumulator>,
    part: f64,
    /// The type of the values, and of the answer.
    of: DataType,
    is_distinct: bool,
    /// What was taken out of `inner` to answer from: a window asks again, and goes on.
    kept: Option<Vec<f64>>,
}

impl Whole {
    /// What `inner` has, out of it unless they are distinct, which it keeps.
    fn take(&mut self) -> Result<Vec<f64>> {
        if let Some(kept) = self.kept.take() {
            return Ok(kept);
        }
        let state = self.inner.state()?.into_iter().next();
        let Some(ScalarValue::List(list)) = state else {
            return internal_err!("percentile_cont collected no list");
        };
        let values = list.value(0);
        drop(list);
        owned(values)
    }

    fn put_back(&mut self) -> Result<()> {
        let Some(kept) = self.kept.take() else { return Ok(()) };
        let values = cast(&Float64Array::from(kept), &self.of)?;
        self.inner.update_batch(&[values])
    }
}

impl Accumulator for Whole {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.put_back()?;
        self.inner.update_batch(values)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.put_back()?;
        self.inner.merge_batch(states)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.put_back()?;
        self.inner.retract_batch(values)
    }

    fn supports_retract_batch(&self) -> bool {
        self.inner.supports_retract_batch()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.put_back()?;
        self.inner.state()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mut values = self.take()?;
        let answer = ScalarValue::Float64(between(&mut values, self.part)).cast_to(&self.of);
        self.kept = (!self.is_distinct).then_some(values);
        answer
    }

    fn size(&self) -> usize {
        let kept = self.kept.as_ref().map_or(0, Vec::capacity);
        size_of_val(self) + self.inner.size() + kept * size_of::<f64>()
    }
}

/// The values of groups.
struct Groups {
    inner: Box<dyn GroupsAccumulator>,
    part: f64,
    of: DataType,
}

impl Groups {
    fn answers(&self, groups: &ListArray) -> Result<ArrayRef> {
        let floats = cast(groups.values(), &DataType::Float64)?;
        let floats = floats.as_primitive::<Float64Type>().values();
        let mut of_group = Vec::new();
        let bounds = groups.offsets().windows(2);
        let answers = bounds.map(|bounds| {
            of_group.clear();
            of_group.extend_from_slice(&floats[bounds[0] as usize..bounds[1] as usize]);
            between(&mut of_group, self.part)
        });
        let answers: Float64Array = answers.collect();
        Ok(cast(&answers, &self.of)?)
    }
}

impl GroupsAccumulator for Groups {
    passed_on!(updating);
    passed_on!(merging);

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.inner.state(emit_to)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let states = self.inner.state(emit_to)?;
        match states.first() {
            Some(groups) => self.answers(groups.as_list()),
            None => Ok(new_empty_array(&self.of)),
        }
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.inner.size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_between_two_values_is_exact() {
        let third = 1.0 / 3.0;
        for (values, part, right) in [
            (vec![1e9, 0.0], third, Some(1e9 * third)),
            (vec![3.0, 1.0, 2.0], 0.5, Some(2.0)),
            (vec![4.0, 1.0, 2.0, 3.0], 0.5, Some(2.5)),
            (vec![7.0], 0.9, Some(7.0)),
            (vec![f64::INFINITY, f64::INFINITY], 0.5, Some(f64::INFINITY)),
            (vec![2.0, 1.0], 0.0, Some(1.0)),
            (vec![2.0, 1.0], 1.0, Some(2.0)),
            (vec![], 0.5, None),
        ] {
            assert_eq!(between(&mut values.clone(), part), right, "{values:?} at {part}");
        }
    }
}
