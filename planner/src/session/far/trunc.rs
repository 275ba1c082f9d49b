//! `date_trunc` over the whole calendar.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array, PrimitiveArray};
use datafusion::arrow::compute::{binary, cast};
use datafusion::arrow::datatypes::{
    ArrowTimestampType, DataType, Field, FieldRef, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampSecondType,
};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};

use super::super::clocks;

/// 400 years, after which the calendar is the same again: 146,097 days, which are whole weeks.
const TURN: i64 = 146_097 * 86_400;

/// 1862-01-01 and 2262-01-01, between which nanoseconds count.
const NEAR: std::ops::Range<i64> = -3_408_134_400..TURN - 3_408_134_400;

/// The function over DataFusion's own.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Trunc {
    inner: Arc<ScalarUDF>,
    signature: Signature,
}

impl Trunc {
    /// In the place of `function`; `None` where that is one already.
    pub(super) fn over(function: &Arc<ScalarUDF>) -> Option<Self> {
        let signature = Signature::user_defined(Volatility::Immutable);
        (!function.inner().is::<Self>()).then(|| Self { inner: Arc::clone(function), signature })
    }
}

impl ScalarUDFImpl for Trunc {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        use DataType::{Date32, Date64, Dictionary, Null, Time32, Time64, Timestamp, Utf8};
        let [part, of] = types else {
            return plan_err!("date_trunc takes a part and an instant: date_trunc('month', x)");
        };
        let of = match of {
            Dictionary(_, of) => of,
            of => of,
        };
        let of = match of {
            Timestamp(..) | Time32(_) | Time64(_) => of.clone(),
            Date32 | Date64 | Null => Timestamp(TimeUnit::Microsecond, None),
            of if of.is_string() => Timestamp(TimeUnit::Microsecond, None),
            other => {
                return plan_err!("date_trunc takes an instant, a day or a time, and not {other}");
            }
        };
        match part {
            Null => Ok(vec![Utf8, of]),
            part if part.is_string() => Ok(vec![part.clone(), of]),
            other => {
                plan_err!("date_trunc takes the name of a part first, as 'month', and not {other}")
            }
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.inner.inner().return_field_from_args(args)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [_, of] = args.args.as_slice() else { return self.inner.invoke_with_args(args) };
        match of.data_type() {
            DataType::Timestamp(TimeUnit::Second, _) => self.nearer::<TimestampSecondType>(args, 1),
            DataType::Timestamp(TimeUnit::Millisecond, _) => {
                self.nearer::<TimestampMillisecondType>(args, 1_000)
            }
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                self.nearer::<TimestampMicrosecondType>(args, 1_000_000)
            }
            _ => self.inner.invoke_with_args(args),
        }
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        self.inner.inner().output_ordering(inputs)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}

impl Trunc {
    /// `a_second`: how many of the unit it has.
    fn nearer<T: ArrowTimestampType>(
        &self,
        mut args: ScalarFunctionArgs,
        a_second: i64,
    ) -> Result<ColumnarValue> {
        let is_scalar = matches!(args.args[1], ColumnarValue::Scalar(_));
        let rows = if is_scalar { 1 } else { args.number_rows };
        let of = args.args[1].to_array(rows)?;
        let of = of.as_primitive::<T>();
        let turns: Int64Array = of.unary(|at| turns(at.div_euclid(a_second)));
        if turns.values().iter().all(|turns| *turns == 0) {
            return self.inner.invoke_with_args(args);
        }
        if let DataType::Timestamp(_, Some(zone)) = of.data_type() {
            let zone = zone.to_string();
            return self.by_its_clock::<T>(args, &zone, a_second);
        }
        let turn = TURN * a_second;
        let near: PrimitiveArray<T> =
            binary(of, &turns, |at, turns| at.wrapping_sub(turns.wrapping_mul(turn)))?;
        let near: ArrayRef = Arc::new(near.with_data_type(of.data_type().clone()));
        args.args[1] = ColumnarValue::Array(near);
        args.number_rows = rows;
        let cut = self.inner.invoke_with_args(args)?.to_array(rows)?;
        let cut = cut.as_primitive::<T>();
        let far: PrimitiveArray<T> =
            binary(cut, &turns, |at, turns| at.wrapping_add(turns.wrapping_mul(turn)))?;
        let far: ArrayRef = Arc::new(far.with_data_type(of.data_type().clone()));
        Ok(match is_scalar {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&far, 0)?),
            false => ColumnarValue::Array(far),
        })
    }

    /// A zone's clocks were ahead of UTC by something else 400 years nearer: what they show is cut.
    fn by_its_clock<T: ArrowTimestampType>(
        &self,
        mut args: ScalarFunctionArgs,
        zone: &str,
        a_second: i64,
    ) -> Result<ColumnarValue> {
        let is_scalar = matches!(args.args[1], ColumnarValue::Scalar(_));
        let rows = if is_scalar { 1 } else { args.number_rows };
        let wall = DataType::Timestamp(T::UNIT, None);
        let shown = cast(&clocks::shown(&args.args[1].to_array(rows)?, zone)?, &wall)?;
        let promised = std::mem::replace(
            &mut args.return_field,
            Arc::new(Field::new(self.name(), wall.clone(), true)),
        );
        args.arg_fields[1] = Arc::new(Field::new("shown", wall, true));
        args.args[1] = ColumnarValue::Array(shown);
        args.number_rows = rows;
        let cut = self.nearer::<T>(args, a_second)?.to_array(rows)?;
        let at: ArrayRef = Arc::new(clocks::instants(&cut, zone)?.with_timezone("UTC"));
        let at = cast(&at, promised.data_type())?;
        Ok(match is_scalar {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&at, 0)?),
            false => ColumnarValue::Array(at),
        })
    }
}

/// How many turns of the calendar away an instant is, in seconds.
fn turns(second: i64) -> i64 {
    second.saturating_sub(NEAR.start).div_euclid(TURN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_near_is_no_turn_away() {
        for (second, away) in
            [(0, 0), (NEAR.start, 0), (NEAR.end - 1, 0), (NEAR.end, 1), (NEAR.start - 1, -1)]
        {
            assert_eq!(turns(second), away, "{second}");
            assert!(NEAR.contains(&(second - away * TURN)), "{second}");
        }
    }
}
