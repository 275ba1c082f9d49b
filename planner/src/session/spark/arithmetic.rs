//! Spark's `+`, `-` and `*`, and `try_add`, `try_subtract`, `try_multiply`, which are NULL where those are errors.
//!
//! Problem: a decimal and a whole number, or decimals of many digits, give other digits in Spark ([`super::decimals`]); a FLOAT
//! and a whole number or a decimal are DOUBLE there; and a text is taken as a number. Nothing of a statement says of
//! which types its columns are. Here: a statement calls functions of these names, and once the types are known they become
//! the engine's own operators, over values that are cast so that it gives what Spark does. What it cannot is worked out here.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Decimal128Array, Int64Array};
use datafusion::arrow::compute::kernels::numeric;
use datafusion::arrow::compute::{CastOptions, cast, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type, i256};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue, exec_err, internal_err, plan_err};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::type_coercion::binary::BinaryTypeCoercer;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, Operator, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Volatility, cast as cast_to,
};

use super::decimals::{self, Digits, adjusted, each, fitting, half_up, ten_to};
use super::{MINUS, PLUS, TIMES};

/// Those that are called by name.
pub(super) const NAMES: [&str; 3] = ["try_add", "try_subtract", "try_multiply"];

const OPERATORS: [(&str, Operator, bool); 6] = [
    (PLUS, Operator::Plus, false),
    (MINUS, Operator::Minus, false),
    (TIMES, Operator::Multiply, false),
    ("spark:try_add", Operator::Plus, true),
    ("spark:try_subtract", Operator::Minus, true),
    ("spark:try_multiply", Operator::Multiply, true),
];

