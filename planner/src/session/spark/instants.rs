//! Seconds and milliseconds since 1970 as Spark counts them, and numbers that instants become.
//!
//! Problem: `datafusion-spark` cuts towards 1970, so that half a second before it is 0 where Spark says -1; and the engine's
//! `CAST(instant AS BIGINT)` counts in the unit that the instant has, where Spark's counts seconds. Here: both are counted
//! down.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, AsArray, Float64Array, Int64Array, TimestampMicrosecondArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue, exec_err, plan_err};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::{FRACTION, INSTANT, NUMBER};

/// Those that are called by name.
pub(super) const NAMES: [&str; 2] = ["unix_seconds", "unix_millis"];

pub(super) fn functions() -> [ScalarUDF; 5] {
    [
        (INSTANT, MICROS),
        (NUMBER, MICROS),
        (FRACTION, MICROS),
        ("spark:unix_seconds", MICROS),
        ("spark:unix_millis", 1_000),
    ]
    .map(|(name, micros)| {
        let signature = Signature::user_defined(Volatility::Immutable);
        ScalarUDF::new_from_impl(Since { name, micros, signature })
    })
}

/// Microseconds of a second.
const MICROS: i64 = 1_000_000;

/// How many times so many microseconds have passed.
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

    /// Of what becomes a number all types are taken: what is no instant is itself ([`NoInstants`]).
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [of] if self.name == INSTANT => {
                Ok(vec![if has_fraction(of) { DataType::Float64 } else { of.clone() }])
            }
            [DataType::Timestamp(_, zone)] => {
                Ok(vec![DataType::Timestamp(TimeUnit::Microsecond, zone.clone())])
            }
            [DataType::Date32 | DataType::Date64] if self.is_cast() => {
                plan_err!("a date is no number in Spark's dialect: use unix_date(x), or datediff")
            }
            [of] if self.is_cast() => Ok(vec![of.clone()]),
            [_] => Ok(vec![DataType::Timestamp(TimeUnit::Microsecond, None)]),
            _ => plan_err!("{} takes one value", self.name),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(match types {
            [of] if self.name == INSTANT => match has_fraction(of) {
                true => DataType::Timestamp(TimeUnit::Microsecond, None),
                false => of.clone(),
            },
            [DataType::Timestamp(..)] if self.name == FRACTION => DataType::Float64,
            [DataType::Timestamp(..)] => DataType::Int64,
            [of] if self.is_cast() => of.clone(),
            _ => DataType::Int64,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [of] = args.args.as_slice() else { return exec_err!("{} takes one value", self.name) };
        let is_concerned = match self.name {
            INSTANT => has_fraction(&of.data_type()),
            _ => matches!(of.data_type(), DataType::Timestamp(..)),
        };
        if !is_concerned {
            return Ok(of.clone());
        }
        match of {
            ColumnarValue::Array(instants) => Ok(ColumnarValue::Array(self.counted(instants)?)),
            ColumnarValue::Scalar(instant) => {
                let counted = self.counted(&instant.to_array()?)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&counted, 0)?))
            }
        }
    }
}

impl Since {
    fn is_cast(&self) -> bool {
        [NUMBER, FRACTION].contains(&self.name)
    }

    fn counted(&self, instants: &ArrayRef) -> Result<ArrayRef> {
        if self.name == INSTANT {
            let seconds = cast(instants, &DataType::Float64)?;
            let seconds = seconds.as_primitive::<Float64Type>();
            let instants: TimestampMicrosecondArray =
                seconds.unary(|seconds| (seconds * MICROS as f64) as i64);
            return Ok(Arc::new(instants));
        }
        let instants = cast(instants, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
        let instants = instants.as_primitive::<TimestampMicrosecondType>();
        if self.name == FRACTION {
            let seconds: Float64Array = instants.unary(|micros| micros as f64 / MICROS as f64);
            return Ok(Arc::new(seconds));
        }
        let counted: Int64Array = instants.unary(|micros| micros.div_euclid(self.micros));
        Ok(Arc::new(counted))
    }
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
            && [NUMBER, FRACTION, INSTANT].contains(&call.func.name())
            && let [of] = call.args.as_slice()
            && !(call.func.name() == INSTANT && has_fraction(&of.get_type(schema)?))
            && !matches!(
                of.get_type(schema)?,
                DataType::Timestamp(..) | DataType::Date32 | DataType::Date64
            )
        {
            return Ok(Transformed::yes(of.clone()));
        }
        Ok(Transformed::no(expr))
    }
}
