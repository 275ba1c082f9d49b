//! Seconds and milliseconds since 1970 as Spark counts them, and numbers that instants become.
//!
//! Problem: `datafusion-spark` cuts towards 1970, so that half a second before it is 0 where Spark says -1; and the engine's
//! `CAST(instant AS BIGINT)` counts in the unit that the instant has, where Spark's counts seconds. And a TIMESTAMP is what the
//! clocks of a session's zone show, which the engine takes for those of UTC. Here: both are counted down, from 1970 in UTC.
//! Texts are read as Spark reads them ([`written_times`]).

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, TimestampMicrosecondArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type, TimeUnit};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue, exec_err, plan_err};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::super::clocks::{self, WALL};
use super::decimals::is_decimal;
use super::{DAY, FRACTION, INSTANT, NUMBER, TRY_DAY, TRY_INSTANT, written_times};

/// Those that are called by name.
pub(super) const NAMES: [&str; 5] =
    ["unix_seconds", "unix_millis", "unix_micros", "timestamp_millis", "timestamp_micros"];

pub(super) fn functions() -> [ScalarUDF; 11] {
    [
        (INSTANT, MICROS),
        (DAY, MICROS),
        (TRY_INSTANT, MICROS),
        (TRY_DAY, MICROS),
        (NUMBER, MICROS),
        (FRACTION, MICROS),
        ("spark:unix_seconds", MICROS),
        ("spark:unix_millis", 1_000),
        ("spark:unix_micros", 1),
        (MILLIS, 1_000),
        (OF_MICROS, 1),
    ]
    .map(|(name, micros)| {
        let signature = Signature::user_defined(Volatility::Immutable);
        ScalarUDF::new_from_impl(Since { name, micros, signature })
    })
}

const MILLIS: &str = "spark:timestamp_millis";
const OF_MICROS: &str = "spark:timestamp_micros";

/// Microseconds of a second.
const MICROS: i64 = 1_000_000;

/// How many times so many microseconds have passed, or a day or an instant.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Since {
    name: &'static str,
    micros: i64,
    signature: Signature,
}

impl ScalarUDFImpl for Since {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Of what is cast all types are taken: what is not concerned is itself ([`NoInstants`]).
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let micros =
            |zone: &Option<Arc<str>>| DataType::Timestamp(TimeUnit::Microsecond, zone.clone());
        let [of] = types else { return plan_err!("{} takes one value", self.name) };
        if self.is_since() {
            return match of.is_integer() || of.is_null() {
                true => Ok(vec![DataType::Int64]),
                false => plan_err!("{} takes a whole number, and no {of}: CAST it", self.name),
            };
        }
        Ok(vec![match of {
            of if !self.concerns(of) => match of {
                DataType::Date32 | DataType::Date64 if [NUMBER, FRACTION].contains(&self.name) => {
                    return plan_err!(
                        "a date is no number in Spark's dialect: use unix_date(x), or datediff"
                    );
                }
                of if self.is_cast() => of.clone(),
                _ => WALL,
            },
            of if of.is_string() => DataType::Utf8,
            DataType::Decimal32(_, scale)
            | DataType::Decimal64(_, scale)
            | DataType::Decimal128(_, scale) => DataType::Decimal128(38, *scale),
            of if has_fraction(of) => DataType::Float64,
            of if of.is_integer() => DataType::Int64,
            DataType::Timestamp(_, zone) => micros(zone),
            other => other.clone(),
        }])
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let [of] = types else { return plan_err!("{} takes one value", self.name) };
        Ok(match self.name {
            _ if self.is_cast() && !self.concerns(of) => of.clone(),
            INSTANT | TRY_INSTANT => WALL,
            _ if self.is_since() => WALL,
            DAY | TRY_DAY => DataType::Date32,
            FRACTION => DataType::Float64,
            _ => DataType::Int64,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [of] = args.args.as_slice() else { return exec_err!("{} takes one value", self.name) };
        if self.is_cast() && !self.concerns(&of.data_type()) {
            return Ok(of.clone());
        }
        match of {
            ColumnarValue::Array(values) => {
                Ok(ColumnarValue::Array(self.made(values, &args.config_options)?))
            }
            ColumnarValue::Scalar(value) => {
                let made = self.made(&value.to_array()?, &args.config_options)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&made, 0)?))
            }
        }
    }
}

impl Since {
    fn is_cast(&self) -> bool {
        [NUMBER, FRACTION, INSTANT, DAY, TRY_INSTANT, TRY_DAY].contains(&self.name)
    }

    /// Whether it makes an instant of a number of its units.
    fn is_since(&self) -> bool {
        [MILLIS, OF_MICROS].contains(&self.name)
    }

    /// Whether Spark makes something else of such a value than the engine.
    fn concerns(&self, of: &DataType) -> bool {
        let is_instant = matches!(of, DataType::Timestamp(..));
        match self.name {
            INSTANT | TRY_INSTANT => {
                let is_zoned = matches!(of, DataType::Timestamp(_, Some(_)));
                of.is_string() || of.is_integer() || has_fraction(of) || is_zoned
            }
            DAY | TRY_DAY => of.is_string(),
            _ => is_instant,
        }
    }

