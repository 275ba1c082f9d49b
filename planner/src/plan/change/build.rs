//! Queries that a statement comes to, put together from the parts that its author wrote.
//!
//! They are built as syntax and not as text: a condition stays what it was parsed to, and its names are looked for where a
//! query looks for them.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::cast as cast_array;
use datafusion::arrow::datatypes::{DataType, Int64Type, SchemaRef};
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::sqlparser::dialect::GenericDialect;
use datafusion::logical_expr::{Case, Expr as LogicalExpr, LogicalPlan, Projection, cast};
use datafusion::sql::parser::{DFParserBuilder, Statement as DfStatement};
use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, Expr, Ident, Join, JoinConstraint, JoinOperator, Query, Select,
    SelectItem, SetExpr, Statement as SqlStatement, TableFactor, UnaryOperator, Value,
    visit_expressions,
};

use super::by_place::placed;
use super::fields::refuse_lost_by;
use super::names::Own;
use super::target::{OWN, OWN_SCHEMA};
use crate::{PlannerError, Result};

/// A query of one table, or of one joined with another.
pub(super) struct Part {
    pub(super) columns: Vec<SelectItem>,
    pub(super) from: TableFactor,
    pub(super) joined: Option<(TableFactor, Expr)>,
    pub(super) condition: Option<Expr>,
    /// By the first column.
    pub(super) group: bool,
}

impl Part {
    /// The query.
    pub(super) fn statement(self) -> Result<DfStatement> {
        let mut query =
            parsed(if self.group { "SELECT 1 FROM x GROUP BY 1" } else { "SELECT 1 FROM x" })?;
        let select = select(&mut query)?;
        select.projection = self.columns;
        select.selection = self.condition;
        let from = select.from.first_mut().ok_or_else(broken)?;
        from.relation = self.from;
        from.joins.extend(self.joined.map(|(relation, on)| Join {
            relation,
            global: false,
            join_operator: JoinOperator::Inner(JoinConstraint::On(on)),
        }));
        Ok(DfStatement::Statement(Box::new(SqlStatement::Query(query))))
    }
}

/// One of a run's own tables, as the one that is changed.
pub(super) fn own_table(table: &str, own: &Own) -> Result<TableFactor> {
    let text = format!("SELECT 1 FROM \"{OWN}\".\"{OWN_SCHEMA}\".\"{table}\" AS x");
    let mut query = parsed(&text)?;
    let from = select(&mut query)?.from.pop().ok_or_else(broken)?;
    let mut relation = from.relation;
    if let TableFactor::Table { alias: Some(alias), .. } = &mut relation {
        alias.name = own.name.clone();
    }
    Ok(relation)
}

/// One row of these values.
pub(super) fn selected(columns: Vec<SelectItem>) -> Result<DfStatement> {
    let mut query = parsed("SELECT 1")?;
    select(&mut query)?.projection = columns;
    Ok(DfStatement::Statement(Box::new(SqlStatement::Query(query))))
}

fn parsed(text: &str) -> Result<Box<Query>> {
    let mut parser = DFParserBuilder::new(text).with_dialect(&GenericDialect {}).build()?;
    match parser.parse_statement()? {
        DfStatement::Statement(statement) => match *statement {
            SqlStatement::Query(query) => Ok(query),
            _ => Err(broken()),
        },
        _ => Err(broken()),
    }
}

fn select(query: &mut Query) -> Result<&mut Select> {
    match query.body.as_mut() {
        SetExpr::Select(select) => Ok(select),
        _ => Err(broken()),
    }
}

fn broken() -> PlannerError {
    PlannerError::Internal("a query of a statement that writes could not be made".into())
}

/// A column of the table that is changed.
pub(super) fn column(own: &Own, name: &str) -> Expr {
    Expr::CompoundIdentifier(vec![own.name.clone(), Ident::with_quote('"', name)])
}

/// `expr AS name`.
pub(super) fn named(expr: Expr, name: &str) -> SelectItem {
    SelectItem::ExprWithAlias { expr, alias: Ident::with_quote('"', name) }
}

/// `count(*)`.
pub(super) fn count() -> Result<SelectItem> {
    let mut query = parsed("SELECT count(*)")?;
    select(&mut query)?.projection.pop().ok_or_else(broken)
}

