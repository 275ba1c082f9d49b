//! Clauses of Spark's SELECT that the engine has under other names, or as something else.
//!
//! `GROUP BY a, b WITH ROLLUP` is `ROLLUP (a, b)`, SEMI and ANTI joins are those of the left side, MINUS is EXCEPT, the column of
//! `range(n)` is `id`, and generators give columns.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    DataType, Expr, FunctionArgumentClause, FunctionArguments, GroupByExpr, GroupByWithModifier,
    Ident, Join, JoinOperator, OrderBy, OrderByExpr, OrderByKind, OrderByOptions, Query, Select,
    SelectItem, SetExpr, SetOperator, TableAlias, TableAliasColumnDef, TableFactor, TableWithJoins,
    VisitMut, VisitorMut,
};

use super::functions::name_of;
use super::{generators, pivots};
use crate::statement::walk::{self, call, cast, plain_args};

pub(super) fn write_out(statement: &mut DfStatement) {
    walk::rewrite(statement, &mut Tables);
}

struct Tables;

impl VisitorMut for Tables {
    type Break = ();

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        set_operators(&mut query.body);
        sorted(query);
        if let SetExpr::Select(select) = query.body.as_ref() {
            let mut ids = GroupingIds { keys: keys(select), within: 0 };
            let _ = VisitMut::visit(&mut query.order_by, &mut ids);
        }
        if let SetExpr::Table(table) = query.body.as_ref()
            && let Some(rows) = super::derived::all_rows(&table.to_string()["TABLE ".len()..])
        {
            *query.body = rows;
        }
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        groups(&mut select.group_by);
        grouping_ids(select);
        let items = std::mem::take(&mut select.projection);
        select.projection = items.into_iter().flat_map(columns).collect();
        select.from.iter_mut().for_each(|table| of_the_left(&mut table.joins));
        in_order(select);
        ControlFlow::Continue(())
    }

    fn post_visit_table_factor(&mut self, table: &mut TableFactor) -> ControlFlow<()> {
        if let Some(written) = pivots::written(table) {
            *table = written;
        }
        if let TableFactor::NestedJoin { table_with_joins, .. } = table {
            of_the_left(&mut table_with_joins.joins);
        }
        if let TableFactor::Table { name, args: Some(_), alias, .. } = table
            && name.to_string().eq_ignore_ascii_case("range")
            && alias.as_ref().is_none_or(|alias| alias.columns.is_empty())
        {
            let of = alias.as_ref().map_or_else(|| Ident::new("range"), |alias| alias.name.clone());
            let id = TableAliasColumnDef { name: Ident::new("id"), data_type: None };
            *alias = Some(TableAlias { name: of, columns: vec![id], explicit: true, at: None });
        }
        ControlFlow::Continue(())
    }
}

/// SEMI and ANTI joins, of the left side.
fn of_the_left(joins: &mut [Join]) {
    for join in joins {
        join.join_operator = match &join.join_operator {
            JoinOperator::Semi(on) => JoinOperator::LeftSemi(on.clone()),
            JoinOperator::Anti(on) => JoinOperator::LeftAnti(on.clone()),
            _ => continue,
        };
    }
}

/// The name that a SELECT gives a column, if it says one.
pub(super) fn given_name(item: &SelectItem) -> Option<Ident> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.clone()),
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(name.clone()),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => parts.last().cloned(),
        _ => None,
    }
}

/// Rows that a subquery has in an order are gathered in it, where nothing else is said: Spark promises no order, and has it.
fn in_order(select: &mut Select) {
    let [TableWithJoins { relation: TableFactor::Derived { subquery, alias, .. }, joins }] =
        select.from.as_slice()
    else {
        return;
    };
    let (Some(order), SetExpr::Select(inner)) = (&subquery.order_by, subquery.body.as_ref()) else {
        return;
    };
    let OrderByKind::Expressions(keys) = &order.kind else { return };
    // Columns that the table calls otherwise have no name here that an order could be by.
    let is_renamed = alias.as_ref().is_some_and(|alias| !alias.columns.is_empty());
    let given: Vec<_> = inner.projection.iter().map(given_name).collect();
    let is_given = |key: &OrderByExpr| match &key.expr {
        Expr::Identifier(name) => {
            let is_same = |given: &Ident| given.value.eq_ignore_ascii_case(&name.value);
            given.iter().flatten().any(is_same)
                || inner.projection.iter().any(|item| matches!(item, SelectItem::Wildcard(_)))
        }
        _ => false,
    };
    if joins.is_empty() && !is_renamed && keys.iter().all(is_given) {
        let mut gathered = Gathered { keys: keys.clone(), within: 0 };
        let _ = VisitMut::visit(&mut select.projection, &mut gathered);
    }
}

/// Gives aggregates that look at one row after another an order.
struct Gathered {
    keys: Vec<OrderByExpr>,
    /// Subqueries around the place: their rows are others.
    within: usize,
}

impl VisitorMut for Gathered {
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
            && function.over.is_none()
            && name_of(function).is_some_and(|name| GATHERING.contains(&name.as_str()))
            && let FunctionArguments::List(list) = &mut function.args
            && list.duplicate_treatment.is_none()
            && list.clauses.is_empty()
        {
            list.clauses.push(FunctionArgumentClause::OrderBy(self.keys.clone()));
        }
        ControlFlow::Continue(())
    }
}

