//! Queries in FROM that have no name.
//!
//! Problem: SQL gives each its columns, whether it has a name or not; DataFusion 55 refuses two tables beside each other
//! that have columns of one name and no names themselves. Here: where a query without a name stands beside another table it
//! is given one, PostgreSQL's.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Ident, Select, TableAlias, TableFactor, TableWithJoins, VisitorMut,
};

use super::walk;

/// What the first is called; others have a number behind it.
const NAME: &str = "unnamed_subquery";

/// Names them in a statement.
pub(super) fn write_out(statement: &mut DfStatement) {
    walk::rewrite(statement, &mut Unnamed { count: 0 });
}

struct Unnamed {
    count: usize,
}

impl VisitorMut for Unnamed {
    type Break = ();

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let is_alone = match select.from.as_slice() {
            [TableWithJoins { joins, .. }] => joins.is_empty(),
            from => from.is_empty(),
        };
        if !is_alone {
            select.from.iter_mut().for_each(|from| self.name_all(from));
        }
        ControlFlow::Continue(())
    }
}

impl Unnamed {
    fn name_all(&mut self, from: &mut TableWithJoins) {
        self.name(&mut from.relation);
        from.joins.iter_mut().for_each(|join| self.name(&mut join.relation));
    }

    fn name(&mut self, factor: &mut TableFactor) {
        match factor {
            TableFactor::Derived { alias: alias @ None, .. } => {
                let name = match self.count {
                    0 => NAME.to_owned(),
                    count => format!("{NAME}_{count}"),
                };
                self.count += 1;
                *alias = Some(TableAlias {
                    explicit: true,
                    name: Ident::new(name),
                    columns: Vec::new(),
                    at: None,
                });
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => {
                self.name_all(table_with_joins);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::written;

    #[test]
    fn a_query_beside_another_table_has_a_name() {
        for (given, expected) in [
            (
                "SELECT * FROM (SELECT 1 AS a), (SELECT 1 AS a) JOIN t ON true",
                "SELECT * FROM (SELECT 1 AS a) AS unnamed_subquery, (SELECT 1 AS a) AS unnamed_subquery_1 JOIN t ON true",
            ),
            ("SELECT * FROM (SELECT 1 AS a)", "SELECT * FROM (SELECT 1 AS a)"),
            ("SELECT * FROM (SELECT 1 AS a) AS b, t", "SELECT * FROM (SELECT 1 AS a) AS b, t"),
        ] {
            assert_eq!(written(given), expected);
        }
    }
}
