//! Totals that are collected in wider numbers than they are of.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, Decimal128Array, PrimitiveArray,
};
use datafusion::arrow::compute::{CastOptions, cast, cast_with_options};
use datafusion::arrow::datatypes::{
    DataType, Decimal32Type, Decimal64Type, Decimal128Type, Int64Type, UInt64Type,
};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};

use super::beyond;
use super::passed_on::passed_on;

/// What is collected, and as what.
#[derive(Debug, Clone)]
pub(super) struct Width {
    /// The function, for errors.
    pub(super) function: &'static str,
    /// What numbers are made to.
    pub(super) through: DataType,
    /// What the answer is made to.
    pub(super) to: DataType,
}

impl Width {
    fn widen(&self, numbers: &ArrayRef) -> Result<ArrayRef> {
        let DataType::Decimal128(precision, scale) = self.through else {
            return Ok(cast(numbers, &self.through)?);
        };
        let wide: Decimal128Array = match numbers.data_type() {
            DataType::Int64 => each::<Int64Type>(numbers, i128::from),
            DataType::UInt64 => each::<UInt64Type>(numbers, i128::from),
            DataType::Decimal32(..) => each::<Decimal32Type>(numbers, i128::from),
            DataType::Decimal64(..) => each::<Decimal64Type>(numbers, i128::from),
            DataType::Duration(_) => {
                each::<Int64Type>(&cast(numbers, &DataType::Int64)?, i128::from)
            }
            _ => return Ok(cast(numbers, &self.through)?),
        };
        Ok(Arc::new(wide.with_precision_and_scale(precision, scale)?))
    }

    fn narrow(&self, totals: &ArrayRef) -> Result<ArrayRef> {
        let strict = CastOptions { safe: false, ..Default::default() };
        let narrow = match &self.to {
            // No cast leads from a decimal to a duration.
            DataType::Duration(_) => cast_with_options(totals, &DataType::Int64, &strict)
                .and_then(|whole| cast(&whole, &self.to)),
            other => cast_with_options(totals, other, &strict),
        };
        narrow.map_err(|_| self.beyond())
    }

    fn beyond(&self) -> datafusion::error::DataFusionError {
        let instead = match self.to {
            DataType::Duration(_) => {
                "ask for fewer rows, or for the seconds (date_part('epoch', …)) as numbers"
            }
            _ => "CAST what is added to DECIMAL(38, 0) or DOUBLE first",
        };
        beyond(&format!("an answer of {}()", self.function), &self.to.to_string(), instead)
    }
}

fn each<T: ArrowPrimitiveType>(
    numbers: &ArrayRef,
    widen: impl Fn(T::Native) -> i128,
) -> PrimitiveArray<Decimal128Type> {
    numbers.as_primitive::<T>().unary(widen)
}

/// One total.
#[derive(Debug)]
pub(super) struct Widened {
    pub(super) inner: Box<dyn Accumulator>,
    pub(super) width: Width,
}

impl Accumulator for Widened {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.update_batch(&[self.width.widen(&values[0])?])
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.retract_batch(&[self.width.widen(&values[0])?])
    }

    fn supports_retract_batch(&self) -> bool {
        self.inner.supports_retract_batch()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let total = self.inner.evaluate()?.to_array()?;
        ScalarValue::try_from_array(&self.width.narrow(&total)?, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.inner.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(states)
    }

    fn size(&self) -> usize {
        self.inner.size() + size_of::<Width>()
    }
}

/// One total for each group.
pub(super) struct WidenedGroups {
    pub(super) inner: Box<dyn GroupsAccumulator>,
    pub(super) width: Width,
}

impl GroupsAccumulator for WidenedGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.inner.update_batch(&[self.width.widen(&values[0])?], groups, filter, total)
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        self.width.narrow(&self.inner.evaluate(emit)?)
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        self.inner.state(emit)
    }

    passed_on!(merging);

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        self.inner.convert_to_state(&[self.width.widen(&values[0])?], filter)
    }

    fn size(&self) -> usize {
        self.inner.size() + size_of::<Width>()
    }
}
