//! Functions of texts that take other values, too, and `right`, `locate` and `concat_ws`.
//!
//! Problem: `upper(123)`, `substring(day, 1, 4)` and `day LIKE '2024%'` are of texts in Spark, and the engine refuses them or
//! writes a value in its own form. Here: a statement says [`WORDS`] where a text is taken, which is the text that Spark
//! makes of a value, and nothing at all where it is a text already.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int32Array, StringArray, StringBuilder};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int32Type};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue, exec_err, plan_err};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::super::clocks;
use super::WORDS;
use super::plain::function;
use super::text::written;

/// Those that are called by name.
pub(super) const NAMES: [&str; 1] = ["concat_ws"];

pub(super) fn functions() -> [ScalarUDF; 5] {
    [
        ScalarUDF::new_from_impl(Words(Signature::user_defined(Volatility::Immutable))),
        function(
            "spark:shown",
            |types| match types {
                [of] => Ok(vec![of.clone()]),
                _ => plan_err!("a text is that of one value"),
            },
            |_| DataType::Utf8,
            |args, config| shown(&args[0], clocks::of_session(config)),
        ),
        function("spark:right", of_right, |_| DataType::Utf8, |args, _| Ok(right(args))),
        function("spark:locate", of_locate, |_| DataType::Int32, |args, _| Ok(located(args))),
        function(
            "spark:concat_ws",
            of_joined,
            |_| DataType::Utf8,
            |args, config| joined(args, clocks::of_session(config)),
        ),
    ]
}

/// What is taken for a text as it is: bytes and lists among them, of which some functions are.
fn is_taken(of: &DataType) -> bool {
    of.is_string()
        || of.is_null()
        || of.is_nested()
        || matches!(
            of,
            DataType::Binary
                | DataType::LargeBinary
                | DataType::BinaryView
                | DataType::Dictionary(..)
                | DataType::Interval(_)
                | DataType::Duration(_)
        )
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Words(Signature);

impl ScalarUDFImpl for Words {
    fn name(&self) -> &str {
        WORDS
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [of] => Ok(vec![of.clone()]),
            _ => plan_err!("a text is that of one value"),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [of] if is_taken(of) => Ok(of.clone()),
            _ => Ok(DataType::Utf8),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [of] = args.args.as_slice() else { return exec_err!("a text is that of one value") };
        if is_taken(&of.data_type()) {
            return Ok(of.clone());
        }
        let zone = clocks::of_session(&args.config_options);
        match of {
            ColumnarValue::Array(values) => Ok(ColumnarValue::Array(written(values, zone)?)),
            ColumnarValue::Scalar(value) => {
                let text = written(&value.to_array()?, zone)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&text, 0)?))
            }
        }
    }

    /// What is shown of it is what it is of.
    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        Ok(args.iter().map(|arg| arg.schema_name().to_string()).collect::<Vec<_>>().join(","))
    }

    fn is_strict(&self) -> bool {
        true
    }
}

/// Takes the function away where there is a text already.
#[derive(Debug)]
pub(super) struct NoWords;

impl FunctionRewrite for NoWords {
    fn name(&self) -> &str {
        "spark_words"
    }

    fn rewrite(
        &self,
        expr: Expr,
        schema: &DFSchema,
        _: &ConfigOptions,
    ) -> Result<Transformed<Expr>> {
        if let Expr::ScalarFunction(call) = &expr
            && call.func.name() == WORDS
            && let [of] = call.args.as_slice()
            && is_taken(&of.get_type(schema)?)
        {
            return Ok(Transformed::yes(of.clone()));
        }
        Ok(Transformed::no(expr))
    }
}

/// What `%s` shows: of days and instants the numbers that they are counted by.
fn shown(of: &ArrayRef, zone: &str) -> Result<ArrayRef> {
    match of.data_type() {
        DataType::Date32 => written(&cast(of, &DataType::Int32)?, zone),
        DataType::Timestamp(_, None) => {
            let instants: ArrayRef = Arc::new(clocks::instants(of, zone)?);
            written(&cast(&instants, &DataType::Int64)?, zone)
        }
        _ => written(of, zone),
    }
}

fn of_right(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [_, most] if most.is_integer() || most.is_null() || most.is_string() => {
            Ok(vec![DataType::Utf8, DataType::Int32])
        }
        _ => plan_err!("right takes a text, and how many letters of it"),
    }
}