pub(super) fn functions() -> [ScalarUDF; 6] {
    OPERATORS.map(|(name, operator, tries)| {
        let signature = Signature::user_defined(Volatility::Immutable);
        ScalarUDF::new_from_impl(Arithmetic { name, operator, tries, signature })
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Arithmetic {
    name: &'static str,
    operator: Operator,
    /// Whether it is NULL where there is no such number.
    tries: bool,
    signature: Signature,
}

impl Arithmetic {
    fn meant(&self, args: &[Expr]) -> Option<Expr> {
        match args {
            [left, right, ..] if !self.tries => {
                let (left, right) = (Box::new(left.clone()), Box::new(right.clone()));
                Some(Expr::BinaryExpr(BinaryExpr::new(left, self.operator, right)))
            }
            _ => None,
        }
    }

    /// What the engine makes of values of these types.
    fn engines(&self, left: &DataType, right: &DataType) -> Result<DataType> {
        BinaryTypeCoercer::new(left, &self.operator, right).get_result_type()
    }

    fn result(&self, left: &DataType, right: &DataType, written: [u8; 2]) -> Result<DataType> {
        match decimals::both([left, right], written) {
            Some(digits) => {
                let (precision, scale) = digits_of(self.operator, digits);
                Ok(DataType::Decimal128(precision, scale))
            }
            None => self.engines(left, right),
        }
    }
}

/// As Spark's `Add`, `Subtract` and `Multiply` have it.
fn digits_of(operator: Operator, both: [Digits; 2]) -> Digits {
    let [p1, s1, p2, s2] = decimals::wide(both);
    match operator {
        Operator::Multiply => adjusted(p1 + p2 + 1, s1 + s2),
        _ => {
            let scale = s1.max(s2);
            adjusted((p1 - s1).max(p2 - s2) + scale + 1, scale)
        }
    }
}

/// What both sides become, before anything is made of them; `None` for what stays.
fn sides(left: &DataType, right: &DataType) -> Option<[DataType; 2]> {
    let is_exact = |of: &DataType| of.is_integer() || of.is_decimal();
    let is_float = |of: &DataType| matches!(of, DataType::Float16 | DataType::Float32);
    let doubles = || Some([DataType::Float64, DataType::Float64]);
    match (left, right) {
        (left, right) if is_float(left) && is_exact(right) => doubles(),
        (left, right) if is_exact(left) && is_float(right) => doubles(),
        (DataType::Float64, right) if is_exact(right) => doubles(),
        (left, DataType::Float64) if is_exact(left) => doubles(),
        (left, right) if left.is_string() => {
            let number = of_text(right)?;
            Some([number.clone(), if right.is_integer() { number } else { DataType::Float64 }])
        }
        (left, right) if right.is_string() => {
            let number = of_text(left)?;
            Some([if left.is_integer() { number.clone() } else { DataType::Float64 }, number])
        }
        _ => None,
    }
}

/// What a text is beside a number.
fn of_text(number: &DataType) -> Option<DataType> {
    match number {
        of if of.is_integer() => Some(DataType::Int64),
        of if of.is_decimal() || of.is_floating() => Some(DataType::Float64),
        _ => None,
    }
}

impl ScalarUDFImpl for Arithmetic {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [left, right, written @ ..] = types else {
            return plan_err!("\"{}\" is of two values, not of {}", self.name, types.len());
        };
        let both = sides(left, right).unwrap_or([left.clone(), right.clone()]);
        let is_number = |of: &DataType| of.is_numeric() || of.is_null();
        if self.tries && !both.iter().all(is_number) {
            return plan_err!("{} takes numbers: {left} and {right} are none", self.name);
        }
        if let [DataType::Interval(_) | DataType::Duration(_), of]
        | [of, DataType::Interval(_) | DataType::Duration(_)] = &both
            && self.operator == Operator::Multiply
            && is_number(of)
        {
            return plan_err!(
                "a length of time times a number, where neither is an INTERVAL as it stands there, is not supported in \
                 Spark's dialect: write the number times INTERVAL '1' SECOND"
            );
        }
        Ok(both.into_iter().chain(written.iter().cloned()).collect())
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        internal_err!("{} has its type by the numbers that are written", self.name)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let ([left, right], written) = decimals::of_call(&args)?;
        let result = self.result(&left, &right, written)?;
        let is_nullable = self.tries || args.arg_fields.iter().any(|of| of.is_nullable());
        Ok(Arc::new(Field::new(self.name, result, is_nullable)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right, rest @ ..] = args.args.as_slice() else {
            return exec_err!("\"{}\" is of two values", self.name);
        };
        let strict = args.config_options.execution.enable_ansi_mode && !self.tries;
        let all_one = [left, right].iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if all_one { 1 } else { args.number_rows };
        let (left, right) = (left.to_array(rows)?, right.to_array(rows)?);
        let scalars = [None, None].into_iter().chain(rest.iter().map(|arg| match arg {
            ColumnarValue::Scalar(value) => Some(value),
            ColumnarValue::Array(_) => None,
        }));
        let written = decimals::written(&scalars.collect::<Vec<_>>());
        let result = match decimals::both([left.data_type(), right.data_type()], written) {
            Some(digits) => self.of_decimals([&left, &right], digits, strict)?,
            None => self.of_numbers(&left, &right, args.return_field.data_type())?,
        };
        match all_one {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?)),
            false => Ok(ColumnarValue::Array(result)),
        }
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        Ok(match self.meant(args) {
            Some(meant) => meant.schema_name().to_string(),
            None => {
                let shown: Vec<_> = args.iter().map(|arg| arg.schema_name().to_string()).collect();
                format!("{}({})", self.name, shown.join(","))
            }
        })
    }

    fn is_strict(&self) -> bool {
        true
    }
}

impl Arithmetic {
    fn of_decimals(
        &self,
        both: [&ArrayRef; 2],
        digits: [Digits; 2],
        strict: bool,
    ) -> Result<ArrayRef> {
        let (precision, scale) = digits_of(self.operator, digits);
        let [_, s1, _, s2] = decimals::wide(digits);
        let whole = match self.operator {
            Operator::Multiply => s1 + s2,
            _ => s1.max(s2),
        };
        let exact = |left: i256, right: i256| {
            let same = |value: i256, scale: i16| value.checked_mul(ten_to(whole - scale)?);
            match self.operator {
                Operator::Multiply => left.checked_mul(right),
                Operator::Plus => same(left, s1)?.checked_add(same(right, s2)?),
                _ => same(left, s1)?.checked_sub(same(right, s2)?),
            }
        };
        let results = each(both, digits, strict, |left, right| {
            let result = || {
                let rounded = half_up(exact(left, right)?, ten_to(whole - i16::from(scale))?)?;
                fitting(rounded, precision)
            };
            Ok(result())
        })?;
        let results = Decimal128Array::from(results).with_precision_and_scale(precision, scale)?;
        Ok(Arc::new(results))
    }

    fn of_numbers(&self, left: &ArrayRef, right: &ArrayRef, of: &DataType) -> Result<ArrayRef> {
        if of.is_integer() && self.tries {
            let (left, right) = (cast(left, &DataType::Int64)?, cast(right, &DataType::Int64)?);
            let (left, right) =
                (left.as_primitive::<Int64Type>(), right.as_primitive::<Int64Type>());
            let each = left.iter().zip(right).map(|pair| {
                let (left, right) = (pair.0?, pair.1?);
                match self.operator {
                    Operator::Plus => left.checked_add(right),
                    Operator::Minus => left.checked_sub(right),
                    _ => left.checked_mul(right),
                }
            });
            let results: ArrayRef = Arc::new(each.collect::<Int64Array>());
            // What is beyond the type is NULL.
            return Ok(cast_with_options(&results, of, &CastOptions::default())?);
        }
        let (left, right) = (cast(left, of)?, cast(right, of)?);
        Ok(match self.operator {
            Operator::Plus => numeric::add(&left, &right)?,
            Operator::Minus => numeric::sub(&left, &right)?,
            _ => numeric::mul(&left, &right)?,
        })
    }
}

/// Writes calls as the engine's operators, where these give the same.
#[derive(Debug)]
pub(super) struct Operators;

impl FunctionRewrite for Operators {
    fn name(&self) -> &str {
        "spark_operators"
    }

    fn rewrite(
        &self,
        expr: Expr,
        schema: &DFSchema,
        _: &ConfigOptions,
    ) -> Result<Transformed<Expr>> {
        let Expr::ScalarFunction(call) = &expr else { return Ok(Transformed::no(expr)) };
        let Some((_, operator, _)) =
            OPERATORS.iter().find(|(name, _, tries)| !tries && *name == call.func.name())
        else {
            return Ok(Transformed::no(expr));
        };
        let [left, right, ..] = call.args.as_slice() else { return Ok(Transformed::no(expr)) };
        let types = [left.get_type(schema)?, right.get_type(schema)?];
        let [left_type, right_type] = sides(&types[0], &types[1]).unwrap_or(types.clone());
        let to = match decimals::both([&left_type, &right_type], written(&call.args)) {
            None => Some([left_type, right_type]),
            Some(digits) => of_engine(*operator, digits, [left_type, right_type]),
        };
        let Some([left_type, right_type]) = to else { return Ok(Transformed::no(expr)) };
        let as_type = |value: &Expr, from: &DataType, to: DataType| match *from == to {
            true => value.clone(),
            false => cast_to(value.clone(), to),
        };
        let left = as_type(left, &types[0], left_type);
        let right = as_type(right, &types[1], right_type);
        Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr::new(
            Box::new(left),
            *operator,
            Box::new(right),
        ))))
    }
}

