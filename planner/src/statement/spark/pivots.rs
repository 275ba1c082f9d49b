//! `FROM (SELECT k, c, v FROM t) PIVOT (sum(v) FOR c IN ('a', 'b'))`: a column for each value.
//!
//! The engine has none. What is pivoted is grouped by all columns that PIVOT does not name, so these must be seen: those of a
//! subquery that names its columns. Over anything else PIVOT is refused with that of our own dialect. Each aggregate in what is
//! asked for is of the rows of the value. A value that no row of a group has is NULL, `count` among them.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, ExprWithAlias, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    Ident, PivotValueSource, Query, SelectItem, SetExpr, TableFactor, Value, Visit, VisitMut,
    Visitor, VisitorMut,
};

use super::derived::derived;
use super::functions::{case, name_of};
use crate::statement::unseen::is_aggregate;
use crate::statement::walk::{binary, call, nested, number};

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
    let mut named = Names(vec![column_of(column)?]);
    let _ = aggregate_functions.visit(&mut named);
    let groups: Vec<_> = columns(source)?
        .into_iter()
        .filter(|column| !named.0.contains(&column.value.to_lowercase()))
        .collect();
    let mut items: Vec<_> =
        groups.iter().cloned().map(Expr::Identifier).map(SelectItem::UnnamedExpr).collect();
    for value in values {
        for aggregate in aggregate_functions {
            let name = column_name(value, aggregate, aggregate_functions.len())?;
            let expr = of_value(&aggregate.expr, column, &value.expr)?;
            items.push(SelectItem::ExprWithAlias { expr, alias: Ident::with_quote('"', name) });
        }
    }
    let groups = groups.into_iter().map(Expr::Identifier).collect();
    let name = alias.as_ref().map_or(Ident::new("pivoted"), |alias| alias.name.clone());
    derived(items, source.as_ref().clone(), groups, name)
}

/// What is asked for, of the rows that have a value, if there are any; `None` where it has no aggregate.
fn of_value(asked: &Expr, column: &Expr, value: &Expr) -> Option<Expr> {
    let condition =
        Expr::IsNotDistinctFrom(Box::new(nested(column.clone())), Box::new(nested(value.clone())));
    let mut of_rows = OfRows { condition: &condition, found: false, within: 0 };
    let mut asked = asked.clone();
    let _ = VisitMut::visit(&mut asked, &mut of_rows);
    let mut count = call("count", []);
    if let Expr::Function(Function { args: FunctionArguments::List(list), filter, .. }) = &mut count
    {
        list.args = vec![FunctionArg::Unnamed(FunctionArgExpr::Wildcard)];
        *filter = Some(Box::new(condition.clone()));
    }
    let is_there = binary(count, BinaryOperator::Gt, number(0));
    of_rows.found.then(|| case(is_there, asked, None))
}

/// Gives the aggregates of an expression a condition, beside that which they have.
struct OfRows<'c> {
    condition: &'c Expr,
    found: bool,
    /// Subqueries around the place: their rows are others.
    within: usize,
}

impl VisitorMut for OfRows<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.within += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.within -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr
            && self.within == 0
            && name_of(function).is_some_and(|name| is_aggregate(&name))
        {
            self.found = true;
            let all = match function.filter.take() {
                Some(filter) => {
                    let condition = nested(self.condition.clone());
                    binary(nested(*filter), BinaryOperator::And, condition)
                }
                None => self.condition.clone(),
            };
            function.filter = Some(Box::new(all));
        }
        ControlFlow::Continue(())
    }
}

fn column_of(expr: &Expr) -> Option<String> {
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
        self.0.extend(column_of(expr));
        ControlFlow::Continue(())
    }
}

/// The columns of a subquery that names them.
fn columns(source: &TableFactor) -> Option<Vec<Ident>> {
    let TableFactor::Derived { subquery, .. } = source else { return None };
    let SetExpr::Select(select) = subquery.body.as_ref() else { return None };
    select.projection.iter().map(super::tables::given_name).collect()
}

/// Of one total the column has the name of the value, of several also that of the total.
fn column_name(value: &ExprWithAlias, total: &ExprWithAlias, totals: usize) -> Option<String> {
    let of_value = match (&value.alias, super::functions::plain(&value.expr)) {
        (Some(alias), _) => alias.value.clone(),
        (None, Expr::Value(of)) => match of.value {
            Value::SingleQuotedString(text) => text,
            Value::Number(digits, _) => digits,
            Value::Null => "null".to_owned(),
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