fn right(args: &[ArrayRef]) -> ArrayRef {
    let (texts, counts) = (args[0].as_string::<i32>(), args[1].as_primitive::<Int32Type>());
    let each = texts.iter().zip(counts).map(|(text, count)| {
        let (text, count) = (text?, usize::try_from(count?).unwrap_or(0));
        let Some(before) = count.checked_sub(1) else { return Some("") };
        Some(text.char_indices().nth_back(before).map_or(text, |(at, _)| &text[at..]))
    });
    Arc::new(each.collect::<StringArray>())
}

fn of_locate(types: &[DataType]) -> Result<Vec<DataType>> {
    match types.len() {
        2 => Ok(vec![DataType::Utf8; 2]),
        3 => Ok(vec![DataType::Utf8, DataType::Utf8, DataType::Int32]),
        _ => plan_err!("locate takes what is looked for, a text, and where to begin"),
    }
}

/// From a place on, counted from the beginning.
fn located(args: &[ArrayRef]) -> ArrayRef {
    let [what, within] = [0, 1].map(|at| args[at].as_string::<i32>());
    let from = args.get(2).map(|from| from.as_primitive::<Int32Type>());
    let places = (0..what.len()).map(|row| {
        // As in Spark: whatever it is, it is nowhere where nothing says where to begin.
        let Some(start) = from.map_or(Some(1), |from| from.is_valid(row).then(|| from.value(row)))
        else {
            return Some(0);
        };
        if what.is_null(row) || within.is_null(row) {
            return None;
        }
        let (what, within) = (what.value(row), within.value(row));
        let Some(skipped) = usize::try_from(start).ok().and_then(|start| start.checked_sub(1))
        else {
            return Some(0);
        };
        // Nothing is found at the beginning.
        if what.is_empty() {
            return Some(1);
        }
        let begin = within.char_indices().nth(skipped).map_or(within.len(), |(at, _)| at);
        let Some(found) = within[begin..].find(what) else { return Some(0) };
        i32::try_from(within[..begin + found].chars().count() + 1).ok()
    });
    Arc::new(places.collect::<Int32Array>())
}

fn of_joined(types: &[DataType]) -> Result<Vec<DataType>> {
    let of = |of: &DataType| match of {
        DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            DataType::List(Arc::clone(item))
        }
        other => other.clone(),
    };
    match types {
        [_, values @ ..] => {
            Ok(std::iter::once(DataType::Utf8).chain(values.iter().map(of)).collect())
        }
        [] => plan_err!("concat_ws takes what stands between the others"),
    }
}

/// Texts and the elements of lists, without NULLs.
fn joined(args: &[ArrayRef], zone: &str) -> Result<ArrayRef> {
    let between = args[0].as_string::<i32>();
    let texts = args[1..].iter().map(|of| match of.data_type() {
        DataType::List(_) => written(of.as_list::<i32>().values(), zone),
        _ => written(of, zone),
    });
    let texts = texts.collect::<Result<Vec<_>>>()?;
    let mut answers = StringBuilder::new();
    for row in 0..between.len() {
        if between.is_null(row) {
            answers.append_null();
            continue;
        }
        let mut parts = Vec::new();
        for (of, texts) in args[1..].iter().zip(&texts) {
            let texts = texts.as_string::<i32>();
            let places = match of.data_type() {
                DataType::List(_) if of.is_null(row) => 0..0,
                DataType::List(_) => {
                    let offsets = of.as_list::<i32>().value_offsets();
                    offsets[row] as usize..offsets[row + 1] as usize
                }
                _ => row..row + 1,
            };
            parts.extend(places.filter(|at| texts.is_valid(*at)).map(|at| texts.value(at)));
        }
        answers.append_value(parts.join(between.value(row)));
    }
    Ok(Arc::new(answers.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_letters() {
        for (what, within, from, expected) in [
            ("l", "hello", 1, Some(3)),
            ("l", "hello", 4, Some(4)),
            ("é", "aéé", 3, Some(3)),
            ("", "hello", 3, Some(1)),
            ("x", "hello", 1, Some(0)),
            ("h", "hello", 0, Some(0)),
            ("h", "hello", 9, Some(0)),
        ] {
            let args: [ArrayRef; 3] = [
                Arc::new(StringArray::from(vec![what])),
                Arc::new(StringArray::from(vec![within])),
                Arc::new(Int32Array::from(vec![from])),
            ];
            let found = located(&args);
            assert_eq!(found.as_primitive::<Int32Type>().iter().next(), Some(expected), "{what}");
        }
        let nothing: [ArrayRef; 3] = [
            Arc::new(StringArray::from(vec![None::<&str>])),
            Arc::new(StringArray::from(vec!["a"])),
            Arc::new(Int32Array::from(vec![None])),
        ];
        assert_eq!(located(&nothing).as_primitive::<Int32Type>().value(0), 0);
    }
}
