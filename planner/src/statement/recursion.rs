//! Casts that a query writes in its recursive part are told from those that the engine adds.
//!
//! Problem: DataFusion 55 casts the columns of a recursive part to the types of the first one, as if the query had said so:
//! `SELECT 1 UNION ALL SELECT n + 0.5 …` stays at 1 for ever. Official way: none (PostgreSQL refuses). Here: what is
//! cut so is refused (`plan/recursive.rs`), but not a CAST that the query itself has there, which stands in a CASE that
//! is always true.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    CaseWhen, Expr, Query, SelectItem, SetExpr, Value, VisitorMut,
};

use super::walk::rewrite;

pub(super) fn write_out(statement: &mut DfStatement) {
    rewrite(statement, &mut OwnCasts);
}

struct OwnCasts;

impl VisitorMut for OwnCasts {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let Some(with) = query.with.as_mut().filter(|with| with.recursive) {
            for part in &mut with.cte_tables {
                if let SetExpr::SetOperation { right, .. } = part.query.body.as_mut() {
                    mark(right);
                }
            }
        }
        ControlFlow::Continue(())
    }
}

fn mark(mut body: &mut SetExpr) {
    while let SetExpr::Query(query) = body {
        body = query.body.as_mut();
    }
    let SetExpr::Select(select) = body else { return };
    for item in &mut select.projection {
        let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item else {
            continue;
        };
        let mut inner = &*expr;
        while let Expr::Nested(of) = inner {
            inner = of;
        }
        if matches!(inner, Expr::Cast { .. }) {
            *expr = kept(expr.clone());
        }
    }
}

fn kept(cast: Expr) -> Expr {
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen {
            condition: Expr::Value(Value::Boolean(true).into()),
            result: cast,
        }],
        else_result: None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::written;

    #[test]
    fn casts_of_a_recursive_part_are_marked() {
        let text = written(
            "WITH RECURSIVE r AS (SELECT CAST(1 AS INT) AS n UNION ALL SELECT CAST(n + 1 AS INT) FROM r) SELECT CAST(n AS TEXT) FROM r",
        );
        assert!(text.contains("CASE WHEN true THEN CAST(n + 1 AS INT) END"), "{text}");
        assert_eq!(text.matches("CASE").count(), 1, "{text}");
    }
}
