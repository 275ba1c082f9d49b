//! `FROM t LATERAL VIEW explode(list) u AS c`: a row for each element.
//!
//! The engine has `unnest` in SELECT. The table becomes `(SELECT t.*, unnest(list) AS c FROM t) AS t`, and `u.c` is `c` in what
//! the SELECT says, but for its tables. Of several tables, of other functions than those of [`generators`], and where the
//! view has the name of a table, it is refused by the engine.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, LateralView, Query, Select, SelectItem, SetExpr, TableAlias, TableFactor,
    VisitMut, Visitor, VisitorMut,
};

use super::derived::{all_of, derived};
use super::generators;
use crate::statement::walk::{self, walk};

/// Functions have the engine's names already.
pub(super) fn write_out(statement: &mut DfStatement) {
    let mut names = Names::default();
    let _ = walk(statement, &mut names);
    let is_clear = !names.views.iter().any(|view| names.tables.contains(view));
    if !names.views.is_empty() && is_clear {
        walk::rewrite(statement, &mut Laterals);
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
        self.views.extend(views(select));
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, table: &TableFactor) -> ControlFlow<()> {
        self.tables.extend(name(table).map(|name| name.value.to_lowercase()));
        ControlFlow::Continue(())
    }
}

/// The views of a SELECT, in small letters.
fn views(select: &Select) -> Vec<String> {
    let views = select.lateral_views.iter().filter(|_| is_known(select));
    let name = |view: &LateralView| {
        let last = view.lateral_view_name.0.last()?;
        last.as_ident().map(|name| name.value.to_lowercase())
    };
    views.filter_map(name).collect()
}

struct Laterals;

impl VisitorMut for Laterals {
    type Break = ();

    /// What it is ordered by is of its query.
    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let SetExpr::Select(select) = query.body.as_ref() {
            let mut bare = Bare(views(select));
            let _ = VisitMut::visit(&mut query.order_by, &mut bare);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let mut bare = Bare(views(select));
        if !bare.0.is_empty() {
            let from = std::mem::take(&mut select.from);
            let _ = VisitMut::visit(select, &mut bare);
            select.from = from;
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

/// Names columns of views without the view.
struct Bare(Vec<String>);

impl VisitorMut for Bare {
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
}

fn is_known(select: &Select) -> bool {
    let [from] = select.from.as_slice() else { return false };
    from.joins.is_empty() && select.lateral_views.iter().all(|view| columns_of(view).is_some())
}

/// The columns that a view brings.
fn columns_of(view: &LateralView) -> Option<Vec<(Ident, Expr)>> {
    generators::columns(&view.lateral_view, &view.lateral_col_alias, view.outer)
}

fn unnested(mut relation: TableFactor, view: &LateralView) -> Option<TableFactor> {
    let columns = columns_of(view)?;
    if let TableFactor::Derived { alias: alias @ None, .. } = &mut relation {
        // What has no name is called by none.
        *alias = Some(TableAlias {
            name: Ident::new("derived"),
            columns: Vec::new(),
            explicit: true,
            at: None,
        });
    }
    let name = name(&relation)?;
    let columns =
        columns.into_iter().map(|(alias, expr)| SelectItem::ExprWithAlias { expr, alias });
    let items = all_of(&name).into_iter().chain(columns).collect();
    derived(items, relation, Vec::new(), name)
}

/// What its columns are of.
fn name(relation: &TableFactor) -> Option<Ident> {
    match relation {
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. }
        | TableFactor::Function { alias: Some(alias), .. } => Some(alias.name.clone()),
        TableFactor::Table { name, alias: None, .. } => {
            name.0.last().and_then(|name| name.as_ident()).cloned()
        }
        _ => None,
    }
}
