//! Functions of Spark's that are written as what they mean.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DataType, ExactNumberInfo, Expr, LambdaFunction, UnaryOperator,
};

use super::functions::{call_of_spark, name_of};
use crate::session::spark::COALESCE;
use crate::statement::walk::{binary, call, cast, nested, number, text};

/// A call as what it means; `None` for others.
pub(super) fn written(name: &str, args: &[Expr]) -> Option<Expr> {
    Some(match (name, args) {
        ("e", []) => call("exp", [cast(text("1"), DataType::Double(ExactNumberInfo::None))]),
        ("rint", [of]) => call_of_spark("spark:rint", [double(of)]),
        ("positive", [of]) => nested(of.clone()),
        ("equal_null", [left, right]) => {
            let [left, right] = [left, right].map(|of| Box::new(nested(of.clone())));
            nested(Expr::IsNotDistinctFrom(left, right))
        }
        ("zeroifnull", [of]) => {
            call_of_spark(COALESCE, [of.clone(), cast(number(0), DataType::Integer(None))])
        }
        ("array_prepend", [list, first]) => call("array_prepend", [first.clone(), list.clone()]),
        ("map_contains_key", [map, key]) => {
            call("array_has", [call("map_keys", [map.clone()]), key.clone()])
        }
        ("forall", [list, Expr::Lambda(test)]) => {
            let body = Expr::UnaryOp {
                op: UnaryOperator::Not,
                expr: Box::new(nested(test.body.as_ref().clone())),
            };
            let not = LambdaFunction { body: Box::new(body), ..test.clone() };
            let one_is_not = call("any_match", [list.clone(), Expr::Lambda(not)]);
            nested(Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(one_is_not) })
        }
        ("datediff" | "date_diff", [unit, from, to]) => {
            call("timestampdiff", [unit.clone(), from.clone(), to.clone()])
        }
        _ => return None,
    })
}

fn double(of: &Expr) -> Expr {
    cast(of.clone(), DataType::Double(ExactNumberInfo::None))
}

/// `a LIKE ANY (…)` and `a LIKE ALL (…)`, as a choice of LIKEs; `None` for all other expressions.
pub(super) fn patterns(expr: &Expr) -> Option<Expr> {
    let (is_i, negated, any, of, pattern, escape) = match expr {
        Expr::Like { negated, any, expr, pattern, escape_char } => {
            (false, *negated, *any, expr, pattern, escape_char)
        }
        Expr::ILike { negated, any, expr, pattern, escape_char } => {
            (true, *negated, *any, expr, pattern, escape_char)
        }
        _ => return None,
    };
    let all = match pattern.as_ref() {
        Expr::Tuple(patterns) if any => patterns.clone(),
        Expr::Nested(pattern) if any => vec![pattern.as_ref().clone()],
        Expr::Function(list) if !any && name_of(list)? == "all" => {
            crate::statement::walk::plain_args(list)?
        }
        _ => return None,
    };
    let one = |pattern: Expr| {
        let (expr, pattern) = (of.clone(), Box::new(pattern));
        let escape_char = escape.clone();
        match is_i {
            true => Expr::ILike { negated, any: false, expr, pattern, escape_char },
            false => Expr::Like { negated, any: false, expr, pattern, escape_char },
        }
    };
    let op = if any { BinaryOperator::Or } else { BinaryOperator::And };
    let joined = all.into_iter().map(one).reduce(|left, right| binary(left, op.clone(), right));
    joined.map(nested)
}
