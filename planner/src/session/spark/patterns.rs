//! Functions of regular expressions: `regexp_replace`, `regexp_extract`, `regexp_substr`, `regexp_extract_all`,
//! `regexp_count`, `regexp_instr`, `rlike`.
//!
//! Patterns are those of the crate `regex`, with Java's meaning ([`java`]); it has no look-around, and a pattern that has is
//! an error. Matches follow each other as Java's do ([`each_match`]).

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int32Array, ListBuilder, StringArray, StringBuilder,
};
use datafusion::arrow::datatypes::{DataType, Field, Int32Type};
use datafusion::common::{DataFusionError, Result, exec_err, plan_err};
use datafusion::logical_expr::ScalarUDF;
use regex::{Captures, Match, Regex};

use super::plain::function;

mod java;
mod replacement;

use java::{Use, of_java};
use replacement::Replacement;

/// Those that are called by name.
pub(super) const NAMES: [&str; 6] = [
    "regexp_substr",
    "regexp_extract",
    "regexp_extract_all",
    "regexp_replace",
    "regexp_count",
    "regexp_instr",
];

pub(super) fn functions() -> [ScalarUDF; 7] {
    let text = |_: &[DataType]| DataType::Utf8;
    let int = |_: &[DataType]| DataType::Int32;
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
        function("spark:regexp_count", of_two, int, |args, _| {
            numbers(args, |regex, text| each_match(regex, text).count())
        }),
        function("spark:regexp_instr", of_three, int, |args, _| numbers(args, place_of_first)),
    ]
}

fn of_two(types: &[DataType]) -> Result<Vec<DataType>> {
    match types.len() {
        2 => Ok(vec![DataType::Utf8; 2]),
        _ => plan_err!("regexp_substr, regexp_count and rlike take a text and a pattern"),
    }
}

fn of_three(types: &[DataType]) -> Result<Vec<DataType>> {
    match types.len() {
        2 => Ok(vec![DataType::Utf8; 2]),
        3 => Ok(vec![DataType::Utf8, DataType::Utf8, DataType::Int32]),
        _ => plan_err!(
            "regexp_extract, regexp_extract_all and regexp_instr take a text, a pattern, and which of its groups"
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
        self.used_for(pattern, Use::Find)
    }

    fn used_for(&mut self, pattern: &str, used: Use) -> Result<&Regex> {
        if self.0.as_ref().is_none_or(|(last, _)| last != pattern) {
            self.0 = Some((pattern.to_owned(), compiled(pattern, used)?.0));
        }
        match &self.0 {
            Some((_, regex)) => Ok(regex),
            None => exec_err!("there is no pattern"),
        }
    }
}

/// A pattern that is compiled, and as the crate has it.
fn compiled(pattern: &str, used: Use) -> Result<(Regex, String)> {
    let written = of_java(pattern, used).map_err(|part| {
        DataFusionError::Execution(format!(
            "{part} in the pattern '{pattern}' is not supported by this version"
        ))
    })?;
    let regex = Regex::new(&written).map_err(|error| {
        DataFusionError::Execution(format!("'{pattern}' is no pattern: {error}"))
    })?;
    Ok((regex, written))
}

/// A pattern of RLIKE as the engine has it.
///
/// # Errors
/// For a text that is no pattern.
pub(crate) fn tested(pattern: &str) -> Result<String> {
    Ok(compiled(pattern, Use::Test)?.1)
}

/// The matches that Java's `Matcher.find` comes to.
pub(super) fn each_match<'t>(regex: &Regex, text: &'t str) -> impl Iterator<Item = Match<'t>> {
    each(text, |at| regex.find_at(text, at), Match::range)
}

/// The same with their groups.
fn each_group<'t>(regex: &Regex, text: &'t str) -> impl Iterator<Item = Captures<'t>> {
    let whole = |found: &Captures| found.get(0).map_or(0..0, |whole| whole.range());
    each(text, |at| regex.captures_at(text, at), whole)
}

/// The next one is looked for where the last one ended, and counts there even if it is empty: `regex` passes over it.
fn each<T>(
    text: &str,
    find: impl Fn(usize) -> Option<T>,
    range: impl Fn(&T) -> Range<usize>,
) -> impl Iterator<Item = T> {
    let mut next = Some(0);
    std::iter::from_fn(move || {
        let found = find(next.take()?)?;
        let range = range(&found);
        let letter = text[range.end..].chars().next();
        next = match range.is_empty() {
            true => letter.map(|letter| range.end + letter.len_utf8()),
            false => Some(range.end),
        };
        Some(found)
    })
}

