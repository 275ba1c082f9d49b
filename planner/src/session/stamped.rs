//! `to_timestamp` of a column by a pattern.
//!
//! Problem: DataFusion 55 promises an instant with the session's zone, and of a column and a pattern gives one without: every
//! such query ends in an internal error. Official way: none. Here: what its functions give has the type that they promise.
//! (The texts are read in that zone: no number changes.)

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, make_array};
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::config::ConfigOptions;
use datafusion::error::DataFusionError;
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature,
};

/// Those that have the session's zone.
pub(super) const FUNCTIONS: [&str; 5] = [
    "to_timestamp",
    "to_timestamp_seconds",
    "to_timestamp_millis",
    "to_timestamp_micros",
    "to_timestamp_nanos",
];

/// Has a session keep the promise.
pub(super) fn stamped(state: &mut SessionState) -> Result<()> {
    for name in FUNCTIONS {
        let engines = state.scalar_functions().get(name).cloned();
        if let Some(engines) = engines.filter(|of| !of.inner().is::<Stamped>()) {
            state.register_udf(Arc::new(ScalarUDF::new_from_impl(Stamped(engines))))?;
        }
    }
    Ok(())
}

/// A function over DataFusion's own.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Stamped(Arc<ScalarUDF>);

impl ScalarUDFImpl for Stamped {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn aliases(&self) -> &[String] {
        self.0.aliases()
    }

    fn signature(&self) -> &Signature {
        self.0.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.0.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.0.inner().return_field_from_args(args)
    }

    fn with_updated_config(&self, config: &ConfigOptions) -> Option<ScalarUDF> {
        let inner = self.0.inner().with_updated_config(config)?;
        Some(ScalarUDF::new_from_impl(Self(Arc::new(inner))))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let promised = args.return_field.data_type().clone();
        // Its own look at the type is left out: it is what fails.
        let given = self.0.inner().invoke_with_args(args)?;
        match (given, &promised) {
            (ColumnarValue::Array(given), DataType::Timestamp(unit, Some(_)))
                if *given.data_type() == DataType::Timestamp(*unit, None) =>
            {
                Ok(ColumnarValue::Array(with_type(&given, promised)?))
            }
            (given, _) => Ok(given),
        }
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.0.documentation()
    }
}

fn with_type(given: &ArrayRef, data_type: DataType) -> Result<ArrayRef> {
    let data = given.to_data().into_builder().data_type(data_type).build();
    data.map(make_array).map_err(DataFusionError::from)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;
    use datafusion::prelude::{SessionConfig, SessionContext};

    use super::*;

    #[tokio::test]
    async fn a_column_is_read_by_a_pattern_as_a_constant_is() {
        for zone in ["+00:00", "Europe/Berlin"] {
            let mut config = SessionConfig::new();
            config.options_mut().execution.time_zone = Some(zone.to_owned());
            let mut state = SessionContext::new_with_config(config).state();
            stamped(&mut state).unwrap();
            let context = SessionContext::new_with_state(state);
            let columns = FUNCTIONS.map(|name| {
                let by = |of: &str| format!("{name}({of}, '%d/%m/%Y %H:%M')");
                format!("{} = {}", by("x"), by("'02/07/2024 03:04'"))
            });
            let sql = format!(
                "SELECT {} FROM (VALUES ('02/07/2024 03:04')) AS t(x)",
                columns.join(" AND ")
            );
            let found = context.sql(&sql).await.unwrap().collect().await.unwrap();
            assert_eq!(array_value_to_string(found[0].column(0), 0).unwrap(), "true", "{zone}");
        }
    }
}
