//! Functions that are told by what they take, what they give and how.

use std::hash::{Hash, Hasher};

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::session::meeting::common;

/// What values of some types become.
pub(super) type Takes = fn(&[DataType]) -> Result<Vec<DataType>>;
/// The type of what is made of values of some types.
pub(super) type Gives = fn(&[DataType]) -> DataType;
/// What is made of each row.
pub(super) type Work = fn(&[ArrayRef], &ConfigOptions) -> Result<ArrayRef>;

/// A function.
pub(super) fn function(name: &'static str, takes: Takes, gives: Gives, work: Work) -> ScalarUDF {
    let signature = Signature::user_defined(Volatility::Immutable);
    ScalarUDF::new_from_impl(Plain { name, takes, gives, work, signature })
}

/// The type in which two values meet, if they meet in one.
pub(super) fn met([left, right]: [&DataType; 2]) -> Option<DataType> {
    match left == right {
        true => Some(left.clone()),
        false => common([left, right].into_iter()),
    }
}

#[derive(Debug)]
struct Plain {
    name: &'static str,
    takes: Takes,
    gives: Gives,
    work: Work,
    signature: Signature,
}

/// One name is one function.
impl PartialEq for Plain {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Plain {}

impl Hash for Plain {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Plain {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        (self.takes)(types)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok((self.gives)(types))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let all_one = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if all_one { 1 } else { args.number_rows };
        let arrays = args.args.iter().map(|arg| arg.to_array(rows)).collect::<Result<Vec<_>>>()?;
        let made = (self.work)(&arrays, &args.config_options)?;
        match all_one {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&made, 0)?)),
            false => Ok(ColumnarValue::Array(made)),
        }
    }
}
