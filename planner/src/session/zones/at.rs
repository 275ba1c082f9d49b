//! The instant at which clocks of a zone show a time.
//!
//! Problem: clocks that are put forward go by an hour without showing it, and show another twice; a cast of DataFusion 55 ends
//! the query for one row with such a time. Official way: none. Here, as in Java: what is never shown is counted as if
//! they had not been put forward, and of two instants it is the first.

use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility, lit,
};

use super::super::clocks;

const NAME: &str = "instant_at";

/// The call: the instant, with this zone, at which its clocks show a time without a zone, of microseconds at most.
pub(super) fn instant_at(wall: Expr, zone: &str) -> Expr {
    function().call(vec![wall, lit(zone)])
}

pub(super) fn function() -> ScalarUDF {
    ScalarUDF::new_from_impl(InstantAt(Signature::any(2, Volatility::Immutable)))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct InstantAt(Signature);

impl ScalarUDFImpl for InstantAt {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        internal_err!("{NAME} has the zone that it is called with")
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let zone = args.scalar_arguments.get(1).copied().flatten().and_then(|of| of.try_as_str());
        let Some(Some(zone)) = zone else { return internal_err!("{NAME} without a zone") };
        let of = DataType::Timestamp(TimeUnit::Microsecond, Some(zone.into()));
        Ok(Arc::new(Field::new(NAME, of, args.arg_fields[0].is_nullable())))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let ColumnarValue::Scalar(zone) = &args.args[1] else {
            return internal_err!("{NAME} of many zones");
        };
        let Some(Some(zone)) = zone.try_as_str() else {
            return internal_err!("{NAME} without a zone");
        };
        let wall = &args.args[0];
        let is_scalar = matches!(wall, ColumnarValue::Scalar(_));
        let wall = wall.to_array(if is_scalar { 1 } else { args.number_rows })?;
        let at: ArrayRef = Arc::new(clocks::instants(&wall, zone)?.with_timezone("UTC"));
        let at = cast(&at, args.return_field.data_type())?;
        Ok(match is_scalar {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&at, 0)?),
            false => ColumnarValue::Array(at),
        })
    }
}
