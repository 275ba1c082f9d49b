//! Columns of one name in one result.
//!
//! Problem: SQL lets a query select two columns of one name (`SELECT n_name, n_name`, `SELECT *, n_name`, `count(*),
//! count(*)`), and tools do, also within `SELECT count(*) FROM (…)`. DataFusion 55 refuses it, but for columns of two
//! tables. Official way: an alias. Here: those after the first have a mark and a number behind their names, by an alias or
//! by a function that has such a name (`session/twins.rs`), and clients are told their names without (`wire_schema`).
//! A name that another query refers to is that of the first, as in DuckDB.
//!
//! What `*` stands for is not known here: columns beside it are marked when the plan cannot be made without
//! ([`beside_wildcards`]), and so is what has one name though it is not written as one ([`calculated`]).

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, ObjectName, Query, Select, SelectItem, TableFactor, Value, Visit, Visitor,
    VisitorMut, visit_expressions,
};

use super::types::one_name_each;
use super::walk::{self, call};

/// The function that has such a name.
pub(crate) const AGAIN: &str = "again";

/// Stands between a name and its number: an invisible separator, which no name has.
pub(crate) const AGAIN_MARK: char = '\u{2063}';

/// Marks such columns of a statement.
pub(super) fn write_out(statement: &mut DfStatement) {
    walk::rewrite(statement, &mut Columns);
}

struct Columns;

impl VisitorMut for Columns {
    type Break = ();

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let tables = tables(select);
        let mut seen: HashMap<String, Vec<Option<String>>> = HashMap::new();
        for (at, item) in select.projection.iter_mut().enumerate() {
            let Some((name, table)) = name(item, &tables) else { continue };
            let earlier = seen.entry(name).or_default();
            // Columns of two tables are two for the engine, too.
            if earlier.iter().any(|other| other.is_none() || table.is_none() || *other == table) {
                mark(item, at);
            }
            earlier.push(table);
        }
        ControlFlow::Continue(())
    }
}

/// The names that tables have in a query.
pub(super) fn tables(select: &Select) -> Vec<String> {
    let factors = select.from.iter().flat_map(|from| {
        std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation))
    });
    let name = |factor: &TableFactor| match factor {
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. } => Some(folded(&alias.name)),
        TableFactor::Table { name: ObjectName(parts), .. } => {
            parts.last().and_then(|part| part.as_ident()).map(folded)
        }
        _ => None,
    };
    factors.filter_map(name).collect()
}

pub(super) fn folded(name: &Ident) -> String {
    match name.quote_style {
        Some(_) => name.value.clone(),
        None => name.value.to_lowercase(),
    }
}

/// What a column will be called, and the table that it is of where that is said.
fn name(item: &SelectItem, tables: &[String]) -> Option<(String, Option<String>)> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some((folded(alias), None)),
        SelectItem::UnnamedExpr(expr) => named(expr, tables),
        _ => None,
    }
}

fn named(expr: &Expr, tables: &[String]) -> Option<(String, Option<String>)> {
    match expr {
        Expr::Nested(expr) => named(expr, tables),
        Expr::Identifier(name) => Some((folded(name), None)),
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [.., table, name] if tables.contains(&folded(table)) => {
                Some((folded(name), Some(folded(table))))
            }
            _ => None,
        },
        // It gives rows, and stands where it does.
        Expr::Function(call) if call.name.to_string().eq_ignore_ascii_case("unnest") => None,
        other => {
            let mut other = other.clone();
            one_name_each(&mut other);
            Some((format!("({})", other.to_string().to_lowercase()), None))
        }
    }
}

fn mark(item: &mut SelectItem, at: usize) {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => *alias = marked(&folded(alias), at),
        SelectItem::UnnamedExpr(expr) if has_parameter(expr) => {
            let alias = marked(&expr.to_string(), at);
            *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
        }
        SelectItem::UnnamedExpr(expr) => {
            let at = Value::Number(at.to_string(), false).with_empty_span();
            *expr = call(AGAIN, [expr.clone(), Expr::Value(at)]);
        }
        _ => {}
    }
}

/// A name that is told to clients as `name`, and is another within the plan.
pub(super) fn marked(name: &str, at: usize) -> Ident {
    Ident::with_quote('"', format!("{name}{AGAIN_MARK}{at}"))
}

/// Of its type nothing is known before it is bound, and the function would have none.
fn has_parameter(expr: &Expr) -> bool {
    let found = visit_expressions(expr, |part| match part {
        Expr::Value(value) if matches!(value.value, Value::Placeholder(_)) => {
            ControlFlow::Break(())
        }
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

/// The statement with columns marked that stand beside `*`; `None` where there are none. In queries within others, only
/// columns that nothing else names: they are the same as those that `*` has of these names.
pub(crate) fn beside_wildcards(statement: &DfStatement) -> Option<DfStatement> {
    let mut has = Beside::default();
    let _ = walk::walk(statement, &mut has);
    if !has.any {
        return None;
    }
    let mut statement = statement.clone();
    let mut mark = MarkBeside { depth: 0, names: has.names };
    walk::rewrite(&mut statement, &mut mark);
    Some(statement)
}

/// Whether there is a column beside `*`, and how often each name is used.
#[derive(Default)]
struct Beside {
    any: bool,
    names: HashMap<String, usize>,
}

impl Visitor for Beside {
    type Break = ();

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        self.any |=
            select.projection.iter().any(is_wildcard) && !select.projection.iter().all(is_wildcard);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Some(name) = column(expr) {
            *self.names.entry(folded(name)).or_default() += 1;
        }
        ControlFlow::Continue(())
    }
}

fn is_wildcard(item: &SelectItem) -> bool {
    matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))
}

