//! Spark's literals, written as ours before the statement is parsed.
//!
//! * Texts: in `'` or `"`, a backslash escapes (`\n`, `\u0041`, `\101`; `\%` and `\_` stay, for LIKE), `r'…'` is raw, and
//!   those that stand beside each other are one.
//! * Numbers: with a point they are decimals of their digits, with an exponent DOUBLE; `1L`, `1S`, `1Y`, `1D`, `1F` and
//!   `1BD` say their type.
//! * `!` is NOT, and binds like it; `exists` of a list is `any_match`.

use std::borrow::Cow;

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::Syntax;
use crate::statement::edits::{Edit, edited};
use crate::{PlannerError, Result};

/// See above.
///
/// # Errors
/// `Syntax` for a text that does not fall into words.
pub(super) fn written(sql: &str) -> Result<Cow<'_, str>> {
    let tokens = Tokenizer::new(&Syntax::OF_TEXTS, sql)
        .with_unescape(false)
        .tokenize_with_location()
        .map_err(|error| PlannerError::Syntax(error.to_string()))?;
    let mut edits = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let (edit, taken) = of_text(&tokens, at)
            .or_else(|| of_number(&tokens, at))
            .or_else(|| of_not(&tokens, at))
            .or_else(|| of_exists(&tokens, at))
            .unwrap_or((None, 1));
        edits.extend(edit);
        at += taken;
    }
    Ok(match edits.is_empty() {
        true => sql.into(),
        false => edited(sql, &edits).into(),
    })
}

/// What is written, and how many tokens it is in the place of.
type Found = (Option<Edit>, usize);

fn edit(tokens: &[TokenWithSpan], from: usize, to: usize, text: String) -> Found {
    let edit = Edit { from: tokens[from].span.start, to: tokens[to].span.end, text };
    (Some(edit), to + 1 - from)
}

/// What stands between quotes, and which.
fn inside(token: &Token) -> Option<(&str, char)> {
    match token {
        Token::SingleQuotedString(text) => Some((text, '\'')),
        Token::DoubleQuotedString(text) => Some((text, '"')),
        _ => None,
    }
}

/// Whether nothing stands between a token and the one before it.
fn is_joined(tokens: &[TokenWithSpan], at: usize) -> bool {
    at > 0 && tokens.get(at).is_some_and(|token| token.span.start == tokens[at - 1].span.end)
}

fn of_text(tokens: &[TokenWithSpan], at: usize) -> Option<Found> {
    let (mut text, mut last) = (String::new(), None);
    let mut next = at;
    loop {
        let (begin, is_raw) = match &tokens.get(next)?.token {
            Token::Word(word)
                if word.value.eq_ignore_ascii_case("r") && word.quote_style.is_none() =>
            {
                (next + 1, is_joined(tokens, next + 1))
            }
            _ => (next, false),
        };
        let part = tokens.get(begin).filter(|_| is_raw || begin == next);
        match part.and_then(|part| inside(&part.token)) {
            Some((part, _)) if is_raw => text.push_str(part),
            Some((part, quote)) => text.push_str(&unescaped(part, quote)),
            None => break,
        }
        last = Some(begin);
        next = begin + 1;
        while tokens.get(next).is_some_and(|it| matches!(it.token, Token::Whitespace(_))) {
            next += 1;
        }
        if next >= tokens.len() {
            break;
        }
    }
    let text = format!("'{}'", text.replace('\'', "''"));
    Some(edit(tokens, at, last?, text))
}

/// As Spark's `unescapeSQLString`.
fn unescaped(text: &str, quote: char) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        rest = &rest[letter.len_utf8()..];
        if letter != '\\' {
            match rest.strip_prefix(quote).filter(|_| letter == quote) {
                // One text ends and another begins, which the tokenizer takes for a quote.
                Some(behind) => rest = behind,
                None => plain.push(letter),
            }
            continue;
        }
        let (escaped, behind) = escape(rest);
        plain.push_str(&escaped);
        rest = behind;
    }
    plain
}

