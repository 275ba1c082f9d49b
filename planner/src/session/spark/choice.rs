//! Choices among values of several types: CASE, `if`, `coalesce` and their like.
//!
//! Problem: where texts and other values meet, a text it is to the engine, and what the others are to Spark: `coalesce('01', 1)` is
//! 1 there, and a text that is no number an error. Nothing of a statement says of which types its columns are. Here: a statement
//! calls functions of these names, and once the types are known they become the engine's own, over values of one type.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, internal_err, plan_err};
use datafusion::config::ConfigOptions;
use datafusion::functions::core::coalesce;
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility, cast,
};

use super::{CASE, COALESCE};
use crate::session::meeting::common;

pub(super) fn functions() -> [ScalarUDF; 2] {
    [CASE, COALESCE].map(|name| {
        let signature = Signature::user_defined(Volatility::Immutable);
        ScalarUDF::new_from_impl(Choice { name, signature })
    })
}

/// `spark:case(condition, value, condition, value, …, else)`, or `spark:coalesce(value, value, …)`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Choice {
    name: &'static str,
    signature: Signature,
}

/// The places of the values among so many arguments.
fn is_value(name: &str, at: usize, all: usize) -> bool {
    name == COALESCE || at % 2 == 1 || at + 1 == all
}

/// The type of what is chosen.
fn chosen(types: &[DataType]) -> Result<DataType> {
    let of_known: Vec<_> = types.iter().filter(|of| !of.is_null()).cloned().collect();
    let Some(first) = of_known.first() else { return Ok(DataType::Null) };
    let others: Vec<_> = of_known.iter().filter(|of| !of.is_string()).cloned().collect();
    if others.is_empty() || others.len() == of_known.len() {
        return Ok(common(of_known.iter()).unwrap_or_else(|| first.clone()));
    }
    // As in Spark's ANSI mode: a text is what it stands beside.
    let met = common(others.iter()).unwrap_or_else(|| others[0].clone());
    Ok(match met {
        of if of.is_integer() => DataType::Int64,
        of if of.is_decimal() || of.is_floating() => DataType::Float64,
        DataType::Timestamp(_, None) => DataType::Timestamp(TimeUnit::Microsecond, None),
        of @ (DataType::Boolean | DataType::Date32 | DataType::Timestamp(..)) => of,
        of => {
            return plan_err!(
                "a choice among texts and {of} is not supported in Spark's dialect: CAST all of them to one type"
            );
        }
    })
}

impl ScalarUDFImpl for Choice {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types.is_empty() {
            false => Ok(types.to_vec()),
            true => plan_err!("{} takes values to choose from", self.name),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let values = types.iter().enumerate();
        let values = values.filter(|(at, _)| is_value(self.name, *at, types.len()));
        chosen(&values.map(|(_, of)| of.clone()).collect::<Vec<_>>())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let types: Vec<_> = args.arg_fields.iter().map(|of| of.data_type().clone()).collect();
        let mut values = args.arg_fields.iter().enumerate();
        let is_nullable = match self.name == COALESCE {
            true => values.all(|(_, of)| of.is_nullable()),
            // Without an ELSE it is NULL where no condition holds.
            false => {
                types.len() % 2 == 0
                    || values
                        .any(|(at, of)| is_value(self.name, at, types.len()) && of.is_nullable())
            }
        };
        Ok(Arc::new(Field::new(self.name, self.return_type(&types)?, is_nullable)))
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("{} is written out before it runs", self.name)
    }

    fn short_circuits(&self) -> bool {
        true
    }
}

/// Writes calls as the engine's CASE and `coalesce`.
#[derive(Debug)]
pub(super) struct OfOneType;

impl FunctionRewrite for OfOneType {
    fn name(&self) -> &str {
        "spark_choices"
    }

    fn rewrite(
        &self,
        expr: Expr,
        schema: &DFSchema,
        _: &ConfigOptions,
    ) -> Result<Transformed<Expr>> {
        let Expr::ScalarFunction(call) = &expr else { return Ok(Transformed::no(expr)) };
        let name = call.func.name();
        if ![CASE, COALESCE].contains(&name) {
            return Ok(Transformed::no(expr));
        }
        let to = expr.get_type(schema)?;
        let all = call.args.len();
        let each = call.args.iter().enumerate().map(|(at, value)| {
            let is_one = !is_value(name, at, all) || value.get_type(schema)? == to;
            Ok(if is_one { value.clone() } else { cast(value.clone(), to.clone()) })
        });
        let mut each = each.collect::<Result<Vec<_>>>()?;
        if name == COALESCE {
            return Ok(Transformed::yes(coalesce().call(each)));
        }
        let other = if all % 2 == 1 { each.pop().map(Box::new) } else { None };
        let mut when_then_expr = Vec::with_capacity(all / 2);
        let mut each = each.into_iter();
        while let (Some(when), Some(then)) = (each.next(), each.next()) {
            when_then_expr.push((Box::new(when), Box::new(then)));
        }
        Ok(Transformed::yes(Expr::Case(Case { expr: None, when_then_expr, else_expr: other })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_what_it_stands_beside() {
        for (types, expected) in [
            (vec![DataType::Utf8, DataType::Int32], DataType::Int64),
            (vec![DataType::Decimal128(2, 1), DataType::Utf8], DataType::Float64),
            (vec![DataType::Null, DataType::Utf8, DataType::Date32], DataType::Date32),
            (vec![DataType::Utf8, DataType::Null], DataType::Utf8),
            (vec![DataType::Int32, DataType::Int64], DataType::Int64),
        ] {
            assert_eq!(chosen(&types).unwrap(), expected, "{types:?}");
        }
    }
}
