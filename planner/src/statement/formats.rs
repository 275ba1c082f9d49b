//! Patterns of dates as SQL has them.
//!
//! Problem: DataFusion 55 knows the patterns of `strftime` alone (`%Y-%m-%d`), and copies others into the answer:
//! `to_char(d, 'YYYY-MM')` is 'YYYY-MM'. Official way: none. Here: a constant pattern without a `%` is taken for one of
//! PostgreSQL (`to_char`, `to_date`, `to_timestamp`) or of Java (`date_format`, as Spark has it) and written as the
//! engine's. What cannot be is refused, and never echoed.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Value, VisitorMut,
};

use super::walk;
use crate::{PlannerError, Result};

/// Writes them in a statement.
///
/// # Errors
/// `Unsupported` for a pattern of which a part is not known.
pub(super) fn write_out(statement: &mut DfStatement) -> Result<()> {
    let mut formats = Formats(None);
    walk::rewrite(statement, &mut formats);
    match formats.0 {
        None => Ok(()),
        Some(part) => Err(PlannerError::Unsupported(format!(
            "{part} in a pattern of dates is not supported by this version: use the patterns of strftime (%Y-%m-%d %H:%M:%S)"
        ))),
    }
}

/// The part that is not known.
struct Formats(Option<String>);

impl VisitorMut for Formats {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::Function(call) = expr else { return ControlFlow::Continue(()) };
        let translated: fn(&str) -> std::result::Result<String, String> =
            match call.name.to_string().to_lowercase().as_str() {
                "to_char" => of_postgres,
                "to_date" | "to_timestamp" => |pattern: &str| of_postgres(pattern).map(read),
                "date_format" => of_java,
                _ => return ControlFlow::Continue(()),
            };
        let FunctionArguments::List(list) = &mut call.args else {
            return ControlFlow::Continue(());
        };
        for arg in list.args.iter_mut().skip(1) {
            if let FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)) = arg
                && let Some(pattern) = constant(arg)
                && !pattern.contains('%')
            {
                match translated(pattern) {
                    Ok(written) => *pattern = written,
                    Err(part) => self.0 = Some(part),
                }
            }
        }
        ControlFlow::Continue(())
    }
}

