//! LIKE as the metadata commands mean it: `%`, `_`, and `\` before either to take it as it is.
//!
//! Not Arrow's kernel, which compiles the pattern to a regular expression: pandas sends the text
//! of the whole SQL statement as a table pattern before it runs it, and a pattern must never be
//! an error, only match or not. This one holds nothing but four positions, whatever the length.

use std::str::Chars;

/// What a client filters names by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pattern<'a>(&'a str);

impl<'a> Pattern<'a> {
    /// The pattern of a command: absent means no filter, `""` matches only the empty name.
    pub(super) fn new(pattern: Option<&'a str>) -> Self {
        Self(pattern.unwrap_or("%"))
    }

    /// Whether the whole of `name` matches. Letter case counts.
    pub(super) fn matches(self, name: &str) -> bool {
        let (mut tokens, mut rest) = (Tokens(self.0.chars()), name.chars());
        // Where to go on after a mismatch: behind the last `%`, which then takes one letter more.
        let mut retry = None;
        loop {
            let fits = match tokens.next() {
                Some(Token::Any) => {
                    retry = Some((tokens.clone(), rest.clone()));
                    true
                }
                Some(Token::One) => rest.next().is_some(),
                Some(Token::Exactly(letter)) => rest.next() == Some(letter),
                None if rest.as_str().is_empty() => return true,
                None => false,
            };
            if fits {
                continue;
            }
            let Some((after, resume)) = &mut retry else {
                return false;
            };
            if resume.next().is_none() {
                return false;
            }
            (tokens, rest) = (after.clone(), resume.clone());
        }
    }
}

enum Token {
    Any,
    One,
    Exactly(char),
}

#[derive(Clone)]
struct Tokens<'a>(Chars<'a>);

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        Some(match self.0.next()? {
            '%' => Token::Any,
            '_' => Token::One,
            '\\' => Token::Exactly(self.escaped()),
            letter => Token::Exactly(letter),
        })
    }
}

impl Tokens<'_> {
    /// The letter behind a `\`. Before anything but a wildcard or itself, `\` is a plain letter.
    fn escaped(&mut self) -> char {
        let mut ahead = self.0.clone();
        match ahead.next() {
            Some(letter @ ('%' | '_' | '\\')) => {
                self.0 = ahead;
                letter
            }
            _ => '\\',
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, yes: &[&str], no: &[&str]) {
        let pattern = Pattern::new(Some(pattern));
        for name in yes {
            assert!(pattern.matches(name), "{pattern:?} must match {name:?}");
        }
        for name in no {
            assert!(!pattern.matches(name), "{pattern:?} must not match {name:?}");
        }
    }

    #[test]
    fn wildcards_match_any_letters_or_one() {
        check("%", &["", "a", "größe"], &[]);
        check("_", &["a", "ö", "本"], &["", "ab"]);
        check("a%", &["a", "ab", "a%"], &["", "ba", "A"]);
        check("%a", &["a", "ba", "aba", "aaa"], &["ab", ""]);
        check("%a%b%", &["ab", "xaybz", "aab"], &["ba", "a"]);
        check("a_c", &["abc", "a_c"], &["ac", "abbc"]);
        check("%ab_", &["xababc", "abc"], &["ab", "abcd"]);
        check("line%em_", &["lineitems", "line__em_"], &["lineitem"]);
    }

    #[test]
    fn a_backslash_takes_the_wildcard_as_it_is() {
        check(r"a\_c", &["a_c"], &["abc", r"a\_c"]);
        check(r"100\%", &["100%"], &["100", "1000", r"100\%"]);
        check(r"a\\b", &[r"a\b"], &[r"a\\b", "ab"]);
        check(r"\%%", &["%", "%x"], &["x%", ""]);
    }

    #[test]
    fn a_backslash_elsewhere_is_a_letter() {
        check(r"a\b", &[r"a\b"], &["ab"]);
        check(r"a\", &[r"a\"], &["a"]);
    }

    #[test]
    fn absent_is_no_filter_and_empty_is_the_empty_name() {
        assert!(Pattern::new(None).matches("anything"));
        check("", &[""], &["a"]);
    }

    #[test]
    fn a_statement_as_pattern_matches_nothing() {
        let sql = "SELECT *, '[(\\' FROM t WHERE a LIKE '%(+' AND b = $1 -- ".repeat(10_000);
        check(&sql, &[], &["t", "SELECT", ""]);
    }

    #[test]
    fn many_wildcards_end_in_reasonable_time() {
        check(&"%a".repeat(5_000), &[], &[&"a".repeat(2_000), "b"]);
        check(&"%".repeat(100_000), &["", &"a".repeat(2_000)], &[]);
    }
}
