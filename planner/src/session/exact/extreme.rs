//! `min` and `max` of floating-point numbers, by groups.
//!
//! Problem: DataFusion 55 begins each group with the greatest (least) finite number, so that the least of nothing
//! but infinities is 1.8e308, and lets NaN take a place that any number takes again: what comes out depends on the
//! order of the rows. Without groups, in windows and in ORDER BY it has the total order of IEEE 754, NaN behind
//! all numbers. Official way: none. Here: by groups, too.

use std::cmp::Ordering;
use std::hash::Hash;

use datafusion::arrow::array::ArrowPrimitiveType;
use datafusion::arrow::datatypes::{DataType, FieldRef, Float16Type, Float32Type, Float64Type};
use datafusion::common::Result;
use datafusion::functions_aggregate::min_max::{Max, Min};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, GroupsAccumulator};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::prim_op::PrimitiveGroupsAccumulator;

use super::passed_on::passed_on;

type Half = <Float16Type as ArrowPrimitiveType>::Native;

/// `F` is DataFusion's function. Two are the same where those are.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Extreme<F> {
    inner: F,
    /// What takes the place of what a group has: the greater, or the less.
    taken: Ordering,
}

impl Extreme<Min> {
    pub(super) fn min() -> Self {
        Self { inner: Min::new(), taken: Ordering::Less }
    }
}

impl Extreme<Max> {
    pub(super) fn max() -> Self {
        Self { inner: Max::new(), taken: Ordering::Greater }
    }
}

/// Groups that begin with `first`, which no number is behind.
fn groups<T: ArrowPrimitiveType + Send>(
    data_type: &DataType,
    first: T::Native,
    taken: Ordering,
    order: fn(&T::Native, &T::Native) -> Ordering,
) -> Box<dyn GroupsAccumulator> {
    let take = move |has: &mut T::Native, new: T::Native| {
        if order(&new, has) == taken {
            *has = new;
        }
    };
    let groups = PrimitiveGroupsAccumulator::<T, _>::new(data_type, take);
    Box::new(groups.with_starting_value(first))
}

/// The first (last) of all in the total order: a NaN with all bits set, with its sign (without).
macro_rules! floats {
    ($type:ty, $native:ty, $bits:ty, $data_type:expr, $taken:expr) => {{
        let last = <$bits>::MAX >> 1;
        let first = if $taken == Ordering::Less { last } else { <$bits>::MAX };
        let first = <$native>::from_bits(first);
        Ok(groups::<$type>($data_type, first, $taken, <$native>::total_cmp))
    }};
}

impl<F: AggregateUDFImpl> Extreme<F> {
    fn inner(&self) -> &dyn AggregateUDFImpl {
        &self.inner
    }
}

impl<F: AggregateUDFImpl + Eq + Hash> AggregateUDFImpl for Extreme<F> {
    passed_on!();

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        let data_type = args.return_type();
        match data_type {
            DataType::Float16 => floats!(Float16Type, Half, u16, data_type, self.taken),
            DataType::Float32 => floats!(Float32Type, f32, u32, data_type, self.taken),
            DataType::Float64 => floats!(Float64Type, f64, u64, data_type, self.taken),
            _ => self.inner.create_groups_accumulator(args),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn return_field(&self, fields: &[FieldRef]) -> Result<FieldRef> {
        self.inner.return_field(fields)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.inner.state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.inner.accumulator(args)
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.inner.create_sliding_accumulator(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.inner.groups_accumulator_supported(args)
    }
}
