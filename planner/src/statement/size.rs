//! How large a statement is once its common table expressions stand wherever they are named.
//!
//! `WITH a AS (…), b AS (SELECT … FROM a UNION ALL SELECT … FROM a), …` doubles with each line: DataFusion
//! plans a CTE once, but walks its plan once for every way that leads there, while it plans and in each
//! rule of its optimizer. A kilobyte of text so takes hours and all memory, and nothing can end it. What
//! the CTEs come to is counted on the statement, where that takes one walk.

use std::ops::ControlFlow;
use std::vec::IntoIter;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, ObjectName, ObjectNamePart, Query, Select, Visitor,
};

use super::walk::walk;
use crate::{PlannerError, Result};

/// Most selects, tables and expressions that CTEs may add to what is written. So many are some 20,000
/// nodes of a plan, which the optimizer takes a second or a few and some tens of megabytes for; each line
/// that doubles them doubles that. Statements that people and their tools write have hundreds.
const MOST_REPEATED: usize = 50_000;

/// The selects, tables and expressions that a statement comes to.
///
/// # Errors
/// `Invalid` for a statement whose CTEs repeat too much of each other.
pub(super) fn size(statement: &DfStatement) -> Result<usize> {
    let mut size = Size::default();
    // Nothing of a walk ends it early.
    let _ = walk(statement, &mut size);
    match size.expanded.saturating_sub(size.written) {
        0..=MOST_REPEATED => Ok(size.expanded),
        _ => Err(PlannerError::Invalid(format!(
            "the statement's WITH queries name each other so often that they come to more than {MOST_REPEATED} selects, tables and expressions when each stands where it is named: name them less often, or write what they give to a table"
        ))),
    }
}

/// Counts what is written, and what that comes to.
#[derive(Default)]
struct Size {
    written: usize,
    expanded: usize,
    /// The queries that the walk is in, the outermost first.
    queries: Vec<Level>,
}

/// A query that the walk is in.
struct Level {
    /// Its CTEs that have not been walked: they come first, in this order.
    coming: IntoIter<String>,
    /// Its CTEs so far, with their sizes.
    known: Vec<(String, usize)>,
    /// What it comes to so far.
    size: usize,
}

impl Size {
    fn add(&mut self, size: usize) {
        let place = self.queries.last_mut().map_or(&mut self.expanded, |level| &mut level.size);
        *place = place.saturating_add(size);
    }

    fn write(&mut self) -> ControlFlow<()> {
        self.written += 1;
        self.add(1);
        ControlFlow::Continue(())
    }

    /// The size of the CTE that a name means here.
    fn named(&self, name: &str) -> Option<usize> {
        let known = self.queries.iter().rev().flat_map(|level| &level.known);
        known.into_iter().find(|(known, _)| known == name).map(|(_, size)| *size)
    }
}

impl Visitor for Size {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let ctes = query.with.iter().flat_map(|with| &with.cte_tables);
        let coming: Vec<String> = ctes.map(|cte| name(&cte.alias.name)).collect();
        self.queries.push(Level { coming: coming.into_iter(), known: Vec::new(), size: 0 });
        self.write()
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        let size = self.queries.pop().map_or(0, |level| level.size);
        let cte = self.queries.last_mut().and_then(|level| Some((level.coming.next()?, level)));
        match cte {
            Some((name, level)) => level.known.push((name, size)),
            None => self.add(size),
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, _: &Select) -> ControlFlow<()> {
        self.write()
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        if let [ObjectNamePart::Identifier(part)] = relation.0.as_slice() {
            let size = self.named(&name(part));
            self.add(size.unwrap_or(0));
        }
        self.write()
    }

    fn pre_visit_expr(&mut self, _: &Expr) -> ControlFlow<()> {
        self.write()
    }
}

/// A name as it is compared.
fn name(name: &Ident) -> String {
    match name.quote_style {
        Some(_) => name.value.clone(),
        None => name.value.to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    /// `count` CTEs, each of which names the one before twice.
    fn doubling(count: usize) -> String {
        let more = (1..=count).map(|index| {
            let before = index - 1;
            format!(", a{index} AS (SELECT x FROM a{before} UNION ALL SELECT x FROM A{before})")
        });
        let more: String = more.collect();
        format!("WITH a0 AS (SELECT 1 x){more} SELECT count(*) FROM a{count}")
    }

    fn is_too_large(sql: &str) -> bool {
        match parse(sql) {
            Ok(_) => false,
            Err(PlannerError::Invalid(text)) => text.contains("WITH"),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn ctes_that_double_are_refused() {
        for count in [20, 60, 1_000] {
            let sql = doubling(count);
            for sql in [sql.clone(), format!("EXPLAIN {sql}"), format!("EXPLAIN ANALYZE {sql}")] {
                assert!(is_too_large(&sql), "{count}");
            }
        }
    }

    #[test]
    fn those_of_inner_queries_count_where_they_are_named() {
        let inner = doubling(20);
        assert!(is_too_large(&format!("SELECT 1 WHERE 2 IN ({inner})")));
        assert!(is_too_large(&format!("SELECT * FROM ({inner}) AS a")));
        let other = inner.replace("FROM a20", "FROM t");
        assert!(!is_too_large(&format!("SELECT * FROM ({other}) AS a CROSS JOIN a20")));
    }

    #[test]
    fn statements_that_repeat_little_are_taken() {
        let long = format!("WITH a AS (SELECT 1 IN (1{})) SELECT * FROM a", ", 2".repeat(90_000));
        let union = format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(1_000));
        let often = format!("{union}{}", " UNION ALL SELECT x FROM a".repeat(1_000));
        let often = format!("WITH a AS (SELECT 1 x) {often}");
        let recursive = "WITH RECURSIVE a AS (SELECT 1 x UNION ALL SELECT x + 1 FROM a WHERE x < 9) SELECT * FROM a";
        for sql in [&long, &union, &often, recursive, &doubling(11)] {
            assert!(!is_too_large(sql), "{sql:.60}");
        }
    }
}
