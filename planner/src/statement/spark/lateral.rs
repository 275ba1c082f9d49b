//! `FROM t LATERAL VIEW explode(list) u AS c`: a row for each element.
//!
//! The engine has `unnest` in SELECT, and lateral queries ([`laterals`](crate::session)): it is
//! `FROM t, LATERAL (SELECT unnest(list) AS c) AS u`. Other functions than those of [`generators`] are refused by the engine.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, LateralView, Select, SelectItem, TableFactor, TableWithJoins, VisitorMut,
};

use super::derived::made;
use super::generators;
use crate::statement::walk;

/// Functions have the engine's names already.
pub(super) fn write_out(statement: &mut DfStatement) {
    walk::rewrite(statement, &mut Laterals);
}

struct Laterals;

impl VisitorMut for Laterals {
    type Break = ();

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let tables = select.lateral_views.iter().map(table).collect::<Option<Vec<_>>>();
        if let Some(tables) = tables {
            select.lateral_views.clear();
            select.from.extend(tables);
        }
        ControlFlow::Continue(())
    }
}

fn table(view: &LateralView) -> Option<TableWithJoins> {
    let columns = columns_of(view)?.into_iter();
    let columns = columns.map(|(alias, expr)| SelectItem::ExprWithAlias { expr, alias });
    let name = view.lateral_view_name.0.last()?.as_ident()?.clone();
    let mut relation = made(columns.collect(), name)?;
    if let TableFactor::Derived { lateral, .. } = &mut relation {
        *lateral = true;
    }
    Some(TableWithJoins { relation, joins: Vec::new() })
}

/// The columns that a view brings.
fn columns_of(view: &LateralView) -> Option<Vec<(Ident, Expr)>> {
    generators::columns(&view.lateral_view, &view.lateral_col_alias, view.outer)
}
