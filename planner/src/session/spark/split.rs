//! `split(text, pattern [, most])`: the parts of a text between the matches of a regular expression.
//!
//! The engine's `string_to_array` takes a text for a text. As Java's `String.split` with Spark's limit: empty parts stay, also
//! at the end; with `most` parts the last one is all that remains. Patterns are those of [`super::patterns`].

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListBuilder, StringBuilder};
use datafusion::arrow::datatypes::{DataType, Field, Int64Type};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::ScalarUDF;
use regex::Regex;

use super::patterns::{Known, each_match};
use super::plain::function;

pub(super) const NAMES: [&str; 1] = ["split"];

pub(super) fn functions() -> [ScalarUDF; 1] {
    let list =
        |_: &[DataType]| DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)));
    [function("spark:split", takes, list, |args, _| split(&args[0], &args[1], args.get(2)))]
}

fn takes(types: &[DataType]) -> Result<Vec<DataType>> {
    match types.len() {
        2 => Ok(vec![DataType::Utf8; 2]),
        3 => Ok(vec![DataType::Utf8, DataType::Utf8, DataType::Int64]),
        _ => plan_err!("split takes a text, a pattern, and how many parts there may be"),
    }
}

fn split(texts: &ArrayRef, patterns: &ArrayRef, most: Option<&ArrayRef>) -> Result<ArrayRef> {
    let (texts, patterns) = (texts.as_string::<i32>(), patterns.as_string::<i32>());
    let most = most.map(|most| most.as_primitive::<Int64Type>());
    let mut lists = ListBuilder::new(StringBuilder::new());
    let mut known = Known::default();
    for row in 0..texts.len() {
        let most = most.map_or(Some(-1), |most| most.is_valid(row).then(|| most.value(row)));
        let (true, true, Some(most)) = (texts.is_valid(row), patterns.is_valid(row), most) else {
            lists.append_null();
            continue;
        };
        let pattern = patterns.value(row);
        let regex = known.regex(pattern)?;
        let text = texts.value(row);
        let parts = |part: &str| lists.values().append_value(part);
        match pattern.is_empty() && !text.is_empty() {
            true => letters(text, most).for_each(parts),
            false => each_part(regex, text, most, parts),
        }
        lists.append(true);
    }
    Ok(Arc::new(lists.finish()))
}

/// A pattern of nothing makes parts of one letter, and drops what is beyond the last of them.
fn letters(text: &str, most: i64) -> impl Iterator<Item = &str> {
    let most = usize::try_from(most).ok().filter(|most| *most > 0).unwrap_or(usize::MAX);
    text.split("").filter(|letter| !letter.is_empty()).take(most)
}

/// As in Java: a match of nothing at the beginning makes no part.
fn each_part(regex: &Regex, text: &str, most: i64, mut part: impl FnMut(&str)) {
    let (mut from, mut parts) = (0, 1);
    for found in each_match(regex, text) {
        if most > 0 && parts == most {
            break;
        }
        if found.end() == 0 {
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
            ("abc", "x*", -1, vec!["a", "b", "c", ""]),
            ("abc", "x*", 2, vec!["a", "bc"]),
            ("baaac", "a*", 0, vec!["b", "", "c", ""]),
            ("aXb", "X*", 3, vec!["a", "", "b"]),
            ("", "", 2, vec![""]),
            ("", ",", -1, vec![""]),
            (",a", ",", -1, vec!["", "a"]),
        ] {
            let mut parts = Vec::new();
            each_part(&Regex::new(pattern).unwrap(), text, most, |part| {
                parts.push(part.to_owned())
            });
            assert_eq!(parts, expected, "{text} {pattern}");
        }
        for (most, expected) in
            [(-1, vec!["a", "b", "c"]), (0, vec!["a", "b", "c"]), (2, vec!["a", "b"])]
        {
            assert_eq!(letters("abc", most).collect::<Vec<_>>(), expected, "{most}");
        }
    }
}