const GATHERING: [&str; 4] = ["array_agg", "first_value", "last_value", "string_agg"];

/// The columns of a generator, where it has several or the engine has it under another name.
fn columns(item: SelectItem) -> Vec<SelectItem> {
    let (expr, names) = match &item {
        SelectItem::UnnamedExpr(expr) => (expr, Vec::new()),
        SelectItem::ExprWithAlias { expr, alias } => (expr, vec![alias.clone()]),
        SelectItem::ExprWithAliases { expr, aliases } => (expr, aliases.clone()),
        _ => return vec![item],
    };
    let is_known =
        matches!(expr, Expr::Function(call) if name_of(call).as_deref() != Some("unnest"));
    if !is_known && names.len() < 2 {
        return vec![item];
    }
    match generators::columns(expr, &names, false) {
        None => vec![item],
        Some(columns) => {
            let named = |(alias, expr)| SelectItem::ExprWithAlias { expr, alias };
            columns.into_iter().map(named).collect()
        }
    }
}

/// SORT BY and CLUSTER BY are ORDER BY, which sorts more; where rows are worked on (DISTRIBUTE BY), no answer shows. ORDER BY ALL
/// is by all columns.
fn sorted(query: &mut Query) {
    if let SetExpr::Select(select) = query.body.as_mut()
        && query.order_by.is_none()
    {
        let clustered = std::mem::take(&mut select.cluster_by).into_iter();
        let plain = OrderByOptions { asc: None, nulls_first: Some(true) };
        let keys = clustered.map(|expr| OrderByExpr { expr, options: plain, with_fill: None });
        let keys: Vec<_> = keys.chain(std::mem::take(&mut select.sort_by)).collect();
        select.distribute_by.clear();
        if !keys.is_empty() {
            query.order_by =
                Some(OrderBy { kind: OrderByKind::Expressions(keys), interpolate: None });
        }
    }
    let has_column = match query.body.as_ref() {
        SetExpr::Select(select) => {
            let mut names = select.projection.iter().filter_map(given_name);
            names.any(|name| name.value.eq_ignore_ascii_case("all"))
        }
        _ => false,
    };
    if !has_column
        && let Some(order) = &mut query.order_by
        && let OrderByKind::Expressions(keys) = &order.kind
        && let [OrderByExpr { expr: Expr::Identifier(all), options, .. }] = keys.as_slice()
        && all.quote_style.is_none()
        && all.value.eq_ignore_ascii_case("all")
    {
        order.kind = OrderByKind::All(*options);
    }
}

/// `grouping_id()` is of all that is grouped by, in its order.
fn grouping_ids(select: &mut Select) {
    let mut ids = GroupingIds { keys: keys(select), within: 0 };
    let _ = VisitMut::visit(&mut select.projection, &mut ids);
    let _ = VisitMut::visit(&mut select.having, &mut ids);
    let _ = VisitMut::visit(&mut select.qualify, &mut ids);
}

/// What is grouped by.
fn keys(select: &Select) -> Vec<Expr> {
    let GroupByExpr::Expressions(keys, _) = &select.group_by else { return Vec::new() };
    keys.iter()
        .flat_map(|key| match key {
            Expr::Rollup(sets) | Expr::Cube(sets) => sets.concat(),
            Expr::GroupingSets(sets) => {
                let mut all = Vec::new();
                for key in sets.concat() {
                    if !all.contains(&key) {
                        all.push(key);
                    }
                }
                all
            }
            key => vec![key.clone()],
        })
        .collect()
}

struct GroupingIds {
    keys: Vec<Expr>,
    /// Subqueries around the place, which have groups of their own.
    within: usize,
}

impl VisitorMut for GroupingIds {
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
            && name_of(function).as_deref() == Some("grouping_id")
            && let Some(args) = plain_args(function)
        {
            let args = if args.is_empty() { self.keys.clone() } else { args };
            *expr = cast(call("grouping", args), DataType::BigInt(None));
        }
        ControlFlow::Continue(())
    }
}

fn set_operators(set: &mut SetExpr) {
    if let SetExpr::SetOperation { op, left, right, .. } = set {
        if *op == SetOperator::Minus {
            *op = SetOperator::Except;
        }
        set_operators(left);
        set_operators(right);
    }
}

fn groups(group_by: &mut GroupByExpr) {
    let GroupByExpr::Expressions(keys, modifiers) = group_by else { return };
    let sets: fn(Vec<Vec<Expr>>) -> Expr = match modifiers.as_slice() {
        [GroupByWithModifier::Rollup] => Expr::Rollup,
        [GroupByWithModifier::Cube] => Expr::Cube,
        [GroupByWithModifier::GroupingSets(sets)] => {
            *group_by = GroupByExpr::Expressions(vec![sets.clone()], Vec::new());
            return;
        }
        _ => return,
    };
    let all = std::mem::take(keys).into_iter().map(|key| vec![key]).collect();
    *group_by = GroupByExpr::Expressions(vec![sets(all)], Vec::new());
}
