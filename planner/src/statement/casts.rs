//! Totals, windows and groups that differ by a cast alone.
//!
//! Problem: DataFusion 55 leaves casts out of names, and takes `sum(CAST(x AS DOUBLE))` and `sum(x)` of one query for the
//! same column; so it does of casts to times of a zone (AT TIME ZONE). Official way: none. Here: where two expressions of a query would be the same without their casts, its
//! casts go through a function that has the cast in its name, and which is taken out of the finished plan
//! (`session/twins.rs`).

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, OrderByKind, Query, Select, SelectItem, SetExpr, Visit, VisitMut, Visitor,
    VisitorMut, visit_expressions,
};

use super::types::one_name_each;
use super::walk::{self, call};

/// The function that its casts go through.
pub(crate) const CAST_BY_NAME: &str = "cast_by_name";

/// Writes it in a statement.
pub(super) fn write_out(statement: &mut DfStatement) {
    walk::rewrite(statement, &mut Casts);
}

struct Casts;

impl VisitorMut for Casts {
    type Break = ();

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let order = query.order_by.as_mut().map(|order| &mut order.kind);
        let mut keys: Vec<&mut Expr> = match order {
            Some(OrderByKind::Expressions(keys)) => {
                keys.iter_mut().map(|key| &mut key.expr).collect()
            }
            _ => Vec::new(),
        };
        if let SetExpr::Select(select) = query.body.as_mut() {
            let mut expressions = expressions(select);
            expressions.append(&mut keys);
            tell_apart(expressions);
            return ControlFlow::Continue(());
        }
        let mut bodies = vec![query.body.as_mut()];
        while let Some(body) = bodies.pop() {
            match body {
                SetExpr::Select(select) => tell_apart(expressions(select)),
                SetExpr::SetOperation { left, right, .. } => {
                    bodies.extend([left.as_mut(), right.as_mut()])
                }
                _ => {}
            }
        }
        ControlFlow::Continue(())
    }
}

/// Those of which the names meet.
fn expressions(select: &mut Select) -> Vec<&mut Expr> {
    let selected = select.projection.iter_mut().filter_map(|item| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    });
    let groups = match &mut select.group_by {
        GroupByExpr::Expressions(groups, _) => groups.iter_mut(),
        GroupByExpr::All(_) => [].iter_mut(),
    };
    selected.chain(groups).chain(&mut select.having).chain(&mut select.qualify).collect()
}

fn tell_apart(expressions: Vec<&mut Expr>) {
    // Most statements have none, and are not written out as texts for nothing.
    if !expressions.iter().any(|expr| has_cast(expr)) {
        return;
    }
    let mut all = All::default();
    let met = expressions.iter().any(|expr| all.meets(expr));
    if met {
        for expr in expressions {
            let _ = expr.visit(&mut ByName { depth: 0 });
        }
    }
}

fn has_cast(expr: &Expr) -> bool {
    let found = |part: &Expr| match part {
        part if is_cast(part) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    visit_expressions(expr, found).is_break()
}

fn is_cast(expr: &Expr) -> bool {
    matches!(expr, Expr::Cast { .. } | Expr::AtTimeZone { .. })
}

/// What there is: its text without casts and names of tables, and with its casts.
#[derive(Default)]
struct All(HashMap<String, String>);

impl All {
    /// Whether one of the parts that have names is another one than an earlier of the same name.
    fn meets(&mut self, expr: &Expr) -> bool {
        let within = match expr {
            Expr::Rollup(sets) | Expr::Cube(sets) | Expr::GroupingSets(sets) => sets.as_slice(),
            _ => &[],
        };
        within.iter().flatten().any(|key| self.is_another(key))
            || self.is_another(expr)
            || expr.visit(self).is_break()
    }

    fn is_another(&mut self, expr: &Expr) -> bool {
        let (mut with_casts, mut bare) = (expr.clone(), expr.clone());
        let _ = VisitMut::visit(&mut with_casts, &mut Bare { casts: false });
        let _ = VisitMut::visit(&mut bare, &mut Bare { casts: true });
        one_name_each(&mut with_casts);
        let text = |expr: &Expr| expr.to_string().to_lowercase();
        let earlier = self.0.entry(text(&bare)).or_insert_with(|| text(&with_casts));
        *earlier != text(&with_casts)
    }
}

impl Visitor for All {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match matches!(expr, Expr::Function(_)) && self.is_another(expr) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

/// Takes out what has no part in names.
struct Bare {
    casts: bool,
}

impl VisitorMut for Bare {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Cast { expr: of, .. } | Expr::AtTimeZone { timestamp: of, .. } if self.casts => {
                *expr = of.as_ref().clone();
            }
            Expr::Nested(of) => *expr = of.as_ref().clone(),
            Expr::CompoundIdentifier(parts) => {
                if let Some(name) = parts.last() {
                    *expr = Expr::Identifier(name.clone());
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// Puts casts into that function, but for those of queries within, which are told apart by themselves.
struct ByName {
    depth: usize,
}

impl VisitorMut for ByName {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.depth == 0 && is_cast(expr) {
            *expr = call(CAST_BY_NAME, [expr.clone()]);
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::written;

    fn is_written(sql: &str) -> bool {
        written(sql).contains("cast_by_name(")
    }

    #[test]
    fn expressions_that_differ_by_a_cast_alone_are_told_apart() {
        for sql in [
            "SELECT sum(CAST(a AS DOUBLE)) x, sum(a) y FROM t",
            "SELECT sum(t.a::DOUBLE) + 1 x, 2 * sum(a) y FROM t",
            "SELECT sum(a) x FROM t HAVING sum(CAST(a AS INT)) > 1",
            "SELECT sum(a) x FROM t ORDER BY sum(CAST(a AS INT))",
            "SELECT sum(a) OVER (ORDER BY CAST(b AS INT)) x, sum(a) OVER (ORDER BY b) y FROM t",
            "SELECT count(*) FROM t GROUP BY ROLLUP (a, CAST(a AS INT))",
            "SELECT CAST(a AS INT) x, a y, count(*) FROM t GROUP BY 1, 2",
            "SELECT 1 UNION ALL SELECT sum(CAST(a AS INT)) + sum(a) FROM t",
            "SELECT a, a AT TIME ZONE 'Europe/Berlin' FROM t",
            "SELECT a AT TIME ZONE '+01:00', a AT TIME ZONE 'Europe/Berlin' FROM t",
        ] {
            assert!(is_written(sql), "{sql}: {}", written(sql));
        }
    }

    #[test]
    fn casts_stay_where_nothing_meets() {
        for sql in [
            "SELECT sum(CAST(a AS INT)) x, sum(b) y FROM t",
            "SELECT sum(CAST(a AS INT)) x, min(a) y FROM t WHERE CAST(a AS INT) = a",
            "SELECT CAST(a AS INT), sum(cast(a as int)), SUM(CAST(t.a AS INT)) FROM t GROUP BY 1",
            "SELECT a::TEXT, CAST(a AS VARCHAR), sum(b::REAL), sum(b::FLOAT) FROM t GROUP BY 1, 2",
        ] {
            assert!(!is_written(sql), "{sql}: {}", written(sql));
        }
    }
}
