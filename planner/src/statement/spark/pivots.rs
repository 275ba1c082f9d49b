//! `FROM (SELECT k, c, v FROM t) PIVOT (sum(v) FOR c IN ('a', 'b'))`: a column for each value.
//!
//! The engine has none. What is pivoted is grouped by all columns that PIVOT does not name, so these must be seen: those of a
//! subquery that names its columns. Over anything else PIVOT is refused with that of our own dialect. A value that no row of
//! a group has is NULL, `count` among them.

use std::ops::ControlFlow;

use datafusion::logical_expr::sqlparser::dialect::GenericDialect;
use datafusion::logical_expr::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::ast::{
    Expr, ExprWithAlias, Ident, PivotValueSource, SelectItem, SetExpr, Statement as SqlStatement,
    TableFactor, Value, Visit, Visitor,
};

/// A PIVOT as a query; `None` for all else.
pub(super) fn written(table: &TableFactor) -> Option<TableFactor> {
    let TableFactor::Pivot {
        table: source,
        aggregate_functions,
        value_column,
        value_source: PivotValueSource::List(values),
        default_on_null: None,
        alias,
    } = table
    else {
        return None;
    };
    let [column] = value_column.as_slice() else { return None };
    let mut named = Names(vec![name_of(column)?]);
    let _ = aggregate_functions.visit(&mut named);
    let groups: Vec<_> = columns(source)?
        .into_iter()
        .filter(|column| !named.0.contains(&column.value.to_lowercase()))
        .collect();
    let mut items: Vec<_> = groups.iter().map(ToString::to_string).collect();
    for value in values {
        for aggregate in aggregate_functions {
            let name = column_name(value, aggregate, aggregate_functions.len())?;
            let of = &value.expr;
            let condition = format!("FILTER (WHERE {column} = {of})");
            items.push(format!(
                "CASE WHEN count(*) {condition} > 0 THEN {} {condition} END AS {}",
                aggregate.expr,
                Ident::with_quote('"', name)
            ));
        }
    }
    let by = match groups.is_empty() {
        true => String::new(),
        false => {
            let groups: Vec<_> = groups.iter().map(ToString::to_string).collect();
            format!(" GROUP BY {}", groups.join(", "))
        }
    };
    let name = alias.as_ref().map_or("pivoted".to_owned(), |alias| alias.name.to_string());
    let sql = format!("SELECT * FROM (SELECT {} FROM {source}{by}) AS {name}", items.join(", "));
    let parsed = Parser::parse_sql(&GenericDialect {}, &sql).ok()?.pop()?;
    let SqlStatement::Query(query) = parsed else { return None };
    let SetExpr::Select(select) = *query.body else { return None };
    select.from.into_iter().next().map(|table| table.relation)
}

fn name_of(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(name) => Some(name.value.to_lowercase()),
        Expr::CompoundIdentifier(parts) => parts.last().map(|name| name.value.to_lowercase()),
        _ => None,
    }
}

/// The columns that expressions name.
struct Names(Vec<String>);

impl Visitor for Names {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        self.0.extend(name_of(expr));
        ControlFlow::Continue(())
    }
}

/// The columns of a subquery that names them.
fn columns(source: &TableFactor) -> Option<Vec<Ident>> {
    let TableFactor::Derived { subquery, .. } = source else { return None };
    let SetExpr::Select(select) = subquery.body.as_ref() else { return None };
    let name = |item: &SelectItem| match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.clone()),
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(name.clone()),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => parts.last().cloned(),
        _ => None,
    };
    select.projection.iter().map(name).collect()
}

/// Of one total the column has the name of the value, of several also that of the total.
fn column_name(value: &ExprWithAlias, total: &ExprWithAlias, totals: usize) -> Option<String> {
    let of_value = match (&value.alias, super::functions::plain(&value.expr)) {
        (Some(alias), _) => alias.value.clone(),
        (None, Expr::Value(of)) => match of.value {
            Value::SingleQuotedString(text) => text,
            Value::Number(digits, _) => digits,
            _ => return None,
        },
        _ => return None,
    };
    match (totals, &total.alias) {
        (1, _) => Some(of_value),
        (_, Some(alias)) => Some(format!("{of_value}_{}", alias.value)),
        (_, None) => None,
    }
}
