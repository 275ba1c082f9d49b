//! `OVER (w ROWS …)` is the window `w` with that frame.
//!
//! Problem: DataFusion 55 knows `OVER w`, in SELECT alone, and passes over the name in `OVER (w …)` and in
//! `WINDOW v AS (w …)`: its PARTITION BY and ORDER BY are gone without an error. Official way: none. Here: windows are
//! written out as SQL has it (PostgreSQL's rules: what a window with a name has cannot be given again, and one with a
//! frame is taken as it is only). A name that is left is refused by [`unseen`](super::unseen).

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, NamedWindowDefinition, NamedWindowExpr, OrderByKind, Query, Select, SetExpr,
    VisitMut, VisitorMut, WindowSpec, WindowType, visit_expressions_mut,
};

use super::walk;

/// Writes out the windows of a statement.
pub(super) fn write_out(statement: &mut DfStatement) {
    walk::rewrite(statement, &mut Windows);
}

struct Windows;

impl VisitorMut for Windows {
    type Break = ();

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let named = Named::of(&mut select.named_window);
        named.write_in(&mut select.projection);
        named.write_in(&mut select.qualify);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let (SetExpr::Select(select), Some(order)) = (query.body.as_mut(), &mut query.order_by)
        else {
            return ControlFlow::Continue(());
        };
        if let OrderByKind::Expressions(keys) = &mut order.kind {
            Named::of(&mut select.named_window).write_in(keys);
        }
        ControlFlow::Continue(())
    }
}

/// The windows that a SELECT names.
struct Named(HashMap<String, WindowSpec>);

impl Named {
    /// Each may be of those before it, and is then written out.
    fn of(definitions: &mut [NamedWindowDefinition]) -> Self {
        let mut named = Self(HashMap::new());
        for NamedWindowDefinition(name, definition) in definitions {
            let spec = match definition {
                NamedWindowExpr::NamedWindow(other) => named.0.get(&normal(other)).cloned(),
                NamedWindowExpr::WindowSpec(spec) => {
                    named.refine(spec);
                    Some(spec.clone())
                }
            };
            if let Some(spec) = spec {
                *definition = NamedWindowExpr::WindowSpec(spec.clone());
                named.0.insert(normal(name), spec);
            }
        }
        named
    }

    fn write_in(&self, part: &mut impl VisitMut) {
        if self.0.is_empty() {
            return;
        }
        let _ = visit_expressions_mut(part, |expr| {
            if let Expr::Function(call) = expr {
                match &mut call.over {
                    Some(WindowType::WindowSpec(spec)) => self.refine(spec),
                    Some(WindowType::NamedWindow(name)) => {
                        let spec = self.0.get(&normal(name)).cloned();
                        call.over = spec.map(WindowType::WindowSpec).or(call.over.take());
                    }
                    None => {}
                }
            }
            ControlFlow::<()>::Continue(())
        });
    }

    /// Gives a window what the one has that it names, where that is allowed.
    fn refine(&self, spec: &mut WindowSpec) {
        let name = spec.window_name.as_ref();
        let Some(base) = name.and_then(|name| self.0.get(&normal(name))) else { return };
        let is_allowed = base.window_name.is_none()
            && base.window_frame.is_none()
            && spec.partition_by.is_empty()
            && (base.order_by.is_empty() || spec.order_by.is_empty());
        if is_allowed {
            spec.window_name = None;
            spec.partition_by.clone_from(&base.partition_by);
            if spec.order_by.is_empty() {
                spec.order_by.clone_from(&base.order_by);
            }
        }
    }
}

/// As the engine compares names.
fn normal(name: &Ident) -> String {
    match name.quote_style {
        Some(_) => name.value.clone(),
        None => name.value.to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Statement, parse};

    fn written(sql: &str) -> String {
        let Ok(Statement::Query(query)) = parse(sql) else { panic!("{sql}") };
        let text = query.to_string();
        text.split(" WINDOW ").next().unwrap_or_default().to_owned()
    }

    #[test]
    fn a_window_has_what_the_one_has_that_it_names() {
        for (sql, expected) in [
            (
                "SELECT sum(a) OVER (w ROWS 2 PRECEDING) FROM t WINDOW W AS (PARTITION BY b ORDER BY c)",
                "SELECT sum(a) OVER (PARTITION BY b ORDER BY c ROWS 2 PRECEDING) FROM t",
            ),
            (
                "SELECT sum(a) OVER (v) FROM t WINDOW w AS (PARTITION BY b), v AS (w ORDER BY c)",
                "SELECT sum(a) OVER (PARTITION BY b ORDER BY c) FROM t",
            ),
            (
                "SELECT rank() OVER v FROM t WINDOW w AS (ORDER BY c ROWS 1 PRECEDING), v AS w",
                "SELECT rank() OVER (ORDER BY c ROWS 1 PRECEDING) FROM t",
            ),
        ] {
            assert_eq!(written(sql), expected);
        }
        let sql = "SELECT a FROM t WINDOW w AS (ORDER BY c) ORDER BY rank() OVER w";
        let Ok(Statement::Query(query)) = parse(sql) else { panic!("{sql}") };
        assert!(query.to_string().ends_with("ORDER BY rank() OVER (ORDER BY c)"), "{query}");
    }

    #[test]
    fn a_window_that_cannot_be_written_out_is_refused() {
        for (over, window) in [
            ("(w PARTITION BY a)", "(PARTITION BY b)"),
            ("(w ORDER BY a)", "(ORDER BY b)"),
            ("(w)", "(ORDER BY b ROWS 1 PRECEDING)"),
            ("(v)", "(ORDER BY b)"),
            ("w", "(v ORDER BY b)"),
        ] {
            let told = parse(&format!("SELECT sum(a) OVER {over} FROM t WINDOW w AS {window}"));
            let told = told.unwrap_err().to_string();
            assert!(told.contains("write the window out"), "{over} {window}: {told}");
        }
    }
}
