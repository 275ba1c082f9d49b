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

/// # Errors
/// `Invalid` for a text whose tree could not even be freed.
pub(super) fn check_text(sql: &str, dialect: &dyn Dialect) -> Result<()> {
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
