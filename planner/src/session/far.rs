//! Days and instants that nanoseconds do not reach: 9999-12-31 stands for "until further notice" in many a table.
//!
//! Problem: DataFusion 55 counts nanoseconds wherever it can, which end in 2262. `now()` has them, and what is compared with
//! it, or stands beside it in `coalesce`, becomes as fine or ends the query; `date_trunc` counts in them, and makes days to
//! instants of them. Official way: none. Here: `now()` has microseconds, as in PostgreSQL, DuckDB and Spark, and `date_trunc`
//! counts what is far away 400 years nearer: so long is a turn of the calendar, of whole weeks.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::config::ConfigOptions;
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

mod series;
mod trunc;

/// Has a session reach them.
pub(super) fn far(state: &mut SessionState) -> Result<()> {
    let zone = state.config().options().execution.time_zone.clone();
    state.register_udf(Arc::new(ScalarUDF::new_from_impl(Now::at(zone.as_deref()))))?;
    if let Some(trunc) = state.scalar_functions().get("date_trunc").and_then(trunc::Trunc::over) {
        state.register_udf(Arc::new(ScalarUDF::new_from_impl(trunc)))?;
    }
    series::of_any_unit(state);
    Ok(())
}

/// `now()`, `current_timestamp`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Now {
    zone: Option<Arc<str>>,
    aliases: Vec<String>,
    signature: Signature,
}

impl Now {
    fn at(zone: Option<&str>) -> Self {
        Self {
            zone: zone.map(Arc::from),
            aliases: vec!["current_timestamp".to_owned()],
            signature: Signature::nullary(Volatility::Stable),
        }
    }
}

impl ScalarUDFImpl for Now {
    fn name(&self) -> &str {
        "now"
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn with_updated_config(&self, config: &ConfigOptions) -> Option<ScalarUDF> {
        Some(ScalarUDF::new_from_impl(Self::at(config.execution.time_zone.as_deref())))
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Timestamp(TimeUnit::Microsecond, self.zone.clone()))
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(self.name(), self.return_type(&[])?, false)))
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("now() is known before a query runs")
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let Some(now) = info.query_execution_start_time() else {
            return Ok(ExprSimplifyResult::Original(args));
        };
        let now =
            ScalarValue::TimestampMicrosecond(Some(now.timestamp_micros()), self.zone.clone());
        Ok(ExprSimplifyResult::Simplified(Expr::Literal(now, None)))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;
    use datafusion::prelude::SessionContext;

    use super::*;

    async fn value(sql: &str) -> String {
        let mut state = SessionContext::new().state();
        far(&mut state).unwrap();
        let found = SessionContext::new_with_state(state).sql(sql).await.unwrap().collect().await;
        let found = found.unwrap_or_else(|error| panic!("{sql}: {error}"));
        array_value_to_string(found[0].column(0), 0).unwrap()
    }

    const FAR: &str = "(SELECT arrow_cast(253402214400123456, 'Timestamp(Microsecond, None)') AS t, \
         arrow_cast(253402214400123456, 'Timestamp(Microsecond, Some(\"Europe/Berlin\"))') AS z, \
         DATE '9999-12-31' AS d, DATE '0001-05-17' AS e) AS x";

    #[tokio::test]
    async fn what_is_far_is_cut_by_the_calendar() {
        for (asked, expected) in [
            ("date_trunc('month', t)", "9999-12-01T00:00:00"),
            ("date_trunc('quarter', t)", "9999-10-01T00:00:00"),
            ("date_trunc('year', t)", "9999-01-01T00:00:00"),
            ("date_trunc('week', t)", "9999-12-27T00:00:00"),
            ("date_trunc('second', t)", "9999-12-31T00:00:00"),
            ("date_trunc('month', z)", "9999-12-01T00:00:00+01:00"),
            (
                "date_trunc('hour', arrow_cast('2290-01-15T12:34:00Z', 'Timestamp(Microsecond, Some(\"Europe/Berlin\"))'))",
                "2290-01-15T13:00:00+01:00",
            ),
            ("date_trunc('month', '9999-12-31')", "9999-12-01T00:00:00"),
            (
                "date_trunc('month', arrow_cast('2024-02-29', 'Dictionary(Int32, Utf8)'))",
                "2024-02-01T00:00:00",
            ),
            ("date_trunc('month', d)", "9999-12-01T00:00:00"),
            ("date_trunc('week', e)", "0001-05-14T00:00:00"),
            ("date_trunc('month', '2024-02-29')", "2024-02-01T00:00:00"),
            ("date_trunc('hour', TIME '10:30:00')", "10:00:00"),
            ("date_trunc('month', NULL) IS NULL", "true"),
        ] {
            assert_eq!(value(&format!("SELECT {asked} FROM {FAR}")).await, expected, "{asked}");
        }
    }

    #[tokio::test]
    async fn a_series_is_of_instants_of_any_unit() {
        for args in [
            "now(), now() + INTERVAL '2 days', INTERVAL '1 day'",
            "date_trunc('month', DATE '2024-01-15'), DATE '2024-01-03', INTERVAL '1 day'",
            "DATE '2024-01-01', DATE '2024-01-03', INTERVAL '1 day'",
            "1, 3",
        ] {
            let counted = value(&format!("SELECT count(*) FROM generate_series({args})")).await;
            assert_eq!(counted, "3", "{args}");
        }
    }

    #[tokio::test]
    async fn what_is_far_stands_beside_now() {
        for asked in [
            "t > now()",
            "z > now()",
            "coalesce(t, now()) = t",
            "greatest(z, now()) = z",
            "t NOT IN (now(), t + INTERVAL '1 day')",
        ] {
            assert_eq!(value(&format!("SELECT {asked} FROM {FAR}")).await, "true", "{asked}");
        }
    }
}