fn constant(expr: &mut Expr) -> Option<&mut String> {
    match expr {
        Expr::Nested(expr) => constant(expr),
        Expr::Value(value) => match &mut value.value {
            Value::SingleQuotedString(text)
            | Value::EscapedStringLiteral(text)
            | Value::NationalStringLiteral(text)
            | Value::DoubleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// As they are written, names and letters in the case that they ask for.
const NAMES: [(&str, &str); 8] = [
    ("FMMonth", "%B"),
    ("FMDay", "%A"),
    ("Mon", "%b"),
    ("Dy", "%a"),
    ("AM", "%p"),
    ("PM", "%p"),
    ("am", "%P"),
    ("pm", "%P"),
];

/// In any case; the longer first where one begins like another.
const NUMBERS: [(&str, &str); 24] = [
    ("FMHH24", "%-H"),
    ("FMHH12", "%-I"),
    ("FMDDD", "%-j"),
    ("FMMM", "%-m"),
    ("FMDD", "%-d"),
    ("FMMI", "%-M"),
    ("FMSS", "%-S"),
    ("FMHH", "%-I"),
    ("HH24", "%H"),
    ("HH12", "%I"),
    ("YYYY", "%Y"),
    ("IYYY", "%G"),
    ("DDD", "%j"),
    ("YY", "%y"),
    ("MM", "%m"),
    ("DD", "%d"),
    ("HH", "%I"),
    ("MI", "%M"),
    ("SS", "%S"),
    ("MS", "%3f"),
    ("US", "%6f"),
    ("IW", "%V"),
    ("ID", "%u"),
    ("Q", "%q"),
];

/// A pattern of PostgreSQL. Month and Day without FM are filled up to nine letters there, and are none here.
fn of_postgres(pattern: &str) -> std::result::Result<String, String> {
    let mut written = String::with_capacity(2 * pattern.len());
    let mut rest = pattern;
    while let Some(letter) = rest.chars().next() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let (text, behind) = quoted.split_once('"').unwrap_or((quoted, ""));
            written.push_str(text);
            rest = behind;
            continue;
        }
        if !letter.is_ascii_alphabetic() {
            written.push(letter);
            rest = &rest[letter.len_utf8()..];
            continue;
        }
        // Java's minutes: PostgreSQL would take them for months.
        if rest.starts_with("mm") && written.ends_with(':') {
            return Err("mm for minutes (they are MI)".into());
        }
        let begins =
            |part: &str| rest.get(..part.len()).is_some_and(|it| it.eq_ignore_ascii_case(part));
        // Each begins like two others.
        if let Some(other) = ["SSSS", "IDDD"].into_iter().find(|part| begins(part)) {
            return Err(other.to_owned());
        }
        if begins("Month") || begins("Day") {
            return Err(format!("{} without FM", word(rest)));
        }
        let name = NAMES.iter().find(|(part, _)| rest.starts_with(part));
        let (part, format) = name
            .or_else(|| NUMBERS.iter().find(|(part, _)| begins(part)))
            .ok_or_else(|| word(rest).to_owned())?;
        written.push_str(format);
        rest = &rest[part.len()..];
    }
    Ok(written)
}

/// Of a text without AM or PM an hour of twelve would be passed over: PostgreSQL takes it for that of the day.
fn read(written: String) -> String {
    match ["%p", "%P"].iter().any(|half| written.contains(half)) {
        true => written,
        false => written.replace("%I", "%H").replace("%-I", "%-H"),
    }
}

fn word(text: &str) -> &str {
    text.split(|letter: char| !letter.is_ascii_alphanumeric()).next().unwrap_or(text)
}

const LETTERS: [(&str, &str); 34] = [
    ("yyyy", "%Y"),
    ("uuuu", "%Y"),
    ("yy", "%y"),
    ("M", "%-m"),
    ("MM", "%m"),
    ("MMM", "%b"),
    ("MMMM", "%B"),
    ("d", "%-d"),
    ("dd", "%d"),
    ("DDD", "%j"),
    ("E", "%a"),
    ("EEE", "%a"),
    ("EEEE", "%A"),
    ("H", "%-H"),
    ("HH", "%H"),
    ("h", "%-I"),
    ("hh", "%I"),
    ("mm", "%M"),
    ("ss", "%S"),
    ("SSS", "%3f"),
    ("SSSSSS", "%6f"),
    ("SSSSSSSSS", "%9f"),
    ("a", "%p"),
    ("q", "%q"),
    ("Q", "%q"),
    ("y", "%Y"),
    ("L", "%-m"),
    ("LL", "%m"),
    ("LLL", "%b"),
    ("LLLL", "%B"),
    ("D", "%-j"),
    ("EE", "%a"),
    ("m", "%-M"),
    ("s", "%-S"),
];

/// A pattern of Java: letters that follow each other are one part.
pub(crate) fn of_java(pattern: &str) -> std::result::Result<String, String> {
    let mut written = String::with_capacity(2 * pattern.len());
    let mut rest = pattern;
    while let Some(letter) = rest.chars().next() {
        let run = rest.len() - rest.trim_start_matches(letter).len();
        let (part, behind) = rest.split_at(run);
        rest = behind;
        match letter {
            '\'' if run.is_multiple_of(2) => written.push_str(&part[..run / 2]),
            '\'' => {
                written.push_str(&part[..run / 2]);
                rest = quoted(rest, &mut written).ok_or("a quote that nothing closes")?;
            }
            letter if letter.is_ascii_alphabetic() => {
                let known = LETTERS.iter().find(|(known, _)| *known == part);
                written.push_str(known.ok_or_else(|| part.to_owned())?.1);
            }
            '%' => written.push_str(&part.replace('%', "%%")),
            _ => written.push_str(part),
        }
    }
    Ok(written)
}

/// A text up to the quote that closes it, of which two are one; gives what is behind it.
fn quoted<'p>(text: &'p str, written: &mut String) -> Option<&'p str> {
    let mut rest = text;
    loop {
        let (part, behind) = rest.split_once('\'')?;
        written.push_str(part);
        match behind.strip_prefix('\'') {
            Some(more) => {
                written.push('\'');
                rest = more;
            }
            None => return Some(behind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::super::tests::written;

    fn check(call: &str, expected: &str) {
        assert_eq!(written(&format!("SELECT {call}")), format!("SELECT {expected}"));
    }

    #[test]
    fn patterns_are_written_as_the_engines() {
        check("to_char(d, 'YYYY-MM-DD HH24:MI:SS.MS')", "to_char(d, '%Y-%m-%d %H:%M:%S.%3f')");
        check("to_char(d, 'FMMonth DD, \"of\" IYYY-IW')", "to_char(d, '%B %d, of %G-%V')");
        check("to_date(s, 'yyyy-MM-dd')", "to_date(s, '%Y-%m-%d')");
        check("to_timestamp(s, 'YYYY-MM-DD HH:MI')", "to_timestamp(s, '%Y-%m-%d %H:%M')");
        check("to_timestamp(s, 'HH12:MI AM')", "to_timestamp(s, '%I:%M %p')");
        check("date_format(d, 'yyyy-MM-dd''T''HH:mm:ss')", "date_format(d, '%Y-%m-%dT%H:%M:%S')");
        check("date_format(d, 'd MMM yy')", "date_format(d, '%-d %b %y')");
        check("date_format(d, 'h ''o''''clock''')", "date_format(d, '%-I o''clock')");
        check("to_char(d, ('YYYY'))", "to_char(d, ('%Y'))");
    }

    #[test]
    fn patterns_of_the_engine_and_of_columns_stay() {
        check("to_char(d, '%Y')", "to_char(d, '%Y')");
        check("to_char(d, p)", "to_char(d, p)");
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        for (call, part) in [
            ("to_char(d, 'Month')", "Month"),
            ("to_char(d, 'yyyy-MM-dd HH:mm')", "MI"),
            ("date_format(d, 'YYYY')", "YYYY"),
            ("date_format(d, 'h ''o')", "quote"),
            ("to_char(d, 'SSSS')", "SSSS"),
            ("to_char(d, 'IYYY-IDDD')", "IDDD"),
        ] {
            let refused = parse(&format!("SELECT {call}")).unwrap_err().to_string();
            assert!(refused.contains(part), "{refused}");
        }
    }
}
