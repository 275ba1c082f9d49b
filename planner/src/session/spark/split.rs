//! `split(text, pattern [, most])`: the parts of a text between the matches of a regular expression.
//!
//! The engine's `string_to_array` takes a text for a text. As Java's `String.split` with Spark's limit: empty parts stay, also
//! at the end; with `most` parts the last one is all that remains. Patterns are those of the crate `regex`, which has no
//! look-around: one that has is an error.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListBuilder, StringBuilder};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Int64Type};
use datafusion::common::{DataFusionError, Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use regex::Regex;

pub(super) const NAMES: [&str; 1] = ["split"];

pub(super) fn functions() -> [ScalarUDF; 1] {
    [ScalarUDF::new_from_impl(Split(Signature::user_defined(Volatility::Immutable)))]
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Split(Signature);

impl ScalarUDFImpl for Split {
    fn name(&self) -> &str {
        "spark:split"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types.len() {
            2 => Ok(vec![DataType::Utf8; 2]),
            3 => Ok(vec![DataType::Utf8, DataType::Utf8, DataType::Int64]),
            _ => plan_err!("split takes a text, a pattern, and how many parts there may be"),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let all_one = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let (texts, patterns, most) = match arrays.as_slice() {
            [texts, patterns] => (texts, patterns, None),
            [texts, patterns, most] => (texts, patterns, Some(cast(most, &DataType::Int64)?)),
            _ => return exec_err!("split takes a text and a pattern"),
        };
        let parts = split(texts, patterns, most.as_ref())?;
        match all_one {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&parts, 0)?)),
            false => Ok(ColumnarValue::Array(parts)),
        }
    }
}

fn split(texts: &ArrayRef, patterns: &ArrayRef, most: Option<&ArrayRef>) -> Result<ArrayRef> {
    let (texts, patterns) = (texts.as_string::<i32>(), patterns.as_string::<i32>());
    let most = most.map(|most| most.as_primitive::<Int64Type>());
    let mut lists = ListBuilder::new(StringBuilder::new());
    let mut known: Option<(&str, Regex)> = None;
    for row in 0..texts.len() {
        let most = most.map_or(Some(-1), |most| most.is_valid(row).then(|| most.value(row)));
        let (true, true, Some(most)) = (texts.is_valid(row), patterns.is_valid(row), most) else {
            lists.append_null();
            continue;
        };
        let pattern = patterns.value(row);
        if known.as_ref().is_none_or(|(last, _)| *last != pattern) {
            known = Some((pattern, compiled(pattern)?));
        }
        let Some((_, regex)) = &known else { continue };
        each_part(regex, texts.value(row), most, |part| lists.values().append_value(part));
        lists.append(true);
    }
    Ok(Arc::new(lists.finish()))
}

fn compiled(pattern: &str) -> Result<Regex> {
    Regex::new(pattern).map_err(|error| {
        DataFusionError::Execution(format!("'{pattern}' is no pattern of split: {error}"))
    })
}

/// As in Java: a match of nothing at the beginning makes no part, nor does one at the end.
fn each_part(regex: &Regex, text: &str, most: i64, mut part: impl FnMut(&str)) {
    let (mut from, mut parts) = (0, 1);
    for found in regex.find_iter(text) {
        if most > 0 && parts == most {
            break;
        }
        if found.end() == 0 || (found.is_empty() && found.start() == text.len()) {
            continue;
        }
        part(&text[from..found.start()]);
        from = found.end();
        parts += 1;
    }
    part(&text[from..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_javas() {
        for (text, pattern, most, expected) in [
            ("oneAtwoBthreeC", "[ABC]", -1, vec!["one", "two", "three", ""]),
            ("oneAtwoBthreeC", "[ABC]", 2, vec!["one", "twoBthreeC"]),
            ("a,b,,", ",", 0, vec!["a", "b", "", ""]),
            ("abc", "", -1, vec!["a", "b", "c"]),
            ("", ",", -1, vec![""]),
            (",a", ",", -1, vec!["", "a"]),
        ] {
            let mut parts = Vec::new();
            each_part(&compiled(pattern).unwrap(), text, most, |part| parts.push(part.to_owned()));
            assert_eq!(parts, expected, "{text} {pattern}");
        }
    }
}