/// Whether `from` has a row for which `condition` is true.
pub(super) fn exists(from: TableFactor, condition: Expr) -> Result<Expr> {
    let mut query = parsed("SELECT 1 FROM x")?;
    let select = select(&mut query)?;
    select.from.first_mut().ok_or_else(broken)?.relation = from;
    select.selection = Some(condition);
    Ok(Expr::Exists { subquery: query, negated: false })
}

fn nested(expr: Expr) -> Box<Expr> {
    Box::new(Expr::Nested(Box::new(expr)))
}

/// It is false: of what is never NULL.
pub(super) fn not(expr: Expr) -> Expr {
    match expr {
        Expr::Exists { subquery, negated } => Expr::Exists { subquery, negated: !negated },
        expr => Expr::UnaryOp { op: UnaryOperator::Not, expr: nested(expr) },
    }
}

/// It is false or NULL. Said of the parts where it can be: of a subquery that stands by itself more is planned.
pub(super) fn is_not(expr: Expr) -> Expr {
    is_not_what(expr, true)
}

/// It is not true, or not false.
fn is_not_what(expr: Expr, truth: bool) -> Expr {
    match expr {
        Expr::Nested(expr) => is_not_what(*expr, truth),
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => is_not_what(*expr, !truth),
        Expr::BinaryOp { left, op: op @ (BinaryOperator::And | BinaryOperator::Or), right } => {
            // One that is not true is enough for both not to be.
            let op = match (op, truth) {
                (BinaryOperator::And, true) | (BinaryOperator::Or, false) => BinaryOperator::Or,
                _ => BinaryOperator::And,
            };
            let [left, right] = [left, right].map(|side| nested(is_not_what(*side, truth)));
            Expr::BinaryOp { left, op, right }
        }
        Expr::Exists { subquery, negated } => Expr::Exists { subquery, negated: negated != truth },
        expr if truth => Expr::IsNotTrue(nested(expr)),
        expr => Expr::IsNotFalse(nested(expr)),
    }
}

/// Whether a query is part of it.
pub(super) fn has_query(expr: &Expr) -> bool {
    visit_expressions(expr, |expr| match expr {
        Expr::Exists { .. } | Expr::InSubquery { .. } | Expr::Subquery(_) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    })
    .is_break()
}

/// Both.
pub(super) fn and(expr: Expr, more: Option<Expr>) -> Expr {
    match more {
        None => expr,
        Some(more) => {
            Expr::BinaryOp { left: nested(expr), op: BinaryOperator::And, right: nested(more) }
        }
    }
}

/// Whether one of these applies; `None` where one always does.
pub(super) fn applies<'e>(conditions: impl Iterator<Item = &'e Option<Expr>>) -> Option<Expr> {
    let conditions = conditions.cloned().collect::<Option<Vec<_>>>()?;
    conditions.into_iter().reduce(|one, other| Expr::BinaryOp {
        left: nested(one),
        op: BinaryOperator::Or,
        right: nested(other),
    })
}

/// The value of the first whose condition is true. One without a condition always applies.
pub(super) fn first_of(values: Vec<(Option<Expr>, Expr)>, last: Option<Expr>) -> Expr {
    let (mut conditions, mut last) = (Vec::new(), last);
    for (condition, result) in values {
        match condition {
            Some(condition) => conditions.push(CaseWhen { condition, result }),
            None => {
                last = Some(result);
                break;
            }
        }
    }
    if conditions.is_empty() {
        return last.unwrap_or_else(null);
    }
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions,
        else_result: last.map(Box::new),
    }
}

/// NULL.
pub(super) fn null() -> Expr {
    Expr::Value(Value::Null.into())
}

/// TRUE or FALSE.
pub(super) fn boolean(value: bool) -> Expr {
    Expr::Value(Value::Boolean(value).into())
}

