//! How many grouping sets a statement has.
//!
//! `GROUP BY CUBE (…)` stands for a set for every choice of its columns, and several of them, or ROLLUPs, for
//! every pair: DataFusion writes all of them out while it plans. Three hundred letters so take gigabytes and
//! minutes, and nothing can end it.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{Expr, GroupByExpr, Select, Visitor};

use super::walk::walk;
use crate::{PlannerError, Result};

/// Most grouping sets of one GROUP BY, as in PostgreSQL: they are a CUBE of twelve columns.
const MOST_SETS: usize = 4096;

/// # Errors
/// `Invalid` for too many grouping sets.
pub(super) fn check(statement: &DfStatement) -> Result<()> {
    match walk(statement, &mut Groups) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(PlannerError::Invalid(format!(
            "GROUP BY comes to more than {MOST_SETS} grouping sets: name those that are needed in GROUPING SETS (…), or fewer columns in CUBE (…) and ROLLUP (…)"
        ))),
    }
}

struct Groups;

impl Visitor for Groups {
    type Break = ();

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let expressions = match &select.group_by {
            GroupByExpr::All(_) => &[][..],
            GroupByExpr::Expressions(expressions, _) => &expressions[..],
        };
        match expressions.iter().map(sets).fold(1, usize::saturating_mul) {
            0..=MOST_SETS => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        }
    }
}

/// What one expression of a GROUP BY multiplies the grouping sets by.
fn sets(expression: &Expr) -> usize {
    match expression {
        Expr::Cube(columns) => {
            let columns = u32::try_from(columns.len()).unwrap_or(u32::MAX);
            2_usize.checked_pow(columns).unwrap_or(usize::MAX)
        }
        Expr::Rollup(columns) => columns.len().saturating_add(1),
        Expr::GroupingSets(sets) => {
            sets.iter().map(|set| within(set)).fold(0, usize::saturating_add)
        }
        Expr::Nested(inner) => sets(inner),
        _ => 1,
    }
}

/// Those of one entry of GROUPING SETS.
fn within(set: &[Expr]) -> usize {
    set.iter().map(sets).fold(1, usize::saturating_mul)
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn columns(from: usize, count: usize) -> String {
        (from..from + count).map(|index| format!("c{index}")).collect::<Vec<_>>().join(", ")
    }

    fn refusal(group_by: &str) -> Option<PlannerError> {
        parse(&format!("SELECT count(*) FROM t GROUP BY {group_by}")).err()
    }

    #[test]
    fn as_many_grouping_sets_as_people_write_are_taken() {
        let cube = format!("CUBE ({})", columns(0, 12));
        let rollups = format!("ROLLUP ({}), ROLLUP ({}), a", columns(0, 63), columns(63, 63));
        let sets = "GROUPING SETS ((a, b), (a), ())".to_owned();
        for taken in [cube, rollups, sets, "a, b".into(), "ALL".into()] {
            assert!(refusal(&taken).is_none(), "{taken}");
        }
    }

    #[test]
    fn more_grouping_sets_than_can_be_planned_are_refused() {
        let cube = format!("CUBE ({})", columns(0, 13));
        let wide = format!("CUBE ({})", columns(0, 200));
        let rollups: Vec<String> =
            (0..12).map(|index| format!("ROLLUP ({})", columns(2 * index, 2))).collect();
        for refused in [cube, wide, rollups.join(", ")] {
            let error = refusal(&refused).unwrap_or_else(|| panic!("{refused}"));
            assert!(matches!(error, PlannerError::Invalid(_)), "{error}");
        }
    }

    #[test]
    fn a_subquery_and_an_explained_statement_are_looked_into() {
        let cube = format!("SELECT 1 FROM t GROUP BY CUBE ({})", columns(0, 20));
        for sql in [format!("SELECT * FROM ({cube})"), format!("EXPLAIN {cube}")] {
            assert!(matches!(parse(&sql), Err(PlannerError::Invalid(_))), "{sql}");
        }
    }
}
