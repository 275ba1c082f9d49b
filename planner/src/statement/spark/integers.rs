//! Whole numbers are INT in Spark where they fit, and BIGINT in the engine.
//!
//! What is made of them has its type: `2147483647 + 1` is an error in Spark, `CREATE TABLE AS SELECT 1` has a column of INT.
//! Here: a cast is written wherever a number is a value, and not where it says how many, which column, or how a function
//! works (`round(x, 2)`, `lag(x, 1)`).

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    Query, Select, SelectItem, SetExpr, UnaryOperator, Value, VisitorMut,
};

use super::functions::name_of;
use crate::statement::walk::{self, cast};

pub(super) fn write_out(statement: &mut DfStatement) {
    walk::rewrite(statement, &mut Integers);
}

struct Integers;

impl VisitorMut for Integers {
    type Break = ();

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for item in &mut select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                    value(expr)
                }
                _ => {}
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let SetExpr::Values(values) = query.body.as_mut() {
            values.rows.iter_mut().flat_map(|row| row.content.iter_mut()).for_each(value);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::BinaryOp { left, op, right } => {
                value(left);
                // How far is shifted is no value.
                if !is_shift(op) {
                    value(right);
                }
            }
            Expr::Nested(of) => value(of),
            Expr::UnaryOp {
                op: UnaryOperator::Minus | UnaryOperator::Plus | UnaryOperator::BitwiseNot,
                expr: of,
            } => value(of),
            Expr::InList { expr, list, .. } => {
                value(expr);
                list.iter_mut().for_each(value);
            }
            Expr::Between { expr, low, high, .. } => {
                [expr, low, high].into_iter().for_each(|of| value(of));
            }
            Expr::Case { operand, conditions, else_result, .. } => {
                operand.iter_mut().chain(else_result).for_each(|of| value(of));
                for when in conditions {
                    value(&mut when.condition);
                    value(&mut when.result);
                }
            }
            Expr::Struct { values, .. } => values.iter_mut().for_each(value),
            Expr::Function(call) => arguments(call),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn is_shift(op: &BinaryOperator) -> bool {
    matches!(
        op,
        BinaryOperator::PGBitwiseShiftLeft
            | BinaryOperator::PGBitwiseShiftRight
            | BinaryOperator::Custom(_)
    )
}

/// Of these every argument is a value.
const ALL: [&str; 41] = [
    "array",
    "struct",
    "named_struct",
    "map",
    "coalesce",
    "nvl",
    "nvl2",
    "ifnull",
    "nullif",
    "if",
    "greatest",
    "least",
    "sum",
    "min",
    "max",
    "avg",
    "collect_list",
    "collect_set",
    "array_contains",
    "xxhash64",
    "concat",
    "element_at",
    "pmod",
    "mod",
    "array_append",
    "array_remove",
    "try_add",
    "try_subtract",
    "try_multiply",
    "try_divide",
    "try_mod",
    "typeof",
    "hash",
    "to_json",
    "median",
    "percentile_approx",
    "sequence",
    "positive",
    "stack",
    "array_prepend",
    "array_position",
];

/// Of these the first one is.
const FIRST: [&str; 10] = [
    "round",
    "bround",
    "abs",
    "negative",
    "shiftleft",
    "shiftright",
    "shiftrightunsigned",
    "hex",
    "bin",
    "array_repeat",
];

fn arguments(call: &mut Function) {
    let Some(name) = name_of(call) else { return };
    let values = match name.as_str() {
        name if ALL.contains(&name) => usize::MAX,
        name if FIRST.contains(&name) => 1,
        _ => return,
    };
    let FunctionArguments::List(list) = &mut call.args else { return };
    for arg in list.args.iter_mut().take(values) {
        if let FunctionArg::Unnamed(FunctionArgExpr::Expr(of)) = arg {
            value(of);
        }
    }
}

fn value(expr: &mut Expr) {
    if is_int(expr) {
        let number = std::mem::replace(expr, Expr::Value(Value::Null.with_empty_span()));
        *expr = cast(number, DataType::Integer(None));
    }
}

/// The least one is a number with its sign.
fn is_int(expr: &Expr) -> bool {
    let digits = |of: &Expr| match of {
        Expr::Value(of) => match &of.value {
            Value::Number(digits, false) => Some(digits.clone()),
            _ => None,
        },
        _ => None,
    };
    match expr {
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => {
            digits(expr).is_some_and(|digits| digits == "2147483648")
        }
        other => digits(other).is_some_and(|digits| digits.parse::<i32>().is_ok()),
    }
}
