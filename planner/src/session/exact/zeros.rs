//! 0.0 and -0.0 are one number, wherever DataFusion compares.
//!
//! Problem: in `=`, joins and GROUP BY DataFusion 55 takes them for one, as SQL does, and elsewhere for two: in lists
//! of `IN` that it hashes, in `CASE x WHEN`, in `count(DISTINCT x)`, and in PARTITION BY. Official way: none. Here:
//! such expressions are written so that it compares with `=`, or finds only one of the two.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::{
    AggregateFunction, Case, InList, WindowFunction, WindowFunctionParams,
};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator};

/// The expression written so; `None` where nothing is to be done.
pub(super) fn written_out(expr: &Expr, schema: &DFSchema) -> Option<Expr> {
    match expr {
        Expr::InList(list) => both_zeros(list, schema),
        Expr::Case(case) => searched(case, schema),
        Expr::AggregateFunction(call) if call.params.distinct => {
            let args = ones(&call.params.args, schema)?;
            let mut params = call.params.clone();
            params.args = args;
            Some(Expr::AggregateFunction(AggregateFunction { func: call.func.clone(), params }))
        }
        Expr::WindowFunction(call) => {
            let partition_by = ones(&call.params.partition_by, schema)?;
            let params = WindowFunctionParams { partition_by, ..call.params.clone() };
            let call = WindowFunction { fun: call.fun.clone(), params };
            Some(Expr::WindowFunction(Box::new(call)))
        }
        _ => None,
    }
}

/// A list that has one of the two has the other.
fn both_zeros(list: &InList, schema: &DFSchema) -> Option<Expr> {
    let zero = |item: &Expr| match item {
        Expr::Literal(value, _) => match value.cast_to(&DataType::Float64).ok()? {
            ScalarValue::Float64(Some(zero)) if zero == 0.0 => Some(zero.is_sign_negative()),
            _ => None,
        },
        _ => None,
    };
    if !list.expr.get_type(schema).ok()?.is_floating() {
        return None;
    }
    let has = |negative| list.list.iter().filter_map(zero).any(|sign| sign == negative);
    let missing = match (has(false), has(true)) {
        (true, false) => -0.0,
        (false, true) => 0.0,
        _ => return None,
    };
    let missing = Expr::Literal(ScalarValue::Float64(Some(missing)), None);
    let items = list.list.iter().cloned().chain([missing]).collect();
    Some(Expr::InList(InList { list: items, ..list.clone() }))
}

/// `CASE x WHEN a …` as `CASE WHEN x = a …`.
fn searched(case: &Case, schema: &DFSchema) -> Option<Expr> {
    let base = case.expr.as_ref()?;
    let is_of_floats = |expr: &Expr| expr.get_type(schema).is_ok_and(|of| of.is_floating());
    if !is_of_floats(base) && !case.when_then_expr.iter().any(|(when, _)| is_of_floats(when)) {
        return None;
    }
    let equal = |when: &Expr| {
        let when = Box::new(when.clone());
        Box::new(Expr::BinaryExpr(BinaryExpr::new(base.clone(), Operator::Eq, when)))
    };
    let whens = case.when_then_expr.iter();
    let when_then_expr = whens.map(|(when, then)| (equal(when), then.clone())).collect();
    Some(Expr::Case(Case { expr: None, when_then_expr, else_expr: case.else_expr.clone() }))
}

/// Expressions of which those of floating-point numbers give one of the two, if there are any.
fn ones(exprs: &[Expr], schema: &DFSchema) -> Option<Vec<Expr>> {
    let zero = |expr: &Expr| match expr.get_type(schema).ok()? {
        DataType::Float32 => Some(ScalarValue::Float32(Some(0.0))),
        DataType::Float64 => Some(ScalarValue::Float64(Some(0.0))),
        _ => None,
    };
    if !exprs.iter().any(|expr| zero(expr).is_some()) {
        return None;
    }
    let ones = exprs.iter().map(|expr| match zero(expr) {
        // -0.0 + 0.0 is 0.0.
        Some(zero) => expr.clone() + Expr::Literal(zero, None),
        None => expr.clone(),
    });
    Some(ones.collect())
}
