//! `LIKE … ESCAPE 'c'` of any letter.
//!
//! Problem: DataFusion 55 knows the backslash alone, and SQLAlchemy escapes by `/`, many people by `!`. Official way: none.
//! Here: the pattern is written with backslashes, a constant as another constant, all else by a function
//! (`session/escaped.rs`). One that ends in the letter that escapes is an error, as in SQL.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Value, VisitorMut};

use super::walk::{self, call};
use crate::{PlannerError, Result};

/// The function that does so: of a pattern and the letter that escapes in it.
pub(crate) const BY_BACKSLASH: &str = "pattern_by_backslash";

/// Writes it in a statement.
///
/// # Errors
/// `Invalid` for a pattern that ends in the letter that escapes.
pub(super) fn write_out(statement: &mut DfStatement) -> Result<()> {
    let mut escapes = Escapes { open: false };
    walk::rewrite(statement, &mut escapes);
    match escapes.open {
        false => Ok(()),
        true => Err(PlannerError::Invalid("a pattern of LIKE ends in its ESCAPE letter".into())),
    }
}

struct Escapes {
    open: bool,
}

impl VisitorMut for Escapes {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let (Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. }) =
            expr
        else {
            return ControlFlow::Continue(());
        };
        let Some(Value::SingleQuotedString(letter)) = escape_char.as_ref().map(|of| &of.value)
        else {
            return ControlFlow::Continue(());
        };
        let mut letters = letter.chars();
        let letter = match (letters.next(), letters.next()) {
            (Some('\\'), None) | (Some(_), Some(_)) => return ControlFlow::Continue(()),
            (letter, _) => letter,
        };
        **pattern = match constant(pattern) {
            Some(text) => match by_backslash(&text, letter) {
                Some(text) => literal(text),
                None => {
                    self.open = true;
                    return ControlFlow::Continue(());
                }
            },
            None => call(BY_BACKSLASH, [pattern.as_ref().clone(), literal(letters_of(letter))]),
        };
        *escape_char = None;
        ControlFlow::Continue(())
    }
}

fn literal(text: String) -> Expr {
    Expr::Value(Value::SingleQuotedString(text).with_empty_span())
}

/// The text of constants that are joined.
fn constant(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text.clone()),
            _ => None,
        },
        Expr::Nested(expr) => constant(expr),
        Expr::BinaryOp { left, op: BinaryOperator::StringConcat, right } => {
            Some(constant(left)? + &constant(right)?)
        }
        _ => None,
    }
}

fn letters_of(letter: Option<char>) -> String {
    letter.map(String::from).unwrap_or_default()
}

/// A pattern whose letter that escapes is the backslash. `None` where nothing follows the letter that escapes.
pub(crate) fn by_backslash(pattern: &str, escape: Option<char>) -> Option<String> {
    let mut written = String::with_capacity(pattern.len() + 1);
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        let (is_escaped, letter) = match Some(letter) == escape {
            true => (true, letters.next()?),
            false => (false, letter),
        };
        if letter == '\\' || is_escaped && matches!(letter, '%' | '_') {
            written.push('\\');
        }
        written.push(letter);
    }
    Some(written)
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::super::tests::written;

    #[test]
    fn constants_are_written_with_backslashes() {
        for (sql, expected) in [
            ("a LIKE 'A!_%' ESCAPE '!'", r"a LIKE 'A\_%'"),
            ("a NOT ILIKE '!!x!%\\' ESCAPE '!'", r"a NOT ILIKE '!x\%\\'"),
            ("a LIKE '%' || 'A/_' || '%' ESCAPE '/'", r"a LIKE '%A\_%'"),
            ("a LIKE 'x\\' ESCAPE ''", r"a LIKE 'x\\'"),
            ("a LIKE 'x\\_' ESCAPE '\\'", r"a LIKE 'x\_' ESCAPE '\'"),
        ] {
            assert_eq!(
                written(&format!("SELECT {sql} FROM t")),
                format!("SELECT {expected} FROM t")
            );
        }
    }

    #[test]
    fn what_ends_in_its_escape_is_refused() {
        assert!(parse("SELECT a LIKE 'x!' ESCAPE '!' FROM t").is_err());
    }

    #[test]
    fn other_patterns_are_written_so_when_they_are_known() {
        assert_eq!(
            written("SELECT a LIKE b || '%' ESCAPE '!'"),
            "SELECT a LIKE pattern_by_backslash(b || '%', '!')"
        );
    }
}
