//! Functions of windows in what a change says of rows: of which rows the window would be, nothing says. They are refused, as SQL
//! does; within a subquery they are as ever.

use std::ops::ControlFlow;

use datafusion::logical_expr::sqlparser::ast::{
    Expr, Query, Statement as SqlStatement, Visit, Visitor,
};

use crate::{PlannerError, Result};

/// # Errors
/// `Invalid` for an UPDATE, DELETE or MERGE with one.
pub(super) fn refuse_windows(statement: &SqlStatement) -> Result<()> {
    let changes = matches!(
        statement,
        SqlStatement::Update(_) | SqlStatement::Delete(_) | SqlStatement::Merge(_)
    );
    if !changes {
        return Ok(());
    }
    match statement.visit(&mut Outside { queries: 0 }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(call) => Err(PlannerError::Invalid(format!(
            "{call} is a window over rows that are changed: write it in a subquery over the table"
        ))),
    }
}

struct Outside {
    queries: usize,
}

impl Visitor for Outside {
    type Break = String;

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<String> {
        self.queries += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<String> {
        self.queries -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<String> {
        match expr {
            Expr::Function(call) if self.queries == 0 && call.over.is_some() => {
                ControlFlow::Break(call.to_string())
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::statement::parse;

    #[test]
    fn a_window_over_rows_that_are_changed_is_refused() {
        for sql in [
            "UPDATE t SET a = count(*) OVER ()",
            "DELETE FROM t WHERE row_number() OVER (ORDER BY a) > 1",
            "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN UPDATE SET a = rank() OVER (ORDER BY s.a)",
        ] {
            let refused = parse(sql).unwrap_err().to_string();
            assert!(refused.contains("subquery"), "{sql}: {refused}");
        }
        parse("DELETE FROM t WHERE a IN (SELECT rank() OVER (ORDER BY a) FROM t)").unwrap();
    }

    #[test]
    fn more_than_the_name_of_a_table_is_refused() {
        for sql in [
            "DELETE FROM t(1)",
            "UPDATE t(7) SET b = 9",
            "MERGE INTO t(5) USING s ON t.a = s.a WHEN MATCHED THEN DELETE",
        ] {
            let refused = parse(sql).unwrap_err().to_string();
            assert!(refused.contains("more than the name"), "{sql}: {refused}");
        }
        for sql in
            ["DELETE FROM a.t AS x WHERE x.b = 1", "UPDATE \"T\" x SET b = 9", "DELETE FROM t"]
        {
            parse(sql).unwrap();
        }
    }
}
