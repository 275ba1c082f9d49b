//! Texts of JSON: `get_json_object`, `json_array_length`, `json_object_keys` and `to_json`.
//!
//! The engine has none of them. Paths are those of Spark's `JsonPathParser` (`$.a['b'][0][*]`), and what a path with `[*]` gives is
//! what its `GetJsonObjectEvaluator` gives, which is Hive's.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, ListBuilder, StringArray, StringBuilder,
};
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::ScalarUDF;

use super::plain::function;

mod path;
mod read;
mod write;

use path::{found, steps};
use read::{Json, read};

/// Those that are called by name.
pub(super) const NAMES: [&str; 4] =
    ["get_json_object", "json_array_length", "json_object_keys", "to_json"];

pub(super) fn functions() -> [ScalarUDF; 4] {
    let texts = |_: &[DataType]| DataType::Utf8;
    [
        function(
            "spark:get_json_object",
            |types| texts_of(types, 2),
            texts,
            |args, _| object(&args[0], &args[1]),
        ),
        function(
            "spark:json_array_length",
            |types| texts_of(types, 1),
            |_| DataType::Int32,
            |args, _| Ok(lengths(&args[0])),
        ),
        function(
            "spark:json_object_keys",
            |types| texts_of(types, 1),
            |_| DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))),
            |args, _| Ok(keys(&args[0])),
        ),
        function("spark:to_json", nested, texts, |args, config| write::written(&args[0], config)),
    ]
}

fn texts_of(types: &[DataType], count: usize) -> Result<Vec<DataType>> {
    let is_text = |of: &DataType| of.is_string() || of.is_null();
    match types.len() == count && types.iter().all(is_text) {
        true => Ok(vec![DataType::Utf8; count]),
        false => plan_err!("a function of JSON takes {count} texts"),
    }
}

fn nested(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [of @ (DataType::Struct(_) | DataType::Map(..) | DataType::List(_))] => {
            Ok(vec![of.clone()])
        }
        _ => plan_err!(
            "to_json takes a struct, a map or an array, and no options: CAST what has another form first"
        ),
    }
}

fn object(texts: &ArrayRef, paths: &ArrayRef) -> Result<ArrayRef> {
    let (texts, paths) = (texts.as_string::<i32>(), paths.as_string::<i32>());
    let mut known: Option<(&str, Option<Vec<path::Step>>)> = None;
    let mut answers = StringBuilder::new();
    for (text, path) in texts.iter().zip(paths) {
        let (Some(text), Some(path)) = (text, path) else {
            answers.append_null();
            continue;
        };
        if known.as_ref().is_none_or(|(last, _)| *last != path) {
            known = Some((path, steps(path)));
        }
        let steps = known.as_ref().and_then(|(_, steps)| steps.as_ref());
        let answer = steps.and_then(|steps| found(&read(text)?, steps));
        answers.append_option(answer);
    }
    Ok(Arc::new(answers.finish()))
}

fn lengths(texts: &ArrayRef) -> ArrayRef {
    let lengths = texts.as_string::<i32>().iter().map(|text| match read(text?)? {
        Json::List(items) => i32::try_from(items.len()).ok(),
        _ => None,
    });
    Arc::new(lengths.collect::<Int32Array>())
}

fn keys(texts: &ArrayRef) -> ArrayRef {
    let mut keys = ListBuilder::new(StringBuilder::new());
    let texts: &StringArray = texts.as_string::<i32>();
    for row in 0..texts.len() {
        let read = texts.is_valid(row).then(|| read(texts.value(row))).flatten();
        match read {
            Some(Json::Object(fields)) => {
                fields.iter().for_each(|(name, _)| keys.values().append_value(name));
                keys.append(true);
            }
            _ => keys.append_null(),
        }
    }
    Arc::new(keys.finish())
}
