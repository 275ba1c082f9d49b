//! What `regexp_replace` puts in the place of a match, as Java's `Matcher.appendReplacement` reads it: `\x` is x, `$1` and
//! `${name}` are groups.

use datafusion::common::{Result, exec_err};
use regex::{Captures, Regex};

/// A text and groups in turn.
pub(super) struct Replacement(Vec<Part>);

enum Part {
    Text(String),
    Group(usize),
}

impl Replacement {
    /// # Errors
    /// For a group that the pattern has not, and for a `$` or a backslash with nothing behind it.
    pub(super) fn of(text: &str, regex: &Regex) -> Result<Self> {
        let (mut parts, mut plain, mut rest) = (Vec::new(), String::new(), text);
        while let Some(letter) = rest.chars().next() {
            rest = &rest[letter.len_utf8()..];
            match letter {
                '\\' => {
                    let Some(escaped) = rest.chars().next() else {
                        return exec_err!("'{text}' ends in a backslash: write two of them");
                    };
                    plain.push(escaped);
                    rest = &rest[escaped.len_utf8()..];
                }
                '$' => {
                    let Some((group, behind)) = group(rest, regex) else {
                        return exec_err!(
                            "'{text}' names a group that the pattern has not: a $ of itself is written \\$"
                        );
                    };
                    parts.extend([Part::Text(std::mem::take(&mut plain)), Part::Group(group)]);
                    rest = behind;
                }
                letter => plain.push(letter),
            }
        }
        parts.push(Part::Text(plain));
        Ok(Self(parts))
    }

    /// What is put in the place of a match.
    pub(super) fn text(&self, found: &Captures) -> String {
        let each = self.0.iter().map(|part| match part {
            Part::Text(text) => text.as_str(),
            Part::Group(group) => super::part(found, *group),
        });
        each.collect()
    }
}

/// The group that stands behind a `$`, of as many digits as there are groups, and what follows.
fn group<'t>(text: &'t str, regex: &Regex) -> Option<(usize, &'t str)> {
    if let Some(named) = text.strip_prefix('{') {
        let (name, behind) = named.split_once('}')?;
        let group = regex.capture_names().position(|known| known == Some(name))?;
        return Some((group, behind));
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number = |length: usize| text.get(..length)?.parse::<usize>().ok();
    let there = |length: &usize| number(*length).is_some_and(|it| it < regex.captures_len());
    let length = (1..=digits).take_while(there).last()?;
    Some((number(length)?, &text[length..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacements_are_javas() {
        for (text, pattern, by, expected) in [
            ("John Smith", r"(\w+) (\w+)", "$2_$1", Some("Smith_John")),
            ("ab", "(a)", "$10", Some("a0b")),
            ("abc", "b", r"\$", Some("a$c")),
            ("p/t", "/", r"\\", Some(r"p\t")),
            ("ab", "(?<x>a)", "[${x}]", Some("[a]b")),
            ("ab", "(a)|(c)", "$2-", Some("-b")),
            ("baaac", "a*", "-", Some("-b--c-")),
            ("b", "a", "$1", Some("b")),
            ("ab", "a", "${0}", None),
            ("ab", "a", "$1", None),
            ("ab", "a", "$x", None),
            ("ab", "a", "x\\", None),
        ] {
            let regex = Regex::new(pattern).unwrap();
            let mut made = String::new();
            let done =
                super::super::replace(&regex, text, || Replacement::of(by, &regex), &mut made);
            assert_eq!(done.ok().map(|()| made).as_deref(), expected, "{text} {pattern} {by}");
        }
    }
}