/// Rows are looked for, and then written: both must find the same.
pub(super) fn refuse_chance(plan: &LogicalPlan) -> Result<()> {
    let mut found = None;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                if expr.is_volatile_node() {
                    found = Some(expr.to_string());
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    match found {
        Some(expr) => Err(PlannerError::Unsupported(format!(
            "{expr} is another each time it is asked: which rows change must not depend on it; make a table of such rows first"
        ))),
        None => Ok(()),
    }
}

/// Rows of two columns, a text and a number.
pub(super) fn counts(rows: &[RecordBatch]) -> Result<BTreeMap<String, u64>> {
    let mut found = BTreeMap::new();
    for batch in rows {
        let texts = cast_array(batch.column(0), &DataType::Utf8)?;
        let counts = batch.column(1).as_primitive::<Int64Type>();
        for (text, count) in texts.as_string::<i32>().iter().zip(counts) {
            if let (Some(text), Some(count)) = (text, count) {
                found.insert(text.to_owned(), count as u64);
            }
        }
    }
    Ok(found)
}

/// New values have the types of their columns before they stand beside old ones: those would be given the type of both,
/// and a decimal beside a float would be one. `is_new` tells of which columns there are new values.
pub(super) fn typed(
    plan: LogicalPlan,
    schema: &SchemaRef,
    is_new: impl Fn(&str) -> bool,
) -> Result<LogicalPlan> {
    let LogicalPlan::Projection(projection) = plan else { return Err(broken()) };
    let columns = projection.expr.iter().zip(schema.fields());
    let columns = columns.map(|(expr, field)| match is_new(field.name()) {
        true => {
            let typed = value_typed(expr.clone(), field.data_type(), projection.input.schema())?;
            refuse_lost_values(&typed, field.name(), projection.input.schema())?;
            Ok(typed)
        }
        false => Ok(expr.clone()),
    });
    let columns = columns.collect::<Result<_>>()?;
    Ok(LogicalPlan::Projection(Projection::try_new(columns, projection.input)?))
}

fn value_typed(expr: LogicalExpr, data_type: &DataType, schema: &DFSchema) -> Result<LogicalExpr> {
    let typed = |value: LogicalExpr| placed(cast(value, data_type.clone()), schema);
    Ok(match expr {
        LogicalExpr::Alias(mut alias) => {
            *alias.expr = value_typed(*alias.expr, data_type, schema)?;
            LogicalExpr::Alias(alias)
        }
        // Ours, or the author's own: its values have one type either way.
        LogicalExpr::Case(case) => {
            let each = case.when_then_expr.into_iter();
            let each = each.map(|(when, then)| Ok((when, Box::new(typed(*then)?))));
            LogicalExpr::Case(Case {
                when_then_expr: each.collect::<Result<_>>()?,
                else_expr: case.else_expr.map(|value| typed(*value).map(Box::new)).transpose()?,
                expr: case.expr,
            })
        }
        other => typed(other)?,
    })
}

/// Of each of the values that a column may get.
fn refuse_lost_values(expr: &LogicalExpr, column: &str, schema: &DFSchema) -> Result<()> {
    match expr {
        LogicalExpr::Alias(alias) => refuse_lost_values(&alias.expr, column, schema),
        LogicalExpr::Case(case) => {
            let results = case.when_then_expr.iter().map(|(_, then)| then);
            let mut results = results.chain(&case.else_expr);
            results.try_for_each(|value| refuse_lost_by(value, column, schema))
        }
        other => refuse_lost_by(other, column, schema),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(condition: &str) -> String {
        let mut query = parsed(&format!("SELECT 1 FROM x WHERE {condition}")).unwrap();
        let condition = select(&mut query).unwrap().selection.take().unwrap();
        is_not(condition).to_string()
    }

    #[test]
    fn what_is_not_true_is_said_of_the_parts() {
        assert_eq!(refused("a > 1"), "(a > 1) IS NOT TRUE");
        assert_eq!(refused("NOT a > 1"), "(a > 1) IS NOT FALSE");
        assert_eq!(refused("a AND b"), "((a) IS NOT TRUE) OR ((b) IS NOT TRUE)");
        assert_eq!(refused("NOT (a AND b)"), "((a) IS NOT FALSE) AND ((b) IS NOT FALSE)");
        assert_eq!(refused("NOT (a OR b)"), "((a) IS NOT FALSE) OR ((b) IS NOT FALSE)");
        assert_eq!(refused("EXISTS (SELECT 1)"), "NOT EXISTS (SELECT 1)");
        assert_eq!(refused("NOT EXISTS (SELECT 1)"), "EXISTS (SELECT 1)");
    }
}
