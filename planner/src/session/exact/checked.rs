//! Totals that look whether they fit, of numbers that nothing is much wider than.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::arrow::array::{
    Array, ArrayRef, ArrowNativeTypeOp, ArrowNumericType, ArrowPrimitiveType, AsArray, BooleanArray,
};
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, Decimal256Type, DecimalType, IntervalDayTimeType,
    IntervalMonthDayNanoType, IntervalUnit, IntervalYearMonthType,
};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::prim_op::PrimitiveGroupsAccumulator;

use super::beyond;

/// One total of `data_type`, of all rows or of those in a window.
///
/// # Errors
/// `Internal` for a type that is not collected so.
pub(super) fn one(data_type: &DataType) -> Result<Box<dyn Accumulator>> {
    Ok(match data_type {
        DataType::Decimal128(..) => Box::new(Checked::<Decimal128Type>::of(data_type)),
        DataType::Decimal256(..) => Box::new(Checked::<Decimal256Type>::of(data_type)),
        DataType::Interval(IntervalUnit::YearMonth) => {
            Box::new(Checked::<IntervalYearMonthType>::of(data_type))
        }
        DataType::Interval(IntervalUnit::DayTime) => {
            Box::new(Checked::<IntervalDayTimeType>::of(data_type))
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            Box::new(Checked::<IntervalMonthDayNanoType>::of(data_type))
        }
        other => return internal_err!("a total of {other}"),
    })
}

/// One total of `data_type` for each group.
///
/// # Errors
/// `Internal` for a type that is not collected so.
pub(super) fn groups(data_type: &DataType) -> Result<Box<dyn GroupsAccumulator>> {
    match data_type {
        DataType::Decimal128(..) => Ok(checked_groups::<Decimal128Type>(data_type)),
        DataType::Decimal256(..) => Ok(checked_groups::<Decimal256Type>(data_type)),
        DataType::Interval(IntervalUnit::YearMonth) => {
            Ok(checked_groups::<IntervalYearMonthType>(data_type))
        }
        DataType::Interval(IntervalUnit::DayTime) => {
            Ok(checked_groups::<IntervalDayTimeType>(data_type))
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            Ok(checked_groups::<IntervalMonthDayNanoType>(data_type))
        }
        other => internal_err!("totals of {other}"),
    }
}

fn too_large(data_type: &DataType) -> DataFusionError {
    let instead = "ask for fewer rows, or CAST what is added to DOUBLE first";
    beyond("an answer of sum()", &data_type.to_string(), instead)
}

/// Whether all digits of a total fit: 128 bits hold more than 38.
fn fits(total: &ArrayRef) -> Result<()> {
    let fits = match total.data_type() {
        DataType::Decimal128(precision, scale) => {
            all_fit::<Decimal128Type>(total, *precision, *scale)
        }
        DataType::Decimal256(precision, scale) => {
            all_fit::<Decimal256Type>(total, *precision, *scale)
        }
        _ => true,
    };
    if fits { Ok(()) } else { Err(too_large(total.data_type())) }
}

fn all_fit<T: DecimalType>(totals: &ArrayRef, precision: u8, scale: i8) -> bool {
    let totals = totals.as_primitive::<T>().iter().flatten();
    totals.into_iter().all(|total| T::validate_decimal_precision(total, precision, scale).is_ok())
}

struct Checked<T: ArrowPrimitiveType> {
    total: T::Native,
    count: usize,
    data_type: DataType,
}

impl<T: ArrowPrimitiveType> fmt::Debug for Checked<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checked({})", self.data_type)
    }
}

impl<T: ArrowNumericType> Checked<T> {
    fn of(data_type: &DataType) -> Self {
        Self { total: T::Native::ZERO, count: 0, data_type: data_type.clone() }
    }

    fn each(
        &mut self,
        values: &[ArrayRef],
        step: impl Fn(T::Native, T::Native) -> Result<T::Native, datafusion::arrow::error::ArrowError>,
    ) -> Result<usize> {
        let values = values[0].as_primitive::<T>();
        let total = match values.null_count() {
            0 => values.values().iter().try_fold(self.total, |total, value| step(total, *value)),
            _ => values.iter().flatten().try_fold(self.total, step),
        };
        self.total = total.map_err(|_| too_large(&self.data_type))?;
        Ok(values.len() - values.null_count())
    }
}

impl<T: ArrowNumericType> Accumulator for Checked<T> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.count += self.each(values, ArrowNativeTypeOp::add_checked)?;
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.count -= self.each(values, ArrowNativeTypeOp::sub_checked)?;
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let total = (self.count > 0).then_some(self.total);
        let total = ScalarValue::new_primitive::<T>(total, &self.data_type)?;
        fits(&total.to_array()?)?;
        Ok(total)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let total = (self.count > 0).then_some(self.total);
        Ok(vec![ScalarValue::new_primitive::<T>(total, &self.data_type)?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

/// DataFusion's own, which notes when a total did not fit.
struct CheckedGroups<G> {
    inner: G,
    wrapped: Arc<AtomicBool>,
    data_type: DataType,
}

fn checked_groups<T: ArrowNumericType + Send>(data_type: &DataType) -> Box<dyn GroupsAccumulator> {
    let wrapped = Arc::<AtomicBool>::default();
    let told = Arc::clone(&wrapped);
    let add = move |total: &mut T::Native, value: T::Native| match total.add_checked(value) {
        Ok(sum) => *total = sum,
        Err(_) => told.store(true, Ordering::Relaxed),
    };
    let inner = PrimitiveGroupsAccumulator::<T, _>::new(data_type, add);
    Box::new(CheckedGroups { inner, wrapped, data_type: data_type.clone() })
}

impl<G> CheckedGroups<G> {
    fn told(&self) -> Result<()> {
        match self.wrapped.load(Ordering::Relaxed) {
            true => Err(too_large(&self.data_type)),
            false => Ok(()),
        }
    }
}

impl<G: GroupsAccumulator> GroupsAccumulator for CheckedGroups<G> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.inner.update_batch(values, groups, filter, total)?;
        self.told()
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let totals = self.inner.evaluate(emit)?;
        fits(&totals)?;
        Ok(totals)
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        self.inner.state(emit)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.inner.merge_batch(states, groups, total)?;
        self.told()
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        self.inner.convert_to_state(values, filter)
    }

    fn size(&self) -> usize {
        self.inner.size()
    }
}
