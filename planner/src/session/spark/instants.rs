//! Seconds and milliseconds since 1970 as Spark counts them, and numbers that instants become.
//!
//! Problem: `datafusion-spark` cuts towards 1970, so that half a second before it is 0 where Spark says -1; and the engine's
//! `CAST(instant AS BIGINT)` counts in the unit that the instant has, where Spark's counts seconds. Here: both are counted
//! down.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue, exec_err, plan_err};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::NUMBER;

/// Those that are called by name.
pub(super) const NAMES: [&str; 2] = ["unix_seconds", "unix_millis"];

pub(super) fn functions() -> [ScalarUDF; 3] {
    [(NUMBER, 1_000_000), ("spark:unix_seconds", 1_000_000), ("spark:unix_millis", 1_000)].map(
        |(name, micros)| {
            let signature = Signature::user_defined(Volatility::Immutable);
            ScalarUDF::new_from_impl(Since { name, micros, signature })
        },
    )
}

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
            [DataType::Timestamp(_, zone)] => {
                Ok(vec![DataType::Timestamp(TimeUnit::Microsecond, zone.clone())])
            }
            [DataType::Date32 | DataType::Date64] if self.name == NUMBER => {
                plan_err!("a date is no number in Spark's dialect: use unix_date(x), or datediff")
            }
            [of] if self.name == NUMBER => Ok(vec![of.clone()]),
            [_] => Ok(vec![DataType::Timestamp(TimeUnit::Microsecond, None)]),
            _ => plan_err!("{} takes one value", self.name),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(match types {
            [DataType::Timestamp(..)] => DataType::Int64,
            [of] if self.name == NUMBER => of.clone(),
            _ => DataType::Int64,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [of] = args.args.as_slice() else { return exec_err!("{} takes one value", self.name) };
        if !matches!(of.data_type(), DataType::Timestamp(..)) {
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
    fn counted(&self, instants: &ArrayRef) -> Result<ArrayRef> {
        let instants = cast(instants, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
        let instants = instants.as_primitive::<TimestampMicrosecondType>();
        let counted: Int64Array = instants.unary(|micros| micros.div_euclid(self.micros));
        Ok(Arc::new(counted))
    }
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
            && call.func.name() == NUMBER
            && let [of] = call.args.as_slice()
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
