//! What a client is told to bind where DataFusion knows no type of a parameter.
//!
//! Problem: DataFusion 55 takes the type of what a parameter is compared with or added to, and none otherwise: not of a
//! cast around it, nor of a function that it is given to, nor of what a column is compared with that is a parameter
//! further below (`INSERT … SELECT ?`, `MERGE … USING (SELECT ? AS a)`). A driver that is told text for all of them binds text
//! and nothing else (JDBC). Here: the cast's type, and that which the function or operator would coerce a NULL to.
//! A client is told it and no more: what it binds stays what it is.

use std::collections::HashMap;

use datafusion::arrow::datatypes::{DataType, FieldRef, TimeUnit};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result as DfResult, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::type_coercion::binary::BinaryTypeCoercer;
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::{
    BinaryExpr, Cast, Distinct, Expr, ExprSchemable, LogicalPlan, Operator, TryCast,
};

/// Types by name of the parameter; the outermost that says one counts.
pub(super) fn expected(plan: &LogicalPlan) -> DfResult<HashMap<String, DataType>> {
    let mut found = Found::default();
    plan.apply_with_subqueries(|node| {
        let schema = below(node)?;
        if let LogicalPlan::Join(join) = node {
            for (left, right) in &join.on {
                let [left, right] = [left, right].map(|side| Box::new(traced(side, node)));
                found.operator(&BinaryExpr { left, op: Operator::Eq, right }, &schema);
            }
        }
        let conditions = match node {
            LogicalPlan::Filter(filter) => Some(&filter.predicate),
            LogicalPlan::Join(join) => join.filter.as_ref(),
            _ => None,
        };
        conditions.into_iter().for_each(|condition| found.condition(condition));
        node.apply_expressions(|expression| {
            let expression = traced(expression, node);
            expression.apply(|part| {
                found.look(part, &schema);
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(found.0)
}

/// What the expressions of a node see.
fn below(node: &LogicalPlan) -> DfResult<DFSchema> {
    let inputs = node.inputs();
    let mut schema = match inputs.is_empty() {
        true => node.schema().as_ref().clone(),
        false => DFSchema::empty(),
    };
    inputs.iter().for_each(|input| schema.merge(input.schema()));
    Ok(schema)
}

/// An expression with the parameters themselves for columns that are nothing else.
fn traced(expression: &Expr, node: &LogicalPlan) -> Expr {
    let traced = expression.clone().transform(|part| {
        let parameter = match &part {
            Expr::Column(column) => {
                node.inputs().into_iter().find_map(|input| parameter_of(input, column))
            }
            _ => None,
        };
        Ok(parameter.map_or_else(|| Transformed::no(part), Transformed::yes))
    });
    traced.map_or_else(|_| expression.clone(), |traced| traced.data)
}

/// The parameter that a column of a plan is, if it is one.
fn parameter_of(plan: &LogicalPlan, column: &Column) -> Option<Expr> {
    let at = plan.schema().maybe_index_of_column(column)?;
    parameter_at(plan, at)
}

fn parameter_at(plan: &LogicalPlan, at: usize) -> Option<Expr> {
    match plan {
        LogicalPlan::Projection(projection) => match projection.expr.get(at)?.clone().unalias() {
            parameter @ Expr::Placeholder(_) => Some(parameter),
            Expr::Column(column) => parameter_of(&projection.input, &column),
            _ => None,
        },
        LogicalPlan::Values(values) => match values.values.as_slice() {
            [row] => row.get(at).filter(|expr| is_parameter(expr)).cloned(),
            _ => None,
        },
        LogicalPlan::SubqueryAlias(alias) => parameter_at(&alias.input, at),
        LogicalPlan::Filter(filter) => parameter_at(&filter.input, at),
        LogicalPlan::Sort(sort) => parameter_at(&sort.input, at),
        LogicalPlan::Limit(limit) => parameter_at(&limit.input, at),
        LogicalPlan::Distinct(Distinct::All(input)) => parameter_at(input, at),
        LogicalPlan::Join(join) => {
            let (qualifier, field) = plan.schema().qualified_field(at);
            let column = Column::new(qualifier.cloned(), field.name());
            parameter_of(&join.left, &column).or_else(|| parameter_of(&join.right, &column))
        }
        _ => None,
    }
}

#[derive(Default)]
struct Found(HashMap<String, DataType>);

impl Found {
    fn look(&mut self, expression: &Expr, schema: &DFSchema) {
        match expression {
            Expr::Cast(Cast { expr, field }) | Expr::TryCast(TryCast { expr, field }) => {
                self.note(expr, field.data_type());
            }
            Expr::ScalarFunction(function) => self.function(function, schema),
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::And | Operator::Or, right }) => {
                self.condition(left);
                self.condition(right);
            }
            Expr::BinaryExpr(binary) => self.operator(binary, schema),
            Expr::Not(condition)
            | Expr::IsTrue(condition)
            | Expr::IsFalse(condition)
            | Expr::IsUnknown(condition)
            | Expr::IsNotTrue(condition)
            | Expr::IsNotFalse(condition)
            | Expr::IsNotUnknown(condition) => self.condition(condition),
            Expr::Case(case) if case.expr.is_none() => {
                case.when_then_expr.iter().for_each(|(when, _)| self.condition(when));
            }
            Expr::AggregateFunction(function) => {
                function.params.filter.iter().for_each(|filter| self.condition(filter));
            }
            _ => {}
        }
    }

    fn condition(&mut self, expression: &Expr) {
        self.note(expression, &DataType::Boolean);
    }

    fn note(&mut self, parameter: &Expr, of: &DataType) {
        if let Expr::Placeholder(parameter) = parameter
            && !of.is_null()
        {
            self.0.entry(parameter.id.clone()).or_insert_with(|| of.clone());
        }
    }

    fn function(&mut self, function: &ScalarFunction, schema: &DFSchema) {
        let ScalarFunction { func, args } = function;
        if !args.iter().any(is_parameter) {
            return;
        }
        // Of several that they take, these are what is meant.
        match (func.name(), args.as_slice()) {
            ("date_part", [part, moment]) if is_of_a_day(part) => {
                return self.note(moment, &DataType::Date32);
            }
            ("date_part" | "date_trunc", [_, moment]) => return self.note(moment, &instant()),
            _ => {}
        }
        let fields: DfResult<Vec<FieldRef>> =
            args.iter().map(|argument| Ok(argument.to_field(schema)?.1)).collect();
        let coerced = fields.and_then(|fields| fields_with_udf(&fields, func.as_ref()));
        for (argument, field) in args.iter().zip(coerced.unwrap_or_default()) {
            self.note(argument, field.data_type());
        }
    }

    fn operator(&mut self, binary: &BinaryExpr, schema: &DFSchema) {
        let BinaryExpr { left, op, right } = binary;
        let types = (left.get_type(schema), right.get_type(schema));
        let (Ok(of_left), Ok(of_right)) = types else { return };
        if op.supports_propagation() {
            self.days(left, &of_right);
            self.days(right, &of_left);
        }
        if !is_parameter(left) && !is_parameter(right) {
            return;
        }
        if let Ok(coerced) = BinaryTypeCoercer::new(&of_left, op, &of_right).get_input_types() {
            self.note(left, &coerced.0);
            self.note(right, &coerced.1);
        }
    }

    /// `day > ? - INTERVAL '3 days'`, of which `statement/moments.rs` makes an instant, is bound a day.
    fn days(&mut self, expression: &Expr, other: &DataType) {
        let Expr::BinaryExpr(BinaryExpr { left, .. }) = expression else { return };
        let Expr::Cast(Cast { expr, field }) = left.as_ref() else { return };
        let is_date = matches!(other, DataType::Date32 | DataType::Date64);
        if is_date && matches!(field.data_type(), DataType::Timestamp(..)) {
            self.note(expr, &DataType::Date32);
        }
    }
}

fn is_parameter(expression: &Expr) -> bool {
    matches!(expression, Expr::Placeholder(_))
}

fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, None)
}

/// Whether a part of a moment is one of its day.
fn is_of_a_day(part: &Expr) -> bool {
    const OF_A_DAY: [&str; 8] =
        ["year", "isoyear", "quarter", "month", "week", "day", "dow", "doy"];
    let Expr::Literal(part, _) = part else { return false };
    let name = part.cast_to(&DataType::Utf8).unwrap_or(ScalarValue::Utf8(None));
    let ScalarValue::Utf8(Some(name)) = name else { return false };
    OF_A_DAY.iter().any(|known| name.eq_ignore_ascii_case(known))
}
