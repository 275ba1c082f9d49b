//! Functions that are of texts and of lists: `concat` and `reverse`.
//!
//! The engine has one for each. `concat` joins the texts of other values as Spark writes them.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_nested::concat::array_concat_udf;
use datafusion::functions_nested::reverse::array_reverse_udf;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::super::clocks;
use super::text::{is_plain, written};

/// Those that are called by name.
pub(super) const NAMES: [&str; 2] = ["concat", "reverse"];

pub(super) fn functions() -> [ScalarUDF; 2] {
    let concat = ByType::of(
        "spark:concat",
        datafusion_spark::function::string::concat(),
        array_concat_udf(),
    );
    let reverse =
        ByType::of("spark:reverse", datafusion::functions::unicode::reverse(), array_reverse_udf());
    [concat, reverse]
}

/// A function that is one of two.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ByType {
    name: &'static str,
    texts: Arc<ScalarUDF>,
    lists: Arc<ScalarUDF>,
    signature: Signature,
}

impl ByType {
    fn of(name: &'static str, texts: Arc<ScalarUDF>, lists: Arc<ScalarUDF>) -> ScalarUDF {
        let signature = Signature::user_defined(Volatility::Immutable);
        ScalarUDF::new_from_impl(Self { name, texts, lists, signature })
    }

    fn which(&self, types: &[DataType]) -> &Arc<ScalarUDF> {
        let is_list = |of: &DataType| {
            matches!(of, DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..))
        };
        if types.iter().any(is_list) { &self.lists } else { &self.texts }
    }

    /// Bytes are joined as they are, and turned round as the text that they are.
    fn is_of_bytes(&self, types: &[DataType]) -> bool {
        self.name == "spark:concat" && !types.is_empty() && types.iter().all(is_binary)
    }
}

fn is_binary(of: &DataType) -> bool {
    matches!(of, DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
}

impl ScalarUDFImpl for ByType {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let which = self.which(types);
        if Arc::ptr_eq(which, &self.lists) {
            return super::coerced(which, types);
        }
        if self.is_of_bytes(types) {
            return Ok(vec![DataType::Binary; types.len()]);
        }
        let text = |of: &DataType| if is_plain(of) { DataType::Utf8 } else { of.clone() };
        Ok(types.iter().map(text).collect())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let which = self.which(types);
        match Arc::ptr_eq(which, &self.lists) {
            true => which.return_type(types),
            false if self.is_of_bytes(types) => Ok(DataType::Binary),
            false => Ok(DataType::Utf8),
        }
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let types: Vec<_> = args.args.iter().map(ColumnarValue::data_type).collect();
        let which = self.which(&types);
        if Arc::ptr_eq(which, &self.texts) && !self.is_of_bytes(&types) {
            for (at, arg) in args.args.iter_mut().enumerate() {
                *arg = as_text(arg, clocks::of_session(&args.config_options))?;
                let field = args.arg_fields[at].as_ref().clone();
                args.arg_fields[at] = Arc::new(field.with_data_type(DataType::Utf8));
            }
        }
        which.inner().invoke_with_args(args)
    }
}

fn as_text(value: &ColumnarValue, zone: &str) -> Result<ColumnarValue> {
    Ok(match value {
        ColumnarValue::Array(values) => ColumnarValue::Array(written(values, zone)?),
        ColumnarValue::Scalar(value) => {
            let text = written(&value.to_array()?, zone)?;
            ColumnarValue::Scalar(ScalarValue::try_from_array(&text, 0)?)
        }
    })
}
