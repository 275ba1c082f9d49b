//! Spark's aggregates, as those of the engine that collect the same.
//!
//! `collect_list` and `collect_set` leave NULLs out and are empty lists of no rows, `count_if` counts. They are written with
//! the engine's, which ask for their memory (`session/bounded/gathered.rs`).

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentClause, FunctionArguments, Ident, NullTreatment, ObjectName, OrderByExpr,
    OrderByOptions, Value, VisitorMut,
};

use super::functions::name_of;
use crate::statement::walk::{self, binary, call, nested};

pub(super) fn write_out(statement: &mut DfStatement) {
    walk::rewrite(statement, &mut Aggregates);
}

struct Aggregates;

impl VisitorMut for Aggregates {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr
            && let Some(written) = written(function)
        {
            *expr = written;
        }
        ControlFlow::Continue(())
    }
}

fn written(function: &Function) -> Option<Expr> {
    let name = name_of(function)?;
    match (name.as_str(), arguments(function)?.as_slice()) {
        ("max_by", [of, by]) => return Some(at_the_end(function, of, by, false)),
        ("min_by", [of, by]) => return Some(at_the_end(function, of, by, true)),
        ("first" | "first_value" | "any_value", [of, ignores]) if is_true(ignores) => {
            return Some(of_known(function, of, "first_value"));
        }
        ("last" | "last_value", [of, ignores]) if is_true(ignores) => {
            return Some(of_known(function, of, "last_value"));
        }
        _ => {}
    }
    let of = only(function)?;
    match name.as_str() {
        "collect_list" | "array_agg" => Some(collected(function, of, None)),
        "collect_set" => Some(collected(function, of, Some(DuplicateTreatment::Distinct))),
        "count_if" => {
            let mut counted = named(function, "count");
            set_argument(
                &mut counted,
                call("nullif", [of, Expr::Value(Value::Boolean(false).with_empty_span())]),
            );
            Some(Expr::Function(counted))
        }
        _ => None,
    }
}

fn is_true(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(of) if of.value == Value::Boolean(true))
}

/// The first value in an order, of those rows that have a place in it.
fn at_the_end(function: &Function, of: &Expr, by: &Expr, ascends: bool) -> Expr {
    let mut first = named(function, "first_value");
    set_argument(&mut first, of.clone());
    if let FunctionArguments::List(list) = &mut first.args {
        let options = OrderByOptions { asc: Some(ascends), nulls_first: Some(false) };
        let key = OrderByExpr { expr: by.clone(), options, with_fill: None };
        list.clauses.push(FunctionArgumentClause::OrderBy(vec![key]));
    }
    first.filter = Some(Box::new(also(first.filter.take(), by)));
    Expr::Function(first)
}

/// The same of the rows that have a value.
fn of_known(function: &Function, of: &Expr, name: &str) -> Expr {
    let mut known = named(function, name);
    set_argument(&mut known, of.clone());
    known.null_treatment = Some(NullTreatment::IgnoreNulls);
    Expr::Function(known)
}

/// A filter that leaves out rows without a value, too.
fn also(filter: Option<Box<Expr>>, of: &Expr) -> Expr {
    let has_value = Expr::IsNotNull(Box::new(nested(of.clone())));
    match filter {
        Some(filter) => binary(nested(*filter), BinaryOperator::And, has_value),
        None => has_value,
    }
}

fn arguments(function: &Function) -> Option<Vec<Expr>> {
    let FunctionArguments::List(list) = &function.args else { return None };
    let each = list.args.iter().map(|arg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(of)) => Some(of.clone()),
        _ => None,
    });
    each.collect()
}

/// The one argument of a call.
fn only(function: &Function) -> Option<Expr> {
    match &function.args {
        FunctionArguments::List(list) => match list.args.as_slice() {
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(of))] => Some(of.clone()),
            _ => None,
        },
        _ => None,
    }
}

fn named(function: &Function, name: &str) -> Function {
    Function { name: ObjectName::from(vec![Ident::new(name)]), ..function.clone() }
}

fn set_argument(function: &mut Function, of: Expr) {
    if let FunctionArguments::List(list) = &mut function.args {
        list.args = vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(of))];
    }
}

fn collected(function: &Function, of: Expr, distinct: Option<DuplicateTreatment>) -> Expr {
    let mut gathered = named(function, "array_agg");
    if let (FunctionArguments::List(list), Some(distinct)) = (&mut gathered.args, distinct) {
        list.duplicate_treatment = Some(distinct);
    }
    gathered.filter = Some(Box::new(also(gathered.filter.take(), &of)));
    call("coalesce", [Expr::Function(gathered), call("make_array", [])])
}
