//! Lists, structs and maps are in one order, wherever they are compared.
//!
//! Problem: ORDER BY has NULLs within such values behind all others (as in PostgreSQL and DuckDB); `<` and its like, and
//! what DataFusion 55 compares by them, have them before: `[NULL, 4] > [1, 2]` is false. `min`, `max`, `greatest` and
//! `least` of them give this or that, by the order of the rows; and NULLS FIRST puts those within values before all
//! others, too, which makes another order of it. Official way: none. Here: comparisons go through a
//! function that knows the order of ORDER BY, those functions are refused, and where NULLs are asked for at the other end
//! the key is two: whether it is NULL, and what it is.

use std::cmp::Ordering;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, Int8Array, make_comparator};
use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result, internal_err, not_impl_err, plan_err};
use datafusion::logical_expr::type_coercion::binary::comparison_coercion;
use datafusion::logical_expr::{
    Between, BinaryExpr, ColumnarValue, Expr, ExprSchemable, Operator, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, SortExpr, Volatility, and, lit, or,
};

/// The comparison by that order; `None` where nothing of such a type is compared.
pub(super) fn ordered(expr: &Expr, schema: &DFSchema) -> Option<Expr> {
    let is_nested = |expr: &Expr| expr.get_type(schema).is_ok_and(|of| is_nested(&of));
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right })
            if is_order(*op) && (is_nested(left) || is_nested(right)) =>
        {
            Some(by_order(left, *op, right))
        }
        Expr::Between(Between { expr, negated, low, high })
            if is_nested(expr) && !expr.is_volatile() =>
        {
            Some(match negated {
                false => {
                    and(by_order(expr, Operator::GtEq, low), by_order(expr, Operator::LtEq, high))
                }
                true => or(by_order(expr, Operator::Lt, low), by_order(expr, Operator::Gt, high)),
            })
        }
        _ => None,
    }
}

/// # Errors
/// `NotImplemented` for the functions that have no such order.
pub(super) fn refuse_extremes(expr: &Expr, schema: &DFSchema) -> Result<()> {
    let is_one = |expr: &Expr| expr.get_type(schema).is_ok_and(|of| is_nested(&of));
    if let Expr::AggregateFunction(call) = expr
        && call.params.distinct
        && call.params.order_by.iter().any(|key| is_one(&key.expr))
    {
        return not_impl_err!(
            "{}(DISTINCT …) in the order of lists, structs or maps: take it of (SELECT DISTINCT …) without DISTINCT",
            call.func.name()
        );
    }
    let (name, args) = match expr {
        Expr::AggregateFunction(call) => (call.func.name(), &call.params.args),
        Expr::WindowFunction(call) => (call.fun.name(), &call.params.args),
        Expr::ScalarFunction(call) => (call.func.name(), &call.args),
        _ => return Ok(()),
    };
    let compares = matches!(name, "min" | "max" | "greatest" | "least");
    match compares && args.iter().any(is_one) {
        true => not_impl_err!(
            "{name} of lists, structs or maps: take the first by ORDER BY … LIMIT 1, or {name} of what is in them"
        ),
        false => Ok(()),
    }
}

/// Keys of an order of which those of such values are two where NULLs are not at the end of the greatest value, if
/// there are any.
pub(super) fn split(keys: &[SortExpr], schema: &DFSchema) -> Option<Vec<SortExpr>> {
    let needs = |key: &SortExpr| {
        let is_at_the_other_end = key.nulls_first == key.asc;
        is_at_the_other_end && key.expr.get_type(schema).is_ok_and(|of| is_nested(&of))
    };
    if !keys.iter().any(needs) {
        return None;
    }
    let split = keys.iter().flat_map(|key| match needs(key) {
        true => {
            let is_null = SortExpr::new(key.expr.clone().is_null(), !key.nulls_first, false);
            vec![is_null, SortExpr { nulls_first: !key.asc, ..key.clone() }]
        }
        false => vec![key.clone()],
    });
    Some(split.collect())
}

pub(in super::super) fn is_nested(of: &DataType) -> bool {
    of.is_nested() && !matches!(of, DataType::Dictionary(_, _) | DataType::RunEndEncoded(_, _))
}

fn is_order(op: Operator) -> bool {
    matches!(op, Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq)
}

fn by_order(left: &Expr, op: Operator, right: &Expr) -> Expr {
    let order = ScalarUDF::new_from_impl(Order::new()).call(vec![left.clone(), right.clone()]);
    Expr::BinaryExpr(BinaryExpr::new(Box::new(order), op, Box::new(lit(0_i8))))
}

/// -1, 0 or 1 for the first of two being less, equal or greater; NULL if one is.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Order(Signature);

impl Order {
    pub(super) fn new() -> Self {
        Self(Signature::user_defined(Volatility::Immutable))
    }
}

impl ScalarUDFImpl for Order {
    fn name(&self) -> &str {
        "in_order"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [left, right] = types else { return internal_err!("order of {} columns", types.len()) };
        match comparison_coercion(left, right) {
            Some(both) => Ok(vec![both.clone(), both]),
            None => plan_err!("{left} and {right} cannot be compared"),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = args.args.as_slice() else {
            return internal_err!("order of {} columns", args.args.len());
        };
        let left = left.to_array(args.number_rows)?;
        let right = right.to_array(args.number_rows)?;
        Ok(ColumnarValue::Array(Arc::new(order(&left, &right)?)))
    }
}

fn order(left: &ArrayRef, right: &ArrayRef) -> Result<Int8Array> {
    let options = SortOptions { descending: false, nulls_first: false };
    let compare = make_comparator(left.as_ref(), right.as_ref(), options)?;
    let rows = (0..left.len()).map(|row| {
        let known = left.is_valid(row) && right.is_valid(row);
        known.then(|| match compare(row, row) {
            Ordering::Less => -1,
            Ordering::Equal => 0,
            Ordering::Greater => 1,
        })
    });
    Ok(rows.collect())
}
