//! `?` as `$1`, `$2` ….
//!
//! DataFusion 55 gives every `?` of a statement the same name, so that two of them would get one value: a wrong
//! answer without an error. They are numbered in the text, before it is parsed, by the places where the
//! tokenizer finds them: what stands in a string, a quoted name or a comment is none.

use std::borrow::Cow;

use datafusion::logical_expr::sqlparser::dialect::Dialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::edits::{Edit, edited};
use crate::{PlannerError, Result};

/// The text with its `?` numbered from left to right.
///
/// # Errors
/// `Invalid` for a text that has both `?` and `$1`: which is which nobody knows.
pub(super) fn numbered<'t>(sql: &'t str, dialect: &dyn Dialect) -> Result<Cow<'t, str>> {
    if !sql.contains('?') {
        return Ok(sql.into());
    }
    // A text that is no SQL at all is refused by the parser, in its words.
    let Ok(tokens) = Tokenizer::new(dialect, sql).tokenize_with_location() else {
        return Ok(sql.into());
    };
    let mut places = Vec::new();
    let mut others = None;
    for token in &tokens {
        match &token.token {
            Token::Placeholder(name) if name == "?" => places.push(Edit {
                from: token.span.start,
                to: token.span.end,
                text: format!("${}", places.len() + 1),
            }),
            Token::Placeholder(name) => others = Some(name.as_str()),
            _ => {}
        }
    }
    match (places.is_empty(), others) {
        (true, _) => Ok(sql.into()),
        (false, Some(other)) => Err(PlannerError::Invalid(format!(
            "the statement has both ? and {other} for its parameters: use one kind"
        ))),
        (false, None) => Ok(edited(sql, &places).into()),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::sqlparser::dialect::GenericDialect;

    use super::*;

    fn check(sql: &str, expected: &str) {
        assert_eq!(numbered(sql, &GenericDialect {}).unwrap(), expected);
    }

    #[test]
    fn question_marks_are_numbered_from_left_to_right() {
        check("SELECT ?, a + ? FROM t WHERE b = ?", "SELECT $1, a + $2 FROM t WHERE b = $3");
        check("SELECT ?\n, 'é', ?\r\n, \"ü\" = ?", "SELECT $1\n, 'é', $2\r\n, \"ü\" = $3");
    }

    #[test]
    fn what_stands_in_quotes_and_comments_is_no_parameter() {
        let sql = "SELECT '?', 'it''s ?', \"?\" /* ? */ FROM t -- ?\nWHERE a = ?";
        check(sql, "SELECT '?', 'it''s ?', \"?\" /* ? */ FROM t -- ?\nWHERE a = $1");
    }

    #[test]
    fn numbered_parameters_stay_and_do_not_mix() {
        check("SELECT $2, $1, '?'", "SELECT $2, $1, '?'");
        let mixed = numbered("SELECT $1, ?", &GenericDialect {}).unwrap_err();
        assert!(mixed.to_string().contains("$1"), "{mixed}");
    }
}