/// What stands behind a backslash: what it means, and what follows.
fn escape(text: &str) -> (Cow<'_, str>, &str) {
    let digits =
        |from: usize, to: usize, base: u32| number(text, from..to, base).and_then(char::from_u32);
    let pair = match text.as_bytes().first() {
        Some(b'u') => surrogates(text),
        _ => None,
    };
    if let Some(letter) = pair {
        return (letter.to_string().into(), &text[11..]);
    }
    let code = match text.as_bytes().first() {
        Some(b'u') => digits(1, 5, 16).map(|letter| (letter, 5)),
        Some(b'U') => digits(1, 9, 16).map(|letter| (letter, 9)),
        Some(b'0' | b'1') => digits(0, 3, 8).map(|letter| (letter, 3)),
        _ => None,
    };
    if let Some((letter, length)) = code {
        return (letter.to_string().into(), &text[length..]);
    }
    let Some(letter) = text.chars().next() else { return ("\\".into(), text) };
    let (this, behind) = text.split_at(letter.len_utf8());
    let meant = match letter {
        '0' => "\0",
        'b' => "\u{8}",
        'n' => "\n",
        'r' => "\r",
        't' => "\t",
        'Z' => "\u{1A}",
        '%' => "\\%",
        '_' => "\\_",
        _ => this,
    };
    (meant.into(), behind)
}

/// A number of digits alone: a sign is none.
fn number(text: &str, place: std::ops::Range<usize>, base: u32) -> Option<u32> {
    let digits = text.get(place)?;
    let are_digits = digits.chars().all(|digit| digit.is_digit(base));
    u32::from_str_radix(digits, base).ok().filter(|_| are_digits)
}

/// The letter of two halves, `ud83d\ude00`.
fn surrogates(text: &str) -> Option<char> {
    let half = |from: usize| u16::try_from(number(text, from..from + 4, 16)?).ok();
    let halves = [half(1)?, half(7).filter(|_| text.get(5..7) == Some("\\u"))?];
    let mut letters = char::decode_utf16(halves);
    letters.next()?.ok().filter(|_| letters.next().is_none())
}

fn of_number(tokens: &[TokenWithSpan], at: usize) -> Option<Found> {
    let Token::Number(digits, is_long) = &tokens[at].token else { return None };
    let suffix = tokens.get(at + 1).filter(|_| is_joined(tokens, at + 1));
    let suffix = match suffix.map(|token| &token.token) {
        Some(Token::Word(word)) if word.quote_style.is_none() => word.value.to_uppercase(),
        _ if *is_long => "L".to_owned(),
        _ => String::new(),
    };
    let to = if suffix.is_empty() || *is_long { at } else { at + 1 };
    let of = match suffix.as_str() {
        "L" => "BIGINT".to_owned(),
        "S" => "SMALLINT".to_owned(),
        "Y" => "TINYINT".to_owned(),
        "F" => "FLOAT".to_owned(),
        "D" => "DOUBLE".to_owned(),
        "BD" => decimal(digits)?,
        "" if digits.contains(['e', 'E']) || !digits.contains('.') => return None,
        "" if is_interval(tokens, at) => return None,
        "" => decimal(digits)?,
        _ => return None,
    };
    // The least of a type is a number with its sign.
    let from = match signed(tokens, at) {
        Some(sign) if matches!(suffix.as_str(), "L" | "S" | "Y") => sign,
        _ => at,
    };
    let sign = if from < at { "-" } else { "" };
    Some(edit(tokens, at, to, format!("CAST('{sign}{digits}' AS {of})"))).map(|(edit, taken)| {
        (edit.map(|edit| Edit { from: tokens[from].span.start, ..edit }), taken)
    })
}

/// The decimal of so many digits.
fn decimal(digits: &str) -> Option<String> {
    let (number, exponent) = match digits.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i64>().ok()?),
        None => (digits, 0),
    };
    let (whole, behind) = number.split_once('.').unwrap_or((number, ""));
    let all = format!("{whole}{behind}");
    let counted = all.trim_start_matches('0').len().max(1) as i64;
    let scale = behind.len() as i64 - exponent;
    let (precision, scale) = match scale {
        scale if scale < 0 => (counted - scale, 0),
        scale => (counted.max(scale), scale),
    };
    (precision <= 38).then(|| format!("DECIMAL({precision}, {scale})"))
}

