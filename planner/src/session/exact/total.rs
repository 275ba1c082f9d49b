//! `sum` and `avg` of a session: DataFusion's, collected so that no total wraps.

use std::hash::Hash;
use std::sync::Arc;

use datafusion::arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DECIMAL256_MAX_SCALE, DataType, Field,
    FieldRef,
};
use datafusion::common::{Result, not_impl_err};
use datafusion::functions_aggregate::average::Avg;
use datafusion::functions_aggregate::sum::Sum;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, GroupsAccumulator};

use super::checked;
use super::distinct::Distinct;
use super::passed_on::passed_on;
use super::sliding::{self, Sliding};
use super::widened::{Widened, WidenedGroups, Width};

/// Digits of a decimal whose totals need no look: 128 bits hold 10^19 of the greatest.
const SHORT: u8 = 19;

/// The same for 256 bits: 10^10 of the greatest.
const SHORT_256: u8 = 66;

/// Digits of a decimal whose averages 128 bits hold with five more of them and a billion rows.
const AVERAGED: u8 = 24;

/// What an integer of 64 bits, or a duration, is collected as.
const WIDE: DataType = DataType::Decimal128(20, 0);

/// `F` is DataFusion's function. Two are the same where those are.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Total<F> {
    inner: F,
    /// `avg` looks by itself whether a total fits, at all but durations.
    is_sum: bool,
}

impl Total<Sum> {
    pub(super) fn sum(inner: Sum) -> Self {
        Self { inner, is_sum: true }
    }
}

impl Total<Avg> {
    pub(super) fn average(inner: Avg) -> Self {
        Self { inner, is_sum: false }
    }
}

/// How totals of a type are collected.
enum Way {
    /// As DataFusion does.
    Plainly,
    /// As numbers of this type.
    Through(DataType),
    /// With a look at each step.
    Looking,
}

/// How averages of a type are collected: DataFusion cuts those of decimals behind their last digit, so they are asked for
/// with one digit more, which says how that is rounded.
fn averaged(of: &DataType) -> Way {
    use DataType::{Decimal32, Decimal64, Decimal128, Decimal256};
    match of {
        Decimal32(precision, scale) | Decimal64(precision, scale) => {
            Way::Through(Decimal128(*precision, *scale))
        }
        Decimal128(precision, scale) if *precision > AVERAGED => {
            Way::Through(Decimal256(*precision, *scale))
        }
        Decimal128(..) | Decimal256(..) => Way::Through(of.clone()),
        _ => Way::Plainly,
    }
}

/// The type of an average that is still to be rounded to `to`; `None` where that is no decimal.
fn one_digit_more(through: &DataType, to: &DataType) -> Option<DataType> {
    use DataType::{Decimal32, Decimal64, Decimal128, Decimal256};
    let (Decimal32(_, scale) | Decimal64(_, scale) | Decimal128(_, scale) | Decimal256(_, scale)) =
        to
    else {
        return None;
    };
    Some(match through {
        Decimal128(..) => Decimal128(DECIMAL128_MAX_PRECISION, scale + 1),
        _ => Decimal256(DECIMAL256_MAX_PRECISION, (scale + 1).min(DECIMAL256_MAX_SCALE)),
    })
}

impl<F: AggregateUDFImpl + Eq + Hash> Total<F> {
    fn way(&self, of: &DataType, is_distinct: bool) -> Result<Way> {
        use DataType::{Decimal32, Decimal64, Decimal128, Decimal256, Duration, Interval};
        Ok(match of {
            Duration(_) => Way::Through(WIDE),
            _ if !self.is_sum => averaged(of),
            DataType::Int64 | DataType::UInt64 => Way::Through(WIDE),
            Decimal32(precision, scale) | Decimal64(precision, scale) => {
                Way::Through(Decimal128(*precision, *scale))
            }
            Decimal128(precision, _) if *precision <= SHORT => Way::Plainly,
            Decimal256(precision, _) if *precision <= SHORT_256 => Way::Plainly,
            Decimal128(precision, scale) if is_distinct => {
                Way::Through(Decimal256(*precision, *scale))
            }
            Decimal256(..) | Interval(_) if is_distinct => {
                return not_impl_err!(
                    "sum(DISTINCT) of {of} is not supported by this version: CAST to a smaller type, or sum what SELECT DISTINCT gives"
                );
            }
            Decimal128(..) | Decimal256(..) | Interval(_) => Way::Looking,
            _ => Way::Plainly,
        })
    }

