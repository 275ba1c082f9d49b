//! `SELECT a + 1 AS x, x * 2 AS y`: a column by the name that SELECT gives it before.
//!
//! Spark looks for a column of the table first. So does this: a statement is planned as it stands, and where that finds no column of
//! a name, the name is written out.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{Expr, Ident, Select, SelectItem, VisitMut, VisitorMut};

use crate::statement::walk::{self, nested};

/// The statement with what SELECT gives this name in the place of the name; `None` where nothing changes.
pub(crate) fn written_out(statement: &DfStatement, name: &str) -> Option<DfStatement> {
    let mut statement = statement.clone();
    let mut selects = Selects { name, changes: false };
    walk::rewrite(&mut statement, &mut selects);
    selects.changes.then_some(statement)
}

fn is(ident: &Ident, name: &str) -> bool {
    match ident.quote_style {
        Some(_) => ident.value == name,
        None => ident.value.to_lowercase() == name,
    }
}

struct Selects<'n> {
    name: &'n str,
    changes: bool,
}

impl VisitorMut for Selects<'_> {
    type Break = ();

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let mut given: Option<Expr> = None;
        for item in &mut select.projection {
            if let Some(given) = &given {
                let mut uses = Uses { name: self.name, given, changes: false };
                let _ = item.visit(&mut uses);
                self.changes |= uses.changes;
            }
            if let SelectItem::ExprWithAlias { expr, alias } = item
                && is(alias, self.name)
            {
                given = Some(expr.clone());
            }
        }
        ControlFlow::Continue(())
    }
}

struct Uses<'u> {
    name: &'u str,
    given: &'u Expr,
    changes: bool,
}

impl VisitorMut for Uses<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if matches!(expr, Expr::Identifier(ident) if is(ident, self.name)) {
            *expr = nested(self.given.clone());
            self.changes = true;
        }
        ControlFlow::Continue(())
    }
}
