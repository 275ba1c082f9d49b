//! Functions of regular expressions: `regexp_replace`, `regexp_extract`, `regexp_substr`, `regexp_extract_all`, `rlike`.
//!
//! Patterns are those of the crate `regex`, with Java's meaning of their classes ([`java`]); it has no look-around, and a
//! pattern that has is an error.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, ListBuilder, StringArray, StringBuilder,
};
use datafusion::arrow::datatypes::{DataType, Field, Int32Type};
use datafusion::common::{DataFusionError, Result, exec_err, plan_err};
use datafusion::logical_expr::ScalarUDF;
use regex::{Captures, Regex};

use super::plain::function;

mod java;
mod replacement;

pub(crate) use java::of_java;
use replacement::Replacement;

/// Those that are called by name.
pub(super) const NAMES: [&str; 4] =
    ["regexp_substr", "regexp_extract", "regexp_extract_all", "regexp_replace"];

pub(super) fn functions() -> [ScalarUDF; 5] {
    let text = |_: &[DataType]| DataType::Utf8;
    [
        function(
            "spark:rlike",
            of_two,
            |_| DataType::Boolean,
            |args, _| matches(&args[0], &args[1]),
        ),
        function("spark:regexp_substr", of_two, text, |args, _| first(&args[0], &args[1])),
        function("spark:regexp_extract", of_three, text, |args, _| group(args)),
        function(
            "spark:regexp_extract_all",
            of_three,
            |_| DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))),
            |args, _| all(args),
        ),
        function("spark:regexp_replace", of_replacement, text, |args, _| replaced(args)),
    ]
}

fn of_two(types: &[DataType]) -> Result<Vec<DataType>> {
    match types.len() {
        2 => Ok(vec![DataType::Utf8; 2]),
        _ => plan_err!("regexp_substr and rlike take a text and a pattern"),
    }
}

fn of_three(types: &[DataType]) -> Result<Vec<DataType>> {
    match types.len() {
        2 => Ok(vec![DataType::Utf8; 2]),
        3 => Ok(vec![DataType::Utf8, DataType::Utf8, DataType::Int32]),
        _ => plan_err!(
            "regexp_extract and regexp_extract_all take a text, a pattern, and which of its groups"
        ),
    }
}

fn of_replacement(types: &[DataType]) -> Result<Vec<DataType>> {
    let mut taken = vec![DataType::Utf8; 3];
    match types.len() {
        3 => {}
        4 => taken.push(DataType::Int32),
        _ => {
            return plan_err!(
                "regexp_replace takes a text, a pattern, what is put in its place, and where to begin"
            );
        }
    }
    Ok(taken)
}

/// The last pattern, which is that of all rows as a rule.
#[derive(Default)]
pub(super) struct Known(Option<(String, Regex)>);

impl Known {
    /// A pattern that is compiled.
    ///
    /// # Errors
    /// For a text that is no pattern.
    pub(super) fn regex(&mut self, pattern: &str) -> Result<&Regex> {
        if self.0.as_ref().is_none_or(|(last, _)| last != pattern) {
            let regex = Regex::new(&of_java(pattern)).map_err(|error| {
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
        let group = place(regex, group)?;
        for found in regex.captures_iter(texts.value(row)) {
            lists.values().append_value(part(&found, group));
        }
        lists.append(true);
    }
    Ok(Arc::new(lists.finish()))
}

/// The group of a number.
fn place(regex: &Regex, group: i32) -> Result<usize> {
    match usize::try_from(group) {
        Ok(group) if group < regex.captures_len() => Ok(group),
        _ => exec_err!("the pattern has {} groups, and no group {group}", regex.captures_len() - 1),
    }
}

fn part<'t>(found: &Captures<'t>, group: usize) -> &'t str {
    found.get(group).map_or("", |found| found.as_str())
}

/// A group of the first match, or an empty text.
fn group(args: &[ArrayRef]) -> Result<ArrayRef> {
    let (texts, patterns) = (args[0].as_string::<i32>(), args[1].as_string::<i32>());
    let groups = args.get(2).map(|groups| groups.as_primitive::<Int32Type>());
    let mut known = Known::default();
    let found = (0..texts.len()).map(|row| {
        let group =
            groups.map_or(Some(1), |groups| groups.is_valid(row).then(|| groups.value(row)));
        let (true, true, Some(group)) = (texts.is_valid(row), patterns.is_valid(row), group) else {
            return Ok(None);
        };
        let regex = known.regex(patterns.value(row))?;
        let group = place(regex, group)?;
        let found = regex.captures(texts.value(row));
        Ok(Some(found.map_or("", |found| part(&found, group)).to_owned()))
    });
    Ok(Arc::new(found.collect::<Result<StringArray>>()?))
}

fn matches(texts: &ArrayRef, patterns: &ArrayRef) -> Result<ArrayRef> {
    let mut known = Known::default();
    let each = texts.as_string::<i32>().iter().zip(patterns.as_string::<i32>());
    let found = each.map(|(text, pattern)| match (text, pattern) {
        (Some(text), Some(pattern)) => Ok(Some(known.regex(pattern)?.is_match(text))),
        _ => Ok(None),
    });
    Ok(Arc::new(found.collect::<Result<BooleanArray>>()?))
}

fn replaced(args: &[ArrayRef]) -> Result<ArrayRef> {
    let [texts, patterns, others] = [0, 1, 2].map(|at| args[at].as_string::<i32>());
    let starts = args.get(3).map(|starts| starts.as_primitive::<Int32Type>());
    let mut known = Known::default();
    let mut last: Option<(&str, &str, Replacement)> = None;
    let mut answers = StringBuilder::new();
    for row in 0..texts.len() {
        let start =
            starts.map_or(Some(1), |starts| starts.is_valid(row).then(|| starts.value(row)));
        let is_there = [texts, patterns, others].iter().all(|of| of.is_valid(row));
        let (true, Some(start)) = (is_there, start) else {
            answers.append_null();
            continue;
        };
        let Some(skipped) = start.checked_sub(1).and_then(|skipped| usize::try_from(skipped).ok())
        else {
            return exec_err!("regexp_replace begins at 1 or behind it, and not at {start}");
        };
        let (text, pattern, other) = (texts.value(row), patterns.value(row), others.value(row));
        let regex = known.regex(pattern)?;
        if last.as_ref().is_none_or(|(of, by, _)| (*of, *by) != (pattern, other)) {
            last = Some((pattern, other, Replacement::of(other, regex)?));
        }
        let Some((_, _, replacement)) = &last else { continue };
        let begin = text.char_indices().nth(skipped).map_or(text.len(), |(at, _)| at);
        let (before, rest) = text.split_at(begin);
        let rest = regex.replace_all(rest, |found: &Captures| replacement.text(found));
        answers.append_value(format!("{before}{rest}"));
    }
    Ok(Arc::new(answers.finish()))
}
