//! Spark's generators, `explode` and its like, as columns of `unnest`.
//!
//! The engine unnests lists, several beside each other; a map is the list of its keys and that of its values.

use datafusion::sql::sqlparser::ast::{BinaryOperator, DataType, Expr, Ident, Value};

use super::functions::{case, name_of};
use crate::statement::walk::{binary, call, cast, nested, number, plain_args, text};

/// The columns of a call, if it is of one that is known. `names` are those that the statement gives them.
pub(super) fn columns(of: &Expr, names: &[Ident], is_outer: bool) -> Option<Vec<(Ident, Expr)>> {
    let Expr::Function(function) = of else { return None };
    let args = plain_args(function)?;
    let name = name_of(function)?;
    let (name, is_outer) = match name.strip_suffix("_outer") {
        Some(inner) => (inner, true),
        None => (name.as_str(), is_outer),
    };
    let (defaults, columns): (Vec<&str>, Vec<Expr>) = match (name, args.as_slice()) {
        ("explode" | "unnest", [of]) if names.len() == 2 => {
            let each = |part: &str| unnest(call(part, [of.clone()]), is_outer);
            (vec!["key", "value"], vec![each("map_keys"), each("map_values")])
        }
        ("explode" | "unnest", [of]) => (vec!["col"], vec![unnest(of.clone(), is_outer)]),
        ("posexplode", [of]) if names.is_empty() || names.len() == 2 => {
            let length = call("coalesce", [call("array_length", [of.clone()]), number(0)]);
            let length = cast(length, DataType::BigInt(None));
            let places = unnest(call("range", [number(0), length]), is_outer);
            let places = cast(places, DataType::Integer(None));
            (vec!["pos", "col"], vec![places, unnest(of.clone(), is_outer)])
        }
        ("spark:json_tuple", [_, keys @ ..]) => {
            let each =
                (0..keys.len()).map(|at| call("get_field", [of.clone(), text(&format!("c{at}"))]));
            (Vec::new(), each.collect())
        }
        ("stack", [rows, values @ ..]) => (Vec::new(), stacked(rows, values)?),
        _ => return None,
    };
    if !names.is_empty() && names.len() != columns.len() {
        return None;
    }
    let is_stack = name == "stack";
    let named = columns.into_iter().enumerate().map(|(at, column)| {
        let default = match defaults.get(at) {
            Some(default) => Ident::new(*default),
            None if is_stack => Ident::new(format!("col{at}")),
            None => Ident::new(format!("c{at}")),
        };
        (names.get(at).cloned().unwrap_or(default), column)
    });
    Some(named.collect())
}

/// A list that has no elements is one of a NULL, where every row stays.
fn unnest(list: Expr, is_outer: bool) -> Expr {
    if !is_outer {
        return call("unnest", [list]);
    }
    let length = call("coalesce", [call("array_length", [list.clone()]), number(0)]);
    let is_full = binary(length, BinaryOperator::Gt, number(0));
    let null = call("make_array", [Expr::Value(Value::Null.with_empty_span())]);
    call("unnest", [case(nested(is_full), list, Some(null))])
}

/// Most rows of `stack`, which are as many expressions.
const MOST_ROWS: usize = 5_000;

/// The columns of `stack(rows, value, …)`.
fn stacked(rows: &Expr, values: &[Expr]) -> Option<Vec<Expr>> {
    let rows: usize = match super::functions::plain(rows) {
        Expr::Value(of) => match of.value {
            Value::Number(digits, _) => {
                digits.parse().ok().filter(|rows| (1..=MOST_ROWS).contains(rows))?
            }
            _ => return None,
        },
        _ => return None,
    };
    let width = values.len().div_ceil(rows);
    let null = Expr::Value(Value::Null.with_empty_span());
    let column = |at: usize| {
        let each = (0..rows).map(|row| values.get(row * width + at).unwrap_or(&null).clone());
        call("unnest", [call("make_array", each)])
    };
    Some((0..width).map(column).collect())
}