    fn inner(&self) -> &dyn AggregateUDFImpl {
        &self.inner
    }

    /// What DataFusion's function says of numbers of `through`, and how its totals are made to ours.
    fn through<T>(
        &self,
        through: &DataType,
        args: AccumulatorArgs,
        ask: impl Fn(&F, AccumulatorArgs) -> Result<T>,
    ) -> Result<(T, Width)> {
        let width = self.width(through, args.return_type());
        let (return_field, input) = self.fields(through, &args.return_field)?;
        let expr_fields = &[input];
        let said = ask(&self.inner, AccumulatorArgs { return_field, expr_fields, ..args })?;
        Ok((said, width))
    }

    fn width(&self, through: &DataType, to: &DataType) -> Width {
        let function = if self.is_sum { "sum" } else { "avg" };
        Width { function, through: through.clone(), to: to.clone() }
    }

    /// The field that DataFusion's function would give for numbers of `through`, and one of those.
    fn fields(&self, through: &DataType, given: &Field) -> Result<(FieldRef, FieldRef)> {
        let result = match self.is_sum {
            false => one_digit_more(through, given.data_type()),
            true => None,
        };
        let result =
            result.map_or_else(|| self.inner.return_type(std::slice::from_ref(through)), Ok)?;
        let result = given.clone().with_data_type(result).with_nullable(true);
        Ok((Arc::new(result), Arc::new(Field::new("number", through.clone(), true))))
    }
}

impl<F: AggregateUDFImpl + Eq + Hash> AggregateUDFImpl for Total<F> {
    passed_on!();

    /// Of short decimals as of long ones: DataFusion's would be too short for more than a few.
    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale)]
                if self.is_sum =>
            {
                self.inner.return_type(&[DataType::Decimal128(*precision, *scale)])
            }
            other => self.inner.return_type(other),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        match self.way(args.input_fields[0].data_type(), args.is_distinct)? {
            Way::Plainly | Way::Looking => self.inner.state_fields(args),
            Way::Through(through) => {
                let (return_field, input) = self.fields(&through, &args.return_field)?;
                let input_fields = &[input];
                self.inner.state_fields(StateFieldsArgs { return_field, input_fields, ..args })
            }
        }
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        match self.way(args.expr_fields[0].data_type(), args.is_distinct)? {
            Way::Plainly => self.inner.accumulator(args),
            Way::Looking => checked::one(args.return_type()),
            Way::Through(through) => {
                let (inner, width) = self.through(&through, args, F::accumulator)?;
                Ok(Box::new(Widened { inner, width }))
            }
        }
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let of = args.expr_fields[0].data_type();
        if self.is_sum && args.is_distinct {
            return match of {
                DataType::Int64 => Ok(Box::<Distinct>::default()),
                _ => self.inner.create_sliding_accumulator(args),
            };
        }
        if *of == DataType::Float64 && !args.is_distinct {
            return match self.is_sum {
                true => Ok(Box::new(Sliding::new(sliding::Sum))),
                false => Ok(Box::new(Sliding::new(sliding::Average))),
            };
        }
        match self.way(of, args.is_distinct)? {
            Way::Plainly => self.inner.create_sliding_accumulator(args),
            Way::Looking => checked::one(args.return_type()),
            Way::Through(through) => {
                let (inner, width) = self.through(&through, args, F::create_sliding_accumulator)?;
                Ok(Box::new(Widened { inner, width }))
            }
        }
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        match self.way(args.expr_fields[0].data_type(), args.is_distinct) {
            Ok(Way::Plainly) => self.inner.groups_accumulator_supported(args),
            Ok(Way::Looking) => !args.is_distinct,
            Ok(Way::Through(through)) => {
                let ask =
                    |inner: &F, args: AccumulatorArgs| Ok(inner.groups_accumulator_supported(args));
                self.through(&through, args, ask).is_ok_and(|(is, _)| is)
            }
            Err(_) => false,
        }
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        match self.way(args.expr_fields[0].data_type(), args.is_distinct)? {
            Way::Plainly => self.inner.create_groups_accumulator(args),
            Way::Looking => checked::groups(args.return_type()),
            Way::Through(through) => {
                let (inner, width) = self.through(&through, args, F::create_groups_accumulator)?;
                Ok(Box::new(WidenedGroups { inner, width }))
            }
        }
    }
}
