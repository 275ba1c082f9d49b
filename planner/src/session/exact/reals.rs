//! Numbers that become REAL, and fit there.
//!
//! Problem: a cast of DataFusion 55 makes infinity of a DOUBLE beyond REAL, and an INSERT stores it. Official way: none. Here: it is
//! an error, as of integers and decimals, as in PostgreSQL and DuckDB; in Spark's dialect infinity is the answer, as in Spark.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::{
    Cast, ColumnarValue, Expr, ExprSchemable, LogicalPlan, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;

use super::{beyond, rewritten_by_types};
use crate::options::{Dialect, dialect};

/// The rule that looks whether they do.
#[derive(Debug)]
pub(super) struct FittingReals;

impl AnalyzerRule for FittingReals {
    fn name(&self) -> &str {
        "fitting_reals"
    }

    fn analyze(&self, plan: LogicalPlan, config: &ConfigOptions) -> Result<LogicalPlan> {
        if dialect(config) == Dialect::Spark {
            return Ok(plan);
        }
        rewritten_by_types(plan, |expr, schema| Ok(looked_at(expr, schema)))
    }
}

fn looked_at(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    match expr {
        Expr::Cast(Cast { expr, field })
            if *field.data_type() == DataType::Float32 && is_double(&expr, schema) =>
        {
            let expr = Box::new(function().call(vec![*expr]));
            Transformed::yes(Expr::Cast(Cast { expr, field }))
        }
        other => Transformed::no(other),
    }
}

/// A plan may be analyzed again.
fn is_double(expr: &Expr, schema: &DFSchema) -> bool {
    let is_looked_at = matches!(expr, Expr::ScalarFunction(call) if call.func.name() == NAME);
    !is_looked_at && matches!(expr.get_type(schema), Ok(DataType::Float64))
}

const NAME: &str = "fitting_real";

/// The function that does.
pub(super) fn function() -> ScalarUDF {
    let signature = Signature::exact(vec![DataType::Float64], Volatility::Immutable);
    ScalarUDF::new_from_impl(FittingReal(signature))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct FittingReal(Signature);

impl ScalarUDFImpl for FittingReal {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let values = args.args[0].to_array(1)?;
        let is_beyond = |value: &f64| value.is_finite() && (*value as f32).is_infinite();
        match values.as_primitive::<Float64Type>().iter().flatten().find(is_beyond) {
            None => Ok(args.args[0].clone()),
            Some(value) => {
                Err(beyond(&format!("{value:e}"), "REAL", "CAST it to DOUBLE, or round it"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{error, values};

    #[tokio::test]
    async fn what_is_beyond_a_real_is_an_error() {
        for sql in [
            "SELECT CAST(1e39 AS REAL)",
            "SELECT CAST(x AS REAL) FROM (VALUES (1.0), (-1e39)) AS t(x)",
        ] {
            let refused = error(sql).await;
            assert!(refused.contains("beyond REAL"), "{sql}: {refused}");
        }
        for (sql, expected) in [
            ("SELECT CAST(3.4e38 AS REAL) > 1", "true"),
            ("SELECT CAST('inf' AS REAL) = CAST(CAST('inf' AS DOUBLE) AS REAL)", "true"),
            ("SELECT CAST(x AS REAL) FROM (VALUES (1.5)) AS t(x)", "1.5"),
            ("SELECT CAST(1e-60 AS REAL)", "0.0"),
        ] {
            assert_eq!(values(sql).await, [expected], "{sql}");
        }
    }
}
