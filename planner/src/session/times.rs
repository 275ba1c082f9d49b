//! Intervals times numbers, and over them.
//!
//! Problem: DataFusion 55 has neither, and it is how BI tools write dates: `d + n * INTERVAL '1 DAY'`. Official way: none.
//! Here: while a statement becomes a plan, `*` and `/` of an interval or a difference of instants and a number become calls
//! of functions. A fraction of a month goes on in days, of which it has 30, and that of a day in hours, to the
//! microsecond, as in PostgreSQL and DuckDB, which round that of a day to a millionth on the way; here all of it is counted
//! in whole numbers, a DOUBLE as the decimal that it is written as (0.7 months are 21 days). What is beyond an interval is
//! an error.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, IntervalUnit, TimeUnit};
use datafusion::common::{DFSchema, Result, internal_err, plan_err};
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, Operator, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::sql::sqlparser::ast::BinaryOperator;

mod product;
#[cfg(test)]
mod tests;

/// Has a session know the operators.
pub(super) fn times(state: &mut SessionState) -> Result<()> {
    for operator in [Operator::Multiply, Operator::Divide] {
        state.register_udf(Arc::new(ScalarUDF::new_from_impl(Times::of(operator))))?;
    }
    state.register_expr_planner(Arc::new(WriteOut))
}

/// Whether a call has no hours where `interval` has none.
pub(super) fn keeps_days(call: &ScalarUDF, number: &DataType) -> bool {
    call.name() == Times::of(Operator::Multiply).name() && number.is_integer()
}

/// Writes the operators as calls.
#[derive(Debug)]
struct WriteOut;

impl ExprPlanner for WriteOut {
    fn plan_binary_op(
        &self,
        expr: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let operator = match expr.op {
            BinaryOperator::Multiply => Operator::Multiply,
            BinaryOperator::Divide => Operator::Divide,
            _ => return Ok(PlannerResult::Original(expr)),
        };
        let types = [&expr.left, &expr.right].map(|side| side.get_type(schema));
        let [Ok(left), Ok(right)] = &types else { return Ok(PlannerResult::Original(expr)) };
        if operands(operator, left, right).is_none() {
            return Ok(PlannerResult::Original(expr));
        }
        let function = ScalarUDF::new_from_impl(Times::of(operator));
        Ok(PlannerResult::Planned(function.call(vec![expr.left, expr.right])))
    }
}

/// `interval_times(a, b)`, one of them an interval, or `interval_over(interval, number)`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Times {
    operator: Operator,
    signature: Signature,
}

impl Times {
    fn of(operator: Operator) -> Self {
        Self { operator, signature: Signature::user_defined(Volatility::Immutable) }
    }

    /// What a call stands for.
    fn meant(&self, args: &[Expr]) -> Result<Expr> {
        let [left, right] = args else {
            return internal_err!("{} of {} values", self.operator, args.len());
        };
        let (left, right) = (Box::new(left.clone()), Box::new(right.clone()));
        Ok(Expr::BinaryExpr(BinaryExpr::new(left, self.operator, right)))
    }
}

/// What both become, in their places; `None` where they are no interval and a number.
fn operands(operator: Operator, left: &DataType, right: &DataType) -> Option<[DataType; 2]> {
    if let (Some(length), Some(number)) = (length(left), number(right)) {
        return Some([finer(length, &number, operator), number]);
    }
    if operator == Operator::Multiply
        && let (Some(number), Some(length)) = (number(left), length(right))
    {
        return Some([number.clone(), finer(length, &number, operator)]);
    }
    None
}

fn length(of: &DataType) -> Option<DataType> {
    match of {
        DataType::Interval(_) => Some(DataType::Interval(IntervalUnit::MonthDayNano)),
        DataType::Duration(_) => Some(of.clone()),
        _ => None,
    }
}

/// Of a parameter nothing is known: it may have a fraction.
fn number(of: &DataType) -> Option<DataType> {
    match of {
        DataType::UInt64 => Some(DataType::Decimal128(20, 0)),
        of if of.is_integer() => Some(DataType::Int64),
        of if of.is_floating() || of.is_null() => Some(DataType::Float64),
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            Some(DataType::Decimal128(*precision, *scale))
        }
        DataType::Decimal128(..) | DataType::Decimal256(..) => Some(of.clone()),
        _ => None,
    }
}

/// A difference of whole seconds has a fraction once it is divided.
fn finer(length: DataType, number: &DataType, operator: Operator) -> DataType {
    let stays = operator == Operator::Multiply && number.is_integer();
    match length {
        DataType::Duration(TimeUnit::Second | TimeUnit::Millisecond) if !stays => {
            DataType::Duration(TimeUnit::Microsecond)
        }
        other => other,
    }
}

impl ScalarUDFImpl for Times {
    fn name(&self) -> &str {
        match self.operator {
            Operator::Multiply => "interval_times",
            _ => "interval_over",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let operands = match types {
            [left, right] => operands(self.operator, left, right),
            _ => None,
        };
        match operands {
            Some(operands) => Ok(operands.into()),
            None => plan_err!("{} takes an interval and a number", self.name()),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        // Before types are matched, they are those of the statement.
        let types = self.coerce_types(types)?;
        match types.iter().find(|of| length(of).is_some()) {
            Some(of) => Ok(of.clone()),
            None => internal_err!("{} without an interval", self.name()),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let types: Vec<_> = args.arg_fields.iter().map(|of| of.data_type().clone()).collect();
        let is_nullable = args.arg_fields.iter().any(|of| of.is_nullable());
        Ok(Arc::new(Field::new(self.name(), self.return_type(&types)?, is_nullable)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = args.args.as_slice() else {
            return internal_err!("{} of {} values", self.name(), args.args.len());
        };
        let rows = args.number_rows;
        let (mut lengths, mut numbers) = (left.to_array(rows)?, right.to_array(rows)?);
        if length(lengths.data_type()).is_none() {
            std::mem::swap(&mut lengths, &mut numbers);
        }
        let products = product::products(&lengths, self.operator, &numbers)?;
        Ok(ColumnarValue::Array(products))
    }

    fn display_name(&self, args: &[Expr]) -> Result<String> {
        Ok(self.meant(args)?.to_string())
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        Ok(self.meant(args)?.schema_name().to_string())
    }

    fn is_strict(&self) -> bool {
        true
    }
}
