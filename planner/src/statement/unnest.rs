//! `UNNEST(list) WITH ORDINALITY`, elements and their places, from 1; and `UNNEST([t.a, t.b])`.
//!
//! Problem: DataFusion 55 does not know the first, and finds no column of the tables beside it in the second. Here: the places are
//! a second list beside the first, and the list is named twice (of what is calculated that would be done twice, and it is left to be
//! refused); a list of columns is made by the function.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DataType, Expr, Ident, TableAlias, TableAliasColumnDef, TableFactor, VisitorMut,
};

use super::walk::{self, binary, call, cast, number};

/// Writes it in a statement.
pub(super) fn write_out(statement: &mut DfStatement) {
    walk::rewrite(statement, &mut Unnested);
}

struct Unnested;

impl VisitorMut for Unnested {
    type Break = ();

    fn pre_visit_table_factor(&mut self, table: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::UNNEST { alias, array_exprs, with_ordinality: asked @ true, .. } = table
            && let [list] = array_exprs.as_slice()
            && is_named(list)
        {
            let places = places(list);
            array_exprs.push(places);
            *asked = false;
            name(alias);
        }
        if let TableFactor::UNNEST { array_exprs, .. } = table {
            array_exprs.iter_mut().for_each(by_function);
        }
        ControlFlow::Continue(())
    }
}

fn by_function(list: &mut Expr) {
    if let Expr::Array(of) = &*list
        && !of.elem.iter().all(|of| matches!(of, Expr::Value(_)))
    {
        *list = call("make_array", of.elem.clone());
    }
}

fn is_named(list: &Expr) -> bool {
    match list {
        Expr::Array(list) => list.elem.iter().all(|of| matches!(of, Expr::Value(_))),
        other => matches!(other, Expr::Identifier(_) | Expr::CompoundIdentifier(_)),
    }
}

/// `range(1, length + 1)`.
fn places(list: &Expr) -> Expr {
    let length = call("coalesce", [call("array_length", [list.clone()]), number(0)]);
    let end = binary(cast(length, DataType::BigInt(None)), BinaryOperator::Plus, number(1));
    call("range", [number(1), end])
}

/// The names that PostgreSQL gives them.
fn name(alias: &mut Option<TableAlias>) {
    let alias = alias.get_or_insert_with(|| TableAlias {
        explicit: true,
        name: Ident::new("unnest"),
        columns: Vec::new(),
        at: None,
    });
    let column = |name: Ident| TableAliasColumnDef { name, data_type: None };
    if alias.columns.is_empty() {
        alias.columns.push(column(alias.name.clone()));
    }
    if alias.columns.len() == 1 {
        alias.columns.push(column(Ident::new("ordinality")));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::written;

    #[test]
    fn lists_are_named_as_the_engine_knows_them() {
        for (given, expected) in [
            (
                "UNNEST(t.a) WITH ORDINALITY AS u (x, at)",
                "UNNEST(t.a, range(1, CAST(coalesce(array_length(t.a), 0) AS BIGINT) + 1)) AS u (x, at)",
            ),
            (
                "UNNEST(a) WITH ORDINALITY AS x",
                "UNNEST(a, range(1, CAST(coalesce(array_length(a), 0) AS BIGINT) + 1)) AS x (x, ordinality)",
            ),
            ("UNNEST([t.a, b]) AS x", "UNNEST(make_array(t.a, b)) AS x"),
            ("UNNEST(f(a)) WITH ORDINALITY AS x", "UNNEST(f(a)) WITH ORDINALITY AS x"),
        ] {
            assert_eq!(
                written(&format!("SELECT 1 FROM {given}")),
                format!("SELECT 1 FROM {expected}")
            );
        }
    }
}
