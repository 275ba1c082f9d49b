//! How deep a statement may nest.
//!
//! `a + a + …`, `a OR a OR …` and `SELECT … UNION ALL SELECT …` are trees as deep as they are long.
//! The parser builds them in a loop, past its own limit for brackets; whatever walks them afterwards
//! walks them recursively, down to the code that frees them, and a stack that overflows ends the
//! whole process. So statements that are too deep for the stacks of the threads that plan are
//! refused before anything walks them.

use std::ops::ControlFlow;

use datafusion::logical_expr::sqlparser::dialect::Dialect;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{Expr, Query, SetExpr, Visitor};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::walk::walk;
use crate::{PlannerError, Result};

/// Deepest statement that is planned. DataFusion's time to plan such a chain grows with its square:
/// at this depth it is seconds. Some 15 KB of stack a level were never needed with optimisation on.
pub const DEEPEST: usize = 3_000;

/// What the threads that plan must have as their stacks: [`DEEPEST`] takes well under half of it.
/// Memory that is never touched costs nothing.
pub const STACK_BYTES: usize = 128 << 20;

/// Most operators of a text that is parsed: a tree of as many levels can still be freed.
const MOST_OPERATORS: usize = 100_000;

/// Most calls within each other by a word that may be something else: the parser reads what is within once more when it
/// fails (sqlparser 0.62, `parse_prefix`), which doubles its time for each.
const MOST_CALLS: usize = 12;

/// # Errors
/// `Invalid` for a text whose tree could not even be freed, or that would be read for ever.
pub(super) fn check_text(sql: &str, dialect: &dyn Dialect) -> Result<()> {
    check_calls(sql, dialect)?;
    // An operator and what it works on are two characters at least.
    if sql.len() / 2 <= MOST_OPERATORS {
        return Ok(());
    }
    // A text that is no SQL at all is refused by the parser, in its words.
    let tokens = Tokenizer::new(dialect, sql).tokenize().unwrap_or_default();
    match tokens.iter().filter(|token| deepens(token)).count() {
        0..=MOST_OPERATORS => Ok(()),
        operators => Err(PlannerError::Invalid(format!(
            "the statement has {operators} operators, at most {MOST_OPERATORS} are taken: put the values into a table, or in IN (…)"
        ))),
    }
}

fn check_calls(sql: &str, dialect: &dyn Dialect) -> Result<()> {
    if sql.bytes().filter(|byte| *byte == b'(').count() <= MOST_CALLS {
        return Ok(());
    }
    let mut tokens = Tokenizer::new(dialect, sql).tokenize().unwrap_or_default();
    tokens.retain(|token| !matches!(token, Token::Whitespace(_)));
    let (mut open, mut calls) = (Vec::new(), 0);
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::LParen => {
                let is_call = at > 0 && may_be_a_name(&tokens[at - 1]);
                calls += usize::from(is_call);
                open.push(is_call);
                if calls > MOST_CALLS {
                    return Err(PlannerError::Invalid(format!(
                        "the statement has more than {MOST_CALLS} calls of NOT, CAST, FLOOR and their like within each other: leave some \
                         of them out, or compute a part in a subquery"
                    )));
                }
            }
            Token::RParen => calls -= usize::from(open.pop().unwrap_or_default()),
            _ => {}
        }
    }
    Ok(())
}

/// Whether the parser takes a word before a bracket for a keyword, and, where that fails, for a function's name.
fn may_be_a_name(token: &Token) -> bool {
    let Token::Word(word) = token else { return false };
    matches!(
        word.keyword,
        Keyword::NOT
            | Keyword::CAST
            | Keyword::TRY_CAST
            | Keyword::SAFE_CAST
            | Keyword::CONVERT
            | Keyword::TRY_CONVERT
            | Keyword::EXTRACT
            | Keyword::CEIL
            | Keyword::FLOOR
            | Keyword::POSITION
            | Keyword::SUBSTR
            | Keyword::SUBSTRING
            | Keyword::OVERLAY
            | Keyword::ARRAY
            | Keyword::MATCH
            | Keyword::PRIOR
            | Keyword::CONNECT_BY_ROOT
            | Keyword::LAMBDA
    )
}

fn deepens(token: &Token) -> bool {
    match token {
        Token::Word(word) => matches!(
            word.keyword,
            Keyword::AND
                | Keyword::OR
                | Keyword::NOT
                | Keyword::IS
                | Keyword::LIKE
                | Keyword::ILIKE
                | Keyword::BETWEEN
                | Keyword::AT
                | Keyword::COLLATE
                | Keyword::UNION
                | Keyword::EXCEPT
                | Keyword::INTERSECT
        ),
        Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::Whitespace(_)
        | Token::Comma
        | Token::LParen
        | Token::RParen
        | Token::Period => false,
        _ => true,
    }
}

/// # Errors
/// `Invalid` for a statement that nests deeper than [`DEEPEST`].
pub(super) fn check(statement: &DfStatement) -> Result<()> {
    match walk(statement, &mut Levels(0)) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(PlannerError::Invalid(format!(
            "the statement nests more than {DEEPEST} operators in each other: use IN (…) in place of a chain of OR, and a table in place of a chain of UNION"
        ))),
    }
}

/// The level of the expression that is visited.
struct Levels(usize);

impl Visitor for Levels {
    type Break = ();

    fn pre_visit_expr(&mut self, _: &Expr) -> ControlFlow<()> {
        self.0 += 1;
        if self.0 > DEEPEST { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn post_visit_expr(&mut self, _: &Expr) -> ControlFlow<()> {
        self.0 -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let mut set = query.body.as_ref();
        for _ in 0..DEEPEST {
            match set {
                SetExpr::SetOperation { left, .. } => set = left,
                _ => return ControlFlow::Continue(()),
            }
        }
        ControlFlow::Break(())
    }
}

#[cfg(test)]
mod tests {
    use crate::statement::parse;

    /// The parser would need some 2^40 steps.
    #[test]
    fn calls_that_may_be_names_are_bounded() {
        for (before, after) in [("NOT (", ")"), ("CAST(", " AS INT)"), ("floor(", ")")] {
            let deep =
                |levels| format!("SELECT {}1{}", before.repeat(levels), after.repeat(levels));
            parse(&deep(super::MOST_CALLS)).unwrap();
            let refused = parse(&deep(40)).unwrap_err().to_string();
            assert!(refused.contains("within each other"), "{refused}");
        }
    }
}
