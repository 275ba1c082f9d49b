//! Functions of ours whose values are of the very type that they are given.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, make_array};
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::nan::one_nan_in;
use super::nested::one_number_in;

/// What is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in super::super) enum Same {
    /// The same, which no rule of the engine looks into.
    Kept,
    /// The same numbers, with one NaN.
    OneNan,
    /// The same lists (structs, maps) with one NaN and one zero in them.
    OneNumber,
}

impl Same {
    pub(super) const ALL: [Self; 3] = [Self::Kept, Self::OneNan, Self::OneNumber];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::OneNan => "one_nan",
            Self::OneNumber => "one_number",
        }
    }

    pub(super) fn function(self) -> ScalarUDF {
        ScalarUDF::new_from_impl(Function {
            same: self,
            signature: Signature::any(1, Volatility::Immutable),
        })
    }

    /// The expression, given back so.
    pub(super) fn call(self, expr: Expr) -> Expr {
        self.function().call(vec![expr])
    }

    /// What an expression is that, if it is.
    pub(super) fn called(self, expr: &Expr) -> Option<&Expr> {
        match expr {
            Expr::ScalarFunction(call) if call.func.name() == self.name() => call.args.first(),
            _ => None,
        }
    }

    fn of(self, column: ArrayRef) -> Result<ArrayRef> {
        match self {
            Self::Kept => Ok(column),
            Self::OneNan => Ok(one_nan_in(column)),
            Self::OneNumber => Ok(make_array(one_number_in(column.to_data())?)),
        }
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Function {
    same: Same,
    signature: Signature,
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.same.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    /// A column of a table keeps its name.
    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let names: String = args.iter().map(|arg| arg.schema_name().to_string()).collect();
        Ok(match self.same {
            Same::OneNan => names,
            other => format!("{}({names})", other.name()),
        })
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [one] => Ok(one.clone()),
            _ => internal_err!("{} of {} columns", self.name(), types.len()),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        match args.arg_fields {
            [one] => Ok(Arc::clone(one)),
            _ => internal_err!("{} of {} columns", self.name(), args.arg_fields.len()),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.as_slice() {
            [ColumnarValue::Array(column)] => {
                Ok(ColumnarValue::Array(self.same.of(Arc::clone(column))?))
            }
            [ColumnarValue::Scalar(value)] => {
                let column = self.same.of(value.to_array()?)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&column, 0)?))
            }
            other => internal_err!("{} of {} columns", self.name(), other.len()),
        }
    }
}
