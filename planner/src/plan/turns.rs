//! Large statements are planned by turns, so that small ones always find a thread.
//!
//! Planning is work that nothing interrupts, and stands before the queue of queries: two lists of 16,000 values, which
//! take a second or a few each, would hold up every `SELECT 1` of a node with two cores, and many at once would hold
//! their plans in memory together. Half of the cores is left to others, and one statement is always planned.

use std::thread::available_parallelism;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::options::Dialect;
use crate::statement::{self, Statement};
use crate::{PlannerError, Result};

/// Selects, tables and expressions from which on a statement is large: what people and their tools write has hundreds.
const LARGE: usize = 2_000;

/// Who may plan a large statement now.
#[derive(Debug)]
pub(super) struct Turns(Semaphore);

/// A statement that is to be planned, with the right to if it needs one.
pub(super) struct Turn<'t> {
    pub(super) statement: Statement,
    /// Given back when the plan is made.
    pub(super) right: Option<SemaphorePermit<'t>>,
}

impl Turns {
    /// As many as half of the cores.
    pub(super) fn new() -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Self(Semaphore::new((cores / 2).max(1)))
    }

    /// Parses a statement; a large one when it is its turn. It waits as text, which takes the least memory.
    ///
    /// # Errors
    /// Those of [`statement::parse_in`].
    pub(super) async fn parse(&self, sql: &str, dialect: Dialect) -> Result<Turn<'_>> {
        let (statement, size) = statement::parse_sized(sql, dialect)?;
        if size < LARGE {
            return Ok(Turn { statement, right: None });
        }
        drop(statement);
        let right = self.0.acquire().await;
        let right = right.map_err(|error| PlannerError::Internal(error.to_string()))?;
        Ok(Turn { statement: statement::parse_in(sql, dialect)?, right: Some(right) })
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn list(values: usize) -> String {
        format!("SELECT 1 IN (1{})", ", 2".repeat(values))
    }

    fn turns() -> Turns {
        Turns(Semaphore::new(1))
    }

    #[test]
    fn a_large_statement_waits_for_another() {
        let (turns, large) = (turns(), list(LARGE));
        let first = turns
            .parse(&large, Dialect::Squadron)
            .now_or_never()
            .expect("nobody is before it")
            .unwrap();
        assert!(turns.parse(&large, Dialect::Squadron).now_or_never().is_none());
        drop(first);
        assert!(turns.parse(&large, Dialect::Squadron).now_or_never().is_some());
    }

    #[test]
    fn a_small_one_waits_for_none() {
        let (turns, large) = (turns(), list(LARGE));
        let _first = turns
            .parse(&large, Dialect::Squadron)
            .now_or_never()
            .expect("nobody is before it")
            .unwrap();
        assert!(turns.parse(&list(10), Dialect::Squadron).now_or_never().is_some());
    }

    #[test]
    fn short_text_can_be_a_large_statement() {
        let twice = |index: usize| {
            format!(", a{} AS (SELECT x FROM a{index} UNION ALL SELECT x FROM a{index})", index + 1)
        };
        let more: String = (0..9).map(twice).collect();
        let sql = format!("WITH a0 AS (SELECT 1 x){more} SELECT * FROM a9");
        let turn = turns();
        assert!(
            turn.parse(&sql, Dialect::Squadron)
                .now_or_never()
                .expect("nobody else")
                .unwrap()
                .right
                .is_some()
        );
    }
}