/// The types over which the engine gives the digits that Spark gives; `None` where it does over none.
fn of_engine(
    operator: Operator,
    digits: [Digits; 2],
    types: [DataType; 2],
) -> Option<[DataType; 2]> {
    let [left, right] = &types;
    let as_decimal = |of: &DataType, (precision, scale): Digits| match decimals::is_decimal(of) {
        true => of.clone(),
        false => DataType::Decimal128(precision, scale),
    };
    let both = [as_decimal(left, digits[0]), as_decimal(right, digits[1])];
    let (precision, scale) = digits_of(operator, digits);
    let engines = BinaryTypeCoercer::new(&both[0], &operator, &both[1]).get_result_type().ok()?;
    let [p1, s1, p2, s2] = decimals::wide(digits);
    let before = match operator {
        Operator::Multiply => p1 + p2 + 1,
        _ => (p1 - s1).max(p2 - s2) + s1.max(s2) + 1,
    };
    // Beyond that the engine does not look whether a result fits.
    let fits = before <= 38;
    (fits && engines == DataType::Decimal128(precision, scale)).then_some(both)
}

fn written(args: &[Expr]) -> [u8; 2] {
    let values = args.iter().map(|arg| match arg {
        Expr::Literal(value, _) => Some(value),
        _ => None,
    });
    decimals::written(&values.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_have_sparks_digits() {
        for (operator, both, expected) in [
            (Operator::Plus, [(2, 1), (1, 0)], (3, 1)),
            (Operator::Minus, [(38, 18), (38, 2)], (38, 6)),
            (Operator::Multiply, [(10, 2), (1, 0)], (12, 2)),
            (Operator::Multiply, [(38, 18), (38, 18)], (38, 6)),
            (Operator::Multiply, [(38, 37), (38, 37)], (38, 35)),
        ] {
            assert_eq!(digits_of(operator, both), expected, "{operator} {both:?}");
        }
    }

    #[test]
    fn a_float_is_a_double_beside_what_is_exact() {
        let double = Some([DataType::Float64, DataType::Float64]);
        assert_eq!(sides(&DataType::Float32, &DataType::Int32), double);
        assert_eq!(sides(&DataType::Decimal128(10, 2), &DataType::Float32), double);
        assert_eq!(sides(&DataType::Float32, &DataType::Float32), None);
        let whole = Some([DataType::Int64, DataType::Int64]);
        assert_eq!(sides(&DataType::Utf8, &DataType::Int32), whole);
        assert_eq!(sides(&DataType::Decimal128(3, 1), &DataType::Utf8), double);
    }
}
