//! `FETCH FIRST n ROWS ONLY` and `SELECT TOP n` are `LIMIT n`.
//!
//! Problem: DataFusion 55 has no plan for either, which standard SQL and the dialects of BI tools write. Official way:
//! LIMIT. Here: it is written. What is more than that (PERCENT, WITH TIES, TOP in a branch of UNION, which would limit that
//! branch) stays as it is, and is refused ([`unseen`](super::unseen)).

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Expr, Fetch, LimitClause, Query, SetExpr, Top, TopQuantity, Value, VisitorMut,
};

use super::walk;

/// Writes it in a statement.
pub(super) fn write_out(statement: &mut DfStatement) {
    walk::rewrite(statement, &mut Limits);
}

struct Limits;

impl VisitorMut for Limits {
    type Break = ();

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let Some(Fetch { with_ties: false, percent: false, quantity }) = &query.fetch {
            let rows = quantity.clone().unwrap_or_else(|| number(1));
            if limit(&mut query.limit_clause, rows) {
                query.fetch = None;
            }
        }
        if let SetExpr::Select(select) = query.body.as_mut()
            && let Some(Top { with_ties: false, percent: false, quantity: Some(quantity) }) =
                &select.top
            && query.fetch.is_none()
            && query.limit_clause.is_none()
        {
            let rows = match quantity {
                TopQuantity::Expr(rows) => rows.clone(),
                TopQuantity::Constant(rows) => number(*rows),
            };
            limit(&mut query.limit_clause, rows);
            select.top = None;
        }
        ControlFlow::Continue(())
    }
}

fn number(of: u64) -> Expr {
    Expr::Value(Value::Number(of.to_string(), false).with_empty_span())
}

/// Whether there was no other limit.
fn limit(clause: &mut Option<LimitClause>, rows: Expr) -> bool {
    match clause {
        None => {
            *clause = Some(LimitClause::LimitOffset {
                limit: Some(rows),
                offset: None,
                limit_by: Vec::new(),
            });
            true
        }
        Some(LimitClause::LimitOffset { limit: limit @ None, .. }) => {
            *limit = Some(rows);
            true
        }
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::written;

    #[test]
    fn fetch_and_top_are_limits() {
        for (sql, expected) in [
            ("SELECT a FROM t FETCH FIRST 5 ROWS ONLY", "SELECT a FROM t LIMIT 5"),
            ("SELECT a FROM t FETCH NEXT ROW ONLY", "SELECT a FROM t LIMIT 1"),
            (
                "SELECT a FROM t ORDER BY a OFFSET 2 ROWS FETCH NEXT 3 ROWS ONLY",
                "SELECT a FROM t ORDER BY a LIMIT 3 OFFSET 2 ROWS",
            ),
            (
                "SELECT DISTINCT TOP 7 a FROM t ORDER BY a",
                "SELECT DISTINCT a FROM t ORDER BY a LIMIT 7",
            ),
            (
                "SELECT * FROM (SELECT TOP (2 + 1) a FROM t) AS x",
                "SELECT * FROM (SELECT a FROM t LIMIT 2 + 1) AS x",
            ),
        ] {
            assert_eq!(written(sql), expected);
        }
    }
}
