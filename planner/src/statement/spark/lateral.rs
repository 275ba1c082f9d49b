//! `FROM t LATERAL VIEW explode(list) u AS c`: a row for each element.
//!
//! The engine has `unnest` in SELECT. The table becomes `(SELECT t.*, unnest(list) AS c FROM t) AS t`, and `u.c` is `c`. Of
//! several tables, of other functions than those of [`generators`], and where the view has the name of a table, it is refused
//! by the engine.

use std::ops::ControlFlow;

use datafusion::logical_expr::sqlparser::dialect::GenericDialect;
use datafusion::logical_expr::sqlparser::parser::Parser;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, LateralView, Select, SetExpr, Statement as SqlStatement, TableFactor, Visitor,
    VisitorMut,
};

use super::generators;
use crate::statement::walk::{self, walk};

/// Functions have the engine's names already.
pub(super) fn write_out(statement: &mut DfStatement) {
    let mut names = Names::default();
    let _ = walk(statement, &mut names);
    let is_clear = !names.views.iter().any(|view| names.tables.contains(view));
    if !names.views.is_empty() && is_clear {
        walk::rewrite(statement, &mut Laterals(names.views));
    }
}

/// What views and tables are called.
#[derive(Default)]
struct Names {
    views: Vec<String>,
    tables: Vec<String>,
}

impl Visitor for Names {
    type Break = ();

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let views = select.lateral_views.iter().filter(|_| is_known(select));
        self.views.extend(views.map(|view| view.lateral_view_name.to_string().to_lowercase()));
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, table: &TableFactor) -> ControlFlow<()> {
        self.tables.extend(name(table).map(|name| name.to_lowercase()));
        ControlFlow::Continue(())
    }
}

struct Laterals(Vec<String>);

impl VisitorMut for Laterals {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::CompoundIdentifier(parts) = expr
            && let [of, column] = parts.as_slice()
            && self.0.contains(&of.value.to_lowercase())
        {
            *expr = Expr::Identifier(column.clone());
        }
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        if !select.lateral_views.is_empty() && is_known(select) {
            let mut views = select.lateral_views.iter();
            let written = views.try_fold(select.from[0].relation.clone(), unnested);
            if let Some(relation) = written {
                select.from[0].relation = relation;
                select.lateral_views.clear();
            }
        }
        ControlFlow::Continue(())
    }
}

fn is_known(select: &Select) -> bool {
    let [from] = select.from.as_slice() else { return false };
    from.joins.is_empty() && select.lateral_views.iter().all(|view| columns_of(view).is_some())
}

/// The columns that a view brings.
fn columns_of(view: &LateralView) -> Option<Vec<(Ident, Expr)>> {
    generators::columns(&view.lateral_view, &view.lateral_col_alias, view.outer)
}

fn unnested(relation: TableFactor, view: &LateralView) -> Option<TableFactor> {
    let (columns, name) = (columns_of(view)?, name(&relation)?);
    let columns: Vec<_> =
        columns.into_iter().map(|(column, of)| format!("{of} AS {column}")).collect();
    let sql = format!(
        "SELECT * FROM (SELECT {name}.*, {} FROM {relation}) AS {name}",
        columns.join(", ")
    );
    let parsed = Parser::parse_sql(&GenericDialect {}, &sql).ok()?.pop()?;
    let SqlStatement::Query(query) = parsed else { return None };
    let SetExpr::Select(select) = *query.body else { return None };
    select.from.into_iter().next().map(|table| table.relation)
}

/// What its columns are of.
fn name(relation: &TableFactor) -> Option<String> {
    match relation {
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. }
        | TableFactor::Function { alias: Some(alias), .. } => Some(alias.name.to_string()),
        TableFactor::Table { name, alias: None, .. } => name.0.last().map(ToString::to_string),
        _ => None,
    }
}
