//! Spark's aggregates, as those of the engine that collect the same.
//!
//! `collect_list` and `collect_set` leave NULLs out and are empty lists of no rows, `count_if` counts. They are written with
//! the engine's, which ask for their memory (`session/bounded/gathered.rs`).

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DataType, DuplicateTreatment, ExactNumberInfo, Expr, Function, FunctionArg,
    FunctionArgExpr, FunctionArgumentClause, FunctionArguments, Ident, NullTreatment, ObjectName,
    OrderByExpr, OrderByOptions, Value, VisitorMut,
};

use super::functions::{call_of_spark, name_of};
use crate::session::spark::{ROW, SHARE};
use crate::statement::walk::{self, binary, call, cast, nested, number, text};

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
        ("percentile_disc", [share]) => {
            let [key] = function.within_group.as_slice() else { return None };
            let function = Function { within_group: Vec::new(), ..function.clone() };
            let ranked = ranked(&function, &key.expr, share, key.options.asc != Some(false))?;
            return Some(cast(ranked, DataType::Double(ExactNumberInfo::None)));
        }
        ("listagg" | "string_agg", [of, between @ ..]) => {
            return joined(function, of, between.first());
        }
        ("median", [of]) => {
            let mut half = named(function, "percentile_cont");
            if let FunctionArguments::List(list) = &mut half.args {
                let share = cast(text("0.5"), DataType::Double(ExactNumberInfo::None));
                list.args = [cast(of.clone(), DataType::Double(ExactNumberInfo::None)), share]
                    .map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)))
                    .into();
            }
            return Some(Expr::Function(half));
        }
        ("try_avg", [_]) => return Some(Expr::Function(named(function, "avg"))),
        ("percentile_approx" | "approx_percentile", [of, share, ..]) => {
            return ranked(function, of, share, true);
        }
        ("max_by", [of, by]) => return Some(at_the_end(function, of, by, false)),
        ("min_by", [of, by]) => return Some(at_the_end(function, of, by, true)),
        ("first" | "first_value" | "any_value", [of, ignores]) => {
            return of_known(function, of, ignores, "first_value");
        }
        ("last" | "last_value", [of, ignores]) => {
            return of_known(function, of, ignores, "last_value");
        }
        _ => {}
    }
    if name == "count"
        && let (FunctionArguments::List(list), Some(all)) = (&function.args, arguments(function))
        && list.duplicate_treatment == Some(DuplicateTreatment::Distinct)
        && all.len() > 1
    {
        return Some(count_distinct(function, &all));
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

/// Of several values: rows that have all of them, of which there are bytes.
fn count_distinct(function: &Function, all: &[Expr]) -> Expr {
    let mut counted = function.clone();
    set_argument(&mut counted, call_of_spark(ROW, all.iter().cloned()));
    Expr::Function(counted)
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

/// Texts with something between them, in the order of WITHIN GROUP.
fn joined(function: &Function, of: &Expr, between: Option<&Expr>) -> Option<Expr> {
    let mut joined = named(function, "string_agg");
    let order = std::mem::take(&mut joined.within_group);
    let FunctionArguments::List(list) = &mut joined.args else { return None };
    let between = between.cloned().unwrap_or_else(|| text(""));
    let mut of = of.clone();
    super::words::wrap(&mut of);
    list.args = [of, between].map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))).into();
    if !order.is_empty() {
        list.clauses.push(FunctionArgumentClause::OrderBy(order));
    }
    Some(Expr::Function(joined))
}

/// The first value in an order with so large a share of the rows up to it: of all rows, where Spark counts some of them. A list
/// of shares is a list of values.
fn ranked(function: &Function, of: &Expr, share: &Expr, ascends: bool) -> Option<Expr> {
    if function.over.is_some() {
        return None;
    }
    let of_values = |name: &str| {
        let mut found = named(function, name);
        set_argument(&mut found, of.clone());
        found.filter = Some(Box::new(also(found.filter.take(), of)));
        found
    };
    let mut all = of_values("array_agg");
    if let FunctionArguments::List(list) = &mut all.args {
        let options = OrderByOptions { asc: Some(ascends), nulls_first: Some(false) };
        let key = OrderByExpr { expr: of.clone(), options, with_fill: None };
        list.clauses.push(FunctionArgumentClause::OrderBy(vec![key]));
    }
    let count = Expr::Function(of_values("count"));
    let one = |share: &Expr| {
        let share = call_of_spark(SHARE, [share.clone()]);
        let rank = call("ceil", [binary(share, BinaryOperator::Multiply, count.clone())]);
        let at = call("greatest", [number(1), cast(rank, DataType::BigInt(None))]);
        call("array_element", [Expr::Function(all.clone()), at])
    };
    Some(match share {
        Expr::Function(list) if name_of(list)? == "array" || name_of(list)? == "make_array" => {
            call("make_array", arguments(list)?.iter().map(one))
        }
        Expr::Array(list) => call("make_array", list.elem.iter().map(one)),
        share => one(share),
    })
}

/// The same of all rows, or of those that have a value; `None` where it is not said which.
fn of_known(function: &Function, of: &Expr, ignores: &Expr, name: &str) -> Option<Expr> {
    let Expr::Value(ignores) = ignores else { return None };
    let treatment = match ignores.value {
        Value::Boolean(true) => Some(NullTreatment::IgnoreNulls),
        Value::Boolean(false) => function.null_treatment,
        _ => return None,
    };
    let mut known = named(function, name);
    set_argument(&mut known, of.clone());
    known.null_treatment = treatment;
    Some(Expr::Function(known))
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