fn column(expr: &Expr) -> Option<&Ident> {
    match expr {
        Expr::Identifier(name) => Some(name),
        Expr::CompoundIdentifier(parts) => parts.last(),
        _ => None,
    }
}

struct MarkBeside {
    depth: usize,
    names: HashMap<String, usize>,
}

impl VisitorMut for MarkBeside {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        if !select.projection.iter().any(is_wildcard) {
            return ControlFlow::Continue(());
        }
        let mut here = Beside::default();
        let _ = Visit::visit(&*select, &mut here);
        let is_outside = self.depth == 1;
        for (at, item) in select.projection.iter_mut().enumerate() {
            let may_be_marked = match &*item {
                SelectItem::UnnamedExpr(expr) if is_marked(expr) => false,
                SelectItem::ExprWithAlias { alias, .. } => {
                    is_outside && !alias.value.contains(AGAIN_MARK)
                }
                SelectItem::UnnamedExpr(expr) => match column(expr) {
                    Some(name) => {
                        is_outside || self.names.get(&folded(name)) == here.names.get(&folded(name))
                    }
                    None => is_outside,
                },
                _ => false,
            };
            if may_be_marked {
                mark(item, at);
            }
        }
        ControlFlow::Continue(())
    }
}

/// The statement with all that is calculated marked, but for the first of it; `None` where there is no more of it. Texts that
/// differ may have one name: `DATE '2024-01-01'` and `TIMESTAMP '2024-01-01'`, `upper(a)` and `upper(t.a)`.
pub(crate) fn calculated(statement: &DfStatement) -> Option<DfStatement> {
    let mut statement = statement.clone();
    let mut mark = Calculated(false);
    walk::rewrite(&mut statement, &mut mark);
    mark.0.then_some(statement)
}

/// Marks it, and knows whether it did.
struct Calculated(bool);

impl VisitorMut for Calculated {
    type Break = ();

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let mut is_first = true;
        for (at, item) in select.projection.iter_mut().enumerate() {
            let SelectItem::UnnamedExpr(expr) = &*item else { continue };
            if column(expr).is_some() || gives_rows(expr) {
                continue;
            }
            if !std::mem::take(&mut is_first) && !is_marked(expr) {
                mark(item, at);
                self.0 = true;
            }
        }
        ControlFlow::Continue(())
    }
}

fn is_marked(expr: &Expr) -> bool {
    matches!(expr, Expr::Function(call) if call.name.to_string() == AGAIN)
}

/// Whether it stands for several rows.
fn gives_rows(expr: &Expr) -> bool {
    let found = visit_expressions(expr, |part| match part {
        Expr::Function(call) if call.name.to_string().eq_ignore_ascii_case("unnest") => {
            ControlFlow::Break(())
        }
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

#[cfg(test)]
mod tests {
    use super::super::tests::written;
    use super::super::{Statement, parse};
    use super::*;

    fn beside(sql: &str) -> String {
        let Ok(Statement::Query(query)) = parse(sql) else { panic!("{sql}") };
        beside_wildcards(&query)
            .map(|query| query.to_string().replace(AGAIN_MARK, "#"))
            .unwrap_or_default()
    }

    #[test]
    fn what_is_calculated_is_marked_where_all_else_fails() {
        for (sql, expected) in [
            ("SELECT DATE 'x', 'x'", "SELECT DATE 'x', again('x', 1)"),
            (
                "SELECT a, upper(a), upper(t.a), unnest(b) FROM t",
                "SELECT a, upper(a), again(upper(t.a), 2), unnest(b) FROM t",
            ),
        ] {
            let Ok(Statement::Query(query)) = parse(sql) else { panic!("{sql}") };
            assert_eq!(calculated(&query).unwrap().to_string(), expected);
        }
        let Ok(Statement::Query(query)) = parse("SELECT a, 1, b FROM t") else { panic!() };
        assert!(calculated(&query).is_none());
    }

    #[test]
    fn what_comes_again_is_marked() {
        for (sql, expected) in [
            ("SELECT a, a FROM t", "SELECT a, again(a, 1) FROM t"),
            ("SELECT s.n, u.n FROM t", "SELECT s.n AS n, u.n AS \"n#1\" FROM t"),
            ("SELECT a, T.A FROM t", "SELECT a, again(T.A, 1) FROM t"),
            ("SELECT 1 AS a, b, 2 AS \"a\"", "SELECT 1 AS a, b, 2 AS \"a#2\""),
            ("SELECT ? + 1, $1 + 1", "SELECT $1 + 1, $1 + 1 AS \"$1 + 1#1\""),
        ] {
            let sql = sql.replace("?", "$1");
            assert_eq!(written(&sql).replace(AGAIN_MARK, "#"), expected);
        }
    }

    #[test]
    fn columns_of_two_tables_stay() {
        for sql in ["SELECT a.n, b.n FROM a, b", "SELECT unnest(a), unnest(a) FROM t"] {
            assert_eq!(written(sql), sql);
        }
    }

    #[test]
    fn columns_beside_a_wildcard_are_marked_where_nothing_else_names_them() {
        assert_eq!(
            beside("SELECT *, a, upper(b) AS b FROM t"),
            "SELECT *, again(a, 1), upper(b) AS \"b#2\" FROM t"
        );
        let count = "SELECT count(*) FROM (SELECT t.*, t.a FROM t WHERE a > 1) AS x";
        assert!(beside(count).contains("again(t.a, 1)"));
        assert!(!beside("SELECT a FROM (SELECT t.*, u.a FROM t, u) AS x").contains("again"));
        assert_eq!(beside("SELECT * FROM t"), "");
    }
}
