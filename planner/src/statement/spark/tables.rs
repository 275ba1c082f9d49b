//! Clauses of Spark's SELECT that the engine has under other names, or as something else.
//!
//! `GROUP BY a, b WITH ROLLUP` is `ROLLUP (a, b)`, SEMI and ANTI joins are those of the left side, MINUS is EXCEPT, the column of
//! `range(n)` is `id`, and `json_tuple` gives columns.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, GroupByWithModifier, Ident, JoinOperator, Query, Select, SelectItem,
    SetExpr, SetOperator, TableAlias, TableAliasColumnDef, TableFactor, VisitorMut,
};

use crate::statement::walk::{self, call, plain_args, text};

pub(super) fn write_out(statement: &mut DfStatement) {
    walk::rewrite(statement, &mut Tables);
}

struct Tables;

impl VisitorMut for Tables {
    type Break = ();

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        set_operators(&mut query.body);
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        groups(&mut select.group_by);
        let items = std::mem::take(&mut select.projection);
        select.projection = items.into_iter().flat_map(columns).collect();
        for join in select.from.iter_mut().flat_map(|table| &mut table.joins) {
            join.join_operator = match &join.join_operator {
                JoinOperator::Semi(on) => JoinOperator::LeftSemi(on.clone()),
                JoinOperator::Anti(on) => JoinOperator::LeftAnti(on.clone()),
                _ => continue,
            };
        }
        ControlFlow::Continue(())
    }

    fn post_visit_table_factor(&mut self, table: &mut TableFactor) -> ControlFlow<()> {
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

/// The columns of `json_tuple(text, 'a', 'b')`, which is a struct to the engine.
fn columns(item: SelectItem) -> Vec<SelectItem> {
    let SelectItem::UnnamedExpr(Expr::Function(function)) = &item else { return vec![item] };
    let keys = match plain_args(function) {
        Some(args) if function.name.to_string() == "\"spark:json_tuple\"" => args.len() - 1,
        _ => return vec![item],
    };
    let column = |at: usize| {
        let name = format!("c{at}");
        let expr = call("get_field", [Expr::Function(function.clone()), text(&name)]);
        SelectItem::ExprWithAlias { expr, alias: Ident::new(name) }
    };
    (0..keys).map(column).collect()
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
        _ => return,
    };
    let all = std::mem::take(keys).into_iter().map(|key| vec![key]).collect();
    *group_by = GroupByExpr::Expressions(vec![sets(all)], Vec::new());
}