/// A number of each text and its pattern; NULL where anything is.
fn numbers(args: &[ArrayRef], work: fn(&Regex, &str) -> usize) -> Result<ArrayRef> {
    let (texts, patterns) = (args[0].as_string::<i32>(), args[1].as_string::<i32>());
    let mut known = Known::default();
    let numbers = (0..texts.len()).map(|row| {
        if args.iter().any(|arg| arg.is_null(row)) {
            return Ok(None);
        }
        let number = work(known.regex(patterns.value(row))?, texts.value(row));
        Ok(i32::try_from(number).ok())
    });
    Ok(Arc::new(numbers.collect::<Result<Int32Array>>()?))
}

/// From 1, counted in the letters that Java has; 0 where there is none.
fn place_of_first(regex: &Regex, text: &str) -> usize {
    let before = regex.find(text).map(|found| &text[..found.start()]);
    before.map_or(0, |before| before.chars().map(char::len_utf16).sum::<usize>() + 1)
}

fn first(texts: &ArrayRef, patterns: &ArrayRef) -> Result<ArrayRef> {
    let mut known = Known::default();
    let each = texts.as_string::<i32>().iter().zip(patterns.as_string::<i32>());
    let found = each.map(|(text, pattern)| match (text, pattern) {
        (Some(text), Some(pattern)) => {
            let found = known.regex(pattern)?.find(text).map(|found| found.as_str().to_owned());
            // What is nothing is NULL to Spark, as where nothing is found.
            Ok(found.filter(|found| !found.is_empty()))
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
        for found in each_group(regex, texts.value(row)) {
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
        (Some(text), Some(pattern)) => Ok(Some(known.used_for(pattern, Use::Test)?.is_match(text))),
        _ => Ok(None),
    });
    Ok(Arc::new(found.collect::<Result<BooleanArray>>()?))
}

fn replaced(args: &[ArrayRef]) -> Result<ArrayRef> {
    let [texts, patterns, others] = [0, 1, 2].map(|at| args[at].as_string::<i32>());
    let starts = args.get(3).map(|starts| starts.as_primitive::<Int32Type>());
    let (mut known, mut made) = (Known::default(), String::new());
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
        let begin = match skipped {
            0 => Some(0),
            skipped => text.char_indices().nth(skipped).map(|(at, _)| at),
        };
        // Behind the end there is nothing to look for, not even nothing.
        let Some(begin) = begin else {
            answers.append_value(text);
            continue;
        };
        let (before, rest) = text.split_at(begin);
        made.clear();
        made.push_str(before);
        replace(regex, rest, || Replacement::of(other, regex), &mut made)?;
        answers.append_value(&made);
    }
    Ok(Arc::new(answers.finish()))
}

/// Adds a text with other texts in the place of its matches. As in Java, what is put there is read where there is a match.
fn replace(
    regex: &Regex,
    text: &str,
    by: impl Fn() -> Result<Replacement>,
    made: &mut String,
) -> Result<()> {
    let (mut from, mut known) = (0, None);
    for found in each_group(regex, text) {
        let range = found.get(0).map_or(from..from, |whole| whole.range());
        if known.is_none() {
            known = Some(by()?);
        }
        made.push_str(&text[from..range.start]);
        made.extend(known.as_ref().map(|by| by.text(&found)));
        from = range.end;
    }
    made.push_str(&text[from..]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_follow_each_other_as_javas_do() {
        for (text, pattern, expected) in [
            ("aab", "a*", vec!["aa", "", ""]),
            ("", "a*", vec![""]),
            ("ééa", "é?", vec!["é", "é", "", ""]),
            ("ab", "^a|b", vec!["a", "b"]),
        ] {
            let regex = Regex::new(pattern).unwrap();
            let found: Vec<_> = each_match(&regex, text).map(|it| it.as_str()).collect();
            assert_eq!(found, expected, "{text} {pattern}");
        }
    }

    #[test]
    fn a_place_is_counted_in_javas_letters() {
        let regex = Regex::new("a").unwrap();
        assert_eq!(["a", "éa", "😀a", "b"].map(|text| place_of_first(&regex, text)), [1, 2, 3, 0]);
    }
}
