//! A function that gives NULL for what it cannot do is an error there.
//!
//! Problem: `date_bin` of DataFusion 55 goes through nanoseconds, which end in 2262, and is NULL for the instants beyond:
//! rows of 9999-12-31 come together with those that have no instant. Official way: none. Here: NULL where there is
//! something to be found is an error.

use std::sync::Arc;

use datafusion::arrow::array::Array;
use datafusion::arrow::datatypes::{DataType, FieldRef, TimeUnit};
use datafusion::common::{DFSchema, Result, internal_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};

use super::beyond;

/// The call, held against what it is of; `None` for every other function.
pub(super) fn found(call: &ScalarFunction, schema: &DFSchema) -> Option<Expr> {
    let of = call.args.get(1).filter(|_| call.func.name() == "date_bin")?;
    match of.get_type(schema).ok()? {
        DataType::Timestamp(TimeUnit::Nanosecond, _) => None,
        _ => {
            let call = Expr::ScalarFunction(call.clone());
            Some(ScalarUDF::new_from_impl(Found::new()).call(vec![call, of.clone()]))
        }
    }
}

/// Gives the first of what it is given, which is NULL only where the second is.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Found(Signature);

impl Found {
    pub(super) fn new() -> Self {
        Self(Signature::any(2, Volatility::Immutable))
    }
}

impl ScalarUDFImpl for Found {
    fn name(&self) -> &str {
        "found"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [found, _] => Ok(found.clone()),
            _ => internal_err!("found of {} columns", types.len()),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        match args.arg_fields {
            [found, _] => Ok(Arc::clone(found)),
            _ => internal_err!("found of {} columns", args.arg_fields.len()),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [found, of] = args.args.as_slice() else {
            return internal_err!("found of {} columns", args.args.len());
        };
        let [found_in, of] = [found.to_array(args.number_rows)?, of.to_array(args.number_rows)?];
        let lost = (0..of.len()).any(|row| found_in.is_null(row) && !of.is_null(row));
        match lost {
            true => Err(beyond(
                "an instant of date_bin()",
                "what nanoseconds hold (1677 to 2262)",
                "leave such rows out, or use date_trunc()",
            )),
            false => Ok(found.clone()),
        }
    }
}
