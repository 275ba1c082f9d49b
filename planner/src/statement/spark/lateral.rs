//! `FROM t LATERAL VIEW explode(list) u AS c`: a row for each element.
//!
//! The engine has `unnest` in SELECT. The table becomes `(SELECT t.*, unnest(list) AS c FROM t) AS t`, and `u.c` is `c`. Of
//! several tables, of other functions than `explode`, and with OUTER it is refused by the engine.

use std::ops::ControlFlow;

use datafusion::logical_expr::sqlparser::dialect::GenericDialect;
use datafusion::logical_expr::sqlparser::parser::Parser;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Expr, LateralView, Select, SetExpr, Statement as SqlStatement, TableFactor, Visitor, VisitorMut,
};

use super::functions::name_of;
use crate::statement::walk::{self, plain_args, walk};

/// Functions have the engine's names already.
pub(super) fn write_out(statement: &mut DfStatement) {
    let mut names = Names(Vec::new());
    let _ = walk(statement, &mut names);
    if !names.0.is_empty() {
        walk::rewrite(statement, &mut Laterals(names.0));
    }
}

/// What views are called.
struct Names(Vec<String>);

impl Visitor for Names {
    type Break = ();

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let views = select.lateral_views.iter().filter(|_| is_known(select));
        self.0.extend(views.map(|view| view.lateral_view_name.to_string().to_lowercase()));
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
    from.joins.is_empty() && select.lateral_views.iter().all(|view| list_of(view).is_some())
}

/// What is exploded, where that is all that is asked for.
fn list_of(view: &LateralView) -> Option<Expr> {
    let Expr::Function(call) = &view.lateral_view else { return None };
    if name_of(call)? != "unnest" && name_of(call)? != "explode" {
        return None;
    }
    match plain_args(call)?.as_slice() {
        [list] if !view.outer && view.lateral_col_alias.len() <= 1 => Some(list.clone()),
        _ => None,
    }
}

fn unnested(relation: TableFactor, view: &LateralView) -> Option<TableFactor> {
    let (list, name) = (list_of(view)?, name(&relation)?);
    let column = view.lateral_col_alias.first().map_or("col".to_owned(), ToString::to_string);
    let sql = format!(
        "SELECT * FROM (SELECT {name}.*, unnest({list}) AS {column} FROM {relation}) AS {name}"
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
