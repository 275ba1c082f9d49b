//! Intervals are compared by how long they are.
//!
//! Problem: DataFusion 55 compares the months of two intervals, then the days, then the rest: 25 hours are less than a
//! day, and no difference of instants, which has nothing but a rest, is more than one. It also leaves the hours out
//! where an interval is added to a date. Official way: none. Here: a month is 30 days, a day 24 hours, as in PostgreSQL;
//! where they are compared otherwise (`intervals.rs`), they are refused; a date with an interval that has a time becomes an
//! instant.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Decimal128Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Int64Type, IntervalDayTimeType, IntervalMonthDayNanoType, IntervalUnit,
    IntervalYearMonthType, TimeUnit,
};
use datafusion::common::{DFSchema, Result, ScalarValue, internal_err};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{
    Between, BinaryExpr, ColumnarValue, Expr, ExprSchemable, Operator, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Volatility, cast as cast_to,
};

use super::super::times::keeps_days;

const NANOSECONDS_OF_A_DAY: i128 = 86_400_000_000_000;
const DAYS_OF_A_MONTH: i128 = 30;

/// A comparison of such values as one of their lengths, or a date and an interval as an instant; `None` for
/// everything else.
pub(super) fn spanned(expr: &Expr, schema: &DFSchema) -> Option<Expr> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if op.supports_propagation() => {
            let [left, right] = spans([left, right], schema)?.map(Box::new);
            Some(Expr::BinaryExpr(BinaryExpr::new(left, *op, right)))
        }
        Expr::Between(Between { expr, negated, low, high }) => {
            let [expr, low, high] = spans([expr, low, high], schema)?.map(Box::new);
            Some(Expr::Between(Between { expr, negated: *negated, low, high }))
        }
        Expr::InList(InList { expr, list, negated }) => {
            let all = std::iter::once(expr.as_ref()).chain(list);
            let mut all = each_span(&all.collect::<Vec<_>>(), schema)?;
            let expr = Box::new(all.remove(0));
            Some(Expr::InList(InList { expr, list: all, negated: *negated }))
        }
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: op @ (Operator::Plus | Operator::Minus),
            right,
        }) => {
            let of = [left, right].map(|side| side.get_type(schema).ok());
            let instant = |date: &Expr| {
                Box::new(cast_to(date.clone(), DataType::Timestamp(TimeUnit::Microsecond, None)))
            };
            let (left, right) = match of {
                [Some(DataType::Date32), Some(DataType::Interval(_))]
                    if has_time(right, schema) =>
                {
                    (instant(left), right.clone())
                }
                [Some(DataType::Interval(_)), Some(DataType::Date32)]
                    if has_time(left, schema) && *op == Operator::Plus =>
                {
                    (left.clone(), instant(right))
                }
                _ => return None,
            };
            Some(Expr::BinaryExpr(BinaryExpr::new(left, *op, right)))
        }
        _ => None,
    }
}

/// Whether an interval has more than days, or may have.
fn has_time(interval: &Expr, schema: &DFSchema) -> bool {
    match interval {
        Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(value)), _) => value.nanoseconds != 0,
        Expr::Literal(ScalarValue::IntervalDayTime(Some(value)), _) => value.milliseconds != 0,
        Expr::Literal(..) => false,
        Expr::Negative(of) => has_time(of, schema),
        Expr::ScalarFunction(call) => match call.args.as_slice() {
            [left, right] => {
                let days = |interval: &Expr, number: &Expr| {
                    let number = number.get_type(schema);
                    number.is_ok_and(|of| keeps_days(&call.func, &of))
                        && !has_time(interval, schema)
                };
                !days(left, right) && !days(right, left)
            }
            _ => true,
        },
        _ => true,
    }
}

fn spans<const N: usize>(exprs: [&Expr; N], schema: &DFSchema) -> Option<[Expr; N]> {
    <[Expr; N]>::try_from(each_span(&exprs, schema)?).ok()
}

/// The lengths of all, if there is an interval among them.
fn each_span(exprs: &[&Expr], schema: &DFSchema) -> Option<Vec<Expr>> {
    let mut has_interval = false;
    for expr in exprs {
        match expr.get_type(schema).ok()? {
            DataType::Interval(_) => has_interval = true,
            DataType::Duration(_) | DataType::Null => {}
            _ => return None,
        }
    }
    let is_spanned =
        |expr: &Expr| matches!(expr, Expr::ScalarFunction(call) if call.func.name() == Span::NAME);
    (has_interval && !exprs.iter().any(|expr| is_spanned(expr)))
        .then(|| exprs.iter().map(|expr| span((*expr).clone())).collect())
}

fn span(expr: Expr) -> Expr {
    ScalarUDF::new_from_impl(Span::new()).call(vec![expr])
}

/// How many nanoseconds an interval or a duration has.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Span(Signature);

impl Span {
    const NAME: &'static str = "interval_span";

    pub(super) fn new() -> Self {
        Self(Signature::any(1, Volatility::Immutable))
    }
}

const LENGTH: DataType = DataType::Decimal128(38, 0);

impl ScalarUDFImpl for Span {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(LENGTH)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.as_slice() {
            [ColumnarValue::Array(of)] => Ok(ColumnarValue::Array(lengths(of)?)),
            [ColumnarValue::Scalar(of)] => {
                let lengths = lengths(&of.to_array()?)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&lengths, 0)?))
            }
            other => internal_err!("the length of {} intervals", other.len()),
        }
    }
}

fn lengths(of: &ArrayRef) -> Result<ArrayRef> {
    let months = |months: i32| i128::from(months) * DAYS_OF_A_MONTH * NANOSECONDS_OF_A_DAY;
    let days = |days: i32| i128::from(days) * NANOSECONDS_OF_A_DAY;
    let lengths: Decimal128Array = match of.data_type() {
        DataType::Interval(IntervalUnit::YearMonth) => {
            of.as_primitive::<IntervalYearMonthType>().unary(months)
        }
        DataType::Interval(IntervalUnit::DayTime) => {
            let of = of.as_primitive::<IntervalDayTimeType>();
            of.unary(|of| days(of.days) + i128::from(of.milliseconds) * 1_000_000)
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let of = of.as_primitive::<IntervalMonthDayNanoType>();
            of.unary(|of| months(of.months) + days(of.days) + i128::from(of.nanoseconds))
        }
        DataType::Duration(unit) => {
            let each = match unit {
                TimeUnit::Second => 1_000_000_000,
                TimeUnit::Millisecond => 1_000_000,
                TimeUnit::Microsecond => 1_000,
                TimeUnit::Nanosecond => 1,
            };
            let of = cast(of, &DataType::Int64)?;
            of.as_primitive::<Int64Type>().unary(|of| i128::from(of) * each)
        }
        DataType::Null => Decimal128Array::new_null(of.len()),
        other => return internal_err!("the length of {other}"),
    };
    Ok(Arc::new(lengths.with_data_type(LENGTH)))
}
