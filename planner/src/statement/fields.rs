//! Fields of what is no column: `l[1].a`, `{a: 1}.a`.
//!
//! Problem: DataFusion 55 takes what stands behind such a point as a text alone, `l[1].'a'`, which nobody writes. Here: a name
//! there is written as one, in small letters unless it is quoted, as all names.
//!
//! And `SELECT s.a` is called `t.s[a]` there, which a query around it cannot say: it is called `a`, as in SQL, by an alias. (DISTINCT
//! takes none beside ORDER BY; the columns of a whole result are called so by their plan, `plan/field_names.rs`.)

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Ident, Select, SelectItem, TableFactor, TableWithJoins, VisitorMut,
    visit_expressions,
};

use super::columns::{folded, tables};
use super::walk::{self, text};

/// Writes them in a statement.
pub(super) fn write_out(statement: &mut DfStatement) {
    walk::rewrite(statement, &mut Fields);
}

struct Fields;

impl VisitorMut for Fields {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::CompoundFieldAccess { root, access_chain } = expr {
            // Names behind a name are a column's, as far as they go.
            let mut is_name =
                matches!(root.as_ref(), Expr::Identifier(_) | Expr::CompoundIdentifier(_));
            for access in access_chain {
                match access {
                    AccessExpr::Dot(field) if !is_name => {
                        if let Expr::Identifier(name) = &field {
                            *field = text(&folded(name));
                        }
                    }
                    AccessExpr::Dot(_) => {}
                    AccessExpr::Subscript(_) => is_name = false,
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        if select.distinct.is_none() && select.from.iter().all(are_named) {
            called_as_fields(select);
        }
        ControlFlow::Continue(())
    }
}

/// Whether it is known what tables are called.
fn are_named(from: &TableWithJoins) -> bool {
    let joined = from.joins.iter().map(|join| &join.relation);
    std::iter::once(&from.relation).chain(joined).all(|table| {
        matches!(table, TableFactor::Table { args: None, .. } | TableFactor::Derived { .. })
    })
}

fn called_as_fields(select: &mut Select) {
    let tables = tables(select);
    let aliases: Vec<_> = select.projection.iter().map(|item| field(item, &tables)).collect();
    for (at, alias) in aliases.into_iter().enumerate() {
        let Some(alias) = alias.filter(|alias| !is_named_in_groups(select, alias)) else {
            continue;
        };
        if let SelectItem::UnnamedExpr(expr) = &select.projection[at] {
            select.projection[at] = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
        }
    }
}

/// The name of a field that is selected: behind a column, of which the table may be named.
fn field(item: &SelectItem, tables: &[String]) -> Option<Ident> {
    let SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) = item else { return None };
    let (name, before) = parts.split_last()?;
    let is_table = |part: &&Ident| tables.contains(&folded(part));
    match before.last().is_some_and(|last| is_table(&last)) {
        true => None,
        false => Some(name.clone()),
    }
}

/// Whether a column of that name is meant by GROUP BY, HAVING or QUALIFY, which would find the alias.
fn is_named_in_groups(select: &Select, alias: &Ident) -> bool {
    let is_it = |expr: &Expr| match expr {
        Expr::Identifier(name) if folded(name) == folded(alias) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let conditions = select.having.iter().chain(&select.qualify);
    visit_expressions(&select.group_by, is_it).is_break()
        || conditions.into_iter().any(|of| visit_expressions(of, is_it).is_break())
}

#[cfg(test)]
mod tests {
    use super::super::tests::written;

    #[test]
    fn a_field_of_what_is_no_column_is_named() {
        for (given, expected) in [
            ("SELECT l[1].A.b FROM t", "SELECT l[1].'a'.'b' FROM t"),
            ("SELECT f(x).\"A\" FROM t", "SELECT f(x).'A' FROM t"),
            ("SELECT t.a.b FROM t", "SELECT t.a.b AS b FROM t"),
            ("SELECT t.a['x'].B FROM t", "SELECT t.a['x'].'b' FROM t"),
        ] {
            assert_eq!(written(given), expected);
        }
    }

    #[test]
    fn a_field_that_is_selected_is_called_as_it_is() {
        for (given, expected) in [
            ("SELECT s.a, t.s.b, t.c FROM t", "SELECT s.a AS a, t.s.b AS b, t.c FROM t"),
            ("SELECT a FROM (SELECT s.a FROM b.t) q", "SELECT a FROM (SELECT s.a AS a FROM b.t) q"),
            ("SELECT b.t.x, t.s.y FROM b.t", "SELECT b.t.x, t.s.y AS y FROM b.t"),
            ("SELECT s.a FROM t GROUP BY s.a, a", "SELECT s.a FROM t GROUP BY s.a, a"),
            ("SELECT DISTINCT s.a FROM t", "SELECT DISTINCT s.a FROM t"),
            ("SELECT u.a FROM UNNEST(x) AS u (a)", "SELECT u.a FROM UNNEST(x) AS u (a)"),
        ] {
            assert_eq!(written(given), expected);
        }
    }
}
