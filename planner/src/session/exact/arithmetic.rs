//! Operators of numbers as functions of their names, and the seconds of durations.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Datum};
use datafusion::arrow::compute::kernels::numeric;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::arrow::error::ArrowError;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue, internal_err, plan_err};
use datafusion::config::ConfigOptions;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::interval_arithmetic::{Interval, apply_operator};
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::type_coercion::binary::BinaryTypeCoercer;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, Operator, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Volatility, cast, lit,
};
use datafusion::physical_expr_common::datum::apply;

use super::beyond;
use super::decimals;
use super::found::found;
use super::frames::framed;
use super::intervals::refuse_intervals;
use super::nan::{one_nan_in, one_nan_of};
use super::nested::compared;
use super::one_way::one_way;
use super::order::{ordered, refuse_extremes};
use super::rounded::rounded;
use super::spans::spanned;
use super::zeros::written_out;

/// `+`, `-` (of one number, too), `*`, `/` or `%`. A call has the name, the order and the bounds of the operator.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Arithmetic {
    operator: Operator,
    signature: Signature,
}

const OPERATORS: [Operator; 5] =
    [Operator::Plus, Operator::Minus, Operator::Multiply, Operator::Divide, Operator::Modulo];

impl Arithmetic {
    pub(super) fn all() -> [Self; 5] {
        OPERATORS.map(|operator| Self {
            operator,
            signature: Signature::user_defined(Volatility::Immutable),
        })
    }

    fn of(operator: Operator) -> Option<Self> {
        Self::all().into_iter().find(|arithmetic| arithmetic.operator == operator)
    }

    fn kernel(&self) -> fn(&dyn Datum, &dyn Datum) -> std::result::Result<ArrayRef, ArrowError> {
        match self.operator {
            Operator::Plus => |left, right| numeric::add(left, right).map(one_nan_in),
            Operator::Minus => |left, right| numeric::sub(left, right).map(one_nan_in),
            Operator::Multiply => |left, right| numeric::mul(left, right).map(one_nan_in),
            Operator::Divide => |left, right| numeric::div(left, right).map(one_nan_in),
            _ => |left, right| numeric::rem(left, right).map(one_nan_in),
        }
    }

    /// The expression that a call stands for: it is shown as that, and its column is named so.
    fn meant(&self, args: &[Expr]) -> Result<Expr> {
        match args {
            [one] => Ok(Expr::Negative(Box::new(one.clone()))),
            [left, right] => Ok(Expr::BinaryExpr(BinaryExpr::new(
                Box::new(left.clone()),
                self.operator,
                Box::new(right.clone()),
            ))),
            other => internal_err!("{} of {} numbers", self.operator, other.len()),
        }
    }
}