/// The place of a minus that is the sign of the number at `at`.
fn signed(tokens: &[TokenWithSpan], at: usize) -> Option<usize> {
    let sign = at.checked_sub(1).filter(|sign| tokens[*sign].token == Token::Minus)?;
    let before = tokens[..sign].iter().rev().map(|token| &token.token);
    let before = before.into_iter().find(|token| !matches!(token, Token::Whitespace(_)));
    let begins = match before {
        None => true,
        // Words that an expression follows; behind all others a minus takes away.
        Some(Token::Word(word)) => {
            word.quote_style.is_none()
                && matches!(
                    word.keyword,
                    Keyword::SELECT
                        | Keyword::DISTINCT
                        | Keyword::WHERE
                        | Keyword::HAVING
                        | Keyword::ON
                        | Keyword::BY
                        | Keyword::CASE
                        | Keyword::WHEN
                        | Keyword::THEN
                        | Keyword::ELSE
                        | Keyword::AND
                        | Keyword::OR
                        | Keyword::NOT
                        | Keyword::IN
                        | Keyword::BETWEEN
                        | Keyword::LIKE
                        | Keyword::DIV
                        | Keyword::VALUES
                        | Keyword::SET
                        | Keyword::LIMIT
                        | Keyword::DEFAULT
                )
        }
        Some(
            Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::DoubleQuotedString(_)
            | Token::RParen
            | Token::RBracket
            | Token::Placeholder(_),
        ) => false,
        Some(_) => true,
    };
    begins.then_some(sign)
}

fn is_interval(tokens: &[TokenWithSpan], at: usize) -> bool {
    let before = tokens[..at].iter().rev().map(|token| &token.token);
    let mut before =
        before.filter(|token| !matches!(token, Token::Whitespace(_) | Token::Minus | Token::Plus));
    matches!(before.next(), Some(Token::Word(word)) if word.keyword == Keyword::INTERVAL)
}

fn of_not(tokens: &[TokenWithSpan], at: usize) -> Option<Found> {
    (tokens[at].token == Token::ExclamationMark).then(|| edit(tokens, at, at, " NOT ".to_owned()))
}

/// `exists(list, x -> …)`, which the parser would take for a subquery.
fn of_exists(tokens: &[TokenWithSpan], at: usize) -> Option<Found> {
    let is_exists =
        matches!(&tokens[at].token, Token::Word(word) if word.keyword == Keyword::EXISTS);
    let mut next = tokens[at + 1..].iter().map(|token| &token.token);
    let mut next = next.by_ref().filter(|token| !matches!(token, Token::Whitespace(_)));
    if !is_exists || next.next() != Some(&Token::LParen) {
        return None;
    }
    let begins_query = match next.next() {
        Some(Token::LParen) | None => true,
        Some(Token::Word(word)) => matches!(
            word.keyword,
            Keyword::SELECT | Keyword::WITH | Keyword::FROM | Keyword::VALUES | Keyword::TABLE
        ),
        _ => false,
    };
    (!begins_query).then(|| edit(tokens, at, at, "any_match".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str, expected: &str) {
        assert_eq!(written(sql).unwrap(), expected);
    }

    #[test]
    fn texts_are_unescaped_and_in_single_quotes() {
        check(r#"SELECT "it's", 'it\'s', 'a''b'"#, "SELECT 'it''s', 'it''s', 'ab'");
        check(r"SELECT '\ud83d\ude00'", "SELECT '😀'");
        check(r"SELECT '\u0041\101\\\%\d'", r"SELECT 'AA\\%d'");
        check(r"SELECT '\u+041\0+1'", "SELECT 'u+041\0+1'");
        check(r"SELECT r'\d' 'x'  'y', R'\d'", r"SELECT '\dxy', '\d'");
        check("SELECT `a 'b`, r FROM t -- 'x\n", "SELECT `a 'b`, r FROM t -- 'x\n");
    }

    #[test]
    fn numbers_have_sparks_types() {
        check(
            "SELECT 1.50, .5",
            "SELECT CAST('1.50' AS DECIMAL(3, 2)), CAST('.5' AS DECIMAL(1, 1))",
        );
        check("SELECT 1L, -128Y", "SELECT CAST('1' AS BIGINT), CAST('-128' AS TINYINT)");
        check("SELECT a -1S", "SELECT a -CAST('1' AS SMALLINT)");
        check("SELECT date -1L", "SELECT date -CAST('1' AS BIGINT)");
        check(
            "SELECT a WHERE b IN (-1L) AND -1L < c",
            "SELECT a WHERE b IN (CAST('-1' AS BIGINT)) AND CAST('-1' AS BIGINT) < c",
        );
        check(
            "SELECT 1.5D, 1e3, 1BD",
            "SELECT CAST('1.5' AS DOUBLE), 1e3, CAST('1' AS DECIMAL(1, 0))",
        );
        check("SELECT 1 AS l, INTERVAL 1.5 SECOND, 2", "SELECT 1 AS l, INTERVAL 1.5 SECOND, 2");
    }

    #[test]
    fn a_bang_is_not() {
        check("SELECT !a, a != b", "SELECT  NOT a, a != b");
    }
}
