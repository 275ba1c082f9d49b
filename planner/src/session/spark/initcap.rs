//! `initcap`: a large letter behind each space, and small ones elsewhere.
//!
//! The engine's begins a word behind whatever is no letter (`O'Neil`), Spark's behind spaces alone.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

pub(super) const NAMES: [&str; 1] = ["initcap"];

pub(super) fn functions() -> [ScalarUDF; 1] {
    let signature = Signature::uniform(1, vec![DataType::Utf8], Volatility::Immutable);
    [ScalarUDF::new_from_impl(Initcap(signature))]
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Initcap(Signature);

impl ScalarUDFImpl for Initcap {
    fn name(&self) -> &str {
        "spark:initcap"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.as_slice() {
            [ColumnarValue::Array(texts)] => Ok(ColumnarValue::Array(all(texts))),
            [ColumnarValue::Scalar(text)] => {
                let written = all(&text.to_array()?);
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&written, 0)?))
            }
            _ => exec_err!("initcap takes one text"),
        }
    }
}

fn all(texts: &ArrayRef) -> ArrayRef {
    let texts = texts.as_string::<i32>();
    Arc::new(texts.iter().map(|text| text.map(capitalized)).collect::<StringArray>())
}

fn capitalized(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut begins = true;
    for letter in text.chars() {
        match begins {
            true => written.extend(letter.to_uppercase()),
            false => written.extend(letter.to_lowercase()),
        }
        begins = letter == ' ';
    }
    written
}

#[cfg(test)]
mod tests {
    use super::capitalized;

    #[test]
    fn words_begin_behind_spaces() {
        assert_eq!(capitalized("sPark  sQL o'neil a-b"), "Spark  Sql O'neil A-b");
    }
}
