//! Fields of what is no column: `l[1].a`, `{a: 1}.a`.
//!
//! Problem: DataFusion 55 takes what stands behind such a point as a text alone, `l[1].'a'`, which nobody writes. Here: a name
//! there is written as one, in small letters unless it is quoted, as all names.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{AccessExpr, Expr, VisitorMut};

use super::columns::folded;
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
}

#[cfg(test)]
mod tests {
    use super::super::tests::written;

    #[test]
    fn a_field_of_what_is_no_column_is_named() {
        for (given, expected) in [
            ("SELECT l[1].A.b FROM t", "SELECT l[1].'a'.'b' FROM t"),
            ("SELECT f(x).\"A\" FROM t", "SELECT f(x).'A' FROM t"),
            ("SELECT t.a.b FROM t", "SELECT t.a.b FROM t"),
            ("SELECT t.a['x'].B FROM t", "SELECT t.a['x'].'b' FROM t"),
        ] {
            assert_eq!(written(given), expected);
        }
    }
}
