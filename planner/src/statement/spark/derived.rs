//! `(SELECT … FROM … GROUP BY …) AS name`, put together.

use datafusion::logical_expr::sqlparser::dialect::GenericDialect;
use datafusion::logical_expr::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, Ident, Select, SelectItem, SetExpr, Statement as SqlStatement, TableFactor,
};

/// A derived table over another table; `None` never, but where the parser does not know its own SQL.
pub(super) fn derived(
    items: Vec<SelectItem>,
    from: TableFactor,
    groups: Vec<Expr>,
    name: Ident,
) -> Option<TableFactor> {
    let mut outer = select("SELECT * FROM (SELECT 1 FROM t) AS t")?;
    let mut table = outer.from.pop()?.relation;
    let TableFactor::Derived { subquery, alias: Some(alias), .. } = &mut table else { return None };
    let SetExpr::Select(inner) = subquery.body.as_mut() else { return None };
    inner.projection = items;
    inner.from[0].relation = from;
    inner.group_by = GroupByExpr::Expressions(groups, Vec::new());
    alias.name = name;
    Some(table)
}

/// A derived table of one row, or of what its columns make of one; `None` as above.
pub(super) fn made(items: Vec<SelectItem>, name: Ident) -> Option<TableFactor> {
    let mut outer = select("SELECT * FROM (SELECT 1) AS t")?;
    let mut table = outer.from.pop()?.relation;
    let TableFactor::Derived { subquery, alias: Some(alias), .. } = &mut table else { return None };
    let SetExpr::Select(inner) = subquery.body.as_mut() else { return None };
    inner.projection = items;
    alias.name = name;
    Some(table)
}

/// All rows of a table.
pub(super) fn all_rows(name: &str) -> Option<SetExpr> {
    select(&format!("SELECT * FROM {name}")).map(|select| SetExpr::Select(Box::new(select)))
}

fn select(sql: &str) -> Option<Select> {
    let SqlStatement::Query(query) = Parser::parse_sql(&GenericDialect {}, sql).ok()?.pop()? else {
        return None;
    };
    match *query.body {
        SetExpr::Select(select) => Some(*select),
        _ => None,
    }
}
