//! `LIKE … ESCAPE 'c'` of any letter.
//!
//! Problem: DataFusion 55 knows the backslash alone, and SQLAlchemy escapes by `/`, many people by `!`. Official way: none.
//! Here: the pattern is written with backslashes, a constant as another constant, all else by `replace`.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Value, VisitorMut};

use super::walk::{self, call};
use crate::{PlannerError, Result};

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
            None => replaced(pattern.as_ref().clone(), letter),
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

/// `None` where nothing follows the letter that escapes.
fn by_backslash(pattern: &str, escape: Option<char>) -> Option<String> {
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

/// The same by functions. Two of the letter, which are one, are put aside first: what follows a single one is then clear.
fn replaced(pattern: Expr, escape: Option<char>) -> Expr {
    const ASIDE: &str = "\u{f8ff}";
    let replace = |of: Expr, from: &str, to: &str| {
        call("replace", [of, literal(from.to_owned()), literal(to.to_owned())])
    };
    let plain = replace(pattern, "\\", "\\\\");
    let Some(escape) = escape else { return plain };
    let aside = replace(plain, &format!("{escape}{escape}"), ASIDE);
    let percent = replace(aside, &format!("{escape}%"), "\\%");
    let letter = replace(percent, &format!("{escape}_"), "\\_");
    let others = replace(letter, &escape.to_string(), "");
    let itself = match escape {
        '%' | '_' => format!("\\{escape}"),
        _ => escape.to_string(),
    };
    replace(others, ASIDE, &itself)
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
    fn other_patterns_are_replaced() {
        assert!(written("SELECT a LIKE b || '%' ESCAPE '!'").contains("replace("));
    }
}