    fn made(&self, values: &ArrayRef, config: &ConfigOptions) -> Result<ArrayRef> {
        let zone = clocks::of_session(config);
        let tries = [TRY_INSTANT, TRY_DAY].contains(&self.name);
        let ansi = config.execution.enable_ansi_mode && !tries;
        match (self.name, values.data_type()) {
            (DAY | TRY_DAY, _) => {
                Ok(Arc::new(written_times::all_days(values.as_string::<i32>(), ansi)?))
            }
            (INSTANT | TRY_INSTANT, DataType::Utf8) => written_times::walls(values, zone, ansi),
            (INSTANT | TRY_INSTANT, DataType::Timestamp(..)) => clocks::shown(values, zone),
            (INSTANT | TRY_INSTANT, _) => {
                clocks::shown(&(Arc::new(of_seconds(values, ansi)?) as ArrayRef), zone)
            }
            _ if self.is_since() => {
                let instants = multiplied(values, self.micros)?;
                clocks::shown(&(Arc::new(instants) as ArrayRef), zone)
            }
            _ => self.counted(values, zone),
        }
    }

    fn counted(&self, instants: &ArrayRef, zone: &str) -> Result<ArrayRef> {
        let micros = match instants.data_type() {
            DataType::Timestamp(_, Some(_)) => clocks::instants(instants, "+00:00")?,
            _ => clocks::instants(instants, zone)?,
        };
        if self.name == FRACTION {
            let seconds: Float64Array = micros.unary(|micros| micros as f64 / MICROS as f64);
            return Ok(Arc::new(seconds));
        }
        let counted: Int64Array = micros.unary(|micros| micros.div_euclid(self.micros));
        Ok(Arc::new(counted))
    }
}

/// Instants of so many units of some microseconds.
fn multiplied(counts: &ArrayRef, micros: i64) -> Result<TimestampMicrosecondArray> {
    let counts = cast(counts, &DataType::Int64)?;
    let each = counts.as_primitive::<Int64Type>();
    each.try_unary(|count| match count.checked_mul(micros) {
        Some(micros) => Ok(micros),
        None => exec_err!("{count} is beyond the calendar"),
    })
}

/// Instants of so many seconds.
fn of_seconds(seconds: &ArrayRef, ansi: bool) -> Result<TimestampMicrosecondArray> {
    if seconds.data_type().is_integer() {
        return multiplied(seconds, MICROS);
    }
    if is_decimal(seconds.data_type()) {
        return of_decimals(seconds, ansi);
    }
    let seconds = cast(seconds, &DataType::Float64)?;
    let seconds = seconds.as_primitive::<Float64Type>();
    let micros = seconds.iter().map(|seconds| match seconds {
        Some(seconds) if !seconds.is_finite() => match ansi {
            true => exec_err!("{seconds} is no count of seconds: try_cast makes NULL of it"),
            false => Ok(None),
        },
        seconds => Ok(seconds.map(|seconds| (seconds * MICROS as f64) as i64)),
    });
    micros.collect()
}

/// Cut towards 1970. By way of DOUBLE, digits would be lost.
fn of_decimals(seconds: &ArrayRef, ansi: bool) -> Result<TimestampMicrosecondArray> {
    let DataType::Decimal128(_, scale) = seconds.data_type() else {
        return exec_err!("{} is no count of seconds", seconds.data_type());
    };
    let power = |digits: i32| u32::try_from(digits).ok().and_then(|it| 10_i128.checked_pow(it));
    let digits = i32::from(*scale) - 6;
    let micros = |seconds: i128| match digits < 0 {
        true => seconds.checked_mul(power(-digits)?),
        false => Some(seconds / power(digits)?),
    };
    let decimals = seconds.as_primitive::<Decimal128Type>();
    let each = decimals.iter().enumerate().map(|(row, seconds)| {
        let Some(seconds) = seconds else { return Ok(None) };
        match micros(seconds).and_then(|micros| i64::try_from(micros).ok()) {
            None if ansi => exec_err!(
                "{} seconds are beyond the calendar: try_cast makes NULL of them",
                decimals.value_as_string(row)
            ),
            micros => Ok(micros),
        }
    });
    each.collect()
}

fn has_fraction(of: &DataType) -> bool {
    of.is_floating() || of.is_decimal()
}

/// What is no instant becomes a number without more, so that the optimizer sees the cast that was written.
#[derive(Debug)]
pub(super) struct NoInstants;

impl FunctionRewrite for NoInstants {
    fn name(&self) -> &str {
        "spark_numbers"
    }

    fn rewrite(
        &self,
        expr: Expr,
        schema: &DFSchema,
        _: &ConfigOptions,
    ) -> Result<Transformed<Expr>> {
        if let Expr::ScalarFunction(call) = &expr
            && let Some(of_cast) = call.func.inner().downcast_ref::<Since>()
            && of_cast.is_cast()
            && let [of] = call.args.as_slice()
        {
            let from = of.get_type(schema)?;
            let is_number = matches!(from, DataType::Date32 | DataType::Date64)
                && [NUMBER, FRACTION].contains(&of_cast.name);
            if !of_cast.concerns(&from) && !is_number {
                return Ok(Transformed::yes(of.clone()));
            }
        }
        Ok(Transformed::no(expr))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::Decimal128Array;

    use super::*;

    #[test]
    fn decimals_keep_their_digits() {
        for (seconds, scale, expected) in [
            (41_024_447_991_234_569, 7, Some(4_102_444_799_123_456)),
            (-10_000_019, 7, Some(-1_000_001)),
            (15, 1, Some(1_500_000)),
            (5, -1, Some(50_000_000)),
            (i128::from(i64::MAX), 0, None),
        ] {
            let decimals = Decimal128Array::from(vec![seconds]);
            let decimals = decimals.with_precision_and_scale(38, scale).unwrap();
            let made = of_seconds(&(Arc::new(decimals) as ArrayRef), false).unwrap();
            assert_eq!(made.iter().next(), Some(expected), "{seconds} {scale}");
        }
    }
}