impl ScalarUDFImpl for Arithmetic {
    fn name(&self) -> &str {
        match self.operator {
            Operator::Plus => "+",
            Operator::Minus => "-",
            Operator::Multiply => "*",
            Operator::Divide => "/",
            _ => "%",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [one] if is_negated_here(one) && self.operator == Operator::Minus => {
                Ok(vec![one.clone()])
            }
            [left, right] => match numbers(left, self.operator, right) {
                Some((left, right)) => Ok(vec![left, right]),
                None => plan_err!(
                    "\"{0}\"({left}, {right}) is nothing to call by that name: write a {0} b",
                    self.operator
                ),
            },
            other => plan_err!(
                "\"{0}\" takes two numbers, and not {1}: write a {0} b",
                self.operator,
                other.len()
            ),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [one] => Ok(one.clone()),
            [left, right] => BinaryTypeCoercer::new(left, &self.operator, right).get_result_type(),
            other => internal_err!("{} of {other:?}", self.operator),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let types: Vec<_> = args.arg_fields.iter().map(|of| of.data_type().clone()).collect();
        let is_nullable = args.arg_fields.iter().any(|of| of.is_nullable());
        Ok(Arc::new(Field::new(self.name(), self.return_type(&types)?, is_nullable)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.as_slice() {
            [ColumnarValue::Array(one)] => {
                let negated = numeric::neg(one.as_ref()).map_err(told)?;
                Ok(ColumnarValue::Array(one_nan_in(negated)))
            }
            [ColumnarValue::Scalar(one)] => {
                let negated = numeric::neg(one.to_array()?.as_ref()).map_err(told)?;
                let negated = ScalarValue::try_from_array(&one_nan_in(negated), 0)?;
                Ok(ColumnarValue::Scalar(negated))
            }
            [left, right] if args.return_field.data_type().is_decimal() => {
                let kernel = self.kernel();
                let checked = |left: &dyn Datum, right: &dyn Datum| {
                    kernel(left, right).and_then(decimals::fitting)
                };
                apply(left, right, checked).map_err(decimals_told)
            }
            [left, right] => apply(left, right, self.kernel()).map_err(told_by_engine),
            other => internal_err!("{} of {} numbers", self.operator, other.len()),
        }
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

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        let orders: Vec<_> = inputs.iter().map(|input| input.sort_properties).collect();
        Ok(match (self.operator, orders.as_slice()) {
            (Operator::Plus, [left, right]) => left.add(right),
            (Operator::Minus, [left, right]) => left.sub(right),
            (Operator::Minus, [one]) => -*one,
            _ => SortProperties::Unordered,
        })
    }

    fn evaluate_bounds(&self, inputs: &[&Interval]) -> Result<Interval> {
        match inputs {
            [left, right] if self.operator != Operator::Modulo => {
                apply_operator(&self.operator, left, right)
            }
            [left, _] => Interval::make_unbounded(&left.data_type()),
            [one] => one.arithmetic_negate(),
            other => internal_err!("{} of {} intervals", self.operator, other.len()),
        }
    }
}

fn is_negated_here(of: &DataType) -> bool {
    of.is_integer() || of.is_floating()
}

/// What two numbers are made to before they are taken together, where a function of ours does that: it looks at
/// integers and decimals that may leave their type, and at floating-point numbers that may make a NaN.
fn numbers(left: &DataType, operator: Operator, right: &DataType) -> Option<(DataType, DataType)> {
    let is_ours: fn(&DataType) -> bool = match operator {
        Operator::Plus | Operator::Minus | Operator::Multiply => is_negated_here,
        Operator::Divide | Operator::Modulo => DataType::is_floating,
        _ => return None,
    };
    let coercer = BinaryTypeCoercer::new(left, &operator, right);
    let both = coercer.get_input_types().ok()?;
    if both.0.is_decimal() && both.1.is_decimal() {
        let answer = BinaryTypeCoercer::new(&both.0, &operator, &both.1).get_result_type().ok()?;
        return (operator != Operator::Modulo && decimals::is_full(&answer)).then_some(both);
    }
    (is_ours(&both.0) && is_ours(&both.1) && both.0.is_integer() == both.1.is_integer())
        .then_some(both)
}

fn told_by_engine(error: DataFusionError) -> DataFusionError {
    match error {
        DataFusionError::ArrowError(error, _) => told(*error),
        other => other,
    }
}

fn decimals_told(error: DataFusionError) -> DataFusionError {
    let DataFusionError::ArrowError(error, _) = error else { return error };
    let ArrowError::ArithmeticOverflow(text) = error.as_ref() else { return (*error).into() };
    let numbers = text.strip_prefix("Overflow happened on: ").unwrap_or(text);
    beyond(
        numbers,
        "the digits of its decimal type",
        "CAST a number to fewer digits or to DOUBLE first",
    )
}

fn told(error: ArrowError) -> DataFusionError {
    let ArrowError::ArithmeticOverflow(text) = &error else { return error.into() };
    let numbers = text.strip_prefix("Overflow happened on: ").unwrap_or(text);
    beyond(
        numbers,
        "its integer type",
        "CAST a number to a larger type (BIGINT, DECIMAL(38, 0), DOUBLE) first",
    )
}

/// Writes operators as calls of these.
#[derive(Debug)]
pub(super) struct WriteOut;

impl FunctionRewrite for WriteOut {
    fn name(&self) -> &str {
        "exact_arithmetic"
    }

    fn rewrite(
        &self,
        expr: Expr,
        schema: &DFSchema,
        _: &ConfigOptions,
    ) -> Result<Transformed<Expr>> {
        refuse_extremes(&expr, schema)?;
        refuse_intervals(&expr, schema)?;
        let written = match &expr {
            Expr::ScalarFunction(call) => {
                let written = seconds(call, schema).or_else(|| written_out(&expr, schema));
                let written = written.or_else(|| compared(&expr, schema));
                let written = written.or_else(|| found(call, schema));
                let written = written.or_else(|| rounded(call, schema));
                written.or_else(|| one_nan_of(&expr, schema))
            }
            Expr::Cast(_) | Expr::TryCast(_) => one_nan_of(&expr, schema),
            other => {
                let call = call(other, schema).map(Expr::ScalarFunction);
                let written = call.or_else(|| written_out(other, schema));
                let written = written.or_else(|| compared(other, schema));
                written.or_else(|| spanned(other, schema))
            }
        };
        let written = ordered(written.as_ref().unwrap_or(&expr), schema).or(written);
        let written = framed(written.as_ref().unwrap_or(&expr), schema)?.or(written);
        let written = one_way(written.as_ref().unwrap_or(&expr)).or(written);
        Ok(written.map_or_else(|| Transformed::no(expr), Transformed::yes))
    }
}

/// `date_part('epoch', duration)`, of which DataFusion 55 leaves the fraction out, and answers NULL where it has
/// more seconds than 32 bits hold.
fn seconds(call: &ScalarFunction, schema: &DFSchema) -> Option<Expr> {
    let [part, duration] = call.args.as_slice() else { return None };
    let Expr::Literal(part, _) = part else { return None };
    let is_epoch = part.try_as_str()??.trim_matches(['\'', '"']).eq_ignore_ascii_case("epoch");
    if call.func.name() != "date_part" || !is_epoch {
        return None;
    }
    let DataType::Duration(unit) = duration.get_type(schema).ok()? else { return None };
    let per_second = match unit {
        TimeUnit::Second => 1.0,
        TimeUnit::Millisecond => 1e3,
        TimeUnit::Microsecond => 1e6,
        TimeUnit::Nanosecond => 1e9,
    };
    let units = cast(cast(duration.clone(), DataType::Int64), DataType::Float64);
    Some(units / lit(per_second))
}

fn call(expr: &Expr, schema: &DFSchema) -> Option<ScalarFunction> {
    let (operator, args) = match expr {
        Expr::Negative(one) if is_negated_here(&one.get_type(schema).ok()?) => {
            (Operator::Minus, vec![one.as_ref().clone()])
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            numbers(&left.get_type(schema).ok()?, *op, &right.get_type(schema).ok()?)?;
            (*op, vec![left.as_ref().clone(), right.as_ref().clone()])
        }
        _ => return None,
    };
    let func = Arc::new(ScalarUDF::new_from_impl(Arithmetic::of(operator)?));
    Some(ScalarFunction { func, args })
}
