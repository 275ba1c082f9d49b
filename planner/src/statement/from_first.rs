//! `FROM t` is `SELECT * FROM t`.
//!
//! Problem: DataFusion 55 gives no columns and no rows for it. DuckDB, whose way of writing this is, gives all columns.
//! Here: the `*` is written.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Select, SelectFlavor, SelectItem, VisitorMut, WildcardAdditionalOptions,
};

use super::walk;

/// Writes it in a statement.
pub(super) fn write_out(statement: &mut DfStatement) {
    walk::rewrite(statement, &mut FromFirst);
}

struct FromFirst;

impl VisitorMut for FromFirst {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        if select.flavor == SelectFlavor::FromFirstNoSelect {
            select.flavor = SelectFlavor::Standard;
            select.projection = vec![SelectItem::Wildcard(WildcardAdditionalOptions::default())];
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::written;

    #[test]
    fn a_query_that_begins_with_from_has_all_columns() {
        assert_eq!(written("FROM t"), "SELECT * FROM t");
        assert_eq!(written("SELECT 1 FROM (FROM t) AS x"), "SELECT 1 FROM (SELECT * FROM t) AS x");
        assert_eq!(written("FROM t SELECT a"), "FROM t SELECT a");
    }
}
