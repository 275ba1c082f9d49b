//! `regexp_substr` and `regexp_extract_all`, whose patterns are those of the crate `regex`, as `split`'s are.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListBuilder, StringArray, StringBuilder};
use datafusion::arrow::datatypes::{DataType, Field, Int32Type};
use datafusion::common::{DataFusionError, Result, exec_err, plan_err};
use datafusion::logical_expr::ScalarUDF;
use regex::Regex;

use super::plain::function;

/// Those that are called by name.
pub(super) const NAMES: [&str; 2] = ["regexp_substr", "regexp_extract_all"];

pub(super) fn functions() -> [ScalarUDF; 2] {
    [
        function(
            "spark:regexp_substr",
            of_two,
            |_| DataType::Utf8,
            |args, _| first(&args[0], &args[1]),
        ),
        function(
            "spark:regexp_extract_all",
            of_three,
            |_| DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))),
            |args, _| all(args),
        ),
    ]
}

fn of_two(types: &[DataType]) -> Result<Vec<DataType>> {
    match types.len() {
        2 => Ok(vec![DataType::Utf8; 2]),
        _ => plan_err!("regexp_substr takes a text and a pattern"),
    }
}

fn of_three(types: &[DataType]) -> Result<Vec<DataType>> {
    match types.len() {
        2 => Ok(vec![DataType::Utf8; 2]),
        3 => Ok(vec![DataType::Utf8, DataType::Utf8, DataType::Int32]),
        _ => plan_err!("regexp_extract_all takes a text, a pattern, and which of its groups"),
    }
}

/// The last pattern, which is that of all rows as a rule.
#[derive(Default)]
struct Known(Option<(String, Regex)>);

impl Known {
    fn regex(&mut self, pattern: &str) -> Result<&Regex> {
        if self.0.as_ref().is_none_or(|(last, _)| last != pattern) {
            let regex = Regex::new(pattern).map_err(|error| {
                DataFusionError::Execution(format!("'{pattern}' is no pattern: {error}"))
            })?;
            self.0 = Some((pattern.to_owned(), regex));
        }
        match &self.0 {
            Some((_, regex)) => Ok(regex),
            None => exec_err!("there is no pattern"),
        }
    }
}

fn first(texts: &ArrayRef, patterns: &ArrayRef) -> Result<ArrayRef> {
    let mut known = Known::default();
    let each = texts.as_string::<i32>().iter().zip(patterns.as_string::<i32>());
    let found = each.map(|(text, pattern)| match (text, pattern) {
        (Some(text), Some(pattern)) => {
            let found = known.regex(pattern)?.find(text);
            Ok(found.map(|found| found.as_str().to_owned()))
        }
        _ => Ok(None),
    });
    Ok(Arc::new(found.collect::<Result<StringArray>>()?))
}

fn all(args: &[ArrayRef]) -> Result<ArrayRef> {
    let (texts, patterns) = (args[0].as_string::<i32>(), args[1].as_string::<i32>());
    let groups = args.get(2).map(|groups| groups.as_primitive::<Int32Type>());
    let (mut known, mut lists) = (Known::default(), ListBuilder::new(StringBuilder::new()));
    for row in 0..texts.len() {
        let group =
            groups.map_or(Some(1), |groups| groups.is_valid(row).then(|| groups.value(row)));
        let (true, true, Some(group)) = (texts.is_valid(row), patterns.is_valid(row), group) else {
            lists.append_null();
            continue;
        };
        let regex = known.regex(patterns.value(row))?;
        let group = match usize::try_from(group) {
            Ok(group) if group < regex.captures_len() => group,
            _ => {
                return exec_err!(
                    "the pattern has {} groups, and no group {group}",
                    regex.captures_len() - 1
                );
            }
        };
        for found in regex.captures_iter(texts.value(row)) {
            lists.values().append_value(found.get(group).map_or("", |found| found.as_str()));
        }
        lists.append(true);
    }
    Ok(Arc::new(lists.finish()))
}
